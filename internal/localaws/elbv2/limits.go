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

// shownLimits are the names under which DescribeAccountLimits shows quotas; fixed where a quota is not kept here.
var shownLimits = []struct {
	name, quota string
	fixed       int
}{
	{name: "application-load-balancers", quota: quota.LoadBalancers},
	{name: "listeners-per-application-load-balancer", quota: quota.ListenersPerLoadBalancer},
	{name: "rules-per-application-load-balancer", quota: quota.RulesPerLoadBalancer},
	{name: "target-groups-per-application-load-balancer", quota: quota.TargetGroupsPerLoadBalancer},
	{name: "target-groups-per-action-on-application-load-balancer", quota: quota.TargetGroupsPerAction},
	{name: "targets-per-application-load-balancer", quota: quota.TargetsPerLoadBalancer},
	{name: "condition-values-per-alb-rule", quota: quota.ConditionValuesPerRule},
	{name: "condition-wildcards-per-alb-rule", quota: quota.ConditionWildcardsPerRule},
	{name: "certificates-per-application-load-balancer", fixed: 25},
	{name: "target-groups", quota: quota.TargetGroups},
	{name: "targets-per-target-group", quota: quota.TargetsPerTargetGroup},
	{name: "network-load-balancers", fixed: 50},
	{name: "listeners-per-network-load-balancer", fixed: 50},
	{name: "targets-per-network-load-balancer", fixed: 3000},
	{name: "targets-per-availability-zone-per-network-load-balancer", fixed: 500},
	{name: "certificates-per-network-load-balancer", fixed: 25},
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
