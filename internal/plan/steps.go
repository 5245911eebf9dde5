package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// Options hold what the plan needs to know beyond the two states.
type Options struct {
	// ExternalTags are tag keys that somebody else manages: never added, changed or
	// removed (flag --external-managed-tags).
	ExternalTags []string
}

// Steps returns what turns have into want, in the order in which it must run. The
// numbers are the phases:
//
//  1. security groups: created and opened, because a load balancer is made with them
//  2. target groups, and
//  3. their bindings: registration goes on while the load balancer is provisioned
//  4. the load balancer (and then what its old security groups were let in by)
//  5. listeners
//  6. rules: this is where traffic switches
//     (and then what the load balancer can do only when old rules are gone)
//  7. removals, users before used: load balancer, bindings, target groups, security groups
//  8. tags of rules, which traffic does not feel: a rule that is put first renumbers
//     all others, and the numbers are in their tags
func Steps(want model.Stack, have model.Observed, options Options) []Step {
	p := &planner{want: want, have: Retire(want, have), options: options}
	p.securityGroups()
	p.targetGroups()
	p.bindings()
	p.loadBalancer()
	p.closeSources()
	p.listeners()
	p.rules()
	p.narrowing()
	p.removals()
	return append(p.steps, p.last...)
}

type planner struct {
	want    model.Stack
	have    model.Observed
	options Options
	steps   []Step
	last    []Step // run after all others
}

// subject is what a step is about.
type subject struct {
	kind string
	key  model.Key
	name string
}

func (p *planner) add(verb Verb, about subject, why string, action Action, after ...model.Key) {
	p.steps = append(p.steps, step(verb, about, why, action, after...))
}

func step(verb Verb, about subject, why string, action Action, after ...model.Key) Step {
	return Step{Verb: verb, Kind: about.kind, Key: about.key, Name: about.name, After: after, Why: why, Action: action}
}

// retired marks a key of something that makes room for a successor of the same key.
const retired = "#replaced"

// Retire gives observed resources that cannot become what is wanted another key, so
// that the successor is created, everything that refers to the old one is switched,
// and the old one is then unwanted and removed. A successor that is there already,
// because a crash came between, takes the key over. Whoever applies steps must know
// resources by the same keys, and so calls it too; once more it changes nothing.
//
// A load balancer that must be replaced is taken out with its listeners and rules
// before (a target group can serve one load balancer only).
//
// Rules of the same conditions are told apart by their order alone, so one that is wanted
// before another shifts their keys: see renameTwins.
func Retire(want model.Stack, have model.Observed) model.Observed {
	out := have
	out.TargetGroups, out.Bindings = slices.Clone(have.TargetGroups), slices.Clone(have.Bindings)
	out.Listeners, out.Rules = slices.Clone(have.Listeners), slices.Clone(have.Rules)
	out.IDs = maps.Clone(have.IDs)
	for _, wanted := range want.TargetGroups {
		group, exists := find(out.TargetGroups, wanted.Key, targetGroupKey)
		if exists && convertible(wanted, group) {
			continue
		}
		if exists {
			rename(&out, wanted.Key, free(out.IDs, wanted.Key+retired))
		}
		for _, other := range out.TargetGroups {
			if strings.HasPrefix(string(other.Key), string(wanted.Key)+"#") && convertible(wanted, other) {
				rename(&out, other.Key, wanted.Key)
				break
			}
		}
	}
	renameTwins(want.Rules, &out)
	return out
}

func free(ids map[model.Key]string, key model.Key) model.Key {
	for n := 0; ; n++ {
		if _, taken := ids[key.Nth(n)]; !taken {
			return key.Nth(n)
		}
	}
}

// rename gives a target group, its binding, and what refers to it another key.
func rename(out *model.Observed, from, to model.Key) {
	for i := range out.TargetGroups {
		if out.TargetGroups[i].Key == from {
			out.TargetGroups[i].Key = to
		}
	}
	for i := range out.Bindings {
		if out.Bindings[i].TargetGroup == from {
			out.Bindings[i].TargetGroup, out.Bindings[i].Key = to, model.BindingKey(to)
		}
	}
	out.IDs[to] = out.IDs[from]
	delete(out.IDs, from)
	redirect(out.Listeners, out.Rules, from, to)
}

// convertible reports whether a target group can be changed into the wanted one:
// type, protocol and version are fixed for its life (API reference, ModifyTargetGroup).
// So are port, VPC and IP address type, which the incumbent does not look at.
func convertible(want, have model.TargetGroup) bool {
	return want.TargetType == have.TargetType && want.Protocol == have.Protocol &&
		(want.ProtocolVersion == "" || want.ProtocolVersion == have.ProtocolVersion)
}

func redirect(listeners []model.Listener, rules []model.Rule, from, to model.Key) {
	change := func(action model.Action) model.Action {
		action.Forward = slices.Clone(action.Forward)
		for i := range action.Forward {
			if action.Forward[i].TargetGroup == from {
				action.Forward[i].TargetGroup = to
			}
		}
		return action
	}
	for i := range listeners {
		listeners[i].Default = change(listeners[i].Default)
	}
	for i := range rules {
		rules[i].Action = change(rules[i].Action)
	}
}

func find[T any](list []T, key model.Key, keyOf func(T) model.Key) (T, bool) {
	for _, item := range list {
		if keyOf(item) == key {
			return item, true
		}
	}
	var none T
	return none, false
}

func targetGroupKey(g model.TargetGroup) model.Key     { return g.Key }
func securityGroupKey(g model.SecurityGroup) model.Key { return g.Key }
func listenerKey(l model.Listener) model.Key           { return l.Key }
func bindingKey(b model.Binding) model.Key             { return b.Key }
func ruleKey(r model.Rule) model.Key                   { return r.Key }

// used are the keys of target groups that an action needs.
func used(action model.Action) []model.Key {
	var keys []model.Key
	for _, target := range action.Forward {
		if !target.TargetGroup.Foreign() {
			keys = append(keys, target.TargetGroup)
		}
	}
	return keys
}

const (
	missing  = "is wanted and does not exist"
	unwanted = "is no longer wanted"
)
