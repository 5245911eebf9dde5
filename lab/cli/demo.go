package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/lab"
	"github.com/sluice-lb/sluice/lab/demo"
)

func newDemo() *cobra.Command {
	var config demo.Config
	var format string
	command := &cobra.Command{
		Use:   "demo",
		Short: "Watch a rolling update under load that loses no request, beside two that do",
		Long: `Start a lab, roll three Deployments of ten Pods under 200 requests a second each, and count
what was lost: behind gates and draining, behind draining only, and bare.

With --manifest the Deployment, Service and Ingress of your own file are rolled instead.

Progress goes to stderr, the result to stdout. The exit status is 0 only if the side with
gates lost nothing and each gate of its new Pods went from False to True.`,
		Args: cobra.NoArgs,
	}
	command.Flags().StringVar(&config.Dir, "dir", "", "directory of the demo's lab (default: a temporary one)")
	command.Flags().StringVar(&config.Manifest, "manifest", "", "a file with your own Deployment, Service and Ingress")
	command.Flags().StringVarP(&format, "output", "o", "text", "text or json")
	labFlags := upFlags()
	command.Flags().AddFlagSet(labFlags)
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := checkFormat(format); err != nil {
			return err
		}
		config.LabFlags, config.Progress = given(labFlags), os.Stderr
		return runDemo(command, config, format)
	}
	return command
}

// upFlags are those of `up`, to be handed on to it.
func upFlags() *pflag.FlagSet {
	flags := newUp().Flags()
	only := pflag.NewFlagSet("lab", pflag.ContinueOnError)
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "dir" {
			only.AddFlag(flag)
		}
	})
	return only
}

// given are the flags that were set, in a form to be read again.
func given(flags *pflag.FlagSet) []string {
	var args []string
	flags.VisitAll(func(flag *pflag.Flag) {
		if !flag.Changed {
			return
		}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			for _, value := range list.GetSlice() {
				args = append(args, "--"+flag.Name+"="+value)
			}
			return
		}
		args = append(args, "--"+flag.Name+"="+flag.Value.String())
	})
	return args
}

var errInterrupted = errors.New("interrupted; the lab is stopped")

func runDemo(command *cobra.Command, config demo.Config, format string) (err error) {
	if config.Dir == "" {
		if config.Dir, err = os.MkdirTemp("", "sluice-demo-"); err != nil {
			return err
		}
		defer func() { err = tidy(config.Dir, err) }()
	}
	report, err := demo.Run(command.Context(), config)
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
	if err := write(command.OutOrStdout()); err != nil {
		return err
	}
	if len(report.Problems) > 0 {
		return fmt.Errorf("the promise was not kept:\n  %s", strings.Join(report.Problems, "\n  "))
	}
	return nil
}

// tidy removes a temporary directory, unless the lab ran and something went wrong: then its logs
// are of use.
func tidy(dir string, err error) error {
	_, missing := os.Stat(lab.Dir(dir).Logs())
	if err == nil || missing != nil || errors.Is(err, errInterrupted) {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return fmt.Errorf("%w\n(the lab's logs are in %s)", err, lab.Dir(dir).Logs())
}
