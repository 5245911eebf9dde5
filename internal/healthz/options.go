package healthz

import (
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/spf13/pflag"
)

// Options are the flags.
type Options struct {
	Listen   string   // address to answer at
	Host     string   // of checks that name none
	Required []string // URLs, see ParseCheck
	Optional []string
	Timeout  time.Duration // of every check; all are made at once
	Reuse    time.Duration // how long an answer serves others who ask
	Shutdown time.Duration // longest time to go on answering after SIGTERM
}

// Parse reads the command line; help goes to the writer and is pflag.ErrHelp. What is wrong is told all at once.
func Parse(arguments []string, help io.Writer) (Options, error) {
	var o Options
	flags := pflag.NewFlagSet("healthz", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringArrayVar(&o.Required, "required", nil, "a check that must pass, as often as there are: http://[HOST]:PORT/PATH, https://…, tcp://[HOST]:PORT or grpc://[HOST]:PORT[/SERVICE]")
	flags.StringArrayVar(&o.Optional, "optional", nil, "a check that is told in the answer and never decides")
	flags.StringVar(&o.Listen, "listen", ":8089", "address to answer at; every path but "+AlivePath+" is the joint health")
	flags.StringVar(&o.Host, "host", "localhost", "host of checks that name none; the Pod's address where containers listen only there")
	flags.DurationVar(&o.Timeout, "timeout", time.Second, "time that every check has; all are made at once. Less than the load balancer's timeout")
	flags.DurationVar(&o.Reuse, "reuse", 500*time.Millisecond, "how long an answer serves others who ask, such as the load balancer's other nodes; 0: only those who ask while it is found")
	flags.DurationVar(&o.Shutdown, "shutdown", time.Hour, "longest time to go on answering after SIGTERM, while every required check passes; 0: stop at once")
	flags.Usage = func() {
		fmt.Fprintf(help, "Join the health of a Pod's containers into one endpoint: 200 if every required check passes, else 503, and JSON that names each.\n\n"+
			"  --required http://:8080/ready --required tcp://:6379 --optional grpc://:9090/package.Service\n\nFlags:\n%s", flags.FlagUsages())
	}
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q: put --required or --optional before it", flags.Arg(0))
	}
	if err := o.validate(); err != nil {
		return o, fmt.Errorf("flags:\n%w", err)
	}
	return o, nil
}

func (o Options) validate() error {
	var complaints []error
	complain := func(flag string, value any, remedy string) {
		complaints = append(complaints, fmt.Errorf("  --%s=%v: %s", flag, value, remedy))
	}
	if len(o.Required) == 0 {
		complain("required", "", "give at least one check, such as http://:8080/ready: without one the answer would always be that all is well")
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		complain("listen", o.Listen, "give an address and a port, such as :8089")
	}
	if o.Timeout <= 0 {
		complain("timeout", o.Timeout, "give a time above 0, such as 1s")
	}
	if o.Reuse < 0 {
		complain("reuse", o.Reuse, "give 0 or more, such as 500ms")
	}
	if o.Shutdown < 0 {
		complain("shutdown", o.Shutdown, "give 0 or more, such as 30s")
	}
	if _, err := o.checks(); err != nil {
		complaints = append(complaints, err)
	}
	return errors.Join(complaints...)
}

// checks are all, the required ones first.
func (o Options) checks() ([]Check, error) {
	var checks []Check
	var complaints []error
	for _, kind := range []struct {
		flag     string
		urls     []string
		required bool
	}{{"required", o.Required, true}, {"optional", o.Optional, false}} {
		for _, url := range kind.urls {
			check, err := ParseCheck(url, o.Host)
			if err != nil {
				complaints = append(complaints, fmt.Errorf("  --%s=%s: %w", kind.flag, url, err))
				continue
			}
			check.Required = kind.required
			checks = append(checks, check)
		}
	}
	return checks, errors.Join(complaints...)
}
