// Command kubectl-sluice is the kubectl plugin: it reads the cluster with the user's own
// rights, hands what it finds to internal/diagnose, and prints the answer. Only release
// changes anything.
//
//	kubectl sluice why pod/shop-7d9c -n web
//	kubectl sluice status
//	kubectl sluice release -n web
//	kubectl sluice version
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/internal/version"
)

const usage = `kubectl sluice says what Sluice does with your Pods, and why.

Usage:
  kubectl sluice why pod/NAME [-n NAMESPACE]   how the Pod's readiness gates stand, since when and
                                               why; for a Pod without gates, why it has none
  kubectl sluice status [-n NAMESPACE]         who leads, what injects gates, which Pods wait and for what, and
                                               what is in the way of load balancers
  kubectl sluice release -n NAMESPACE | -A     no gate holds a Pod any more, there or anywhere: nothing
                                               injects them, and those that are closed are opened;
                                               works where no controller runs any more
  kubectl sluice version                       the version of this plugin

Examples:
  kubectl sluice why pod/shop-7d9c -n web
  kubectl sluice why pod shop-7d9c --context staging
  kubectl sluice release -A                    before Sluice is uninstalled, or when it is down

It works with your own rights. why and status read Pods, Namespaces, Services, Ingresses, bindings,
ReadinessGateSets, LoadBalancers, Leases, admission policies and webhooks, change nothing, and say
what you may not read. release changes the status of Pods, and
the namespace's label or, with -A, the bindings of the admission policies and the webhook.

Flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := pflag.NewFlagSet("kubectl sluice", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	cluster := clusterFlags(flags)
	everywhere := flags.BoolP("all-namespaces", "A", false, "Of release: in all namespaces")
	help := flags.BoolP("help", "h", false, "Show this text.")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w; see kubectl sluice --help", err)
	}
	words := flags.Args()
	switch {
	case *help || len(words) == 0 || words[0] == "help":
		_, err := fmt.Fprint(out, usage+flags.FlagUsages())
		return err
	case words[0] == "version" && len(words) == 1:
		_, err := fmt.Fprintln(out, "kubectl-sluice", version.String())
		return err
	case words[0] == "why":
		return why(ctx, cluster, words[1:], out)
	case words[0] == "status" && len(words) == 1:
		return status(ctx, cluster, flags.Changed("namespace"), out)
	case words[0] == "release" && len(words) == 1:
		return release(ctx, cluster, flags.Changed("namespace"), *everywhere, out)
	}
	return errors.New("no such command: " + words[0] + "; see kubectl sluice --help")
}
