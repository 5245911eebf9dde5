package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// forwarding is a stack with these rules and the groups that they forward to.
func forwarding(fallback model.Action, rules ...model.Rule) model.Stack {
	s := stack(rules...)
	s.Listeners[0].Default = fallback
	known := map[model.Key]bool{}
	note := func(action model.Action) {
		for _, target := range action.Forward {
			if key := target.TargetGroup; !known[key] && !key.Foreign() {
				known[key] = true
				s.TargetGroups = append(s.TargetGroups, model.TargetGroup{Key: key, Name: "name of " + string(key)})
				s.Bindings = append(s.Bindings, model.Binding{Key: model.BindingKey(key), TargetGroup: key, Name: "name of " + string(key)})
			}
		}
	}
	note(fallback)
	for _, rule := range rules {
		note(rule.Action)
	}
	return s
}

// weighed is a forward action, groups and weights in turn.
func weighed(pairs ...any) model.Action {
	var action model.Action
	for i := 0; i < len(pairs); i += 2 {
		action.Forward = append(action.Forward, model.WeightedTarget{TargetGroup: pairs[i].(model.Key), Weight: new(int32(pairs[i+1].(int)))})
	}
	return action
}

func doing(r model.Rule, action model.Action) model.Rule {
	r.Action = action
	return r
}

