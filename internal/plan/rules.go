package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

const ruleKind = "rule"

// lowest is the last priority that ELBv2 knows.
const lowest int32 = 50000

func (p *planner) rules() {
	var made, gone []Step
	count := 0
	for _, listener := range p.want.Listeners {
		of := func(r model.Rule) bool { return r.Listener == listener.Key }
		have := filter(p.have.Rules, of)
		count += len(have)
		m, g := p.rulesOf(listener.Key, filter(p.want.Rules, of), have)
		made, gone = append(made, m...), append(gone, g...)
	}
	p.inTurn(made, gone, count, p.have.Limits.Rules)
}

// rulesOf brings the rules of one listener in line, with as few calls and as little
// disturbance as there can be:
//
//  1. rules with the same conditions are the same rule: changed in place
//  2. of the rest, rules of equal priority: conditions and actions replaced in place
//  3. one call moves all priorities, unwanted rules out of the way to the end
//  4. what is still missing is made, and what is left over is gone, when that is done for
//     all listeners
func (p *planner) rulesOf(listener model.Key, want, have []model.Rule) (made, gone []Step) {
	pairs, missingRules, surplus := pair(want, have)
	if priorities := moves(pairs, surplus); len(priorities) > 0 {
		p.add(Modify, subject{ruleKind, listener, fmt.Sprintf("priorities of %s", listener)}, fmt.Sprintf("%d rules change places", len(priorities)),
			SetRulePriorities{Priorities: priorities}, listener)
	}
	for _, pair := range pairs {
		p.modifyRule(pair)
	}
	for _, rule := range missingRules {
		made = append(made, step(Create, subject{ruleKind, rule.Key, ruleName(rule)}, missing, CreateRule{Want: rule}, append(used(rule.Action), listener)...))
	}
	for _, rule := range surplus {
		gone = append(gone, step(Delete, subject{ruleKind, rule.Key, ruleName(rule)}, unwanted, DeleteRule{ID: p.have.IDs[rule.Key]}))
	}
	return made, gone
}

func (p *planner) modifyRule(pair rulePair) {
	want, have := pair.want, pair.have
	why := ""
	switch {
	case want.Key != have.Key || !model.SameAction(want.Action, have.Action):
		why = "conditions or actions differ"
	case !model.SameTransforms(want.Transforms, have.Transforms):
		why = "transforms differ"
	}
	if why != "" {
		p.add(Modify, subject{ruleKind, have.Key, ruleName(want)}, why, ModifyRule{Rule: have.Key, Want: want}, append(used(want.Action), have.Key)...)
	}
	before := len(p.steps)
	p.tagsOfRule(subject{ruleKind, want.Key, ruleName(want)}, want.Tags, have.Tags)
	p.last = append(p.last, p.steps[before:]...)
	p.steps = p.steps[:before:before]
}

type rulePair struct{ want, have model.Rule }

func pair(want, have []model.Rule) (pairs []rulePair, missing, surplus []model.Rule) {
	missing, surplus = slices.Clone(want), slices.Clone(have)
	take := func(same func(a, b model.Rule) bool) {
		missing = slices.DeleteFunc(missing, func(w model.Rule) bool {
			i := slices.IndexFunc(surplus, func(h model.Rule) bool { return same(w, h) })
			if i < 0 {
				return false
			}
			pairs = append(pairs, rulePair{w, surplus[i]})
			surplus = slices.Delete(surplus, i, i+1)
			return true
		})
	}
	take(func(a, b model.Rule) bool { return a.Key == b.Key })
	take(func(a, b model.Rule) bool { return a.Priority == b.Priority })
	return pairs, missing, surplus
}

// moves are the new priorities of rules that have to move. Rules that will be removed
// move to the end (highest first) when any rule moves, for they may be in the way.
func moves(pairs []rulePair, surplus []model.Rule) map[model.Key]int32 {
	out := map[model.Key]int32{}
	for _, pair := range pairs {
		if pair.want.Priority != pair.have.Priority {
			out[pair.have.Key] = pair.want.Priority
		}
	}
	if len(out) == 0 {
		return nil
	}
	surplus = slices.Clone(surplus)
	slices.SortFunc(surplus, func(a, b model.Rule) int { return int(b.Priority - a.Priority) })
	for i, rule := range surplus {
		out[rule.Key] = lowest - int32(i)
	}
	return out
}

func ruleName(r model.Rule) string { return fmt.Sprintf("%s priority %d", r.Listener, r.Priority) }

func filter[T any](list []T, keep func(T) bool) []T {
	var out []T
	for _, item := range list {
		if keep(item) {
			out = append(out, item)
		}
	}
	return out
}

// renameTwins gives observed rules of the same conditions the keys of the wanted rules that
// do the same. Else one would be changed into another and then made anew, and between the
// two AWS would not have it: a build that keeps what is there would lose it to a crash.
func renameTwins(want []model.Rule, have *model.Observed) {
	wanted, observed := twins(want), twins(have.Rules)
	for base, rules := range wanted {
		if len(rules) > 1 || len(observed[base]) > 1 {
			renameRules(have, base, matchTwins(rules, observed[base]))
		}
	}
}

func twins(rules []model.Rule) map[model.Key][]model.Rule {
	out := map[model.Key][]model.Rule{}
	for _, rule := range rules {
		base := baseOf(rule.Key)
		out[base] = append(out[base], rule)
	}
	return out
}

// matchTwins are the new keys of observed rules, by their old ones: the wanted rule's that
// does the same, if possible the one that the rule has.
func matchTwins(want, have []model.Rule) map[model.Key]model.Key {
	keys, taken := map[model.Key]model.Key{}, map[model.Key]bool{}
	match := func(same func(w, h model.Rule) bool) {
		for _, h := range have {
			for _, w := range want {
				if _, done := keys[h.Key]; !done && !taken[w.Key] && same(w, h) {
					keys[h.Key], taken[w.Key] = w.Key, true
				}
			}
		}
	}
	match(func(w, h model.Rule) bool { return w.Key == h.Key && model.SameEffect(w, h) })
	match(model.SameEffect)
	match(func(w, h model.Rule) bool { return w.Key == h.Key })
	return keys
}

// renameRules gives all rules of a base their new keys at once, and those whose key is then
// another's one that nobody wants.
func renameRules(have *model.Observed, base model.Key, keys map[model.Key]model.Key) {
	before := maps.Clone(have.IDs)
	taken := map[model.Key]bool{}
	for _, to := range keys {
		taken[to] = true
	}
	for i, rule := range have.Rules {
		if baseOf(rule.Key) != base {
			continue
		}
		to, matched := keys[rule.Key]
		switch {
		case !matched && taken[rule.Key]:
			to = free(before, base+retired)
			before[to] = before[rule.Key]
		case !matched:
			to = rule.Key
		}
		if !taken[rule.Key] {
			delete(have.IDs, rule.Key)
		}
		have.Rules[i].Key, have.IDs[to] = to, before[rule.Key]
	}
}

// baseOf is the key that the first of several rules of the same conditions has.
func baseOf(key model.Key) model.Key {
	base, _, _ := strings.Cut(string(key), "#")
	return model.Key(base)
}
