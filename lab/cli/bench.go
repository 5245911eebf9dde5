package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/lab/bench"
)

func newBench() *cobra.Command {
	command := &cobra.Command{
		Use:   "bench",
		Short: "Measure what the controller costs: calls of AWS's API, and seconds",
		Long: `Count what the controller costs, each time in a lab of the bench's own.

bring-up, restart and change have one Service with two Pods in a namespace without labels, and
many Ingresses. AWS does not throttle, and the controller is told so with
--aws-budget-share=100, unless flags say otherwise.

gate-lag and rollout have Pods with readiness gates, whose targets are checked first after 20
to 35 seconds. AWS throttles as documented.

AWS takes 50 ms for an answer. Progress goes to stderr, the result to stdout. A bench ends
within 25 minutes.`,
	}
	command.AddCommand(
		newOneBench("bring-up", "From the first Ingress to the last hostname and the last target", bench.BringUp),
		newOneBench("restart", "From a new controller's lease to its last call, when nothing has changed", bench.Restart),
		newChangeBench(),
		newGateBench("gate-lag", "From a target's being healthy in AWS to its Pod's open gate, as Pods come in four ways", bench.GateLag),
		newGateBench("rollout", "A rolling update of thirty Pods, one at a time, beside what its targets' health alone takes", bench.Rollout),
	)
	return command
}

func newOneBench(name, short string, run func(context.Context, bench.Config) (*bench.Report, error)) *cobra.Command {
	config := &bench.Config{Progress: os.Stderr}
	command := newCommand(name, short, config, map[string]string{"throttling": "off", "latency": "50ms"}, run)
	command.Flags().IntVar(&config.Ingresses, "ingresses", 100, "how many there are")
	check := command.RunE
	command.RunE = func(command *cobra.Command, args []string) error {
		if config.Ingresses < 1 {
			return fmt.Errorf("--ingresses %d: want 1 or more", config.Ingresses)
		}
		return check(command, args)
	}
	return command
}

// newGateBench is a bench of Pods behind targets that become healthy after twenty to thirty-five seconds.
func newGateBench[R report](name, short string, run func(context.Context, bench.Config) (R, error)) *cobra.Command {
	// There is nobody else in the lab's account, so the controller may have all of it.
	return newCommand(name, short, &bench.Config{Progress: os.Stderr}, map[string]string{
		"controller-flag": "--aws-budget-share=1",
		"throttling":      "documented", "latency": "50ms", "first-check-least": "20s", "first-check-most": "35s", "nodes": "9",
	}, run)
}

// report is what a bench measured.
type report interface {
	WriteText(out io.Writer) error
	WriteJSON(out io.Writer) error
}

// newCommand is a bench with these defaults of `up`'s flags.
func newCommand[R report](name, short string, config *bench.Config, defaults map[string]string, run func(context.Context, bench.Config) (R, error)) *cobra.Command {
	var format string
	command := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	flags := command.Flags()
	flags.StringVar(&config.Dir, "dir", "", "directory of the bench's lab (default: a temporary one)")
	flags.StringVarP(&format, "output", "o", "text", "text or json")
	labFlags := upFlags()
	for name, value := range defaults {
		preset(labFlags, name, value)
	}
	flags.AddFlagSet(labFlags)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		config.LabFlags = given(labFlags)
		config.Unlimited = labFlags.Lookup("throttling").Value.String() == "off"
		return runBench(command, *config, format, run)
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

func runBench[R report](command *cobra.Command, config bench.Config, format string, run func(context.Context, bench.Config) (R, error)) (err error) {
	if config.Dir == "" {
		if config.Dir, err = os.MkdirTemp("", "sluice-bench-"); err != nil {
			return err
		}
		defer func() { err = tidy(config.Dir, err) }()
	}
	measured, err := run(command.Context(), config)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return errInterrupted
		}
		return err
	}
	write := measured.WriteText
	if format == "json" {
		write = measured.WriteJSON
	}
	return write(command.OutOrStdout())
}
