package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/build/flags"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/controller"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// options are the flags. Those that the incumbent has bear its names and defaults.
type options struct {
	flags.Flags
	mode                    string
	kubeconfig              string
	budgetShare             float64
	ingressWorkers          int
	bindingWorkers          int
	unreadyGrace            time.Duration
	gateNaming              string
	dryRun                  bool
	abandon                 []string
	brakeDeletions          int
	driftInterval           time.Duration
	brakeTargets            float64
	claimDeadline           time.Duration
	healthSampleInterval    time.Duration
	leaderElection          bool
	leaderElectionID        string
	leaderElectionNamespace string
	metricsAddress          string
	probeAddress            string
	logLevel                string
	version                 bool
}

func parse(arguments []string) (options, error) {
	var o options
	set := o.flagSet()
	if err := set.Parse(arguments); err != nil {
		return o, err
	}
	if len(set.Args()) > 0 {
		return o, fmt.Errorf("unexpected argument %q: no such command; see sluice --help", set.Arg(0))
	}
	return o, nil
}

func (o *options) flagSet() *pflag.FlagSet {
	set := pflag.NewFlagSet("sluice", pflag.ContinueOnError)
	set.SortFlags = false
	set.StringVar(&o.mode, "mode", string(controller.Full), "full: make load balancers, register targets, keep gates; gates-only: keep gates for target groups that somebody else owns and fills, change nothing in AWS; observe: change nothing, measure what gates would have done")
	o.Add(set)
	set.Float64Var(&o.budgetShare, "aws-budget-share", 0.5, "part of the account's documented API rates to use; above 1 where AWS has raised them")
	set.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; empty: the service account of the Pod")
	set.IntVar(&o.ingressWorkers, "ingress-max-concurrent-reconciles", 3, "load balancers that are worked on side by side")
	set.IntVar(&o.bindingWorkers, "targetgroupbinding-max-concurrent-reconciles", 3, "target groups that are worked on side by side")
	set.BoolVar(&o.dryRun, "dry-run", false, "change nothing in AWS or Kubernetes: log what would be done, and go on watching; needs no lease")
	set.StringSliceVar(&o.abandon, "abandon", nil, "start although load balancers of aws-load-balancer-controller are then kept by nobody: services, gateways, or both; they stay as they are")
	set.DurationVar(&o.driftInterval, "drift-interval", 30*time.Minute, "how often to look whether somebody else has changed what the cluster owns in AWS, at most one call a second; 0: never")
	set.IntVar(&o.brakeDeletions, "brake-deletions", 20, "load balancers, or TargetGroupBindings, that may be deleted within ten minutes; more are held until somebody confirms them; 0: no brake")
	set.Float64Var(&o.brakeTargets, "brake-targets", 0.5, "share of a target group's healthy targets that may be deregistered at once while their Pods run; 1: no brake")
	set.DurationVar(&o.unreadyGrace, "unready-grace", 10*time.Second, "how long a Pod may be unready before its target is deregistered")
	set.StringVar(&o.gateNaming, "gate-naming", string(readiness.ByOwner), "names of injected gates: ingress (target-health.alb.ingress.k8s.aws/INGRESS_PORT) or binding (target-health.elbv2.k8s.aws/TARGETGROUPBINDING); both are served")
	set.DurationVar(&o.claimDeadline, "claim-deadline", 10*time.Minute, "how long a claim that is wrong or missing holds a Pod back; 0 for ever")
	set.DurationVar(&o.healthSampleInterval, "health-sample-interval", 5*time.Minute, "how old the shown health of targets that no gate waits for may become; 0: never ask")
	set.BoolVar(&o.leaderElection, "enable-leader-election", true, "only one replica acts at a time")
	set.StringVar(&o.leaderElectionID, "leader-election-id", "", "name of the Lease; empty: aws-load-balancer-controller-leader in mode full, so that both never act at once, else sluice-MODE")
	set.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "kube-system", "namespace of the Lease")
	set.StringVar(&o.metricsAddress, "metrics-bind-addr", ":8080", "address of /metrics; 0 switches it off")
	set.StringVar(&o.probeAddress, "health-probe-bind-addr", ":61779", "address of /healthz and /readyz")
	set.StringVar(&o.logLevel, "log-level", "info", "info or debug")
	set.BoolVar(&o.version, "version", false, "print the version and exit")
	set.Usage = func() {
		fmt.Fprintf(os.Stderr, "sluice makes AWS load balancers of Ingresses, and keeps Pods from being Ready before their targets are healthy.\n\nUsage:\n  sluice --cluster-name NAME --aws-vpc-id VPC [flags]\n%s\nFlags:\n%s", otherCommands(), set.FlagUsages())
	}
	return set
}

