package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

const (
	on80  model.Key = "listener/80"
	web   model.Key = "target-group/web"
	api   model.Key = "target-group/api"
	other model.Key = "arn:other"
)

// rule for a path, as the builder makes it: the key is a digest of the conditions.
func rule(path string, priority int32, to model.Key) model.Rule {
	conditions := []model.Condition{{Field: "path-pattern", Values: []string{path}}}
	return model.Rule{Key: model.RuleKey(80, conditions), Listener: on80, Priority: priority, Conditions: conditions, Action: forward(to)}
}

// nth is the rule when there are others of the same conditions before it.
func nth(n int, r model.Rule) model.Rule {
	r.Key = r.Key.Nth(n)
	return r
}

func forward(to ...model.Key) model.Action {
	var action model.Action
	for _, group := range to {
		action.Forward = append(action.Forward, model.WeightedTarget{TargetGroup: group, Weight: new(int32(1))})
	}
	return action
}

// stack has one listener with these rules, and nothing that would need steps besides.
func stack(rules ...model.Rule) model.Stack {
	return model.Stack{
		LoadBalancer: &model.LoadBalancer{Key: model.LoadBalancerKey, Name: "lb"},
		Listeners:    []model.Listener{{Key: on80, Port: 80, Protocol: "HTTP"}},
		Rules:        rules,
	}
}

// observed is a stack that AWS has; its identifiers are "id of" the key.
func observed(s model.Stack) model.Observed {
	o := model.Observed{Stack: s, IDs: map[model.Key]string{}}
	note := func(key model.Key) { o.IDs[key] = "id of " + string(key) }
	if s.LoadBalancer != nil {
		note(s.LoadBalancer.Key)
	}
	for _, group := range s.SecurityGroups {
		note(group.Key)
	}
	for _, group := range s.TargetGroups {
		note(group.Key)
	}
	for _, listener := range s.Listeners {
		note(listener.Key)
	}
	for _, rule := range s.Rules {
		note(rule.Key)
	}
	return o
}

func actions(steps []plan.Step) []plan.Action {
	var out []plan.Action
	for _, step := range steps {
		out = append(out, step.Action)
	}
	return out
}

