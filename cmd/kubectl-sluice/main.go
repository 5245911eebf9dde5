// Command kubectl-sluice is the kubectl plugin: it reads the cluster with the user's own
// rights, hands what it finds to internal/diagnose, and prints the answer. Only release
// changes anything.
//
//	kubectl sluice why pod/shop-7d9c -n web
//	kubectl sluice status
//	kubectl sluice lint -f shop.yaml
//	kubectl sluice plan -f shop.yaml
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

	shaped "github.com/sluice-lb/sluice/internal/build/flags"
	"github.com/sluice-lb/sluice/internal/version"
)

const usage = `kubectl sluice says what Sluice does with your Pods, and why.

Usage:
  kubectl sluice why pod/NAME [-n NAMESPACE]   how the Pod's readiness gates stand, since when and
                                               why; for a Pod without gates, why it has none
  kubectl sluice status [-n NAMESPACE]         who leads, what injects gates, which Pods wait and for what, and
                                               what is in the way of load balancers
  kubectl sluice lint [-f FILE | -n NAMESPACE] what is wrong with the annotations of manifests, which asks no
                                               cluster, or of what a namespace has; exit code 0:
                                               nothing, 1: something, 2: an error
  kubectl sluice plan -f FILE | --all          what the controller would change in AWS for these manifests,
                                               step by step; exit code 0: nothing, 1: something,
                                               2: an error, or an Ingress that cannot be served
  kubectl sluice preflight                     what stands in the way of taking over from
                                               aws-load-balancer-controller, and how to go on; exit
                                               code 0: nothing, 1: something, 2: an error
  kubectl sluice release -n NAMESPACE | -A     no gate holds a Pod any more, there or anywhere: nothing
                                               injects them, and those that are closed are opened;
                                               works where no controller runs any more
  kubectl sluice version                       the version of this plugin

Examples:
  kubectl sluice why pod/shop-7d9c -n web
  kubectl sluice why pod shop-7d9c --context staging
  kubectl sluice plan -f shop.yaml             before kubectl apply -f shop.yaml
  kubectl sluice plan --all                    whether AWS is as the cluster says
  kubectl sluice release -A                    before Sluice is uninstalled, or when it is down

It works with your own rights, in AWS too, which plan and preflight ask. why and status read Pods, Namespaces, Services, Ingresses, bindings,
ReadinessGateSets, LoadBalancers, Leases, admission policies and webhooks, change nothing, and say
what you may not read. release changes the status of Pods, and
the namespace's label or, with -A, the bindings of the admission policies and the webhook.

Flags:
`

const shapeUsage = `
Flags of the controller, for plan and preflight. They are read from its Deployment (the label
app.kubernetes.io/name is sluice or aws-load-balancer-controller); what is given here counts more:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && err.Error() != "" {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(codeOf(err))
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := pflag.NewFlagSet("kubectl sluice", pflag.ContinueOnError)
	flags.SetOutput(io.Discard)
	cluster := clusterFlags(flags)
	everywhere := flags.BoolP("all-namespaces", "A", false, "Of release: in all namespaces")
	var wanted planFlags
	wanted.add(flags)
	shape := pflag.NewFlagSet("controller", pflag.ContinueOnError)
	new(shaped.Flags).Add(shape)
	own := flags.FlagUsages()
	flags.AddFlagSet(shape)
	help := flags.BoolP("help", "h", false, "Show this text.")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w; see kubectl sluice --help", err)
	}
	words := flags.Args()
	switch {
	case *help || len(words) == 0 || words[0] == "help":
		_, err := fmt.Fprint(out, usage+own+shapeUsage+shape.FlagUsages())
		return err
	case words[0] == "version" && len(words) == 1:
		_, err := fmt.Fprintln(out, "kubectl-sluice", version.String())
		return err
	case words[0] == "why":
		return why(ctx, cluster, words[1:], out)
	case words[0] == "status" && len(words) == 1:
		return status(ctx, cluster, flags.Changed("namespace"), out)
	case words[0] == "lint" && len(words) == 1:
		return lint(ctx, cluster, wanted.files, in, out)
	case words[0] == "plan" && len(words) == 1:
		return planCommand(ctx, cluster, flags, wanted, in, out)
	case words[0] == "preflight" && len(words) == 1:
		return preflight(ctx, cluster, flags, wanted.output, out)
	case words[0] == "release" && len(words) == 1:
		return release(ctx, cluster, flags.Changed("namespace"), *everywhere, out)
	}
	return errors.New("no such command: " + words[0] + "; see kubectl sluice --help")
}