// otherCommands are the usage lines of what sluice does beside being the controller.
func otherCommands() string {
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(commands)) {
		fmt.Fprintf(&lines, "  sluice %-12s %s\n", name, commands[name].summary)
	}
	return lines.String()
}

// leads reports whether this process takes the lease: a dry run changes nothing, and may
// run beside whoever has it.
func (o options) leads() bool { return o.leaderElection && !o.dryRun }

// lease is the name of the Lease. Gates may be kept, and be observed, beside a controller
// that makes load balancers, and by one replica each.
func (o options) lease() string {
	switch {
	case o.leaderElectionID != "":
		return o.leaderElectionID
	case o.mode == string(controller.Full):
		return "aws-load-balancer-controller-leader"
	}
	return "sluice-" + o.mode
}

// validate names everything that is wrong, not only the first.
func (o options) validate() error {
	complaints := o.Validate()
	complain := func(flag, value, remedy string) {
		complaints = append(complaints, fmt.Errorf("  --%s=%s: %s", flag, value, remedy))
	}
	if !slices.Contains(controller.Modes(), controller.Mode(o.mode)) {
		complain("mode", o.mode, "write full, gates-only or observe")
	}
	if o.dryRun && o.mode != string(controller.Full) {
		complain("dry-run", "true", "only mode full changes anything in AWS; use --mode="+string(controller.Observe))
	}
	if o.VPC == "" && o.mode == string(controller.Full) {
		complain("aws-vpc-id", "", "give the id of the cluster's VPC, vpc-…")
	}
	if !(o.budgetShare > 0 && o.budgetShare <= 1000) {
		complain("aws-budget-share", fmt.Sprint(o.budgetShare), "give a number above 0 and at most 1000; 0.5 is half of what AWS documents")
	}
	if !slices.Contains([]string{string(readiness.ByOwner), string(readiness.ByBinding)}, o.gateNaming) {
		complain("gate-naming", o.gateNaming, "write ingress or binding")
	}
	for _, what := range o.abandon {
		if what != services && what != gateways {
			complain("abandon", what, "write services, gateways, or both with a comma")
		}
	}
	if o.driftInterval < 0 {
		complain("drift-interval", o.driftInterval.String(), "give a duration such as 30m, or 0")
	}
	if o.brakeDeletions < 0 {
		complain("brake-deletions", strconv.Itoa(o.brakeDeletions), "give 0 or more")
	}
	if !(o.brakeTargets >= 0 && o.brakeTargets <= 1) {
		complain("brake-targets", fmt.Sprint(o.brakeTargets), "give a share between 0 and 1")
	}
	if !slices.Contains([]string{"info", "debug"}, o.logLevel) {
		complain("log-level", o.logLevel, "write info or debug")
	}
	for flag, n := range map[string]int{"ingress-max-concurrent-reconciles": o.ingressWorkers, "targetgroupbinding-max-concurrent-reconciles": o.bindingWorkers} {
		if n < 1 {
			complain(flag, fmt.Sprint(n), "give a number of 1 or more")
		}
	}
	return errors.Join(complaints...)
}

func (o options) cloudConfig() cloud.Config {
	return cloud.Config{Cluster: o.Cluster, Region: o.Region, VPC: o.VPC, BudgetShare: o.budgetShare, EndpointTags: o.EndpointTags, ReadOnly: o.dryRun || o.mode != string(controller.Full)}
}

func (o options) controllerConfig() controller.Config {
	var lease types.NamespacedName
	if o.leaderElection {
		lease = types.NamespacedName{Namespace: o.leaderElectionNamespace, Name: o.lease()}
	}
	return controller.Config{
		Mode:                 controller.Mode(o.mode),
		Lease:                lease,
		HealthSampleInterval: o.healthSampleInterval,
		Build:                o.Build(),
		IngressClass:         o.IngressClass,
		BackendSecurityGroup: o.BackendSecurityGroup,
		UnreadyGrace:         o.unreadyGrace,
		BrakeDeletions:       o.brakeDeletions,
		DriftInterval:        o.driftInterval,
		DryRun:               o.dryRun,
		GateNaming:           readiness.Naming(o.gateNaming),
		BrakeTargets:         o.brakeTargets,
		ClaimDeadline:        o.claimDeadline,
		IngressWorkers:       o.ingressWorkers,
		BindingWorkers:       o.bindingWorkers,
	}
}
