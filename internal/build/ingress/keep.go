package ingress

import (
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// kept is what rejected members have in AWS. It goes into the stack as it is, so that a
// typo costs nobody a request.
type kept struct {
	targetGroups []model.TargetGroup
	bindings     []model.Binding
	permissions  []model.Permission
	// listeners of ports that only rejected members listen on.
	listeners []model.Listener
	// rules by the member that had them.
	rules map[*part][]model.Rule
}

func keep(have model.Observed, j *joint) kept {
	out := kept{rules: map[*part][]model.Rule{}}
	ours := map[model.Key]bool{}
	for _, p := range j.accepted {
		for _, group := range p.targetGroups {
			ours[group.Key] = true
		}
	}
	for _, p := range j.parts {
		if !slices.Contains(j.accepted, p) {
			out.of(p, have, ours)
		}
	}
	out.ports(have, j)
	return out
}

// of keeps the target groups that were made for a member (their resource tag begins
// with it, and no accepted member has them), their bindings, and the rules that
// forward to nothing else.
func (k *kept) of(p *part, have model.Observed, taken map[model.Key]bool) {
	mine := map[model.Key]bool{}
	for _, group := range have.TargetGroups {
		if p.made(group.Key) && !taken[group.Key] {
			mine[group.Key], taken[group.Key] = true, true
			group.Attributes = nil // only what is wanted is compared
			k.targetGroups = append(k.targetGroups, group)
		}
	}
	for _, binding := range have.Bindings {
		if mine[binding.TargetGroup] {
			k.bindings = append(k.bindings, binding)
		}
	}
	for _, rule := range have.Rules {
		if onlyTo(rule.Action, mine) {
			k.rules[p] = append(k.rules[p], rule)
		}
	}
}

// made reports whether a target group was made for this member.
func (p *part) made(group model.Key) bool {
	return strings.HasPrefix(group.Resource(), p.Ingress.Namespace+"/"+p.Ingress.Name+"-")
}

func onlyTo(action model.Action, groups map[model.Key]bool) bool {
	return len(action.Forward) > 0 && !slices.ContainsFunc(action.Forward, func(t model.WeightedTarget) bool { return !groups[t.TargetGroup] })
}

// ports keeps listeners, and what lets clients in to them, where nobody else listens
// but kept rules need them.
func (k *kept) ports(have model.Observed, j *joint) {
	needed := map[model.Key]bool{}
	for _, rules := range k.rules {
		for _, rule := range rules {
			needed[rule.Listener] = true
		}
	}
	wanted := j.ports()
	for _, listener := range have.Listeners {
		if needed[listener.Key] && !slices.Contains(wanted, listener.Port) {
			if len(listener.Default.Forward) > 0 && !onlyTo(listener.Default, k.groups()) {
				listener.Default = notFound // it was that of a member that has left
			}
			k.listeners = append(k.listeners, listener)
			k.permissions = append(k.permissions, j.permissionsOf(listener.Port)...)
		}
	}
}

// fallback is the default action that a listener has for a rejected member.
func (k kept) fallback(have model.Observed, listener model.Key) (model.Action, bool) {
	groups := k.groups()
	for _, l := range have.Listeners {
		if l.Key == listener && onlyTo(l.Default, groups) {
			return l.Default, true
		}
	}
	return model.Action{}, false
}

// groups are the keys of the target groups that are kept.
func (k kept) groups() map[model.Key]bool {
	out := map[model.Key]bool{}
	for _, group := range k.targetGroups {
		out[group.Key] = true
	}
	return out
}
