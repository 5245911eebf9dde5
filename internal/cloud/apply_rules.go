package cloud

import (
	"context"
	"maps"
	"slices"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

func (a applier) rule(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateRule:
		return a.createRule(ctx, action.Want)
	case plan.ModifyRule:
		return a.modifyRule(ctx, action)
	case plan.SetRulePriorities:
		return a.setPriorities(ctx, action.Priorities)
	case plan.DeleteRule:
		_, err := elbCall(ctx, a.Cloud, Change, "DeleteRule", a.elb.DeleteRule, &elbv2.DeleteRuleInput{RuleArn: new(action.ID)})
		if err := ignoreGone(err); err != nil {
			return err
		}
		a.forgetID(action.ID)
	}
	return nil
}

func (a applier) createRule(ctx context.Context, want model.Rule) error {
	listener, err := a.arn(want.Listener)
	if err != nil {
		return err
	}
	actions, err := a.actions(want.Action)
	if err != nil {
		return err
	}
	out, err := elbCall(ctx, a.Cloud, Change, "CreateRule", a.elb.CreateRule, &elbv2.CreateRuleInput{
		ListenerArn: new(listener), Priority: new(want.Priority), Conditions: conditionsOf(want), Actions: actions, Transforms: transformsOf(want),
		Tags: toELBTags(want.Tags),
	})
	if err != nil {
		return err
	}
	a.h.observed.Rules = append(a.h.observed.Rules, want)
	a.h.observed.IDs[want.Key] = deref(out.Rules[0].RuleArn)
	if limits := &a.h.observed.Limits; len(a.h.observed.Rules) > limits.Rules {
		limits.Rules = 0 // AWS takes more by now
	}
	return nil
}

func (a applier) modifyRule(ctx context.Context, action plan.ModifyRule) error {
	arn, err := a.arn(action.Rule)
	if err != nil {
		return err
	}
	actions, err := a.actions(action.Want.Action)
	if err != nil {
		return err
	}
	in := &elbv2.ModifyRuleInput{RuleArn: new(arn), Conditions: conditionsOf(action.Want), Actions: actions, Transforms: transformsOf(action.Want)}
	known := at(a.h.observed.Rules, func(r model.Rule) bool { return r.Key == action.Rule })
	if len(in.Transforms) == 0 && known != nil && len(known.Transforms) > 0 {
		in.ResetTransforms = new(true) // a list that is not given stays
	}
	if _, err := elbCall(ctx, a.Cloud, Change, "ModifyRule", a.elb.ModifyRule, in); err != nil {
		return err
	}
	if want := action.Want; known != nil {
		known.Key, known.Conditions, known.Action, known.Transforms = want.Key, want.Conditions, want.Action, want.Transforms
	}
	delete(a.h.observed.IDs, action.Rule)
	a.h.observed.IDs[action.Want.Key] = arn
	return nil
}

func (a applier) setPriorities(ctx context.Context, priorities map[model.Key]int32) error {
	var pairs []elbv2types.RulePriorityPair
	for _, key := range slices.Sorted(maps.Keys(priorities)) {
		arn, err := a.arn(key)
		if err != nil {
			return err
		}
		pairs = append(pairs, elbv2types.RulePriorityPair{RuleArn: new(arn), Priority: new(priorities[key])})
	}
	_, err := elbCall(ctx, a.Cloud, Change, "SetRulePriorities", a.elb.SetRulePriorities, &elbv2.SetRulePrioritiesInput{RulePriorities: pairs})
	if err != nil {
		return err
	}
	for i, rule := range a.h.observed.Rules {
		if priority, moved := priorities[rule.Key]; moved {
			a.h.observed.Rules[i].Priority = priority
		}
	}
	return nil
}

func (a applier) tags(ctx context.Context, action plan.Action) error {
	id, err := a.arn(a.step.Key)
	if err != nil {
		return err
	}
	if a.securityGroupKey() {
		return a.securityGroupTags(ctx, id, action)
	}
	class := Change
	if at(a.h.observed.Rules, func(r model.Rule) bool { return r.Key == a.step.Key }) != nil {
		class = Slow // a renumbered rule serves as before
	}
	switch action := action.(type) {
	case plan.AddTags:
		_, err = elbCall(ctx, a.Cloud, class, "AddTags", a.elb.AddTags, &elbv2.AddTagsInput{ResourceArns: []string{id}, Tags: toELBTags(action.Tags)})
	case plan.RemoveTags:
		_, err = elbCall(ctx, a.Cloud, class, "RemoveTags", a.elb.RemoveTags, &elbv2.RemoveTagsInput{ResourceArns: []string{id}, TagKeys: action.Keys})
	}
	if err == nil {
		a.followTags(action)
	}
	return err
}
