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

func (a applier) listener(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateListener:
		return a.createListener(ctx, action.Want)
	case plan.ModifyListener:
		return a.modifyListener(ctx, action.Want)
	case plan.DeleteListener:
		_, err := elbCall(ctx, a.Cloud, Change, "DeleteListener", a.elb.DeleteListener, &elbv2.DeleteListenerInput{ListenerArn: new(action.ID)})
		if err := ignoreGone(err); err != nil {
			return err
		}
		if key, ok := keyOfID(a.h.observed.IDs, action.ID); ok {
			for _, rule := range slices.Clone(a.h.observed.Rules) {
				if rule.Listener == key {
					a.forgetID(a.h.observed.IDs[rule.Key])
				}
			}
		}
		a.forgetID(action.ID)
	}
	return nil
}

func (a applier) createListener(ctx context.Context, want model.Listener) error {
	lb, err := a.arn(model.LoadBalancerKey)
	if err != nil {
		return err
	}
	actions, err := a.actions(want.Default)
	if err != nil {
		return err
	}
	out, err := elbCall(ctx, a.Cloud, Change, "CreateListener", a.elb.CreateListener, &elbv2.CreateListenerInput{
		LoadBalancerArn: new(lb), Port: new(want.Port), Protocol: elbv2types.ProtocolEnum(want.Protocol), DefaultActions: actions, Tags: toELBTags(want.Tags),
		Certificates: certificatesOf(want), SslPolicy: policyOf(want),
	})
	if err != nil {
		return err
	}
	a.h.observed.Listeners = append(a.h.observed.Listeners, want)
	a.h.observed.IDs[want.Key] = deref(out.Listeners[0].ListenerArn)
	return nil
}

func (a applier) modifyListener(ctx context.Context, want model.Listener) error {
	arn, err := a.arn(want.Key)
	if err != nil {
		return err
	}
	actions, err := a.actions(want.Default)
	if err != nil {
		return err
	}
	_, err = elbCall(ctx, a.Cloud, Change, "ModifyListener", a.elb.ModifyListener, &elbv2.ModifyListenerInput{
		ListenerArn: new(arn), Port: new(want.Port), Protocol: elbv2types.ProtocolEnum(want.Protocol), DefaultActions: actions,
		Certificates: certificatesOf(want), SslPolicy: policyOf(want),
	})
	if err != nil {
		return err
	}
	if known := at(a.h.observed.Listeners, func(l model.Listener) bool { return l.Key == want.Key }); known != nil {
		known.Protocol, known.Default, known.Certificate, known.SSLPolicy = want.Protocol, want.Default, want.Certificate, want.SSLPolicy
	}
	return nil
}

// certificatesOf and policyOf are nil where there is no TLS: AWS refuses them there.
func certificatesOf(listener model.Listener) []elbv2types.Certificate {
	if listener.Certificate == "" {
		return nil
	}
	return []elbv2types.Certificate{{CertificateArn: new(listener.Certificate)}}
}

func policyOf(listener model.Listener) *string {
	if listener.SSLPolicy == "" {
		return nil
	}
	return new(listener.SSLPolicy)
}

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
		ListenerArn: new(listener), Priority: new(want.Priority), Conditions: conditionsOf(want), Actions: actions, Tags: toELBTags(want.Tags),
	})
	if err != nil {
		return err
	}
	a.h.observed.Rules = append(a.h.observed.Rules, want)
	a.h.observed.IDs[want.Key] = deref(out.Rules[0].RuleArn)
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
	_, err = elbCall(ctx, a.Cloud, Change, "ModifyRule", a.elb.ModifyRule,
		&elbv2.ModifyRuleInput{RuleArn: new(arn), Conditions: conditionsOf(action.Want), Actions: actions})
	if err != nil {
		return err
	}
	if known := at(a.h.observed.Rules, func(r model.Rule) bool { return r.Key == action.Rule }); known != nil {
		known.Key, known.Conditions, known.Action = action.Want.Key, action.Want.Conditions, action.Want.Action
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

func conditionsOf(rule model.Rule) []elbv2types.RuleCondition {
	var out []elbv2types.RuleCondition
	for _, condition := range rule.Conditions {
		c := elbv2types.RuleCondition{Field: new(condition.Field)}
		switch condition.Field {
		case "host-header":
			c.HostHeaderConfig = &elbv2types.HostHeaderConditionConfig{Values: condition.Values}
		case "path-pattern":
			c.PathPatternConfig = &elbv2types.PathPatternConditionConfig{Values: condition.Values}
		}
		out = append(out, c)
	}
	return out
}

func (a applier) actions(action model.Action) ([]elbv2types.Action, error) {
	if fixed := action.FixedResponse; fixed != nil {
		config := &elbv2types.FixedResponseActionConfig{StatusCode: new(fixed.StatusCode), ContentType: new(fixed.ContentType)}
		if fixed.Body != "" {
			config.MessageBody = new(fixed.Body)
		}
		return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumFixedResponse, Order: new(int32(1)), FixedResponseConfig: config}}, nil
	}
	forward := &elbv2types.ForwardActionConfig{}
	for _, target := range action.Forward {
		arn, err := a.arn(target.TargetGroup)
		if err != nil {
			return nil, err
		}
		tuple := elbv2types.TargetGroupTuple{TargetGroupArn: new(arn)}
		if len(action.Forward) > 1 {
			tuple.Weight = target.Weight
		}
		forward.TargetGroups = append(forward.TargetGroups, tuple)
	}
	return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, Order: new(int32(1)), ForwardConfig: forward}}, nil
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
