package elbv2

import "net/netip"

// RegisteredTarget is a target as the API shows it and as the data plane has it.
type RegisteredTarget struct {
	Group   string // its ARN
	Name    string // of the group
	Address netip.AddrPort
	State   string
	Reason  string
	// Serving: the load balancer sends it requests, whatever the API says.
	Serving bool
}

// Registered lists the targets of all groups.
func (s *Service) Registered() []RegisteredTarget {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []RegisteredTarget
	for _, g := range s.groups {
		b := s.balancerOf(g)
		for _, t := range g.targets {
			seen := s.health(b, g, t)
			serving := t.member != nil && !t.leaving && g.pool.Serving() && t.member.Health().State == "healthy"
			list = append(list, RegisteredTarget{Group: g.arn, Name: g.settings.name, Address: t.addr, State: seen.State, Reason: seen.Reason, Serving: serving})
		}
	}
	return list
}
