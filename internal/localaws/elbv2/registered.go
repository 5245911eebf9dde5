package elbv2

import (
	"net/netip"
	"time"
)

// RegisteredTarget is a target as the API shows it and as the data plane has it.
type RegisteredTarget struct {
	Group   string         `json:"group"` // its ARN
	Name    string         `json:"name"`  // of the group
	Address netip.AddrPort `json:"address"`
	State   string         `json:"state"`
	Reason  string         `json:"reason,omitempty"`
	// Serving: the load balancer sends it requests, whatever the API says.
	Serving bool `json:"serving"`
	// Registered is when the API took the registration; HealthySince when the target became healthy, zero while it is not.
	Registered   time.Time `json:"registered"`
	HealthySince time.Time `json:"healthySince,omitzero"`
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
			registered := RegisteredTarget{
				Group: g.arn, Name: g.settings.name, Address: t.addr, State: seen.State, Reason: seen.Reason, Serving: serving, Registered: t.registered,
			}
			if t.member != nil {
				registered.HealthySince = t.member.HealthySince()
			}
			list = append(list, registered)
		}
	}
	return list
}
