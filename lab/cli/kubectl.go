package cli

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"

	"github.com/sluice-lb/sluice/lab"
)

func newKubectl() *cobra.Command {
	return &cobra.Command{
		Use:   "kubectl [--dir DIR] [kubectl's own arguments]",
		Short: "kubectl itself, of the lab's version, for the lab's cluster",
		Long: `kubectl itself, of the lab's version, for machines that have none, or an old one.

Everything but --dir DIR (default .lab) goes to kubectl as it stands:
  sluice-lab kubectl get pods -A -o wide
  sluice-lab kubectl --dir /tmp/lab apply -f web.yaml
  sluice-lab kubectl get --help`,
		DisableFlagParsing: true,
		RunE:               inLab(runKubectl),
	}
}

// inLab is a program of somebody else's that takes the lab's directory out of its arguments, and all others as they stand.
func inLab(run func(dir lab.Dir, args []string) error) func(*cobra.Command, []string) error {
	return func(command *cobra.Command, args []string) error {
		if asksForHelp(args) {
			return command.Help()
		}
		path, rest, err := takeDir(args)
		if err != nil {
			return err
		}
		dir, err := lab.Find(path)
		if err != nil {
			return err
		}
		return run(dir, rest)
	}
}

// runKubectl ends the process where kubectl wants to: it knows its exit codes best.
func runKubectl(dir lab.Dir, args []string) error {
	signal.Reset(syscall.SIGINT, syscall.SIGTERM) // Ctrl-C ends a watch
	if err := os.Setenv("KUBECONFIG", dir.Kubeconfig()); err != nil {
		return err
	}
	os.Args = append([]string{"kubectl"}, args...) // it reads them itself, for plugins too
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err) // prints as kubectl does, and exits
	}
	return nil
}
