package plan

import (
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

const listenerKind = "listener"

// secure is the protocol of listeners that have certificates.
const secure = "HTTPS"

func listenerSubject(key model.Key) subject { return subject{listenerKind, key, ""} }

// listeners are matched by port. Those of unwanted ports go first: they would take
// requests that nobody means to serve any more.
func (p *planner) listeners() {
	if p.want.LoadBalancer == nil {
		return
	}
	p.want = keepUnknown(p.want, p.have)
	for _, have := range p.have.Listeners {
		if _, ok := find(p.want.Listeners, have.Key, listenerKey); !ok {
			p.add(Delete, listenerSubject(have.Key), unwanted, DeleteListener{ID: p.have.IDs[have.Key]})
		}
	}
	for _, want := range p.want.Listeners {
		if have, exists := find(p.have.Listeners, want.Key, listenerKey); exists {
			p.modifyListener(want, have)
		} else {
			p.createListener(want)
		}
	}
	p.certificates()
}

func (p *planner) createListener(want model.Listener) {
	p.add(Create, listenerSubject(want.Key), missing, CreateListener{Want: want}, append(used(want.Default), model.LoadBalancerKey)...)
	if len(want.Attributes) > 0 {
		p.add(Modify, listenerSubject(want.Key), "is new and wants attributes", ModifyListenerAttributes{Listener: want.Key, Attributes: want.Attributes}, want.Key)
	}
}

func (p *planner) modifyListener(want, have model.Listener) {
	if changed := changedOf(want, have); len(changed) > 0 {
		p.add(Modify, listenerSubject(want.Key), strings.Join(changed, " and ")+" differ", ModifyListener{Want: want}, append(used(want.Default), want.Key)...)
	}
	if changed := differing(want.Attributes, have.Attributes); len(changed) > 0 {
		p.add(Modify, listenerSubject(want.Key), "attributes differ: "+list(changed), ModifyListenerAttributes{Listener: want.Key, Attributes: changed}, want.Key)
	}
	p.tagsOfRule(listenerSubject(want.Key), want.Tags, have.Tags)
}

// changedOf names what differs between two listeners of one port. A policy that is not
// said stays, as with the incumbent.
func changedOf(want, have model.Listener) []string {
	var changed []string
	for _, each := range []struct {
		what string
		same bool
	}{
		{"protocol or default action", want.Protocol == have.Protocol && model.SameAction(want.Default, have.Default)},
		{"certificate or TLS policy", want.Certificate == have.Certificate && (want.SSLPolicy == "" || want.SSLPolicy == have.SSLPolicy)},
	} {
		if !each.same {
			changed = append(changed, each.what)
		}
	}
	return changed
}

// certificates are those beside the default ones. A call takes one. They are added before
// others are removed, so that no name is without its certificate meanwhile.
func (p *planner) certificates() {
	var added, removed []Step
	count := 0
	for _, want := range p.want.Listeners {
		have := p.secured(want.Key)
		count += len(have)
		if want.Protocol != secure {
			continue // AWS drops them with the protocol
		}
		for _, arn := range beside(want.SNI, have) {
			added = append(added, step(Modify, listenerSubject(want.Key), "SNI certificates differ: + "+arn,
				AddListenerCertificate{Listener: want.Key, Certificate: arn}, want.Key))
		}
		for _, arn := range beside(have, want.SNI) {
			removed = append(removed, step(Modify, listenerSubject(want.Key), "SNI certificates differ: - "+arn,
				RemoveListenerCertificate{Listener: want.Key, Certificate: arn}, want.Key))
		}
	}
	p.inTurn(added, removed, count, p.have.Limits.Certificates)
}

// secured are the certificates that a listener has beside the default one.
func (p *planner) secured(listener model.Key) []string {
	have, exists := find(p.have.Listeners, listener, listenerKey)
	if !exists || have.Protocol != secure {
		return nil
	}
	return have.SNI
}

// beside are the entries of a that b does not have.
func beside(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return slices.Contains(b, s) })
}

// inTurn puts what is made before what goes, so that nothing is missing meanwhile. Where
// it is known how many there can be, something goes before each that would be too many.
func (p *planner) inTurn(made, gone []Step, count, limit int) {
	for _, step := range made {
		for limit > 0 && count >= limit && len(gone) > 0 {
			p.steps = append(p.steps, gone[0])
			gone = gone[1:]
			count--
		}
		p.steps = append(p.steps, step)
		count++
	}
	p.steps = append(p.steps, gone...)
}
