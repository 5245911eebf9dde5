package plan

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

const securityGroupKind, targetGroupKind, bindingKind = "security group", "target group", "target group binding"

func (p *planner) securityGroups() {
	for _, want := range p.want.SecurityGroups {
		have, exists := find(p.have.SecurityGroups, want.Key, securityGroupKey)
		if !exists {
			p.add(Create, subject{securityGroupKind, want.Key, want.Name}, missing, CreateSecurityGroup{Want: want})
		} else {
			p.tags(subject{securityGroupKind, want.Key, want.Name}, want.Tags, have.Tags, keepLegacy)
		}
		p.permissions(want, have)
	}
}

// permissions opens what is missing before it closes what is too much, so that a
// changed source never leaves a moment without either.
func (p *planner) permissions(want, have model.SecurityGroup) {
	if missing := lacking(want.Ingress, have.Ingress); len(missing) > 0 {
		p.add(Modify, subject{securityGroupKind, want.Key, want.Name}, "lacks permissions: "+describe(missing),
			AuthorizeIngress{Group: want.Key, Permissions: missing}, want.Key)
	}
	if surplus := lacking(have.Ingress, want.Ingress); len(surplus) > 0 {
		p.add(Modify, subject{securityGroupKind, want.Key, want.Name}, "has permissions that are not wanted: "+describe(surplus),
			RevokeIngress{Group: want.Key, Permissions: surplus}, want.Key)
	}
}

// lacking are the permissions of a that b does not have.
func lacking(a, b []model.Permission) []model.Permission {
	var out []model.Permission
	for _, permission := range a {
		same := func(other model.Permission) bool { return other.Identity() == permission.Identity() }
		if !slices.ContainsFunc(b, same) {
			out = append(out, permission)
		}
	}
	return out
}

func describe(permissions []model.Permission) string {
	parts := make([]string, len(permissions))
	for i, p := range permissions {
		parts[i] = fmt.Sprintf("%s %d-%d from %s", p.Protocol, p.FromPort, p.ToPort, cmp.Or(p.CIDR, p.CIDR6, p.PrefixList, p.SourceGroup))
	}
	return strings.Join(parts, ", ")
}

func (p *planner) targetGroups() {
	for _, want := range p.want.TargetGroups {
		have, exists := find(p.have.TargetGroups, want.Key, targetGroupKey)
		if !exists {
			p.add(Create, subject{targetGroupKind, want.Key, want.Name}, missing, CreateTargetGroup{Want: want})
			if len(want.Attributes) > 0 {
				p.add(Modify, subject{targetGroupKind, want.Key, want.Name}, "is new and wants attributes",
					ModifyTargetGroupAttributes{Group: want.Key, Attributes: want.Attributes}, want.Key)
			}
			continue
		}
		p.targetGroup(want, have)
	}
}

func (p *planner) targetGroup(want, have model.TargetGroup) {
	if want.HealthCheck != have.HealthCheck {
		p.add(Modify, subject{targetGroupKind, want.Key, have.Name}, "health check differs: "+list(differing(want.HealthCheck.Settings(), have.HealthCheck.Settings())),
			ModifyHealthCheck{Group: want.Key, Want: want.HealthCheck}, want.Key)
	}
	if changed := differing(want.Attributes, have.Attributes); len(changed) > 0 {
		p.add(Modify, subject{targetGroupKind, want.Key, have.Name}, "attributes differ: "+list(changed),
			ModifyTargetGroupAttributes{Group: want.Key, Attributes: changed}, want.Key)
	}
	p.tags(subject{targetGroupKind, want.Key, have.Name}, want.Tags, have.Tags, keepLegacy)
}

// bindings: an existing object keeps its name and namespace, as its target group does.
func (p *planner) bindings() {
	for _, want := range p.want.Bindings {
		have, exists := find(p.have.Bindings, want.Key, bindingKey)
		if !exists {
			p.add(Create, subject{bindingKind, want.Key, want.Namespace + "/" + want.Name}, missing, CreateBinding{Want: want}, want.TargetGroup)
			continue
		}
		want.Namespace, want.Name = have.Namespace, have.Name
		now := want
		if p.changesGroups() {
			now.Sources = both(want.Sources, have.Sources)
		}
		if !reflect.DeepEqual(now, have) {
			p.add(Modify, bindingSubject(now), "differs from what is wanted", ModifyBinding{Want: now}, want.TargetGroup)
		}
	}
}

// closeSources runs when the load balancer has its new security groups: until then targets
// let in the old ones as well as the new, or requests would be lost in between.
func (p *planner) closeSources() {
	if !p.changesGroups() {
		return
	}
	for _, want := range p.want.Bindings {
		have, exists := find(p.have.Bindings, want.Key, bindingKey)
		if exists && len(both(want.Sources, have.Sources)) > len(want.Sources) {
			want.Namespace, want.Name = have.Namespace, have.Name
			p.add(Modify, bindingSubject(want), "lets in security groups that the load balancer has no more", ModifyBinding{Want: want}, want.TargetGroup)
		}
	}
}

func bindingSubject(binding model.Binding) subject {
	return subject{bindingKind, binding.Key, binding.Namespace + "/" + binding.Name}
}

// changesGroups reports whether a load balancer that stays gets other security groups.
func (p *planner) changesGroups() bool {
	want, have := p.want.LoadBalancer, p.have.LoadBalancer
	return want != nil && have != nil && !sameSet(want.SecurityGroups, have.SecurityGroups)
}

// both are the wanted sources, and behind them those of before that are not among them.
func both(want, have []model.Source) []model.Source {
	out := slices.Clone(want)
	for _, source := range have {
		if !slices.ContainsFunc(want, func(s model.Source) bool { return reflect.DeepEqual(s, source) }) {
			out = append(out, source)
		}
	}
	return out
}
