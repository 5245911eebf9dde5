package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// A target group that is new to a load balancer has no healthy target: health is only checked
// where something forwards to it. So who sends requests there at once loses them. [Gently]
// puts a stack between what is and what is wanted, in which such groups are attached and get no
// request:
//
//  1. a rule that forwards already gets the new group with the weight 0
//  2. where an action has no room for another group, a rule that nothing fits forwards to it
//  3. a new rule that would take requests from one that forwards is made so that nothing
//     fits it
//
// Once the new groups can serve, the wanted stack is planned as ever.

// nobody is an address range that no request comes from.
const nobody = "255.255.255.255/32"

// Newly are the target groups that requests would be sent to and are not sent to now.
func Newly(want model.Stack, have model.Observed) []model.Key {
	have = Retire(want, have)
	served := map[model.Key]bool{}
	for _, rule := range have.Rules {
		serving(rule.Action, served)
	}
	for _, listener := range have.Listeners {
		serving(listener.Default, served)
	}
	wanted := map[model.Key]bool{}
	for _, rule := range want.Rules {
		serving(rule.Action, wanted)
	}
	for _, listener := range want.Listeners {
		serving(listener.Default, wanted)
	}
	var keys []model.Key
	for key := range wanted {
		if !served[key] && !key.Foreign() {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Left are the target groups that requests are sent to now and to others by the same rules
// afterwards. Nodes of a load balancer learn of a switch one after the other, so the targets of
// these groups are needed for some seconds more.
func Left(want model.Stack, have model.Observed) []model.Key {
	have = Retire(want, have)
	before, after := map[model.Key]bool{}, map[model.Key]bool{}
	for _, rule := range want.Rules {
		serving(rule.Action, after)
		if had, exists := find(have.Rules, rule.Key, ruleKey); exists && len(rule.Action.Forward) > 0 {
			serving(had.Action, before)
		}
	}
	for _, listener := range want.Listeners {
		serving(listener.Default, after)
		if had, exists := find(have.Listeners, listener.Key, listenerKey); exists && len(listener.Default.Forward) > 0 {
			serving(had.Default, before)
		}
	}
	var keys []model.Key
	for key := range before {
		if !after[key] && !key.Foreign() {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// Sparing leaves out the steps that remove these target groups and their bindings.
func Sparing(steps []Step, groups map[model.Key]bool) []Step {
	kept := make([]Step, 0, len(steps))
	for _, step := range steps {
		group := step.Key
		if step.Kind == bindingKind {
			group = model.TargetGroupKey(step.Key.Resource())
		}
		if step.Verb != Delete || !groups[group] {
			kept = append(kept, step)
		}
	}
	return kept
}

// serving notes the groups that an action sends requests to.
func serving(action model.Action, groups map[model.Key]bool) {
	for _, target := range action.Forward {
		if weight(target) > 0 {
			groups[target.TargetGroup] = true
		}
	}
}

func weight(target model.WeightedTarget) int32 {
	if target.Weight == nil {
		return 1
	}
	return *target.Weight
}

// Interim is a stack on the way to the wanted one.
type Interim struct {
	model.Stack
	// Held are the groups that are attached and get no request yet. Without any, the stack is
	// the wanted one.
	Held []model.Key
	// Abrupt are groups that get requests at once, because there is no room to attach them before.
	Abrupt []model.Key
}

// Gently is the stack on the way to the wanted one in which the groups that cannot serve yet are
// attached, and requests go where they went before.
func Gently(want model.Stack, have model.Observed, unready map[model.Key]bool) Interim {
	quotas := StandardQuotas()
	g := &gentle{
		want: want, have: Retire(want, have), unready: unready, held: map[model.Key]bool{},
		mostGroups: quotas[GroupsPerAction], mostRules: cmp.Or(have.Limits.Rules, quotas[RulesPerLoadBalancer]),
	}
	on := Interim{Stack: want}
	on.Listeners = slices.Clone(want.Listeners)
	on.Rules = nil
	for i, listener := range on.Listeners {
		on.Listeners[i].Default = g.fallback(listener)
		on.Rules = append(on.Rules, g.rules(listener.Key)...)
	}
	for key := range g.held {
		on.Held = append(on.Held, key)
	}
	slices.Sort(on.Held)
	if len(on.Held) == 0 {
		return Interim{Stack: want, Abrupt: g.abrupt}
	}
	g.keepGroups(&on.Stack)
	on.Sort()
	on.Abrupt = g.abrupt
	return on
}

type gentle struct {
	want    model.Stack
	have    model.Observed
	unready map[model.Key]bool
	held    map[model.Key]bool
	abrupt  []model.Key
	// aside are groups that their action has no room for, of the listener at hand.
	aside []model.Key
	// mostGroups of one action, and mostRules of one load balancer, that AWS allows.
	mostGroups, mostRules int
}

func (g *gentle) fallback(listener model.Listener) model.Action {
	g.aside = nil
	have, exists := find(g.have.Listeners, listener.Key, listenerKey)
	if !exists {
		return listener.Default
	}
	return g.action(listener.Default, have.Default)
}

// rules of a listener on the way: in the wanted order, and after a new one that waits the one
// that serves its requests meanwhile, where that goes.
func (g *gentle) rules(listener model.Key) []model.Rule {
	of := func(r model.Rule) bool { return r.Listener == listener }
	want, have := filter(g.want.Rules, of), filter(g.have.Rules, of)
	var out []model.Rule
	kept := map[model.Key]bool{}
	for _, rule := range want {
		kept[rule.Key] = true
	}
	changed := false
	for _, rule := range want {
		before, exists := find(have, rule.Key, ruleKey)
		if exists {
			if action := g.action(rule.Action, before.Action); !model.SameAction(action, rule.Action) {
				rule.Action, rule.Transforms = action, before.Transforms
			}
			out = append(out, rule)
			continue
		}
		cover, covered := g.cover(rule, have)
		waiting := g.waiting(rule.Action, model.Action{})
		if !covered || len(waiting) == 0 {
			out = append(out, rule)
			continue
		}
		g.hold(waiting)
		out = append(out, unreachable(rule))
		if cover.Key != "" && !kept[cover.Key] {
			kept[cover.Key], changed = true, true
			out = append(out, cover)
		}
	}
	if len(g.aside) > 0 {
		out, changed = append(out, g.besides(listener)), true
	}
	if changed {
		for i := range out {
			out[i].Priority = int32(i + 1)
		}
	}
	for i := range out {
		if before, exists := find(have, out[i].Key, ruleKey); exists {
			out[i].Tags = before.Tags // they change once, with the rest
		}
	}
	return out
}

func (g *gentle) hold(groups []model.Key) {
	for _, key := range groups {
		g.held[key] = true
	}
}

// waiting are the unready groups that an action would send requests to and that the one before
// does not.
func (g *gentle) waiting(want, have model.Action) []model.Key {
	before := map[model.Key]bool{}
	serving(have, before)
	var keys []model.Key
	for _, target := range want.Forward {
		if weight(target) > 0 && g.unready[target.TargetGroup] && !before[target.TargetGroup] {
			keys = append(keys, target.TargetGroup)
		}
	}
	return keys
}

// action on the way from one that forwards: the same, with the unready groups besides.
func (g *gentle) action(want, have model.Action) model.Action {
	waiting := g.waiting(want, have)
	if len(waiting) == 0 || len(have.Forward) == 0 || have.Unknown != "" {
		return want
	}
	on := model.Action{Stickiness: have.Stickiness}
	attached := map[model.Key]bool{}
	for _, target := range have.Forward {
		on.Forward = append(on.Forward, model.WeightedTarget{TargetGroup: target.TargetGroup, Weight: new(weight(target))})
		attached[target.TargetGroup] = true
	}
	for _, key := range waiting {
		switch {
		case attached[key]:
		case len(on.Forward) < g.mostGroups:
			on.Forward = append(on.Forward, model.WeightedTarget{TargetGroup: key, Weight: new(int32(0))})
		case len(g.want.Rules) >= g.mostRules:
			g.abrupt = append(g.abrupt, key)
			return want
		default:
			g.aside = append(g.aside, key)
		}
	}
	g.hold(waiting)
	return on
}

// besides attaches groups by a rule that nothing fits.
func (g *gentle) besides(listener model.Key) model.Rule {
	rule := model.Rule{Listener: listener}
	for _, key := range g.aside[:min(len(g.aside), g.mostGroups)] {
		rule.Action.Forward = append(rule.Action.Forward, model.WeightedTarget{TargetGroup: key, Weight: new(int32(1))})
	}
	rule.Key = model.Key(fmt.Sprintf("rule/%s/aside", listener.Resource()))
	return unreachable(rule)
}

// unreachable is a rule in the place of another that no request fits.
func unreachable(rule model.Rule) model.Rule {
	rule.Conditions = []model.Condition{
		{Field: model.PathPattern, Values: []string{"/attached-for/" + strings.ReplaceAll(rule.Key.Resource(), "/", "-")}},
		{Field: model.SourceIP, Values: []string{nobody}},
	}
	rule.Transforms = nil
	var port int32
	_, _ = fmt.Sscan(rule.Listener.Resource(), &port) // a listener's resource is its port
	rule.Key = model.RuleKey(port, rule.Conditions)
	return rule
}

// cover is what serves the requests of a new rule now: a rule that forwards and fits them all,
// or the default action (an empty rule).
func (g *gentle) cover(rule model.Rule, have []model.Rule) (model.Rule, bool) {
	for _, before := range have {
		if len(before.Action.Forward) > 0 && covers(before.Conditions, rule.Conditions) {
			return before, true
		}
	}
	listener, exists := find(g.have.Listeners, rule.Listener, listenerKey)
	return model.Rule{}, exists && len(listener.Default.Forward) > 0
}

// covers reports whether every request that fits the second conditions fits the first.
func covers(wide, narrow []model.Condition) bool {
	return !slices.ContainsFunc(wide, func(w model.Condition) bool {
		return !slices.ContainsFunc(narrow, func(n model.Condition) bool { return coversOne(w, n) })
	}) || everything(wide)
}

// everything: the only condition is a path that fits all.
func everything(conditions []model.Condition) bool {
	return len(conditions) == 1 && conditions[0].Field == model.PathPattern && slices.Contains(conditions[0].Values, "/*")
}

func coversOne(wide, narrow model.Condition) bool {
	if wide.Field != narrow.Field {
		return false
	}
	if len(wide.Values) == 0 || wide.Header != narrow.Header {
		return sameCondition(wide, narrow)
	}
	return len(narrow.Values) > 0 && !slices.ContainsFunc(narrow.Values, func(n string) bool {
		return !slices.ContainsFunc(wide.Values, func(w string) bool { return coversValue(w, n) })
	})
}

func sameCondition(a, b model.Condition) bool {
	return slices.Equal(a.Values, b.Values) && slices.Equal(a.Regex, b.Regex) && a.Header == b.Header && slices.Equal(a.Query, b.Query)
}

// coversValue: a pattern that ends in "*" fits all that begins like it.
func coversValue(wide, narrow string) bool {
	start, open := strings.CutSuffix(wide, "*")
	return wide == narrow || open && !strings.ContainsAny(start, "*?") && strings.HasPrefix(narrow, start)
}

// keepGroups keeps the target groups that requests go to meanwhile, with their bindings.
func (g *gentle) keepGroups(on *model.Stack) {
	on.TargetGroups, on.Bindings = slices.Clone(on.TargetGroups), slices.Clone(on.Bindings)
	needed := map[model.Key]bool{}
	for _, listener := range on.Listeners {
		for _, key := range used(listener.Default) {
			needed[key] = true
		}
	}
	for _, rule := range on.Rules {
		for _, key := range used(rule.Action) {
			needed[key] = true
		}
	}
	for _, group := range g.have.TargetGroups {
		if _, wanted := find(on.TargetGroups, group.Key, targetGroupKey); wanted || !needed[group.Key] {
			continue
		}
		group.Attributes = nil // they stay as they are
		on.TargetGroups = append(on.TargetGroups, group)
		for _, binding := range g.have.Bindings {
			if binding.TargetGroup == group.Key {
				on.Bindings = append(on.Bindings, binding)
			}
		}
	}
}
