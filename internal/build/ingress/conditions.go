package ingress

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/model"
)

// Quotas of a rule that AWS does not raise (ALB guide, "Quotas for your Application Load Balancers").
const (
	mostConditionValues    = 5
	mostConditionWildcards = 6
	longestConditionValue  = 128
)

// conditions of a path, and whether they could be read. Those of the annotation come
// first, in their order, then the host and the path, each with the annotation's values
// after the Ingress's own.
func (p *part) conditions(host string, path networkingv1.HTTPIngressPath, field string) ([]model.Condition, bool) {
	hosts := model.Condition{Field: model.HostHeader}
	if host != "" {
		hosts.Values = []string{host}
	}
	paths, readable := p.pathCondition(path, field)
	var out []model.Condition
	for _, extra := range p.annotatedConditions(path.Backend, &readable) {
		switch extra.Field {
		case model.HostHeader:
			hosts.Values, hosts.Regex = append(hosts.Values, extra.Values...), append(hosts.Regex, extra.Regex...)
		case model.PathPattern:
			paths.Values, paths.Regex = append(paths.Values, extra.Values...), append(paths.Regex, extra.Regex...)
		default:
			out = append(out, extra)
		}
	}
	for _, merged := range []model.Condition{hosts, paths} {
		if len(merged.Values) > 0 && len(merged.Regex) > 0 {
			p.complain(field, "InvalidConditions", fmt.Sprintf("its %s has both values (%s) and regular expressions (%s)",
				merged.Field, strings.Join(merged.Values, ", "), strings.Join(merged.Regex, ", ")), "write all of them as values, or all as expressions")
			readable = false
		}
		if len(merged.Values)+len(merged.Regex) > 0 {
			out = append(out, merged)
		}
	}
	if len(out) == 0 {
		out = []model.Condition{{Field: model.PathPattern, Values: []string{"/*"}}}
	}
	return out, p.withinLimits(out, field) && readable
}

// annotatedConditions are those of the annotation that bears the name of the backend.
func (p *part) annotatedConditions(backend networkingv1.IngressBackend, readable *bool) []model.Condition {
	if backend.Service == nil {
		return nil
	}
	written, err := p.set.Conditions(backend.Service.Name)
	if err != nil {
		p.wrong(err)
		*readable = false
	}
	var out []model.Condition
	for _, c := range written {
		condition := model.Condition{Field: c.Field, Values: c.Values, Regex: c.Regex, Header: c.Header}
		for _, pair := range c.Query {
			condition.Query = append(condition.Query, model.Pair(pair))
		}
		out = append(out, condition)
	}
	return out
}

// pathCondition has no value where the path is empty.
func (p *part) pathCondition(path networkingv1.HTTPIngressPath, field string) (condition model.Condition, readable bool) {
	condition.Field = model.PathPattern
	kind := pathType(path)
	if kind != networkingv1.PathTypeImplementationSpecific && strings.ContainsAny(path.Path, "*?") {
		p.complain(field+".path", "InvalidPath", fmt.Sprintf("path %q of type %s holds a wildcard", path.Path, kind),
			"use pathType ImplementationSpecific for wildcards, or take * and ? out")
		return condition, false
	}
	regex, err := p.set.Bool("use-regex-path-match", false)
	p.wrong(err)
	switch {
	case path.Path == "":
	case kind == networkingv1.PathTypeImplementationSpecific && regex && len(path.Path) == 1:
		p.complain(field+".path", "InvalidPath", fmt.Sprintf("path %q has no regular expression after its first character", path.Path), "write / and then an expression, such as /^/api/.*")
		return condition, false
	case kind == networkingv1.PathTypeImplementationSpecific && regex:
		condition.Regex = []string{path.Path[1:]}
	case kind != networkingv1.PathTypePrefix:
		condition.Values = []string{path.Path}
	case path.Path == "/":
		condition.Values = []string{"/*"}
	default:
		trimmed := strings.TrimSuffix(path.Path, "/")
		condition.Values = []string{trimmed, trimmed + "/*"}
	}
	return condition, err == nil
}

// withinLimits holds the conditions of a rule to what AWS takes.
func (p *part) withinLimits(conditions []model.Condition, field string) bool {
	values, wildcards := 0, 0
	for _, c := range conditions {
		values += len(c.Values) + len(c.Regex) + len(c.Query)
		wildcards += countWildcards(c)
		for _, value := range slices.Concat(c.Values, c.Regex) {
			if utf8.RuneCountInString(value) > longestConditionValue {
				p.complain(field, "InvalidConditions", fmt.Sprintf("%q is longer than the %d characters that AWS takes in a %s", value, longestConditionValue, c.Field), "shorten it")
				return false
			}
		}
	}
	switch {
	case values > mostConditionValues:
		p.complain(field, "InvalidConditions", fmt.Sprintf("the conditions of its rule have %d values, and AWS takes %d", values, mostConditionValues),
			"leave some out, or divide them among several paths (a Prefix path has two values)")
	case wildcards > mostConditionWildcards:
		p.complain(field, "InvalidConditions", fmt.Sprintf("the conditions of its rule have %d wildcards, and AWS takes %d", wildcards, mostConditionWildcards),
			"leave some out, or divide them among several paths (a Prefix path has one wildcard)")
	default:
		return true
	}
	return false
}

// countWildcards: * and ? of hosts, paths, headers and query strings. In query strings a
// backslash takes them as they are.
func countWildcards(c model.Condition) int {
	count := func(text string) int { return strings.Count(text, "*") + strings.Count(text, "?") }
	wildcards := 0
	if c.Field != model.Method && c.Field != model.SourceIP {
		for _, value := range c.Values {
			wildcards += count(value)
		}
	}
	unescaped := strings.NewReplacer(`\\`, "", `\*`, "", `\?`, "")
	for _, pair := range c.Query {
		wildcards += count(unescaped.Replace(pair.Key)) + count(unescaped.Replace(pair.Value))
	}
	return wildcards
}
