package cli

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sluice-lb/sluice/lab/conformance"
	"github.com/sluice-lb/sluice/test/awsconformance"
)

func newConformance() *cobra.Command {
	var config conformance.Config
	var format string
	command := &cobra.Command{
		Use:   "conformance",
		Short: "Check what the local AWS is built on, against it or against AWS itself",
		Long: `Check some hundred assertions about Elastic Load Balancing and the services around it: states,
reasons, error codes, limits, idempotency, paging. Each line says whether an assertion held, and
which document it rests on, or that it is unconfirmed.

  --endpoint local   a local AWS for this run alone (no lab is needed)
  --endpoint URL     whatever answers there, such as a running lab's AWS_ENDPOINT_URL
  --endpoint aws     the account of the environment: AWS_PROFILE, AWS_REGION and so on

Where it costs money, what will be made and what it costs is said before anything is made, and
consent is asked for. Everything is removed in the end, also on Ctrl-C; what a killed run has left
is found by its tag and its names. It has not been run against AWS itself yet.

The exit status is 0 only if every assertion held and everything is removed.`,
		Example: `  sluice-lab conformance
  sluice-lab conformance --endpoint "$AWS_ENDPOINT_URL" -o json
  AWS_PROFILE=sandbox sluice-lab conformance --endpoint aws --vpc vpc-0123 --subnet subnet-0a --subnet subnet-0b`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := errors.Join(checkFormat(format), checkPrefix(config.Prefix)); err != nil {
				return err
			}
			config.Tell = command.ErrOrStderr()
			if isTerminal(os.Stdin) {
				config.Ask = os.Stdin
			}
			if format == "text" {
				config.Observe = func(r awsconformance.Result) { conformance.WriteResult(command.OutOrStdout(), r) }
			}
			// A terminal that is closed must not leave load balancers either.
			ctx, stop := signal.NotifyContext(command.Context(), syscall.SIGHUP)
			defer stop()
			return runConformance(ctx, command, config, format)
		},
	}
	flags := command.Flags()
	flags.StringVar(&config.Endpoint, "endpoint", conformance.Local, "local, aws or a URL")
	flags.StringVar(&config.VPC, "vpc", "", "VPC to make load balancers in (default: the default VPC, or the only one)")
	flags.StringArrayVar(&config.Subnets, "subnet", nil, "subnet of the VPC, without IPv6; give two in different zones (default: the first of each zone)")
	flags.StringVar(&config.Prefix, "prefix", "sluice-conf", "what all names begin with, and the value of the tag")
	flags.BoolVar(&config.Yes, "yes", false, "do not ask before making what costs money, or removing what an earlier run has left")
	flags.BoolVar(&config.OnlyTidy, "only-clean-up", false, "remove what an earlier run has left, and do nothing else")
	flags.StringVarP(&format, "output", "o", "text", "text or json")
	return command
}

func runConformance(ctx context.Context, command *cobra.Command, config conformance.Config, format string) error {
	report, err := conformance.Run(ctx, config)
	if report == nil {
		return err
	}
	write := report.WriteSummary
	if format == "json" {
		write = report.WriteJSON
	}
	return errors.Join(write(command.OutOrStdout()), err, report.Err())
}

// prefixPattern leaves room in 32 characters, which a load balancer's name may have.
var prefixPattern = regexp.MustCompile(`^[a-z][a-z0-9-]{2,10}[a-z0-9]$`)

func checkPrefix(prefix string) error {
	if !prefixPattern.MatchString(prefix) {
		return errors.New("--prefix: want four to twelve lower-case letters, digits and hyphens")
	}
	return nil
}

func isTerminal(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
