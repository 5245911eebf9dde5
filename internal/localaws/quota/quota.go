// Package quota holds the default quotas of an AWS account and what a user changed of them.
//
//	limits, err := quota.With(map[string]int{"elbv2/load-balancers": 100})
//	if len(balancers) >= limits[quota.LoadBalancers] { … }
//
// Defaults: "Quotas for your Application Load Balancers" (ALB guide), "Quotas for your Network Load Balancers" (NLB
// guide), "Amazon VPC quotas" (VPC guide) and "Elastic IP addresses" (EC2 guide).
package quota

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The quotas that are kept.
const (
	LoadBalancers               = "elbv2/load-balancers"
	ListenersPerLoadBalancer    = "elbv2/listeners-per-load-balancer"
	RulesPerLoadBalancer        = "elbv2/rules-per-load-balancer"
	TargetsPerLoadBalancer      = "elbv2/targets-per-load-balancer"
	TargetGroupsPerLoadBalancer = "elbv2/target-groups-per-load-balancer"
	TargetGroupsPerAction       = "elbv2/target-groups-per-action"
	ConditionValuesPerRule      = "elbv2/condition-values-per-rule"
	ConditionWildcardsPerRule   = "elbv2/condition-wildcards-per-rule"
	TargetGroups                = "elbv2/target-groups"
	TargetsPerTargetGroup       = "elbv2/targets-per-target-group"
	CertificatesPerLoadBalancer = "elbv2/certificates-per-load-balancer"
	NetworkLoadBalancers        = "elbv2/network-load-balancers"
	TargetsPerNetwork           = "elbv2/targets-per-network-load-balancer"
	TrustStores                 = "elbv2/trust-stores"
	CapacityUnits               = "elbv2/capacity-units"
	CapacityUnitsPerBalancer    = "elbv2/capacity-units-per-load-balancer"
	AddressesPerRegion          = "ec2/addresses"
	SecurityGroupsPerVPC        = "ec2/security-groups-per-vpc"
	SecurityGroupsPerInterface  = "ec2/security-groups-per-interface"
	RulesPerSecurityGroup       = "ec2/rules-per-security-group"
)

// Limits is a number for every quota.
type Limits map[string]int

var defaults = Limits{
	LoadBalancers:               50,
	ListenersPerLoadBalancer:    50,
	RulesPerLoadBalancer:        100,
	TargetsPerLoadBalancer:      1000,
	TargetGroupsPerLoadBalancer: 100,
	TargetGroupsPerAction:       5,
	ConditionValuesPerRule:      5,
	ConditionWildcardsPerRule:   6,
	TargetGroups:                3000,
	TargetsPerTargetGroup:       1000,
	CertificatesPerLoadBalancer: 25,
	NetworkLoadBalancers:        50,
	TargetsPerNetwork:           3000,
	TrustStores:                 20,
	CapacityUnits:               0, // a Region has none until it is asked for
	CapacityUnitsPerBalancer:    15000,
	AddressesPerRegion:          5,
	SecurityGroupsPerVPC:        2500,
	SecurityGroupsPerInterface:  5,
	RulesPerSecurityGroup:       60,
}

// With returns the defaults with the overrides. A name that is no quota is an error.
func With(overrides map[string]int) (Limits, error) {
	limits := maps.Clone(defaults)
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		if _, ok := defaults[name]; !ok {
			return nil, fmt.Errorf("quota %q: no such quota; there are %s", name,
				strings.Join(slices.Sorted(maps.Keys(defaults)), ", "))
		}
		if overrides[name] < 0 {
			return nil, fmt.Errorf("quota %q: %d is negative", name, overrides[name])
		}
		limits[name] = overrides[name]
	}
	return limits, nil
}
