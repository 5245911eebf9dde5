package elbv2

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type forwardConfig struct {
	Groups     []weightedGroup   `form:"TargetGroups" xml:"TargetGroups>member"`
	Stickiness *stickinessConfig `form:"TargetGroupStickinessConfig" xml:"TargetGroupStickinessConfig"`
}

type weightedGroup struct {
	ARN    string `form:"TargetGroupArn" xml:"TargetGroupArn" required:"true"`
	Weight *int   `range:"0,999"`
}

type stickinessConfig struct {
	Enabled  bool
	Duration *int `form:"DurationSeconds" xml:"DurationSeconds,omitempty" range:"1,604800"`
}

// checkForward brings both ways to write a forward action (a group, or a configuration of groups) into one form.
func (s *Service) checkForward(at place, a *action) error {
	config := a.Forward
	if config == nil || len(config.Groups) == 0 {
		if a.GroupARN == "" {
			return wire.Errorf("ValidationError", "A target group ARN must be specified")
		}
		config = &forwardConfig{Groups: []weightedGroup{{ARN: a.GroupARN}}, Stickiness: stickinessOf(config)}
	}
	if a.GroupARN != "" && (len(config.Groups) != 1 || config.Groups[0].ARN != a.GroupARN) {
		return wire.Errorf("InvalidLoadBalancerAction", "TargetGroupArn and ForwardConfig name different target groups")
	}
	if config.Stickiness == nil {
		config.Stickiness = &stickinessConfig{}
	}
	if config.Stickiness.Enabled && config.Stickiness.Duration == nil {
		return wire.Errorf("ValidationError", "A duration must be specified for target group stickiness")
	}
	if config.Stickiness.Enabled && at.balancer.settings.kind == network {
		return wire.Errorf("InvalidLoadBalancerAction", "Target group stickiness is not supported by network load balancers")
	}
	groups, err := s.checkForwardGroups(at, config)
	if err != nil {
		return err
	}
	a.Forward = &forwardConfig{Groups: groups, Stickiness: config.Stickiness}
	a.GroupARN = ""
	if len(groups) == 1 {
		a.GroupARN = groups[0].ARN
	}
	return nil
}

func stickinessOf(c *forwardConfig) *stickinessConfig {
	if c == nil {
		return nil
	}
	return c.Stickiness
}

func (s *Service) checkForwardGroups(at place, config *forwardConfig) ([]weightedGroup, error) {
	given := config.Groups
	if limit := s.Limits[quota.TargetGroupsPerAction]; len(given) > limit {
		return nil, wire.Errorf("ValidationError", "Up to '%d' target groups can be specified in a forward action", limit)
	}
	used := s.groupsOf(at.balancer)
	targets := 0
	for g := range used {
		targets += len(g.targets)
	}
	groups := slices.Clone(given)
	for i, w := range given {
		g, err := s.group(w.ARN)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(given[:i], func(o weightedGroup) bool { return o.ARN == w.ARN }) {
			return nil, wire.Errorf("ValidationError", "Target group '%s' is specified more than once", w.ARN)
		}
		if err := s.checkAssociation(at, g); err != nil {
			return nil, err
		}
		if len(given) > 1 && !config.Stickiness.Enabled && g.attribute("stickiness.enabled") == "true" && at.balancer.settings.kind == application {
			return nil, wire.Errorf("InvalidLoadBalancerAction", "Target group stickiness must be enabled, because target group '%s' is sticky", g.arn)
		}
		if w.Weight == nil {
			groups[i].Weight = new(1)
		}
		if !used[g] {
			used[g] = true
			targets += len(g.targets)
		}
	}
	return groups, s.checkUsed(at.balancer, len(used), targets)
}

// checkUsed applies the quotas of a load balancer to what it would have.
func (s *Service) checkUsed(b *loadBalancer, groups, targets int) error {
	if groups > s.Limits[quota.TargetGroupsPerLoadBalancer] {
		return wire.Errorf("TooManyUniqueTargetGroupsPerLoadBalancer",
			"The maximum number of unique target groups has been reached on load balancer '%s'", b.arn)
	}
	if targets > s.Limits[b.targetQuota()] {
		return wire.Errorf("TooManyTargets", "The maximum number of targets has been reached on load balancer '%s'", b.arn)
	}
	return nil
}

func (b *loadBalancer) targetQuota() string {
	if b.settings.kind == network {
		return quota.TargetsPerNetwork
	}
	return quota.TargetsPerLoadBalancer
}

// groupProtocols are the protocols of groups that a listener can forward to ("Target groups for your Network Load
// Balancers" and "… Application Load Balancers").
var groupProtocols = map[string][]string{
	"HTTP": {"HTTP", "HTTPS"}, "HTTPS": {"HTTP", "HTTPS"},
	"TCP": {"TCP", "TCP_UDP"}, "TLS": {"TCP", "TLS"}, "UDP": {"UDP", "TCP_UDP"}, "TCP_UDP": {"TCP_UDP"},
}

// checkAssociation checks that a load balancer may forward to a group.
func (s *Service) checkAssociation(at place, g *targetGroup) error {
	b := at.balancer
	switch {
	case g.settings.vpcID != b.vpcID:
		return wire.Errorf("InvalidConfigurationRequest", "The target group '%s' is not in the load balancer's VPC '%s'", g.arn, b.vpcID)
	case !slices.Contains(groupProtocols[at.protocol], g.settings.protocol):
		return wire.Errorf("IncompatibleProtocols", "A listener of protocol '%s' cannot forward to target group '%s' of protocol '%s'", at.protocol, g.arn, g.settings.protocol)
	case at.protocol == "HTTP" && (g.settings.version == "HTTP2" || g.settings.version == "GRPC"):
		return wire.Errorf("InvalidConfigurationRequest", "Listener protocol 'HTTP' is not supported with a target group with the protocol-version '%s'", g.settings.version)
	case g.settings.addressType == "ipv6" && b.settings.addressType == "ipv4":
		return wire.Errorf("InvalidConfigurationRequest", "The target group '%s' has IPv6 targets: the load balancer must be dualstack", g.arn)
	}
	if other := s.balancerOf(g); other != nil && other != b {
		return wire.Errorf("TargetGroupAssociationLimit",
			"The following target groups cannot be associated with more than one load balancer: %s", g.arn)
	}
	return nil
}
