package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/lab/bench"
)

func newBench() *cobra.Command {
	command := &cobra.Command{
		Use:   "bench",
		Short: "Count what the controller costs: calls of AWS's API, and seconds",
		Long: `Count what the controller costs, in a lab of the bench's own: one Service with two Pods in a
namespace without labels, and many Ingresses with a load balancer each.

AWS takes 50 ms for an answer and does not throttle, and the controller is told so with
--aws-budget-share=100, unless flags say otherwise. Progress goes
to stderr, the result to stdout. A bench ends within 25 minutes.`,
	}
	command.AddCommand(
		newOneBench("bring-up", "From the first Ingress to the last hostname and the last target", bench.BringUp),
		newOneBench("restart", "From a new controller's lease to its last call, when nothing has changed", bench.Restart),
		newChangeBench(),
	)
	return command
}

func newOneBench(name, short string, run func(context.Context, bench.Config) (*bench.Report, error)) *cobra.Command {
	config := bench.Config{Progress: os.Stderr}
	var format string
	command := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	flags := command.Flags()
	flags.StringVar(&config.Dir, "dir", "", "directory of the bench's lab (default: a temporary one)")
	flags.IntVar(&config.Ingresses, "ingresses", 100, "how many there are")
	flags.StringVarP(&format, "output", "o", "text", "text or json")
	labFlags := benchFlags()
	flags.AddFlagSet(labFlags)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		if config.Ingresses < 1 {
			return fmt.Errorf("--ingresses %d: want 1 or more", config.Ingresses)
		}
		config.LabFlags = given(labFlags)
		config.Unlimited = labFlags.Lookup("throttling").Value.String() == "off"
		return runBench(command, config, format, run)
	}
	return command
}

func newChangeBench() *cobra.Command {
	command := newOneBench("change", "What changing one of many Ingresses in groups of twenty costs", bench.Change)
	preset(command.Flags(), "ingresses", "1000")
	return command
}

// preset gives a flag another default.
func preset(flags *pflag.FlagSet, name, value string) {
	if err := flags.Set(name, value); err != nil {
		panic("a default of a bench is a value that the flag takes: " + err.Error())
	}
	flags.Lookup(name).DefValue = value
}

// benchFlags are those of `up` with what a bench has of its own as defaults.
func benchFlags() *pflag.FlagSet {
	flags := upFlags()
	for name, value := range map[string]string{"throttling": "off", "latency": "50ms"} {
		preset(flags, name, value)
	}
	return flags
}

func runBench(command *cobra.Command, config bench.Config, format string, run func(context.Context, bench.Config) (*bench.Report, error)) (err error) {
	if config.Dir == "" {
		if config.Dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
			return err
		}
		defer func() { err = tidy(config.Dir, err) }()
	}
	report, err := run(command.Context(), config)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return errInterrupted
		}
		return err
	}
	write := report.WriteText
	if format == "json" {
		write = report.WriteJSON
	}
	return write(command.OutOrStdout())
}
