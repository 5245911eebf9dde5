package cloud

import (
	"strconv"

	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

func listenerOf(listener elbv2types.Listener, ids map[model.Key]string) model.Listener {
	port := deref(listener.Port)
	out := model.Listener{
		Key: model.ListenerKey(port), Port: port, Protocol: string(listener.Protocol), SSLPolicy: deref(listener.SslPolicy),
		Default: actionOf(listener.DefaultActions, ids),
	}
	for _, certificate := range listener.Certificates { // the default one only, as AWS answers
		out.Certificate = deref(certificate.CertificateArn)
	}
	return out
}

func ruleOf(rule elbv2types.Rule, listener model.Listener, ids map[model.Key]string) model.Rule {
	out := model.Rule{Listener: listener.Key, Priority: priorityOf(rule), Action: actionOf(rule.Actions, ids)}
	for _, condition := range rule.Conditions {
		out.Conditions = append(out.Conditions, conditionOf(condition))
	}
	for _, transform := range rule.Transforms {
		out.Transforms = append(out.Transforms, transformOf(transform))
	}
	model.SortConditions(out.Conditions)
	out.Key = model.RuleKey(listener.Port, out.Conditions)
	return out
}

func priorityOf(rule elbv2types.Rule) int32 {
	priority, err := strconv.ParseInt(deref(rule.Priority), 10, 32)
	if err != nil {
		return 0 // "default"
	}
	return int32(priority)
}

// conditionOf looks at the fields of former times only where there is nothing else.
func conditionOf(condition elbv2types.RuleCondition) model.Condition {
	out := model.Condition{Field: deref(condition.Field)}
	switch {
	case condition.HostHeaderConfig != nil:
		out.Values, out.Regex = condition.HostHeaderConfig.Values, condition.HostHeaderConfig.RegexValues
	case condition.PathPatternConfig != nil:
		out.Values, out.Regex = condition.PathPatternConfig.Values, condition.PathPatternConfig.RegexValues
	case condition.HttpHeaderConfig != nil:
		config := condition.HttpHeaderConfig
		out.Header, out.Values, out.Regex = deref(config.HttpHeaderName), config.Values, config.RegexValues
	case condition.HttpRequestMethodConfig != nil:
		out.Values = condition.HttpRequestMethodConfig.Values
	case condition.SourceIpConfig != nil:
		out.Values = condition.SourceIpConfig.Values
	case condition.QueryStringConfig != nil:
		for _, pair := range condition.QueryStringConfig.Values {
			out.Query = append(out.Query, model.Pair{Key: deref(pair.Key), Value: deref(pair.Value)})
		}
	default:
		out.Values, out.Regex = condition.Values, condition.RegexValues
	}
	return out
}

func conditionsOf(rule model.Rule) []elbv2types.RuleCondition {
	var out []elbv2types.RuleCondition
	for _, condition := range rule.Conditions {
		out = append(out, toCondition(condition))
	}
	return out
}

func toCondition(condition model.Condition) elbv2types.RuleCondition {
	out := elbv2types.RuleCondition{Field: new(condition.Field)}
	switch condition.Field {
	case model.HostHeader:
		out.HostHeaderConfig = &elbv2types.HostHeaderConditionConfig{Values: condition.Values, RegexValues: condition.Regex}
	case model.PathPattern:
		out.PathPatternConfig = &elbv2types.PathPatternConditionConfig{Values: condition.Values, RegexValues: condition.Regex}
	case model.HTTPHeader:
		out.HttpHeaderConfig = &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: new(condition.Header), Values: condition.Values, RegexValues: condition.Regex}
	case model.Method:
		out.HttpRequestMethodConfig = &elbv2types.HttpRequestMethodConditionConfig{Values: condition.Values}
	case model.SourceIP:
		out.SourceIpConfig = &elbv2types.SourceIpConditionConfig{Values: condition.Values}
	case model.QueryString:
		out.QueryStringConfig = &elbv2types.QueryStringConditionConfig{}
		for _, pair := range condition.Query {
			out.QueryStringConfig.Values = append(out.QueryStringConfig.Values, toPair(pair))
		}
	}
	return out
}

func toPair(pair model.Pair) elbv2types.QueryStringKeyValuePair {
	out := elbv2types.QueryStringKeyValuePair{Value: new(pair.Value)}
	if pair.Key != "" {
		out.Key = new(pair.Key)
	}
	return out
}

func transformOf(transform elbv2types.RuleTransform) model.Transform {
	out := model.Transform{Type: string(transform.Type)}
	var rewrites []elbv2types.RewriteConfig
	switch {
	case transform.HostHeaderRewriteConfig != nil:
		rewrites = transform.HostHeaderRewriteConfig.Rewrites
	case transform.UrlRewriteConfig != nil:
		rewrites = transform.UrlRewriteConfig.Rewrites
	}
	for _, rewrite := range rewrites {
		out.Rewrites = append(out.Rewrites, model.Rewrite{Regex: deref(rewrite.Regex), Replace: deref(rewrite.Replace)})
	}
	return out
}

func transformsOf(rule model.Rule) []elbv2types.RuleTransform {
	var out []elbv2types.RuleTransform
	for _, transform := range rule.Transforms {
		var rewrites []elbv2types.RewriteConfig
		for _, rewrite := range transform.Rewrites {
			rewrites = append(rewrites, elbv2types.RewriteConfig{Regex: new(rewrite.Regex), Replace: new(rewrite.Replace)})
		}
		t := elbv2types.RuleTransform{Type: elbv2types.TransformTypeEnum(transform.Type)}
		switch transform.Type {
		case model.HostRewrite:
			t.HostHeaderRewriteConfig = &elbv2types.HostHeaderRewriteConfig{Rewrites: rewrites}
		case model.URLRewrite:
			t.UrlRewriteConfig = &elbv2types.UrlRewriteConfig{Rewrites: rewrites}
		}
		out = append(out, t)
	}
	return out
}
