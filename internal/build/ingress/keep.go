package ingress

import (
	"cmp"
	"reflect"
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
	// stay are the target groups that the stack will have, these and those of others.
	stay map[model.Key]bool
	// defaults are the listeners whose default action a rejected member asks for.
	defaults map[model.Key]bool
}

// keep finds what rejected members have:
//
//  1. the target groups that were made for a member, their bindings, and the rules that
//     forward to nothing else
//  2. rules with the conditions that a member asks for, as far as they can be read, and that
//     nobody else wants: they redirect, answer, forward to target groups of others, or do
//     what only somebody else can say
//  3. the listeners that these need
func keep(have model.Observed, j *joint) kept {
	out := kept{rules: map[*part][]model.Rule{}, stay: map[model.Key]bool{}, defaults: map[model.Key]bool{}}
	for _, p := range j.accepted {
		for _, group := range p.targetGroups {
			out.stay[group.Key] = out.stay[group.Key] || j.serves(p)
		}
	}
	rejected := slices.DeleteFunc(slices.Clone(j.parts), func(p *part) bool { return slices.Contains(j.accepted, p) })
	for _, p := range rejected {
		out.of(p, have, j)
	}
	left := out.unclaimed(have, j)
	for _, p := range rejected {
		left = out.matching(p, have, left)
	}
	out.ports(have, j, rejected)
	return out
}

