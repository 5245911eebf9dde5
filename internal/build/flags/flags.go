// Package flags are the flags of the controller that shape load balancers: what the same objects
// are built into in one cluster and not in another. The controller has them beside its own, and
// the kubectl plugin has them to plan as the controller does.
//
// Command lines come in, values for build and the cloud go out. Those that the incumbent has bear its names
// and defaults.
//
//	var shape flags.Flags
//	shape.Add(set)
//	if err := set.Parse(arguments); err == nil { err = errors.Join(shape.Validate()...) }
//	config := shape.Build()
package flags

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// Flags as they were written.
type Flags struct {
	Cluster, Region, VPC string
	// IngressClass is the value of the old class annotation.
	IngressClass string
	// BackendSecurityGroup is used in the place of one that is made.
	BackendSecurityGroup string
	// AllowedAuthorities narrow which certificates may be found by a host's name.
	AllowedAuthorities []string
	EndpointTags       map[string]string
	ExternalTags       []string

	defaultScheme, defaultTargetType, sslPolicy          string
	shareSecurityGroup, manageBackendRules               bool
	unrestrictedRules, tolerateServices, tolerateActions bool
	featureGates, defaultTags                            map[string]string
}

// Add makes a command line know them.
func (f *Flags) Add(flags *pflag.FlagSet) {
	flags.StringVar(&f.Cluster, "cluster-name", "", "name that the cluster's AWS resources are tagged with (required)")
	flags.StringVar(&f.VPC, "aws-vpc-id", "", "id of the cluster's VPC (required in mode full)")
	flags.StringVar(&f.Region, "aws-region", "", "AWS Region; empty: AWS_REGION, or the shared configuration")
	flags.StringVar(&f.IngressClass, "ingress-class", "alb", "value of the annotation kubernetes.io/ingress.class that is served")
	flags.StringVar(&f.defaultScheme, "default-load-balancer-scheme", string(model.Internal), "scheme of load balancers whose Ingress names none: internal or internet-facing")
	flags.StringVar(&f.defaultTargetType, "default-target-type", "instance", "target type of backends that name none: instance or ip")
	flags.StringVar(&f.sslPolicy, "default-ssl-policy", "ELBSecurityPolicy-2016-08", "TLS policy of HTTPS listeners whose Ingress names none")
	flags.StringSliceVar(&f.AllowedAuthorities, "allowed-certificate-authority-arns", nil, "private certificate authorities whose certificates may be found by a host's name; empty: all")
	flags.BoolVar(&f.shareSecurityGroup, "enable-backend-security-group", true, "targets let in one security group that all load balancers share; false: each load balancer's own")
	flags.StringVar(&f.BackendSecurityGroup, "backend-security-group", "", "id of the security group that all load balancers share; empty: one is made")
	flags.BoolVar(&f.manageBackendRules, "enable-manage-backend-security-group-rules", false, "manage the rules of targets' security groups where an Ingress names security groups and does not say")
	flags.BoolVar(&f.unrestrictedRules, "disable-restricted-sg-rules", false, "let load balancers reach all ports of targets")
	flags.StringToStringVar(&f.EndpointTags, "service-target-eni-security-group-tags", nil, "tags that, beside the cluster's own, tell which of several security groups of a target is opened: key=value,…")
	flags.StringToStringVar(&f.featureGates, "feature-gates", nil, "gates of aws-load-balancer-controller: NAME=true|false,…")
	flags.BoolVar(&f.tolerateServices, "tolerate-non-existent-backend-service", true, "answer 503 for a backend whose Service does not exist; false: reject the Ingress")
	flags.BoolVar(&f.tolerateActions, "tolerate-non-existent-backend-action", true, "answer 503 for a backend whose action annotation does not exist; false: reject the Ingress")
	flags.StringToStringVar(&f.defaultTags, "default-tags", nil, "tags for everything that is created: key=value,…")
	flags.StringSliceVar(&f.ExternalTags, "external-managed-tags", nil, "tag keys that somebody else manages: never added, changed or removed")
}

// Validate names everything that is wrong, not only the first. Whether there must be a VPC
// is the caller's to say.
func (f Flags) Validate() []error {
	var complaints []error
	complain := func(flag, value, remedy string) {
		complaints = append(complaints, fmt.Errorf("  --%s=%s: %s", flag, value, remedy))
	}
	if f.Cluster == "" {
		complain("cluster-name", "", "give the name that the cluster's AWS resources are tagged with")
	}
	if f.VPC != "" && !strings.HasPrefix(f.VPC, "vpc-") {
		complain("aws-vpc-id", f.VPC, "give the id of the cluster's VPC, vpc-…")
	}
	if !slices.Contains([]string{"internal", "internet-facing"}, f.defaultScheme) {
		complain("default-load-balancer-scheme", f.defaultScheme, "write internal or internet-facing")
	}
	if !slices.Contains([]string{"instance", "ip"}, f.defaultTargetType) {
		complain("default-target-type", f.defaultTargetType, "write instance or ip")
	}
	if f.BackendSecurityGroup != "" && !strings.HasPrefix(f.BackendSecurityGroup, "sg-") {
		complain("backend-security-group", f.BackendSecurityGroup, "give the id of a security group, sg-…")
	}
	if !f.shareSecurityGroup && f.manageBackendRules {
		complain("enable-manage-backend-security-group-rules", "true", "it needs --enable-backend-security-group")
	}
	for _, name := range slices.Sorted(maps.Keys(f.featureGates)) {
		if remedy := checkGate(name, f.featureGates[name]); remedy != "" {
			complain("feature-gates", name+"="+f.featureGates[name], remedy)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(f.defaultTags)) {
		if slices.Contains([]string{model.ClusterTag, model.StackTag, model.ResourceTag, model.SharedResourceTag}, key) {
			complain("default-tags", key, "the tag marks what belongs to Sluice; choose another key")
		}
		if slices.Contains(f.ExternalTags, key) {
			complain("external-managed-tags", key, "the key is in --default-tags too; take it out of one")
		}
	}
	return complaints
}

// Build is what they mean to the build of stacks.
func (f Flags) Build() build.Config {
	return build.Config{
		Cluster: f.Cluster, DefaultTags: f.defaultTags, ExternalTags: f.ExternalTags,
		DefaultScheme: model.Scheme(f.defaultScheme), DefaultTargetType: f.defaultTargetType,
		SSLPolicy: f.sslPolicy, AllowedAuthorities: f.AllowedAuthorities,
		NoBackendSecurityGroup: !f.shareSecurityGroup, ManageBackendRules: f.manageBackendRules, UnrestrictedRules: f.unrestrictedRules,
		Gates:          gates(f.featureGates),
		StrictServices: !f.tolerateServices, StrictActions: !f.tolerateActions,
	}
}
