// Package conformance checks the assertions of test/awsconformance against an AWS: a local one of its own, whatever
// answers at a URL, or the account of the environment.
//
// In go settings, and a person's consent where it costs money; out comes a Report. What is made is announced before, has
// a tag and a prefix of its own, and is gone afterwards; what a run that was killed has left is found by both.
//
//	report, err := conformance.Run(ctx, conformance.Config{Endpoint: "local"})
//
// It knows no assertion, and nothing of the lab but its loopback addresses.
package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/test/awsconformance"
)

// Config is what to check, and how much to ask.
type Config struct {
	Endpoint string   // Local, AWS or a URL
	VPC      string   // default: the default one, or the only one
	Subnets  []string // default: the first without IPv6 of each zone
	Prefix   string   // of all names, and the value of the tag
	Yes      bool     // consent, instead of a question
	OnlyTidy bool     // remove what an earlier run has left, and do nothing else

	Ask     io.Reader                   // where consent comes from; nil if nobody can be asked
	Tell    io.Writer                   // announcements and questions
	Observe func(awsconformance.Result) // hears of each result as it comes; may be nil
}

// Run checks everything. The report is there also if the context ended early or something could not be removed.
func Run(ctx context.Context, config Config) (*Report, error) {
	p, err := open(ctx, config)
	if err != nil {
		return nil, err
	}
	defer p.close()
	suite := awsconformance.Config{
		AWS: p.aws, VPC: p.vpc, Subnets: p.subnets, Prefix: config.Prefix, Patience: p.patience, Observe: config.Observe,
	}
	fmt.Fprint(config.Tell, p.announcement(config.Prefix))
	if err := config.tidy(ctx, suite); err != nil || config.OnlyTidy {
		return nil, err
	}
	if p.costs && !config.consent("Go on?") {
		return nil, errors.New("nothing was made: it needs a yes, or --yes")
	}
	leave := context.AfterFunc(ctx, func() {
		fmt.Fprintln(config.Tell, "interrupted: removing everything that was made; this takes some minutes on AWS")
	})
	defer leave()
	began := time.Now()
	results, err := awsconformance.Run(ctx, suite)
	report := newReport(results)
	report.Endpoint, report.Account, report.Region, report.Seconds = config.Endpoint, p.account, p.aws.Region, time.Since(began).Seconds()
	if err != nil {
		return report, fmt.Errorf("not everything is removed; run again with --only-clean-up: %w", err)
	}
	return report, nil
}

// tidy offers to remove what an earlier run has left. A run beside it would stumble over its names.
func (c Config) tidy(ctx context.Context, suite awsconformance.Config) error {
	left, err := awsconformance.Leftovers(ctx, suite)
	if err != nil {
		return fmt.Errorf("looking for what an earlier run has left: %w", err)
	}
	if len(left) == 0 {
		if c.OnlyTidy {
			fmt.Fprintln(c.Tell, "An earlier run has left nothing.")
		}
		return nil
	}
	fmt.Fprintln(c.Tell, "An earlier run has left:")
	for _, l := range left {
		fmt.Fprintf(c.Tell, "  %s %s\n", l.What, l.ID)
	}
	if !c.consent("Remove all of this?") {
		return errors.New("what an earlier run has left is in the way: it needs a yes, or --yes")
	}
	if err := awsconformance.Remove(ctx, suite, left); err != nil {
		return err
	}
	fmt.Fprintln(c.Tell, "All of this is removed.")
	return nil
}

// consent asks a person, unless the answer was given on the command line. Silence is no.
func (c Config) consent(question string) bool {
	if c.Yes || c.Ask == nil {
		return c.Yes
	}
	fmt.Fprintf(c.Tell, "%s Type yes: ", question)
	answer, _ := bufio.NewReader(oneByte{c.Ask}).ReadString('\n') // an error leaves what was read, which is not yes
	return strings.TrimSpace(answer) == "yes"
}

// oneByte reads no further than it must, so that the next question finds its own answer.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(len(p), 1)]) }
