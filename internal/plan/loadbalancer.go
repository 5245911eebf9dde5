package plan

import (
	"fmt"
	"slices"

	"github.com/sluice-lb/sluice/internal/model"
)

const loadBalancerKind = "load balancer"

// onlyIPv4 is the type that asks least of subnets and allows least in target groups.
const onlyIPv4 = "ipv4"

func (p *planner) loadBalancer() {
	want, have := p.want.LoadBalancer, p.have.LoadBalancer
	if want == nil {
		return
	}
	if have != nil && have.Scheme != want.Scheme {
		p.add(Delete, subject{loadBalancerKind, have.Key, have.Name}, fmt.Sprintf("its scheme is %s, wanted %s, and a scheme cannot be changed", have.Scheme, want.Scheme),
			DeleteLoadBalancer{ID: p.have.IDs[have.Key]})
		p.have.LoadBalancer, p.have.Listeners, p.have.Rules, have = nil, nil, nil, nil
	}
	if have == nil {
		p.createLoadBalancer(*want)
		return
	}
	p.modifyLoadBalancer(*want, *have)
}

func (p *planner) createLoadBalancer(want model.LoadBalancer) {
	p.add(Create, subject{loadBalancerKind, want.Key, want.Name}, missing, CreateLoadBalancer{Want: want}, ownKeys(want.SecurityGroups)...)
	if len(want.Attributes) > 0 {
		p.add(Modify, subject{loadBalancerKind, want.Key, want.Name}, "is new and wants attributes",
			ModifyLoadBalancerAttributes{LoadBalancer: want.Key, Attributes: want.Attributes}, want.Key)
	}
}

func (p *planner) modifyLoadBalancer(want, have model.LoadBalancer) {
	p.tags(subject{loadBalancerKind, want.Key, have.Name}, want.Tags, have.Tags, keepLegacy)
	if !sameSet(want.SecurityGroups, have.SecurityGroups) {
		p.add(Modify, subject{loadBalancerKind, want.Key, have.Name}, fmt.Sprintf("security groups are %v, wanted %v", have.SecurityGroups, want.SecurityGroups),
			SetSecurityGroups{SecurityGroups: want.SecurityGroups}, append(ownKeys(want.SecurityGroups), want.Key)...)
	}
	if !narrows(want, have) {
		p.subnets(want, have)
		p.addressType(want, have)
	}
	if changed := differing(want.Attributes, have.Attributes); len(changed) > 0 {
		p.add(Modify, subject{loadBalancerKind, want.Key, have.Name}, "attributes differ: "+list(changed),
			ModifyLoadBalancerAttributes{LoadBalancer: want.Key, Attributes: changed}, want.Key)
	}
}

// narrows reports whether a load balancer gives IPv6 up. It can do so only when no rule
// sends to IPv6 targets any more, and have subnets without IPv6 only after that.
func narrows(want, have model.LoadBalancer) bool {
	return want.IPAddressType == onlyIPv4 && have.IPAddressType != onlyIPv4
}

// narrowing runs after all rules have been changed.
func (p *planner) narrowing() {
	want, have := p.want.LoadBalancer, p.have.LoadBalancer
	if want != nil && have != nil && narrows(*want, *have) {
		p.addressType(*want, *have)
		p.subnets(*want, *have)
	}
}

func (p *planner) subnets(want, have model.LoadBalancer) {
	if !sameSet(want.Subnets, have.Subnets) {
		p.add(Modify, subject{loadBalancerKind, want.Key, have.Name}, fmt.Sprintf("subnets are %v, wanted %v", have.Subnets, want.Subnets),
			SetSubnets{Subnets: want.Subnets}, want.Key)
	}
}

func (p *planner) addressType(want, have model.LoadBalancer) {
	if want.IPAddressType != have.IPAddressType {
		p.add(Modify, subject{loadBalancerKind, want.Key, have.Name}, fmt.Sprintf("IP address type is %s, wanted %s", have.IPAddressType, want.IPAddressType),
			SetIPAddressType{Type: want.IPAddressType}, want.Key)
	}
}

func ownKeys(keys []model.Key) []model.Key {
	var own []model.Key
	for _, key := range keys {
		if key == model.SecurityGroupKey {
			own = append(own, key)
		}
	}
	return own
}

func sameSet[T ~string](a, b []T) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
