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

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/controller"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// options are the flags. Those that the incumbent has bear its names and defaults.
type options struct {
	mode                    string
	kubeconfig              string
	cluster                 string
	region, vpc             string
	budgetShare             float64
	ingressClass            string
	defaultScheme           string
	defaultTargetType       string
	sslPolicy               string
	allowedAuthorities      []string
	backendSecurityGroup    string
	shareSecurityGroup      bool
	manageBackendRules      bool
	unrestrictedRules       bool
	endpointTags            map[string]string
	featureGates            map[string]string
	tolerateServices        bool
	tolerateActions         bool
	defaultTags             map[string]string
	externalTags            []string
	ingressWorkers          int
	bindingWorkers          int
	unreadyGrace            time.Duration
	gateNaming              string
	dryRun                  bool
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
	flags := pflag.NewFlagSet("sluice", pflag.ContinueOnError)
	flags.SortFlags = false
	flags.StringVar(&o.mode, "mode", string(controller.Full), "full: make load balancers, register targets, keep gates; gates-only: keep gates for target groups that somebody else owns and fills, change nothing in AWS; observe: change nothing, measure what gates would have done")
	flags.StringVar(&o.cluster, "cluster-name", "", "name that the cluster's AWS resources are tagged with (required)")
	flags.StringVar(&o.vpc, "aws-vpc-id", "", "id of the cluster's VPC (required in mode full)")
	flags.StringVar(&o.region, "aws-region", "", "AWS Region; empty: AWS_REGION, or the shared configuration")
	flags.Float64Var(&o.budgetShare, "aws-budget-share", 0.5, "part of the account's documented API rates to use; above 1 where AWS has raised them")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "kubeconfig file; empty: the service account of the Pod")
	flags.StringVar(&o.ingressClass, "ingress-class", "alb", "value of the annotation kubernetes.io/ingress.class that is served")
	flags.StringVar(&o.defaultScheme, "default-load-balancer-scheme", string(model.Internal), "scheme of load balancers whose Ingress names none: internal or internet-facing")
	flags.StringVar(&o.defaultTargetType, "default-target-type", "instance", "target type of backends that name none: instance or ip")
	flags.StringVar(&o.sslPolicy, "default-ssl-policy", "ELBSecurityPolicy-2016-08", "TLS policy of HTTPS listeners whose Ingress names none")
	flags.StringSliceVar(&o.allowedAuthorities, "allowed-certificate-authority-arns", nil, "private certificate authorities whose certificates may be found by a host's name; empty: all")
	flags.BoolVar(&o.shareSecurityGroup, "enable-backend-security-group", true, "targets let in one security group that all load balancers share; false: each load balancer's own")
	flags.StringVar(&o.backendSecurityGroup, "backend-security-group", "", "id of the security group that all load balancers share; empty: one is made")
	flags.BoolVar(&o.manageBackendRules, "enable-manage-backend-security-group-rules", false, "manage the rules of targets' security groups where an Ingress names security groups and does not say")
	flags.BoolVar(&o.unrestrictedRules, "disable-restricted-sg-rules", false, "let load balancers reach all ports of targets")
	flags.StringToStringVar(&o.endpointTags, "service-target-eni-security-group-tags", nil, "tags that, beside the cluster's own, tell which of several security groups of a target is opened: key=value,…")
	flags.StringToStringVar(&o.featureGates, "feature-gates", nil, "gates of aws-load-balancer-controller: NAME=true|false,…")
	flags.BoolVar(&o.tolerateServices, "tolerate-non-existent-backend-service", true, "answer 503 for a backend whose Service does not exist; false: reject the Ingress")
	flags.BoolVar(&o.tolerateActions, "tolerate-non-existent-backend-action", true, "answer 503 for a backend whose action annotation does not exist; false: reject the Ingress")
	flags.StringToStringVar(&o.defaultTags, "default-tags", nil, "tags for everything that is created: key=value,…")
	flags.StringSliceVar(&o.externalTags, "external-managed-tags", nil, "tag keys that somebody else manages: never added, changed or removed")
	flags.IntVar(&o.ingressWorkers, "ingress-max-concurrent-reconciles", 3, "load balancers that are worked on side by side")
	flags.IntVar(&o.bindingWorkers, "targetgroupbinding-max-concurrent-reconciles", 3, "target groups that are worked on side by side")
	flags.BoolVar(&o.dryRun, "dry-run", false, "change nothing in AWS or Kubernetes: log what would be done, and go on watching; needs no lease")
	flags.DurationVar(&o.driftInterval, "drift-interval", 30*time.Minute, "how often to look whether somebody else has changed what the cluster owns in AWS, at most one call a second; 0: never")
	flags.IntVar(&o.brakeDeletions, "brake-deletions", 20, "load balancers, or TargetGroupBindings, that may be deleted within ten minutes; more are held until somebody confirms them; 0: no brake")
	flags.Float64Var(&o.brakeTargets, "brake-targets", 0.5, "share of a target group's healthy targets that may be deregistered at once while their Pods run; 1: no brake")
	flags.DurationVar(&o.unreadyGrace, "unready-grace", 10*time.Second, "how long a Pod may be unready before its target is deregistered")
	flags.StringVar(&o.gateNaming, "gate-naming", string(readiness.ByOwner), "names of injected gates: ingress (target-health.alb.ingress.k8s.aws/INGRESS_PORT) or binding (target-health.elbv2.k8s.aws/TARGETGROUPBINDING); both are served")
	flags.DurationVar(&o.claimDeadline, "claim-deadline", 10*time.Minute, "how long a claim that is wrong or missing holds a Pod back; 0 for ever")
	flags.DurationVar(&o.healthSampleInterval, "health-sample-interval", 5*time.Minute, "how old the shown health of targets that no gate waits for may become; 0: never ask")
	flags.BoolVar(&o.leaderElection, "enable-leader-election", true, "only one replica acts at a time")
	flags.StringVar(&o.leaderElectionID, "leader-election-id", "", "name of the Lease; empty: aws-load-balancer-controller-leader in mode full, so that both never act at once, else sluice-MODE")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", "kube-system", "namespace of the Lease")
	flags.StringVar(&o.metricsAddress, "metrics-bind-addr", ":8080", "address of /metrics; 0 switches it off")
	flags.StringVar(&o.probeAddress, "health-probe-bind-addr", ":61779", "address of /healthz and /readyz")
	flags.StringVar(&o.logLevel, "log-level", "info", "info or debug")
	flags.BoolVar(&o.version, "version", false, "print the version and exit")
	flags.Usage = func() {
		fmt.Fprintf(os.Stderr, "sluice makes AWS load balancers of Ingresses, and keeps Pods from being Ready before their targets are healthy.\n\nUsage:\n  sluice --cluster-name NAME --aws-vpc-id VPC [flags]\n%s\nFlags:\n%s", otherCommands(), flags.FlagUsages())
	}
	if err := flags.Parse(arguments); err != nil {
		return o, err
	}
	if len(flags.Args()) > 0 {
		return o, fmt.Errorf("unexpected argument %q: no such command; see sluice --help", flags.Arg(0))
	}
	return o, nil
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
	var complaints []error
	complain := func(flag, value, remedy string) {
		complaints = append(complaints, fmt.Errorf("  --%s=%s: %s", flag, value, remedy))
	}
	if o.cluster == "" {
		complain("cluster-name", "", "give the name that the cluster's AWS resources are tagged with")
	}
	if !slices.Contains(controller.Modes(), controller.Mode(o.mode)) {
		complain("mode", o.mode, "write full, gates-only or observe")
	}
	if o.dryRun && o.mode != string(controller.Full) {
		complain("dry-run", "true", "only mode full changes anything in AWS; use --mode="+string(controller.Observe))
	}
	if !strings.HasPrefix(o.vpc, "vpc-") && (o.vpc != "" || o.mode == string(controller.Full)) {
		complain("aws-vpc-id", o.vpc, "give the id of the cluster's VPC, vpc-…")
	}
	if !(o.budgetShare > 0 && o.budgetShare <= 1000) {
		complain("aws-budget-share", fmt.Sprint(o.budgetShare), "give a number above 0 and at most 1000; 0.5 is half of what AWS documents")
	}
	if !slices.Contains([]string{string(readiness.ByOwner), string(readiness.ByBinding)}, o.gateNaming) {
		complain("gate-naming", o.gateNaming, "write ingress or binding")
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
	if !slices.Contains([]string{"internal", "internet-facing"}, o.defaultScheme) {
		complain("default-load-balancer-scheme", o.defaultScheme, "write internal or internet-facing")
	}
	if !slices.Contains([]string{"instance", "ip"}, o.defaultTargetType) {
		complain("default-target-type", o.defaultTargetType, "write instance or ip")
	}
	if o.backendSecurityGroup != "" && !strings.HasPrefix(o.backendSecurityGroup, "sg-") {
		complain("backend-security-group", o.backendSecurityGroup, "give the id of a security group, sg-…")
	}
	if !o.shareSecurityGroup && o.manageBackendRules {
		complain("enable-manage-backend-security-group-rules", "true", "it needs --enable-backend-security-group")
	}
	for name, value := range o.featureGates {
		if remedy := checkGate(name, value); remedy != "" {
			complain("feature-gates", name+"="+value, remedy)
		}
	}
	if !slices.Contains([]string{"info", "debug"}, o.logLevel) {
		complain("log-level", o.logLevel, "write info or debug")
	}
	for flag, n := range map[string]int{"ingress-max-concurrent-reconciles": o.ingressWorkers, "targetgroupbinding-max-concurrent-reconciles": o.bindingWorkers} {
		if n < 1 {
			complain(flag, fmt.Sprint(n), "give a number of 1 or more")
		}
	}
	for key := range o.defaultTags {
		if slices.Contains([]string{model.ClusterTag, model.StackTag, model.ResourceTag, model.SharedResourceTag}, key) {
			complain("default-tags", key, "the tag marks what belongs to Sluice; choose another key")
		}
		if slices.Contains(o.externalTags, key) {
			complain("external-managed-tags", key, "the key is in --default-tags too; take it out of one")
		}
	}
	return errors.Join(complaints...)
}

func (o options) cloudConfig() cloud.Config {
	return cloud.Config{Cluster: o.cluster, Region: o.region, VPC: o.vpc, BudgetShare: o.budgetShare, EndpointTags: o.endpointTags, ReadOnly: o.dryRun || o.mode != string(controller.Full)}
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
		Build: build.Config{
			Cluster: o.cluster, DefaultTags: o.defaultTags, ExternalTags: o.externalTags,
			DefaultScheme: model.Scheme(o.defaultScheme), DefaultTargetType: o.defaultTargetType,
			SSLPolicy: o.sslPolicy, AllowedAuthorities: o.allowedAuthorities,
			NoBackendSecurityGroup: !o.shareSecurityGroup, ManageBackendRules: o.manageBackendRules, UnrestrictedRules: o.unrestrictedRules,
			Gates:          gates(o.featureGates),
			StrictServices: !o.tolerateServices, StrictActions: !o.tolerateActions,
		},
		IngressClass:         o.ingressClass,
		BackendSecurityGroup: o.backendSecurityGroup,
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
