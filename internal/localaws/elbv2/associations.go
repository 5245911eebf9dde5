package elbv2

// forwards calls f with every group that the load balancer's rules, default rules among them, forward to.
func (b *loadBalancer) forwards(f func(groupARN string)) {
	for _, l := range b.listeners {
		for _, r := range l.rules {
			for _, a := range r.effective() {
				if a.Forward == nil {
					continue
				}
				for _, w := range a.Forward.Groups {
					f(w.ARN)
				}
			}
		}
	}
}

// groupsOf are the groups that a load balancer forwards to.
func (s *Service) groupsOf(b *loadBalancer) map[*targetGroup]bool {
	arns := map[string]bool{}
	b.forwards(func(arn string) { arns[arn] = true })
	groups := map[*targetGroup]bool{}
	for _, g := range s.groups {
		if arns[g.arn] {
			groups[g] = true
		}
	}
	return groups
}

// balancerOf is the load balancer that forwards to a group, or nil. There is at most one.
func (s *Service) balancerOf(g *targetGroup) *loadBalancer {
	return find(s.balancers, func(b *loadBalancer) bool {
		used := false
		b.forwards(func(arn string) { used = used || arn == g.arn })
		return used
	})
}

// balancersByGroup is balancerOf for all groups at once, for calls that list many.
func (s *Service) balancersByGroup() map[string]*loadBalancer {
	all := map[string]*loadBalancer{}
	for _, b := range s.balancers {
		b.forwards(func(arn string) { all[arn] = b })
	}
	return all
}
