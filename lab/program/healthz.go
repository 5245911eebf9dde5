package program

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/internal/healthz"
)

// healthz is `sluice healthz` itself. A container of the lab has no network of its own, so the Pod's address is what
// "localhost" and "all addresses" mean.
func (p *Process) healthz(args []string) Exit {
	options, err := healthz.Parse(args, lines{p})
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return completed
	case err != nil:
		p.print("%v", err)
		return failed(err)
	}
	if options.Host == "localhost" {
		options.Host = p.Address.String()
	}
	if strings.HasPrefix(options.Listen, ":") {
		options.Listen = p.Address.String() + options.Listen
	}
	ctx, kill := context.WithCancel(context.Background())
	defer kill()
	ended := make(chan error, 1)
	go func() { ended <- options.Run(ctx, p.term, lines{p}) }()
	select {
	case err = <-ended:
	case <-p.kill:
		kill()
		if err = <-ended; err != nil { // its port is free again
			p.print("%v", err)
		}
		return killed
	}
	if err != nil {
		p.print("%v", err)
		return failed(err)
	}
	return completed
}

// lines are what a program writes, as lines of the container's log.
type lines struct{ *Process }

func (l lines) Write(text []byte) (int, error) {
	l.print("%s", strings.TrimSuffix(string(text), "\n"))
	return len(text), nil
}
