package awsconformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
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
	header := func(name string, values ...string) elbv2types.RuleCondition {
		return elbv2types.RuleCondition{Field: aws.String("http-header"), HttpHeaderConfig: &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: &name, Values: values}}
	}
	method := func(values ...string) elbv2types.RuleCondition {
		return elbv2types.RuleCondition{Field: aws.String("http-request-method"), HttpRequestMethodConfig: &elbv2types.HttpRequestMethodConditionConfig{Values: values}}
	}
	source := func(values ...string) elbv2types.RuleCondition {
		return elbv2types.RuleCondition{Field: aws.String("source-ip"), SourceIpConfig: &elbv2types.SourceIpConditionConfig{Values: values}}
	}
	query := func(key, value string) elbv2types.RuleCondition {
		return elbv2types.RuleCondition{Field: aws.String("query-string"), QueryStringConfig: &elbv2types.QueryStringConditionConfig{Values: []elbv2types.QueryStringKeyValuePair{{Key: &key, Value: &value}}}}
	}
	regex := func(field, expression string) elbv2types.RuleCondition {
		c := elbv2types.RuleCondition{Field: &field}
		switch field {
		case "host-header":
			c.HostHeaderConfig = &elbv2types.HostHeaderConditionConfig{RegexValues: []string{expression}}
		case "path-pattern":
			c.PathPatternConfig = &elbv2types.PathPatternConditionConfig{RegexValues: []string{expression}}
		default:
			c.HttpHeaderConfig = &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: aws.String("X-Kind"), RegexValues: []string{expression}}
		}
		return c
	}
	const page = "ALB guide, condition types for listener rules"
	var all []assertion
	for id, row := range inOrder(map[string]struct {
		want       string
		conditions []elbv2types.RuleCondition
	}{
		"field":               {"ValidationError", []elbv2types.RuleCondition{{Field: aws.String("cookie"), Values: []string{"x"}}}},
		"none":                {"ValidationError", []elbv2types.RuleCondition{}},
		"path.old-form":       {ok, []elbv2types.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/old"}}}},
		"path.empty":          {"ValidationError", []elbv2types.RuleCondition{pathIs("")}},
		"path.space":          {"ValidationError", []elbv2types.RuleCondition{pathIs("/a b")}},
		"path.129":            {"ValidationError", []elbv2types.RuleCondition{pathIs("/" + strings.Repeat("x", 128))}},
		"path.128":            {ok, []elbv2types.RuleCondition{pathIs("/" + strings.Repeat("x", 127))}},
		"path.twice":          {"ValidationError", []elbv2types.RuleCondition{pathIs("/a"), pathIs("/b")}},
		"host.dot":            {"ValidationError", []elbv2types.RuleCondition{hostIs("localhost")}},
		"host.digits":         {"ValidationError", []elbv2types.RuleCondition{hostIs("10.0.0.1")}},
		"host.wildcard":       {ok, []elbv2types.RuleCondition{hostIs("*.example.com")}},
		"host.twice":          {"ValidationError", []elbv2types.RuleCondition{hostIs("a.com"), hostIs("b.com")}},
		"values.six":          {"ValidationError", []elbv2types.RuleCondition{hostIs("a.com", "b.com", "c.com"), pathIs("/a", "/b", "/c")}},
		"values.five":         {ok, []elbv2types.RuleCondition{hostIs("a.com", "b.com"), pathIs("/a", "/b", "/c")}},
		"wildcards.seven":     {"ValidationError", []elbv2types.RuleCondition{pathIs("/*/*/*/*/*/*/*")}},
		"method.lower":        {"ValidationError", []elbv2types.RuleCondition{method("get")}},
		"method.own":          {ok, []elbv2types.RuleCondition{method("PURGE")}},
		"source.cidr":         {ok, []elbv2types.RuleCondition{source("10.0.0.0/8")}},
		"source.ipv6":         {ok, []elbv2types.RuleCondition{source("2001:db8::/32")}},
		"source.address":      {"ValidationError", []elbv2types.RuleCondition{source("10.0.0.1")}},
		"header.twice":        {ok, []elbv2types.RuleCondition{header("X-A", "1"), header("X-B", "2")}},
		"header.name.41":      {"ValidationError", []elbv2types.RuleCondition{header(strings.Repeat("x", 41), "1")}},
		"query":               {ok, []elbv2types.RuleCondition{query("version", "v1")}},
		"query.empty":         {"ValidationError", []elbv2types.RuleCondition{query("version", "")}},
		"regex.path":          {ok, []elbv2types.RuleCondition{regex("path-pattern", "^/v[0-9]+/")}},
		"regex.host":          {ok, []elbv2types.RuleCondition{regex("host-header", `^(a|b)\.example\.com$`)}},
		"regex.header":        {ok, []elbv2types.RuleCondition{regex("http-header", "^mobile")}},
		"regex.look-ahead":    {"ValidationError", []elbv2types.RuleCondition{regex("path-pattern", "^/(?=x)")}},
		"regex.unbalanced":    {"ValidationError", []elbv2types.RuleCondition{regex("path-pattern", "^/(")}},
		"regex.unicode-class": {"ValidationError", []elbv2types.RuleCondition{regex("path-pattern", `\p{Greek}`)}},
	}) {
		all = append(all, tryRule("condition."+id, "a condition "+id+" answers "+row.want, page, row.want, func(_ *fixture, in *elbv2.CreateRuleInput) { in.Conditions = row.conditions }))
	}
	return all
}

