package elbv2

import (
	"strconv"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
)

type describeAccountLimitsInput struct{ paging }

type describeAccountLimitsOutput struct {
	Limits     []limit `xml:"Limits>member"`
	NextMarker string  `xml:",omitempty"`
}

type limit struct {
	number int
	Name   string
	Max    string
}

// shownLimits are the names under which DescribeAccountLimits shows quotas ("Limit" in the API reference); fixed where a
// quota is not kept here.
var shownLimits = []struct {
	name, quota string
	fixed       int
}{
	{name: "application-load-balancers", quota: quota.LoadBalancers},
	{name: "ca-certificates-per-trust-store", fixed: 25},
	{name: "certificates-per-application-load-balancer", quota: quota.CertificatesPerLoadBalancer},
	{name: "certificates-per-network-load-balancer", quota: quota.CertificatesPerLoadBalancer},
	{name: "condition-values-per-alb-rule", quota: quota.ConditionValuesPerRule},
	{name: "condition-wildcards-per-alb-rule", quota: quota.ConditionWildcardsPerRule},
	{name: "gateway-load-balancers", fixed: 100},
	{name: "gateway-load-balancers-per-vpc", fixed: 100},
	{name: "geneve-target-groups", fixed: 100},
	{name: "listeners-per-application-load-balancer", quota: quota.ListenersPerLoadBalancer},
	{name: "listeners-per-network-load-balancer", quota: quota.ListenersPerLoadBalancer},
	{name: "network-load-balancer-enis-per-vpc", fixed: 1200},
	{name: "network-load-balancers", quota: quota.NetworkLoadBalancers},
	{name: "revocation-entries-per-trust-store", fixed: 500000},
	{name: "rules-per-application-load-balancer", quota: quota.RulesPerLoadBalancer},
	{name: "target-groups", quota: quota.TargetGroups},
	{name: "target-groups-per-action-on-application-load-balancer", quota: quota.TargetGroupsPerAction},
	{name: "target-groups-per-action-on-network-load-balancer", quota: quota.TargetGroupsPerAction},
	{name: "target-groups-per-application-load-balancer", quota: quota.TargetGroupsPerLoadBalancer},
	{name: "targets-per-application-load-balancer", quota: quota.TargetsPerLoadBalancer},
	{name: "targets-per-availability-zone-per-gateway-load-balancer", fixed: 300},
	{name: "targets-per-availability-zone-per-network-load-balancer", fixed: 500},
	{name: "targets-per-network-load-balancer", quota: quota.TargetsPerNetwork},
	{name: "targets-per-target-group", quota: quota.TargetsPerTargetGroup},
	{name: "trust-stores", quota: quota.TrustStores},
}

func (s *Service) describeAccountLimits(in describeAccountLimitsInput) (describeAccountLimitsOutput, error) {
	var all []limit
	for i, shown := range shownLimits {
		most := shown.fixed
		if shown.quota != "" {
			most = s.Limits[shown.quota]
		}
		all = append(all, limit{number: i, Name: shown.name, Max: strconv.Itoa(most)})
	}
	cut, next, err := page(all, in.paging, func(l limit) int { return l.number })
	return describeAccountLimitsOutput{Limits: cut, NextMarker: next}, err
}
