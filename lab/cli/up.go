package cli

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sluice-lb/sluice/lab"
)

func newUp() *cobra.Command {
	var config lab.Config
	var quotas []string
	var injection string
	command := &cobra.Command{
		Use:   "up",
		Short: "Start a lab and keep it running until Ctrl-C",
		Long: `Start a lab and keep it running in the foreground until Ctrl-C or SIGTERM.

When it is ready, its directory holds
  kubeconfig     for kubectl
  aws.env        variables and a function for the aws command line: source it
  ready          there while the lab is ready
  controller.*   the controller's kubeconfig, process id, and how to run it by hand
  webhook.*      the same of the webhook, with --injection=webhook
  logs/          kubernetes.log, etcd.log, aws.log, sluice.log, webhook.log`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			var err error
			if config.Quotas, err = parseQuotas(quotas); err != nil {
				return err
			}
			if config.Injection, err = lab.ParseInjection(injection); err != nil {
				return fmt.Errorf("--injection: %w", err)
			}
			config.Progress = func(line string) { fmt.Fprintln(command.ErrOrStderr(), line) }
			return up(command.Context(), config)
		},
	}
	addDir(command, &config.Dir)
	command.Flags().StringVar(&injection, "injection", string(lab.ByPolicies), "what gives Pods their gates and drain: policies, webhook (a process of its own), or none, for another controller: nobody else opens the gates")
	command.Flags().BoolVar(&config.Bare, "bare", false, "leave out all that is Sluice's: nothing of config/ is applied and no controller runs. Then install charts/sluice; its image is the controller's binary")
	addLabFlags(command, &config, &quotas)
	return command
}

// addLabFlags are the flags of every command that starts a lab.
func addLabFlags(command *cobra.Command, config *lab.Config, quotas *[]string) {
	flags := command.Flags()
	flags.IntVar(&config.Nodes, "nodes", 3, "number of nodes")
	flags.BoolVar(&config.Controller, "controller", true, "run the controller; with =false it is left to you, see DIR/controller.sh")
	flags.StringVar(&config.ControllerBinary, "controller-binary", "", "the controller (default: sluice, beside this program)")
	flags.StringArrayVar(&config.ControllerFlags, "controller-flag", nil, "one more flag for the controller, such as --controller-flag=--log-level=debug; can be repeated")
	flags.StringArrayVar(&config.ControllerEnv, "controller-env", nil, "one more variable for the controller and the webhook, such as --controller-env=KUBE_FEATURE_WatchListClient=false; can be repeated")
	flags.Float64Var(&config.Speed, "speed", 1, "how much faster than real AWS's delays pass, such as provisioning; Kubernetes keeps real time")
	flags.StringVar(&config.Profile, "profile", "default", "how long AWS takes for what its documents give no time for: default is quick, a new load balancer is active after ten seconds; aws is as slow as users report, one to three minutes")
	flags.StringVar(&config.Throttling, "throttling", "documented", "API limits of AWS: documented or off")
	flags.DurationVar(&config.Latency, "latency", 0, "how long AWS takes to answer a call")
	flags.DurationVar(&config.FirstCheckLeast, "first-check-least", 0, "how long after its registration has arrived a new target is checked first, at least")
	flags.DurationVar(&config.FirstCheckMost, "first-check-most", 200*time.Millisecond, "and at most; each time between is as likely")
	flags.StringVar(&config.DrainingReregister, "draining-reregister", "ignored", "what AWS does when a draining target is registered: ignored or error")
	flags.StringArrayVar(quotas, "quota", nil, "raise or lower a quota of AWS: elbv2/load-balancers=100; can be repeated")
	flags.IntVar(&config.PortOffset, "port-offset", 8000, "added to a load balancer's port where it may not be bound, such as 80 for ordinary users")
}

func up(ctx context.Context, config lab.Config) error {
	l, err := lab.Start(ctx, config)
	if err != nil {
		if ctx.Err() != nil {
			fmt.Fprintln(os.Stderr, "stopped before the lab was ready")
			return nil
		}
		return err
	}
	defer l.Stop()
	fmt.Fprint(os.Stderr, welcome(config.Dir))
	err = l.Wait(ctx)
	fmt.Fprintln(os.Stderr, "stopping")
	return err
}

func welcome(dir string) string {
	self := cmp.Or(os.Args[0], "sluice-lab")
	at := ""
	if dir != defaultDir {
		at = " --dir " + dir
	}
	return fmt.Sprintf(`
The lab is ready. In another terminal:

  %[1]s kubectl%[2]s apply -f YOUR-MANIFEST.yaml     # or: kubectl --kubeconfig %[3]s/kubeconfig
  . %[3]s/aws.env && aws elbv2 describe-load-balancers
  %[1]s curl%[2]s http://NAME-OF-A-LOAD-BALANCER/

Ctrl-C stops everything.
`, self, at, dir)
}

func parseQuotas(texts []string) (map[string]int, error) {
	quotas := map[string]int{}
	for _, text := range texts {
		name, number, found := strings.Cut(text, "=")
		n, err := strconv.Atoi(number)
		if !found || err != nil || n < 0 || !strings.Contains(name, "/") {
			return nil, fmt.Errorf("--quota %s: want service/name=number, such as elbv2/load-balancers=100", text)
		}
		quotas[name] = n
	}
	return quotas, nil
}
