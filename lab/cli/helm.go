package cli

import (
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	helm "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"

	"github.com/sluice-lb/sluice/lab"
)

func newHelm() *cobra.Command {
	return &cobra.Command{
		Use:   "helm [--dir DIR] [helm's own arguments]",
		Short: "Helm itself, for the lab's cluster",
		Long: `Helm itself, for machines that have none.

Everything but --dir DIR (default .lab) goes to Helm as it stands:
  sluice-lab helm list -A
  sluice-lab helm install sluice charts/sluice --namespace kube-system --set clusterName=lab
  sluice-lab helm install --help`,
		DisableFlagParsing: true,
		RunE:               inLab(runHelm),
	}
}

// runHelm ends the process where Helm wants to, which has said what is wrong.
func runHelm(dir lab.Dir, args []string) error {
	signal.Reset(syscall.SIGINT, syscall.SIGTERM)
	kube.ManagedFieldsManager = "helm" // and not the name of this program
	args = append([]string{"--kubeconfig=" + dir.Kubeconfig()}, args...)
	command, err := helm.NewRootCmd(os.Stdout, args, helm.SetupLogging)
	if err != nil {
		return err
	}
	command.SetArgs(args)
	if err := command.Execute(); err != nil {
		if failed, ok := errors.AsType[helm.CommandError](err); ok {
			os.Exit(failed.ExitCode)
		}
		os.Exit(1)
	}
	return nil
}
