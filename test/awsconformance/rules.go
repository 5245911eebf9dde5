package awsconformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func tryRule(id, sentence, source, want string, change func(*fixture, *elbv2.CreateRuleInput)) assertion {
	return call("rule."+id, sentence, source, want, func(ctx context.Context, f *fixture) error {
		out, err := f.elb.CreateRule(ctx, f.ruleInput(900, func(in *elbv2.CreateRuleInput) { change(f, in) }))
		if err == nil {
			_, _ = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: out.Rules[0].RuleArn})
		}
		return err
	})
}

// conditions is about what a rule can ask of a request.
func conditions() []assertion {
	header := func(name string, values ...string) elbtypes.RuleCondition {
		return elbtypes.RuleCondition{Field: aws.String("http-header"), HttpHeaderConfig: &elbtypes.HttpHeaderConditionConfig{HttpHeaderName: &name, Values: values}}
	}
	method := func(values ...string) elbtypes.RuleCondition {
		return elbtypes.RuleCondition{Field: aws.String("http-request-method"), HttpRequestMethodConfig: &elbtypes.HttpRequestMethodConditionConfig{Values: values}}
	}
	source := func(values ...string) elbtypes.RuleCondition {
		return elbtypes.RuleCondition{Field: aws.String("source-ip"), SourceIpConfig: &elbtypes.SourceIpConditionConfig{Values: values}}
	}
	query := func(key, value string) elbtypes.RuleCondition {
		return elbtypes.RuleCondition{Field: aws.String("query-string"), QueryStringConfig: &elbtypes.QueryStringConditionConfig{Values: []elbtypes.QueryStringKeyValuePair{{Key: &key, Value: &value}}}}
	}
	regex := func(field, expression string) elbtypes.RuleCondition {
		c := elbtypes.RuleCondition{Field: &field}
		switch field {
		case "host-header":
			c.HostHeaderConfig = &elbtypes.HostHeaderConditionConfig{RegexValues: []string{expression}}
		case "path-pattern":
			c.PathPatternConfig = &elbtypes.PathPatternConditionConfig{RegexValues: []string{expression}}
		default:
			c.HttpHeaderConfig = &elbtypes.HttpHeaderConditionConfig{HttpHeaderName: aws.String("X-Kind"), RegexValues: []string{expression}}
		}
		return c
	}
	const page = "ALB guide, condition types for listener rules"
	var all []assertion
	for id, row := range inOrder(map[string]struct {
		want       string
		conditions []elbtypes.RuleCondition
	}{
		"field":               {"ValidationError", []elbtypes.RuleCondition{{Field: aws.String("cookie"), Values: []string{"x"}}}},
		"none":                {"ValidationError", []elbtypes.RuleCondition{}},
		"path.old-form":       {ok, []elbtypes.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/old"}}}},
		"path.empty":          {"ValidationError", []elbtypes.RuleCondition{pathIs("")}},
		"path.space":          {"ValidationError", []elbtypes.RuleCondition{pathIs("/a b")}},
		"path.129":            {"ValidationError", []elbtypes.RuleCondition{pathIs("/" + strings.Repeat("x", 128))}},
		"path.128":            {ok, []elbtypes.RuleCondition{pathIs("/" + strings.Repeat("x", 127))}},
		"path.twice":          {"ValidationError", []elbtypes.RuleCondition{pathIs("/a"), pathIs("/b")}},
		"host.dot":            {"ValidationError", []elbtypes.RuleCondition{hostIs("localhost")}},
		"host.digits":         {"ValidationError", []elbtypes.RuleCondition{hostIs("10.0.0.1")}},
		"host.wildcard":       {ok, []elbtypes.RuleCondition{hostIs("*.example.com")}},
		"host.twice":          {"ValidationError", []elbtypes.RuleCondition{hostIs("a.com"), hostIs("b.com")}},
		"values.six":          {"ValidationError", []elbtypes.RuleCondition{hostIs("a.com", "b.com", "c.com"), pathIs("/a", "/b", "/c")}},
		"values.five":         {ok, []elbtypes.RuleCondition{hostIs("a.com", "b.com"), pathIs("/a", "/b", "/c")}},
		"wildcards.seven":     {"ValidationError", []elbtypes.RuleCondition{pathIs("/*/*/*/*/*/*/*")}},
		"method.lower":        {"ValidationError", []elbtypes.RuleCondition{method("get")}},
		"method.own":          {ok, []elbtypes.RuleCondition{method("PURGE")}},
		"source.cidr":         {ok, []elbtypes.RuleCondition{source("10.0.0.0/8")}},
		"source.ipv6":         {ok, []elbtypes.RuleCondition{source("2001:db8::/32")}},
		"source.address":      {"ValidationError", []elbtypes.RuleCondition{source("10.0.0.1")}},
		"header.twice":        {ok, []elbtypes.RuleCondition{header("X-A", "1"), header("X-B", "2")}},
		"header.name.41":      {"ValidationError", []elbtypes.RuleCondition{header(strings.Repeat("x", 41), "1")}},
		"query":               {ok, []elbtypes.RuleCondition{query("version", "v1")}},
		"query.empty":         {"ValidationError", []elbtypes.RuleCondition{query("version", "")}},
		"regex.path":          {ok, []elbtypes.RuleCondition{regex("path-pattern", "^/v[0-9]+/")}},
		"regex.host":          {ok, []elbtypes.RuleCondition{regex("host-header", `^(a|b)\.example\.com$`)}},
		"regex.header":        {ok, []elbtypes.RuleCondition{regex("http-header", "^mobile")}},
		"regex.look-ahead":    {"ValidationError", []elbtypes.RuleCondition{regex("path-pattern", "^/(?=x)")}},
		"regex.unbalanced":    {"ValidationError", []elbtypes.RuleCondition{regex("path-pattern", "^/(")}},
		"regex.unicode-class": {"ValidationError", []elbtypes.RuleCondition{regex("path-pattern", `\p{Greek}`)}},
	}) {
		all = append(all, tryRule("condition."+id, "a condition "+id+" answers "+row.want, page, row.want, func(_ *fixture, in *elbv2.CreateRuleInput) { in.Conditions = row.conditions }))
	}
	return all
}

// rules is about rules, their order and their transforms.
func rules() []assertion {
	const page = "ALB guide, listener rules"
	rewrite := func(kind elbtypes.TransformTypeEnum, expression string) elbtypes.RuleTransform {
		config := []elbtypes.RewriteConfig{{Regex: &expression, Replace: aws.String("/$1")}}
		t := elbtypes.RuleTransform{Type: kind}
		if kind == elbtypes.TransformTypeEnumUrlRewrite {
			t.UrlRewriteConfig = &elbtypes.UrlRewriteConfig{Rewrites: config}
		} else {
			t.HostHeaderRewriteConfig = &elbtypes.HostHeaderRewriteConfig{Rewrites: config}
		}
		return t
	}
	all := []assertion{
		tryRule("priority.taken", "a priority can be used once", "API model, PriorityInUseException", "PriorityInUse", func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(10) }),
		tryRule("priority.zero", "priorities begin at 1", "API model, RulePriority", "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(0) }),
		tryRule("priority.large", "priorities end at 50000", "API model, RulePriority", "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(50001) }),
		tryRule("priority.largest", "the last priority is 50000", "API model, RulePriority", ok, func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(50000) }),
		tryRule("transform.url", "a rule can rewrite the URL", page, ok, func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbtypes.RuleTransform{rewrite(elbtypes.TransformTypeEnumUrlRewrite, "^/api/(.*)$")}
		}),
		tryRule("transform.both", "a rule can have both transforms", page, ok, func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbtypes.RuleTransform{rewrite(elbtypes.TransformTypeEnumUrlRewrite, "^/api/(.*)$"), rewrite(elbtypes.TransformTypeEnumHostHeaderRewrite, "^(.*)$")}
		}),
		tryRule("transform.twice", "a rule has one transform of a type", page, "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbtypes.RuleTransform{rewrite(elbtypes.TransformTypeEnumUrlRewrite, "a"), rewrite(elbtypes.TransformTypeEnumUrlRewrite, "b")}
		}),
		tryRule("transform.regex", "the expression of a transform must be right", page, "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbtypes.RuleTransform{rewrite(elbtypes.TransformTypeEnumUrlRewrite, "(")}
		}),
		call("rule.default.delete", "the default rule cannot be deleted", "API reference, DeleteRule", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: &f.defaultRule}))
		}),
		call("rule.default.modify", "the default rule is modified through its listener", "API reference, ModifyRule", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: &f.defaultRule, Actions: answerWith("200")}))
		}),
		call("rule.default.priority", "the default rule stays the last", "API reference, SetRulePriorities", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetRulePriorities(ctx, &elbv2.SetRulePrioritiesInput{RulePriorities: []elbtypes.RulePriorityPair{{RuleArn: &f.defaultRule, Priority: aws.Int32(5)}}}))
		}),
		call("rule.reset.both-ways", "ResetTransforms excludes Transforms", "API reference, ModifyRule", "ValidationError", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: &f.rule, ResetTransforms: aws.Bool(true), Transforms: []elbtypes.RuleTransform{rewrite(elbtypes.TransformTypeEnumUrlRewrite, "a")}}))
		}),
		call("rule.describe.nothing", "rules are found by their ARNs or their listener", "API reference, DescribeRules", "ValidationError", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeRules(ctx, &elbv2.DescribeRulesInput{}))
		}),
		is("rule.swap", "two rules can change places in one call", "API reference, SetRulePriorities", "20 10", swap),
	}
	return all
}

// swap makes a second rule, lets the two change places and back, and says where they were in between.
func swap(ctx context.Context, f *fixture) (string, error) {
	out, err := f.elb.CreateRule(ctx, f.ruleInput(20, func(in *elbv2.CreateRuleInput) { in.Conditions = []elbtypes.RuleCondition{pathIs("/swap")} }))
	if err != nil {
		return "", err
	}
	other := out.Rules[0].RuleArn
	defer func() { _, _ = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: other}) }()
	places := func(mine, others int32) *elbv2.SetRulePrioritiesInput {
		return &elbv2.SetRulePrioritiesInput{RulePriorities: []elbtypes.RulePriorityPair{{RuleArn: &f.rule, Priority: &mine}, {RuleArn: other, Priority: &others}}}
	}
	swapped, err := f.elb.SetRulePriorities(ctx, places(20, 10))
	if err != nil {
		return "", err
	}
	_, err = f.elb.SetRulePriorities(ctx, places(10, 20))
	return fmt.Sprint(*swapped.Rules[0].Priority, " ", *swapped.Rules[1].Priority), err
}
