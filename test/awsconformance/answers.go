package awsconformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// shown makes a rule for one assertion, and says what of it is read back.
func shown(id, sentence, source, want string, change func(*fixture, *elbv2.CreateRuleInput), of func(elbv2types.Rule) string) assertion {
	return is("rule.shown."+id, sentence, source, want, func(ctx context.Context, f *fixture) (string, error) {
		made, err := f.elb.CreateRule(ctx, f.ruleInput(30, func(in *elbv2.CreateRuleInput) { change(f, in) }))
		if err != nil {
			return "", err
		}
		arn := *made.Rules[0].RuleArn
		defer func() { _, _ = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: &arn}) }()
		out, err := f.elb.DescribeRules(ctx, &elbv2.DescribeRulesInput{RuleArns: []string{arn}})
		if err != nil {
			return "", err
		}
		return of(out.Rules[0]), nil
	})
}

// answers is about how what was left out is read back: whoever compares what should be with what is depends on it.
func answers() []assertion {
	redirect := func(r elbv2types.Rule) string {
		c := r.Actions[0].RedirectConfig
		return fmt.Sprint(*c.Protocol, " ", *c.Host, " ", *c.Port, " ", *c.Path, " ", *c.Query)
	}
	stickiness := func(r elbv2types.Rule) string {
		c := r.Actions[0].ForwardConfig.TargetGroupStickinessConfig
		return fmt.Sprint(c != nil && aws.ToBool(c.Enabled))
	}
	return []assertion{
		shown("redirect", "parts of a redirect that are left out are placeholders", "API reference, RedirectActionConfig", "HTTPS #{host} 443 /#{path} #{query}", func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Actions = []elbv2types.Action{{Type: elbv2types.ActionTypeEnumRedirect, RedirectConfig: &elbv2types.RedirectActionConfig{
				Protocol: aws.String("HTTPS"), Port: aws.String("443"), StatusCode: elbv2types.RedirectActionStatusCodeEnumHttp301,
			}}}
		}, redirect),
		shown("stickiness", "stickiness that is left out is off", unconfirmed, "false", func(f *fixture, in *elbv2.CreateRuleInput) { in.Actions = forwardTo(f.used) }, stickiness),
		shown("values", "the values of a condition keep their order", unconfirmed, "[/b /a /c]", func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Conditions = []elbv2types.RuleCondition{pathIs("/b", "/a", "/c")}
		}, func(r elbv2types.Rule) string { return fmt.Sprint(r.Conditions[0].PathPatternConfig.Values) }),
		is("rule.modify.transforms", "transforms that are left out stay, until they are reset", "API reference, ModifyRule", "1 0", leftTransforms),
		is("listener.modify.policy", "a security policy that is left out stays", "API reference, ModifyListener", true, func(ctx context.Context, f *fixture) (bool, error) {
			before, err := f.elb.DescribeListeners(ctx, &elbv2.DescribeListenersInput{ListenerArns: []string{f.secureListener}})
			if err != nil {
				return false, err
			}
			out, err := f.elb.ModifyListener(ctx, &elbv2.ModifyListenerInput{
				ListenerArn: &f.secureListener, Protocol: before.Listeners[0].Protocol, Certificates: before.Listeners[0].Certificates,
			})
			return err == nil && aws.ToString(out.Listeners[0].SslPolicy) == aws.ToString(before.Listeners[0].SslPolicy), err
		}),
		call("lb.addresses.again", "the same IP address type can be set again", unconfirmed, ok, func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetIpAddressType(ctx, &elbv2.SetIpAddressTypeInput{LoadBalancerArn: &f.balancer, IpAddressType: elbv2types.IpAddressTypeIpv4}))
		}),
	}
}

// leftTransforms counts the transforms of a rule after its actions were modified, and after a reset.
func leftTransforms(ctx context.Context, f *fixture) (string, error) {
	made, err := f.elb.CreateRule(ctx, f.ruleInput(30, func(in *elbv2.CreateRuleInput) {
		in.Transforms = []elbv2types.RuleTransform{{Type: elbv2types.TransformTypeEnumUrlRewrite, UrlRewriteConfig: &elbv2types.UrlRewriteConfig{
			Rewrites: []elbv2types.RewriteConfig{{Regex: aws.String("^/a"), Replace: aws.String("/b")}},
		}}}
	}))
	if err != nil {
		return "", err
	}
	arn := made.Rules[0].RuleArn
	defer func() { _, _ = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: arn}) }()
	kept, err := f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: arn, Actions: answerWith("404")})
	if err != nil {
		return "", err
	}
	reset, err := f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: arn, ResetTransforms: aws.Bool(true)})
	if err != nil {
		return "", err
	}
	return fmt.Sprint(len(kept.Rules[0].Transforms), " ", len(reset.Rules[0].Transforms)), nil
}
