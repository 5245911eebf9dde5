// Package cli is the command line of sluice-lab: one file a command.
//
// In go arguments; out come what was asked for on stdout, progress and errors on stderr, and an
// exit status. It wires and prints; what a lab is and does stands in the packages that it calls.
// It is a package, and not part of main, so that tests can be the command themselves.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Main runs the command and returns the exit status.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	root := New()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok { // curl has said what is wrong
		return exit.ExitCode()
	}
	fmt.Fprintln(os.Stderr, "sluice-lab:", err)
	return 1
}

// New is the command with all its subcommands.
func New() *cobra.Command {
	root := &cobra.Command{
		Use:   "sluice-lab",
		Short: "A Kubernetes cluster and an AWS on this machine, without Docker, root or network",
		Long: `sluice-lab runs a Kubernetes cluster (real control plane, real kubelets, Pods as loopback
servers) and a local AWS whose load balancers really balance, with the Sluice controller
between them.

Start one with "sluice-lab up" and use it from another terminal, or watch "sluice-lab demo".`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newUp(), newDemo(), newBench(), newConformance(), newKubectl(), newHelm(), newCurl(), newAWS())
	return root
}

const defaultDir = ".lab"

func addDir(command *cobra.Command, dir *string) {
	command.Flags().StringVar(dir, "dir", defaultDir, "directory of the lab")
}
