package elbv2

import "slices"

// groupARNs are the groups that an action forwards to.
func (a action) groupARNs() []string {
	var arns []string
	if a.Forward != nil {
		for _, g := range a.Forward.Groups {
			arns = append(arns, g.ARN)
		}
	}
	return arns
}

// groupsOf are the groups that a load balancer forwards to.
func (s *Service) groupsOf(b *loadBalancer) map[*targetGroup]bool {
	arns := map[string]bool{}
	for _, l := range b.listeners {
		for _, r := range l.rules {
			for _, a := range r.effective() {
				for _, arn := range a.groupARNs() {
					arns[arn] = true
				}
			}
		}
	}
	groups := map[*targetGroup]bool{}
	for _, g := range s.groups {
		if arns[g.arn] {
			groups[g] = true
		}
	}
	return groups
}

// balancerOf is the load balancer that forwards to a group, or nil.
func (s *Service) balancerOf(g *targetGroup) *loadBalancer {
	return find(s.balancers, func(b *loadBalancer) bool { return b.uses(g) })
}

func (b *loadBalancer) uses(g *targetGroup) bool {
	for _, l := range b.listeners {
		for _, r := range l.rules {
			for _, a := range r.effective() {
				if slices.Contains(a.groupARNs(), g.arn) {
					return true
				}
			}
		}
	}
	return false
}
