package elbv2

import (
	"net/netip"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// locateBalancer finds the load balancer that a target of type alb is: in the same VPC, active or not, with a listener on
// the target's port, which must be the group's ("Application Load Balancers as targets", NLB guide).
func (s *Service) locateBalancer(g *targetGroup, t *target) (netip.Addr, error) {
	b, err := s.balancer(t.id)
	switch {
	case err != nil || b.settings.kind != application:
		return netip.Addr{}, wire.Errorf("InvalidTarget", "The target '%s' is not an application load balancer", t.id)
	case b.vpcID != g.settings.vpcID:
		return netip.Addr{}, wire.Errorf("InvalidTarget", "The following targets are not in the target group VPC '%s': '%s'", g.settings.vpcID, t.id)
	case t.port != g.settings.port:
		return netip.Addr{}, wire.Errorf("InvalidTarget", "The port of an application load balancer must be that of the target group: %d", g.settings.port)
	case b.listenerOn(t.port) == nil:
		return netip.Addr{}, wire.Errorf("InvalidTarget", "The application load balancer '%s' has no listener on port %d", t.id, t.port)
	}
	return b.ip, nil
}

// groupTargeting finds a group of which a listener is a target, or nil.
func (s *Service) groupTargeting(balancerARN string, port int) *targetGroup {
	return find(s.groups, func(g *targetGroup) bool {
		return g.settings.targetType == "alb" && g.target(balancerARN, port) != nil
	})
}
