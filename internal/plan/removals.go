package plan

// removals come last, users before what they use. Listeners and rules that are no
// longer wanted have gone before; those of a load balancer that goes, go with it.
func (p *planner) removals() {
	if have := p.have.LoadBalancer; have != nil && p.want.LoadBalancer == nil {
		p.add(Delete, subject{loadBalancerKind, have.Key, have.Name}, unwanted, DeleteLoadBalancer{ID: p.have.IDs[have.Key]})
	}
	for _, have := range p.have.Bindings {
		if _, wanted := find(p.want.Bindings, have.Key, bindingKey); !wanted {
			p.add(Delete, subject{bindingKind, have.Key, have.Namespace + "/" + have.Name}, unwanted, DeleteBinding{Namespace: have.Namespace, Name: have.Name})
		}
	}
	for _, have := range p.have.TargetGroups {
		if _, wanted := find(p.want.TargetGroups, have.Key, targetGroupKey); !wanted {
			p.add(Delete, subject{targetGroupKind, have.Key, have.Name}, unwanted, DeleteTargetGroup{ID: p.have.IDs[have.Key]})
		}
	}
	for _, have := range p.have.SecurityGroups {
		if _, wanted := find(p.want.SecurityGroups, have.Key, securityGroupKey); !wanted {
			p.add(Delete, subject{securityGroupKind, have.Key, have.Name}, unwanted, DeleteSecurityGroup{ID: p.have.IDs[have.Key]})
		}
	}
}