// of keeps the target groups that were made for a member (and that no accepted member
// has), their bindings, and the rules that forward to nothing else.
func (k *kept) of(p *part, have model.Observed, j *joint) {
	mine := map[model.Key]bool{}
	for _, group := range have.TargetGroups {
		if j.madeFor(p, group.Key) && !k.stay[group.Key] {
			mine[group.Key], k.stay[group.Key] = true, true
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
	for _, listener := range have.Listeners {
		if p.fallback != nil && p.mayListen(listener.Port) {
			k.defaults[listener.Key] = true
		}
	}
}

// mayListen reports whether a member listens on a port, as far as that can be read.
func (p *part) mayListen(port int32) bool {
	_, err := p.set.ListenPorts()
	return err != nil || slices.Contains(p.ports, port)
}

// madeFor reports whether a target group was made for a member: its resource tag is what the
// member's backends have, or begins with the member's name and with no longer one of another.
func (j *joint) madeFor(p *part, group model.Key) bool {
	names := func(p *part) bool {
		return slices.ContainsFunc(Backends(p.Ingress), func(b Backend) bool { return Resource(p.Ingress, b.Service, b.Port) == group.Resource() })
	}
	begins := func(p *part) bool {
		return strings.HasPrefix(group.Resource(), p.Ingress.Namespace+"/"+p.Ingress.Name+"-")
	}
	nearer := func(other *part) bool {
		return begins(other) && (len(other.Ingress.Name) > len(p.Ingress.Name) || names(other))
	}
	return begins(p) && (names(p) || !slices.ContainsFunc(j.parts, nearer))
}

func onlyTo(action model.Action, groups map[model.Key]bool) bool {
	return len(action.Forward) > 0 && !slices.ContainsFunc(action.Forward, func(t model.WeightedTarget) bool { return !groups[t.TargetGroup] })
}

// unclaimed are the rules that are not kept yet and that no accepted member wants. Of
// several with the same conditions, accepted members take first those that do what they
// ask for.
func (k *kept) unclaimed(have model.Observed, j *joint) []model.Rule {
	var left []model.Rule
	for _, rule := range have.Rules {
		if !k.has(rule) && k.stands(rule.Action) {
			left = append(left, rule)
		}
	}
	var wanted []model.Rule
	for _, p := range j.accepted {
		for _, listener := range have.Listeners {
			if slices.Contains(p.ports, listener.Port) {
				wanted = append(wanted, keyed(listener, p.rules)...)
			}
		}
	}
	_, left = assign(wanted, left)
	return left
}

// assign gives observed rules to those that ask for their conditions, each to one: first to
// those that ask for what the rule does, too.
func assign(asked, left []model.Rule) (given, rest []model.Rule) {
	asked, left = slices.Clone(asked), slices.Clone(left)
	for _, fits := range []func(want, have model.Rule) bool{model.SameEffect, func(model.Rule, model.Rule) bool { return true }} {
		asked = slices.DeleteFunc(asked, func(want model.Rule) bool {
			i := slices.IndexFunc(left, func(rule model.Rule) bool { return base(rule) == want.Key && fits(want, rule) })
			if i < 0 {
				return false
			}
			given = append(given, left[i])
			left = slices.Delete(left, i, i+1)
			return true
		})
	}
	return given, left
}

// keyed are rules with the keys that their conditions give them on a listener, without
// those that cannot be read.
func keyed(listener model.Listener, rules []model.Rule) []model.Rule {
	var out []model.Rule
	for _, rule := range rules {
		if len(rule.Conditions) > 0 {
			rule.Key = model.RuleKey(listener.Port, rule.Conditions)
			out = append(out, rule)
		}
	}
	return out
}

// base is the key that an observed rule would have if no other had its conditions.
func base(rule model.Rule) model.Key {
	key, _, _ := strings.Cut(string(rule.Key), "#")
	return model.Key(key)
}

func (k *kept) has(rule model.Rule) bool {
	for _, rules := range k.rules {
		if slices.ContainsFunc(rules, func(r model.Rule) bool { return r.Key == rule.Key }) {
			return true
		}
	}
	return false
}

// stands reports whether an action can stay: all that it forwards to does.
func (k *kept) stands(action model.Action) bool {
	gone := func(t model.WeightedTarget) bool { return !t.TargetGroup.Foreign() && !k.stay[t.TargetGroup] }
	return !reflect.DeepEqual(action, model.Action{}) && !slices.ContainsFunc(action.Forward, gone)
}

// matching keeps of the rules that are left as many as a member asks for by their
// conditions, and returns the rest. The port does not count: it may have changed along with
// the mistake.
func (k *kept) matching(p *part, have model.Observed, left []model.Rule) []model.Rule {
	var asked []model.Rule
	for _, listener := range have.Listeners {
		asked = append(asked, keyed(listener, p.rules)...)
	}
	for _, rule := range k.rules[p] {
		if i := slices.IndexFunc(asked, func(want model.Rule) bool { return want.Key == base(rule) }); i >= 0 {
			asked = slices.Delete(asked, i, i+1)
		}
	}
	given, left := assign(asked, left)
	if len(given) == 0 {
		return left
	}
	k.rules[p] = append(k.rules[p], given...)
	slices.SortStableFunc(k.rules[p], func(a, b model.Rule) int {
		return cmp.Or(cmp.Compare(a.Listener, b.Listener), cmp.Compare(a.Priority, b.Priority))
	})
	return left
}

// ports keeps listeners, and what lets clients in to them, where nobody else listens
// but rejected members have rules or a default action there.
func (k *kept) ports(have model.Observed, j *joint, rejected []*part) {
	needed := map[model.Key]bool{}
	for _, rules := range k.rules {
		for _, rule := range rules {
			needed[rule.Listener] = true
		}
	}
	wanted := j.ports()
	for _, listener := range have.Listeners {
		asked := slices.ContainsFunc(rejected, func(p *part) bool { return p.mayListen(listener.Port) })
		if (asked || needed[listener.Key] || onlyTo(listener.Default, k.groups())) && !slices.Contains(wanted, listener.Port) {
			if _, kept := k.fallback(have, listener.Key); !kept && len(listener.Default.Forward) > 0 {
				listener.Default = notFound // it was that of a member that has left
			}
			k.listeners = append(k.listeners, listener)
			k.permissions = append(k.permissions, j.permissionsOf(listener.Port)...)
		}
	}
}

// fallback is the default action that a listener has for a rejected member.
func (k *kept) fallback(have model.Observed, listener model.Key) (model.Action, bool) {
	groups := k.groups()
	for _, l := range have.Listeners {
		if l.Key == listener && (onlyTo(l.Default, groups) || k.defaults[listener] && k.stands(l.Default)) {
			return l.Default, true
		}
	}
	return model.Action{}, false
}

// groups are the keys of the target groups that are kept.
func (k *kept) groups() map[model.Key]bool {
	out := map[model.Key]bool{}
	for _, group := range k.targetGroups {
		out[group.Key] = true
	}
	return out
}
