package plan

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

const loadBalancerKind, listenerKind = "load balancer", "listener"

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
	if !sameSet(want.Subnets, have.Subnets) {
		p.add(Modify, subject{loadBalancerKind, want.Key, have.Name}, fmt.Sprintf("subnets are %v, wanted %v", have.Subnets, want.Subnets),
			SetSubnets{Subnets: want.Subnets}, want.Key)
	}
	if changed := differing(want.Attributes, have.Attributes); len(changed) > 0 {
		p.add(Modify, subject{loadBalancerKind, want.Key, have.Name}, "attributes differ: "+list(changed),
			ModifyLoadBalancerAttributes{LoadBalancer: want.Key, Attributes: changed}, want.Key)
	}
}

// listeners are matched by port. Those of unwanted ports go first: they would take
// requests that nobody means to serve any more.
func (p *planner) listeners() {
	if p.want.LoadBalancer == nil {
		return
	}
	for _, have := range p.have.Listeners {
		if _, ok := find(p.want.Listeners, have.Key, listenerKey); !ok {
			p.add(Delete, subject{listenerKind, have.Key, ""}, unwanted, DeleteListener{ID: p.have.IDs[have.Key]})
		}
	}
	for _, want := range p.want.Listeners {
		have, exists := find(p.have.Listeners, want.Key, listenerKey)
		if !exists {
			p.add(Create, subject{listenerKind, want.Key, ""}, missing, CreateListener{Want: want}, append(used(want.Default), model.LoadBalancerKey)...)
			continue
		}
		if changed := changedOf(want, have); len(changed) > 0 {
			p.add(Modify, subject{listenerKind, want.Key, ""}, strings.Join(changed, " and ")+" differ", ModifyListener{Want: want}, append(used(want.Default), want.Key)...)
		}
		p.tags(subject{listenerKind, want.Key, ""}, want.Tags, have.Tags, nil)
	}
}

// changedOf names what differs between two listeners of one port.
func changedOf(want, have model.Listener) []string {
	var changed []string
	for _, each := range []struct {
		what string
		same bool
	}{
		{"protocol or default action", want.Protocol == have.Protocol && sameAction(want.Default, have.Default)},
		{"certificate or TLS policy", want.Certificate == have.Certificate && want.SSLPolicy == have.SSLPolicy},
	} {
		if !each.same {
			changed = append(changed, each.what)
		}
	}
	return changed
}

// sameAction compares as the incumbent does: the order of target groups does not
// matter, nor the weight of a single one.
func sameAction(a, b model.Action) bool {
	return reflect.DeepEqual(canonical(a), canonical(b))
}

func canonical(action model.Action) model.Action {
	targets := slices.Clone(action.Forward)
	slices.SortFunc(targets, func(a, b model.WeightedTarget) int {
		return strings.Compare(string(a.TargetGroup), string(b.TargetGroup))
	})
	if len(targets) == 1 {
		targets[0].Weight = nil
	}
	if len(targets) == 0 {
		targets = nil
	}
	action.Forward = targets
	return action
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