// rules is about rules, their order and their transforms.
func rules() []assertion {
	const page = "ALB guide, listener rules"
	rewrite := func(kind elbv2types.TransformTypeEnum, expression string) elbv2types.RuleTransform {
		config := []elbv2types.RewriteConfig{{Regex: &expression, Replace: aws.String("/$1")}}
		t := elbv2types.RuleTransform{Type: kind}
		if kind == elbv2types.TransformTypeEnumUrlRewrite {
			t.UrlRewriteConfig = &elbv2types.UrlRewriteConfig{Rewrites: config}
		} else {
			t.HostHeaderRewriteConfig = &elbv2types.HostHeaderRewriteConfig{Rewrites: config}
		}
		return t
	}
	all := []assertion{
		tryRule("priority.taken", "a priority can be used once", "API model, PriorityInUseException", "PriorityInUse", func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(10) }),
		tryRule("priority.zero", "priorities begin at 1", "API model, RulePriority", "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(0) }),
		tryRule("priority.large", "priorities end at 50000", "API model, RulePriority", "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(50001) }),
		tryRule("priority.largest", "the last priority is 50000", "API model, RulePriority", ok, func(_ *fixture, in *elbv2.CreateRuleInput) { in.Priority = aws.Int32(50000) }),
		tryRule("transform.url", "a rule can rewrite the URL", page, ok, func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbv2types.RuleTransform{rewrite(elbv2types.TransformTypeEnumUrlRewrite, "^/api/(.*)$")}
		}),
		tryRule("transform.both", "a rule can have both transforms", page, ok, func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbv2types.RuleTransform{rewrite(elbv2types.TransformTypeEnumUrlRewrite, "^/api/(.*)$"), rewrite(elbv2types.TransformTypeEnumHostHeaderRewrite, "^(.*)$")}
		}),
		tryRule("transform.twice", "a rule has one transform of a type", page, "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbv2types.RuleTransform{rewrite(elbv2types.TransformTypeEnumUrlRewrite, "a"), rewrite(elbv2types.TransformTypeEnumUrlRewrite, "b")}
		}),
		tryRule("transform.regex", "the expression of a transform must be right", page, "ValidationError", func(_ *fixture, in *elbv2.CreateRuleInput) {
			in.Transforms = []elbv2types.RuleTransform{rewrite(elbv2types.TransformTypeEnumUrlRewrite, "(")}
		}),
		call("rule.default.delete", "the default rule cannot be deleted", "API reference, DeleteRule", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: &f.defaultRule}))
		}),
		call("rule.default.modify", "the default rule is modified through its listener", "API reference, ModifyRule", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: &f.defaultRule, Actions: answerWith("200")}))
		}),
		call("rule.default.priority", "the default rule stays the last", "API reference, SetRulePriorities", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetRulePriorities(ctx, &elbv2.SetRulePrioritiesInput{RulePriorities: []elbv2types.RulePriorityPair{{RuleArn: &f.defaultRule, Priority: aws.Int32(5)}}}))
		}),
		call("rule.reset.both-ways", "ResetTransforms excludes Transforms", "API reference, ModifyRule", "ValidationError", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: &f.rule, ResetTransforms: aws.Bool(true), Transforms: []elbv2types.RuleTransform{rewrite(elbv2types.TransformTypeEnumUrlRewrite, "a")}}))
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
	out, err := f.elb.CreateRule(ctx, f.ruleInput(20, func(in *elbv2.CreateRuleInput) { in.Conditions = []elbv2types.RuleCondition{pathIs("/swap")} }))
	if err != nil {
		return "", err
	}
	other := out.Rules[0].RuleArn
	defer func() { _, _ = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: other}) }()
	places := func(mine, others int32) *elbv2.SetRulePrioritiesInput {
		return &elbv2.SetRulePrioritiesInput{RulePriorities: []elbv2types.RulePriorityPair{{RuleArn: &f.rule, Priority: &mine}, {RuleArn: other, Priority: &others}}}
	}
	swapped, err := f.elb.SetRulePriorities(ctx, places(20, 10))
	if err != nil {
		return "", err
	}
	_, err = f.elb.SetRulePriorities(ctx, places(10, 20))
	return fmt.Sprint(*swapped.Rules[0].Priority, " ", *swapped.Rules[1].Priority), err
}