// TestGently says for each change what is done about a group that cannot serve yet.
func TestGently(t *testing.T) {
	t.Parallel()
	const a, b, c, d, e, f model.Key = "target-group/a", "target-group/b", "target-group/c", "target-group/d", "target-group/e", "target-group/f"
	answer := model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404"}}
	for _, test := range []struct {
		name       string
		have, want model.Stack
		unready    []model.Key
		steps      []string
	}{
		{
			name: "a-new-group-gets-no-request-yet",
			have: forwarding(answer, rule("/", 1, a)), want: forwarding(answer, rule("/", 1, b)), unready: []model.Key{b},
			steps: []string{"create target group name of target-group/b", "create target group binding /name of target-group/b", "modify rule listener/80 priority 1 [a 1 b 0]"},
		},
		{
			name: "once-attached-nothing-is-done",
			have: forwarding(answer, doing(rule("/", 1, a), weighed(a, 1, b, 0))), want: forwarding(answer, rule("/", 1, b)), unready: []model.Key{b},
		},
		{
			name: "a-ready-group-takes-over",
			have: forwarding(answer, doing(rule("/", 1, a), weighed(a, 1, b, 0))), want: forwarding(answer, rule("/", 1, b)),
			steps: []string{"modify rule listener/80 priority 1 [b 1]", "delete target group binding /name of target-group/a", "delete target group name of target-group/a"},
		},
		{
			name: "back-again",
			have: forwarding(answer, doing(rule("/", 1, a), weighed(a, 1, b, 0))), want: forwarding(answer, rule("/", 1, a)),
			steps: []string{"modify rule listener/80 priority 1 [a 1]", "delete target group binding /name of target-group/b", "delete target group name of target-group/b"},
		},
		{
			name: "the-default-action-switches-too",
			have: forwarding(forward(a)), want: forwarding(forward(b)), unready: []model.Key{b},
			steps: []string{"create target group name of target-group/b", "create target group binding /name of target-group/b", "modify listener listener/80 [a 1 b 0]"},
		},
		{
			name: "a-share-waits-and-the-rest-stays",
			have: forwarding(answer, rule("/", 1, a)), want: forwarding(answer, doing(rule("/", 1, a), weighed(a, 90, b, 10))), unready: []model.Key{b},
			steps: []string{"create target group name of target-group/b", "create target group binding /name of target-group/b", "modify rule listener/80 priority 1 [a 1 b 0]"},
		},
		{
			name: "where-nothing-was-forwarded-nothing-waits",
			have: forwarding(answer, doing(rule("/", 1, a), answer)), want: forwarding(answer, rule("/", 1, b)), unready: []model.Key{b},
			steps: []string{"create target group name of target-group/b", "create target group binding /name of target-group/b", "modify rule listener/80 priority 1 [b 1]"},
		},
		{
			name: "no-room-in-the-action",
			have: forwarding(answer, doing(rule("/", 1, a), weighed(a, 1, b, 1, c, 1, d, 1, e, 1))), want: forwarding(answer, rule("/", 1, f)), unready: []model.Key{f},
			steps: []string{"create target group name of target-group/f", "create target group binding /name of target-group/f", "create rule listener/80 priority 2 /attached-for/80-aside [f 1]"},
		},
		{
			name: "a-new-rule-does-not-take-requests-yet",
			have: forwarding(answer, rule("/*", 1, a)), want: forwarding(answer, rule("/api/*", 1, b), rule("/*", 2, a)), unready: []model.Key{b},
			steps: []string{
				"create target group name of target-group/b", "create target group binding /name of target-group/b", "modify rule priorities of listener/80",
				"create rule listener/80 priority 1 /attached-for/80-b3d96b787a [b 1]",
			},
		},
		{
			name: "a-new-rule-for-what-nobody-served",
			have: forwarding(answer, rule("/web/*", 1, a)), want: forwarding(answer, rule("/web/*", 1, a), rule("/api/*", 2, b)), unready: []model.Key{b},
			steps: []string{"create target group name of target-group/b", "create target group binding /name of target-group/b", "create rule listener/80 priority 2 /api/* [b 1]"},
		},
		{
			name: "what-served-stays-behind-a-new-rule",
			have: forwarding(answer, rule("/a*", 1, a)), want: forwarding(answer, rule("/ab*", 1, b)), unready: []model.Key{b},
			steps: []string{
				"create target group name of target-group/b", "create target group binding /name of target-group/b", "modify rule priorities of listener/80",
				"create rule listener/80 priority 1 /attached-for/80-99ec02bc64 [b 1]",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			unready := map[model.Key]bool{}
			for _, key := range test.unready {
				unready[key] = true
			}
			on := plan.Gently(test.want, observed(test.have), unready)
			var got []string
			for _, step := range plan.Steps(on.Stack, observed(test.have), plan.Options{}) {
				got = append(got, brief(step))
			}
			if diff := cmp.Diff(test.steps, got); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// brief is what a step does, without why, and where it forwards to.
func brief(step plan.Step) string {
	name := step.Name
	if name == "" {
		name = string(step.Key)
	}
	text := fmt.Sprintf("%s %s %s", step.Verb, step.Kind, name)
	switch action := step.Action.(type) {
	case plan.CreateRule:
		text += " " + action.Want.Conditions[0].Values[0] + shares(action.Want.Action)
	case plan.ModifyRule:
		text += shares(action.Want.Action)
	case plan.ModifyListener:
		text += shares(action.Want.Default)
	}
	return text
}

func shares(action model.Action) string {
	var list []string
	for _, target := range action.Forward {
		list = append(list, fmt.Sprintf("%s %d", target.TargetGroup.Resource(), *target.Weight))
	}
	return fmt.Sprint(" ", list)
}

func TestNewlyAndLeft(t *testing.T) {
	t.Parallel()
	const a, b model.Key = "target-group/a", "target-group/b"
	answer := model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404"}}
	have := observed(forwarding(answer, doing(rule("/", 1, a), weighed(a, 1, b, 0))))
	want := forwarding(answer, rule("/", 1, b))
	if diff := cmp.Diff([]model.Key{b}, plan.Newly(want, have)); diff != "" {
		t.Error("newly: ", diff)
	}
	if diff := cmp.Diff([]model.Key{a}, plan.Left(want, have)); diff != "" {
		t.Error("left: ", diff)
	}
	if gone := plan.Left(forwarding(answer), have); len(gone) > 0 {
		t.Errorf("a rule that goes leaves nothing behind, got %v", gone)
	}
	spared := plan.Sparing(plan.Steps(want, have, plan.Options{}), map[model.Key]bool{a: true})
	for _, step := range spared {
		if step.Verb == plan.Delete {
			t.Errorf("%s is not spared", step)
		}
	}
}
