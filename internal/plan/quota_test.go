package plan_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// ruled is a stack with so many rules, each to a group of its own.
func ruled(n int) model.Stack {
	stack := model.Stack{Listeners: []model.Listener{{Certificate: "arn:a", SNI: []string{"arn:a", "arn:b"}}}}
	for i := range n {
		stack.Rules = append(stack.Rules, model.Rule{
			Conditions: []model.Condition{{Field: model.PathPattern, Values: []string{"/a"}}},
			Action:     model.Action{Forward: []model.WeightedTarget{{TargetGroup: model.TargetGroupKey(fmt.Sprint(i))}}},
		})
	}
	return stack
}

func TestExceeds(t *testing.T) {
	t.Parallel()
	wide := ruled(1)
	wide.Rules[0].Conditions[0].Values = []string{"1", "2", "3", "4", "5", "6"}
	for range 5 {
		wide.Rules[0].Action.Forward = append(wide.Rules[0].Action.Forward, wide.Rules[0].Action.Forward[0])
	}
	for _, test := range []struct {
		name       string
		want, have model.Stack
		allowed    map[plan.Quota]int
		excess     []plan.Excess
	}{
		{name: "as_many_as_may_be", want: ruled(100), allowed: plan.StandardQuotas()},
		{name: "one_too_many", want: ruled(101), allowed: plan.StandardQuotas(), excess: []plan.Excess{
			{Quota: plan.RulesPerLoadBalancer, Wanted: 101, Allowed: 100}, {Quota: plan.GroupsPerLoadBalancer, Wanted: 101, Allowed: 100},
		}},
		{name: "there_already", want: ruled(101), have: ruled(101), allowed: plan.StandardQuotas()},
		{name: "more_than_there", want: ruled(102), have: ruled(101), allowed: map[plan.Quota]int{plan.RulesPerLoadBalancer: 100}, excess: []plan.Excess{
			{Quota: plan.RulesPerLoadBalancer, Wanted: 102, Allowed: 100},
		}},
		{name: "not_known", want: ruled(200), allowed: nil},
		{name: "default_certificates_do_not_count", want: ruled(1), allowed: map[plan.Quota]int{plan.CertificatesPerLoadBalancer: 1}},
		{name: "too_wide_a_rule", want: wide, allowed: plan.StandardQuotas(), excess: []plan.Excess{
			{Quota: plan.GroupsPerAction, Wanted: 6, Allowed: 5}, {Quota: plan.ValuesPerRule, Wanted: 6, Allowed: 5},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.excess, plan.Exceeds(test.want, test.have, test.allowed)); diff != "" {
				t.Errorf("excess (-want +got):\n%s", diff)
			}
		})
	}
}