func TestRules(t *testing.T) {
	t.Parallel()
	type rules = []model.Rule
	type priorities = map[model.Key]int32
	a1, b2, c3 := rule("/a", 1, web), rule("/b", 2, web), rule("/c", 3, api)
	at := func(r model.Rule, priority int32) model.Rule {
		r.Priority = priority
		return r
	}
	for _, test := range []struct {
		name       string
		have, want rules
		steps      []plan.Action
	}{
		{name: "what-is-as-it-should-be-stays", have: rules{a1, b2}, want: rules{a1, b2}},
		{name: "the-first-rules-are-created-in-order", want: rules{a1, b2}, steps: []plan.Action{plan.CreateRule{Want: a1}, plan.CreateRule{Want: b2}}},
		{
			name: "two-rules-swap-in-one-call", have: rules{a1, b2, c3}, want: rules{at(b2, 1), at(a1, 2), c3},
			steps: []plan.Action{plan.SetRulePriorities{Priorities: priorities{b2.Key: 1, a1.Key: 2}}},
		},
		{
			name: "a-rule-in-front-moves-the-others-first", have: rules{a1, b2}, want: rules{at(c3, 1), at(a1, 2), at(b2, 3)},
			steps: []plan.Action{plan.SetRulePriorities{Priorities: priorities{a1.Key: 2, b2.Key: 3}}, plan.CreateRule{Want: at(c3, 1)}},
		},
		{
			name: "a-rule-in-the-middle-goes-out-of-the-way-and-then-away", have: rules{a1, b2, c3}, want: rules{a1, at(c3, 2)},
			steps: []plan.Action{plan.SetRulePriorities{Priorities: priorities{c3.Key: 2, b2.Key: 50000}}, plan.DeleteRule{ID: "id of " + string(b2.Key)}},
		},
		{
			name: "the-last-rule-just-goes", have: rules{a1, b2}, want: rules{a1},
			steps: []plan.Action{plan.DeleteRule{ID: "id of " + string(b2.Key)}},
		},
		{
			name: "several-that-go-keep-their-order-at-the-end", have: rules{a1, b2, c3}, want: rules{at(c3, 1)},
			steps: []plan.Action{
				plan.SetRulePriorities{Priorities: priorities{c3.Key: 1, b2.Key: 50000, a1.Key: 49999}},
				plan.DeleteRule{ID: "id of " + string(a1.Key)},
				plan.DeleteRule{ID: "id of " + string(b2.Key)},
			},
		},
		{
			name: "another-path-at-the-same-priority-is-changed-in-place", have: rules{a1, b2}, want: rules{a1, rule("/new", 2, web)},
			steps: []plan.Action{plan.ModifyRule{Rule: b2.Key, Want: rule("/new", 2, web)}},
		},
		{
			name: "another-target-group-is-changed-in-place", have: rules{a1}, want: rules{rule("/a", 1, api)},
			steps: []plan.Action{plan.ModifyRule{Rule: a1.Key, Want: rule("/a", 1, api)}},
		},
		{
			name: "a-rule-moves-and-changes", have: rules{a1}, want: rules{rule("/a", 5, api)},
			steps: []plan.Action{plan.SetRulePriorities{Priorities: priorities{a1.Key: 5}}, plan.ModifyRule{Rule: a1.Key, Want: rule("/a", 5, api)}},
		},
		{
			name: "a-rule-of-the-same-conditions-in-front-leaves-the-old-one-alone", have: rules{a1}, want: rules{rule("/a", 1, api), nth(1, at(a1, 2))},
			steps: []plan.Action{plan.SetRulePriorities{Priorities: priorities{nth(1, a1).Key: 2}}, plan.CreateRule{Want: rule("/a", 1, api)}},
		},
		{
			name: "of-rules-of-the-same-conditions-the-right-one-goes", have: rules{rule("/a", 1, api), nth(1, at(a1, 2))}, want: rules{a1},
			steps: []plan.Action{
				plan.SetRulePriorities{Priorities: priorities{a1.Key: 1, a1.Key + "#replaced": 50000}},
				plan.DeleteRule{ID: "id of " + string(a1.Key)},
			},
		},
		{
			name: "rules-of-the-same-conditions-are-told-apart", have: rules{a1, nth(1, at(a1, 2))}, want: rules{a1},
			steps: []plan.Action{plan.DeleteRule{ID: "id of " + string(a1.Key) + "#2"}},
		},
		{
			name: "a-second-rule-of-the-same-conditions-is-created", have: rules{a1}, want: rules{a1, nth(1, at(a1, 2))},
			steps: []plan.Action{plan.CreateRule{Want: nth(1, at(a1, 2))}},
		},
		{
			name: "a-rule-by-hand-at-the-very-end-makes-room", have: rules{a1, at(b2, 50000)}, want: rules{at(a1, 2)},
			steps: []plan.Action{plan.SetRulePriorities{Priorities: priorities{a1.Key: 2, b2.Key: 50000}}, plan.DeleteRule{ID: "id of " + string(b2.Key)}},
		},
		{
			name: "an-action-that-the-model-cannot-say-is-changed", have: rules{{Key: a1.Key, Listener: on80, Priority: 1, Conditions: a1.Conditions}}, want: rules{a1},
			steps: []plan.Action{plan.ModifyRule{Rule: a1.Key, Want: a1}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := actions(plan.Steps(stack(test.want...), observed(stack(test.have...)), plan.Options{}))
			if diff := cmp.Diff(test.steps, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSameActions(t *testing.T) {
	t.Parallel()
	weighted := func(group model.Key, weight int32) model.WeightedTarget {
		return model.WeightedTarget{TargetGroup: group, Weight: &weight}
	}
	fixed := func(body string) model.Action {
		return model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: "text/plain", Body: body}}
	}
	for _, test := range []struct {
		name       string
		have, want model.Action
		same       bool
	}{
		{"the-order-of-groups-does-not-count", forward(web, api), forward(api, web), true},
		{"the-weight-of-a-single-group-does-not-count", forward(web), model.Action{Forward: []model.WeightedTarget{weighted(web, 0)}}, true},
		{"weights-of-several-do", forward(web, api), model.Action{Forward: []model.WeightedTarget{weighted(web, 1), weighted(api, 9)}}, false},
		{"another-group", forward(web), forward(api), false},
		{"one-group-more", forward(web), forward(web, other), false},
		{"equal-answers", fixed("gone"), fixed("gone"), true},
		{"another-body", fixed("gone"), fixed("lost"), false},
		{"an-answer-instead-of-a-group", forward(web), fixed("gone"), false},
		{"an-empty-list-is-none", model.Action{Forward: []model.WeightedTarget{}}, model.Action{}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			have, want := rule("/a", 1, web), rule("/a", 1, web)
			have.Action, want.Action = test.have, test.want
			steps := plan.Steps(stack(want), observed(stack(have)), plan.Options{})
			if same := len(steps) == 0; same != test.same {
				t.Errorf("got the steps %v", plan.Print(steps))
			}
		})
	}
}

// FuzzRules: whatever rules there are and whatever are wanted, the steps lead there, no
// two rules ever share a priority on the way, and a second plan is empty.
func FuzzRules(f *testing.F) {
	f.Add([]byte{0x11, 0x12, 0x13}, []byte{0x12, 0x11})
	f.Add([]byte{}, []byte{0x01, 0x21, 0x01})
	f.Add([]byte{0x31, 0x31, 0x41}, []byte{})
	f.Add([]byte{0x01, 0x01, 0xf1}, []byte{0x11, 0x01, 0x02, 0x33})
	f.Fuzz(func(t *testing.T, have, want []byte) {
		wanted := stack(rulesFrom(want, 1)...)
		now := plan.Retire(wanted, observed(stack(rulesFrom(have, 3)...))) // who applies steps knows rules by the plan's keys
		for _, step := range plan.Steps(wanted, now, plan.Options{}) {
			apply(t, &now, step)
		}
		now.Sort()
		wanted.Sort()
		if diff := cmp.Diff(wanted.Rules, now.Rules, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("rules (-want +got):\n%s", diff)
		}
		if again := plan.Steps(wanted, now, plan.Options{}); len(again) > 0 {
			t.Errorf("a second plan:\n%s", plan.Print(again))
		}
	})
}

// rulesFrom reads a rule from each byte: four bits of path, two of target group, two of
// distance to the rule before.
func rulesFrom(bytes []byte, step int32) []model.Rule {
	var out []model.Rule
	seen, priority := map[model.Key]int{}, int32(0)
	for _, b := range bytes[:min(len(bytes), 60)] {
		priority += 1 + step*int32(b>>6)
		r := rule(fmt.Sprintf("/%x", b&15), priority, []model.Key{web, api, other, "arn:more"}[b>>4&3])
		n := seen[r.Key]
		seen[r.Key]++
		out = append(out, nth(n, r))
	}
	return out
}

// apply does to rules in memory what a step does to them in AWS.
func apply(t *testing.T, now *model.Observed, step plan.Step) {
	t.Helper()
	at := func(key model.Key) *model.Rule {
		i := slices.IndexFunc(now.Rules, func(r model.Rule) bool { return r.Key == key })
		if i < 0 {
			t.Fatalf("%s: there is no rule %s", step, key)
		}
		return &now.Rules[i]
	}
	switch action := step.Action.(type) {
	case plan.CreateRule:
		now.Rules = append(now.Rules, action.Want)
		now.IDs[action.Want.Key] = "id of new " + string(action.Want.Key)
	case plan.ModifyRule:
		r := at(action.Rule)
		r.Key, r.Conditions, r.Action = action.Want.Key, action.Want.Conditions, action.Want.Action
		id := now.IDs[action.Rule]
		delete(now.IDs, action.Rule)
		now.IDs[r.Key] = id
	case plan.SetRulePriorities:
		for key, priority := range action.Priorities {
			at(key).Priority = priority
		}
	case plan.DeleteRule:
		for key, id := range maps.Clone(now.IDs) {
			if id == action.ID {
				at(key)
				now.Rules = slices.DeleteFunc(now.Rules, func(r model.Rule) bool { return r.Key == key })
				delete(now.IDs, key)
			}
		}
	default:
		t.Fatalf("%s has nothing to do with rules", step)
	}
	taken := map[int32]model.Key{}
	for _, r := range now.Rules {
		if other, ok := taken[r.Priority]; ok {
			t.Fatalf("after %s, %s and %s have the priority %d", step, other, r.Key, r.Priority)
		}
		taken[r.Priority] = r.Key
	}
}
