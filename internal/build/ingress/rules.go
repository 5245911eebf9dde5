package ingress

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/model"
)

func (j *joint) rulesOf(listener model.Listener, kept kept) []model.Rule {
	var out []model.Rule
	add := func(rule model.Rule, tags map[string]string) {
		rule.Listener, rule.Priority = listener.Key, int32(len(out)+1)
		base := model.RuleKey(listener.Port, rule.Conditions)
		same := 0
		for slices.ContainsFunc(out, func(r model.Rule) bool { return r.Key == base.Nth(same) }) {
			same++
		}
		rule.Key = base.Nth(same)
		rule.Tags = j.Config.RuleTags(j.ID, fmt.Sprintf("%d:%d", listener.Port, rule.Priority), tags)
		out = append(out, rule)
	}
	for _, p := range j.parts {
		if slices.Contains(j.accepted, p) && slices.Contains(p.ports, listener.Port) {
			for _, rule := range p.rules {
				add(rule, p.tags)
			}
		}
		for _, rule := range kept.rules[p] {
			if rule.Listener == listener.Key {
				add(rule, rule.Tags)
			}
		}
	}
	return out
}

// paths are the rules of the Ingress in the order of their priorities: its rules in
// order, and within one Exact paths, then Prefix paths from the longest to the
// shortest, then the rest.
func (p *part) paths() []model.Rule {
	var out []model.Rule
	for i, rule := range p.Ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		type indexed struct {
			networkingv1.HTTPIngressPath
			index int
		}
		var paths []indexed
		for j, path := range rule.HTTP.Paths {
			paths = append(paths, indexed{path, j})
		}
		slices.SortStableFunc(paths, func(x, y indexed) int { return comparePaths(x.HTTPIngressPath, y.HTTPIngressPath) })
		for _, path := range paths {
			field := fmt.Sprintf("spec.rules[%d].http.paths[%d]", i, path.index)
			out = append(out, model.Rule{
				Conditions: p.conditions(rule.Host, path.HTTPIngressPath, field),
				Action:     p.action(path.Backend, field+".backend"),
			})
		}
	}
	return out
}

func comparePaths(x, y networkingv1.HTTPIngressPath) int {
	rank := func(p networkingv1.HTTPIngressPath) int {
		switch pathType(p) {
		case networkingv1.PathTypeExact:
			return 0
		case networkingv1.PathTypePrefix:
			return 1
		case networkingv1.PathTypeImplementationSpecific:
		}
		return 2
	}
	if byRank := cmp.Compare(rank(x), rank(y)); byRank != 0 || rank(x) != 1 {
		return byRank
	}
	return cmp.Compare(len(y.Path), len(x.Path))
}

func pathType(path networkingv1.HTTPIngressPath) networkingv1.PathType {
	if path.PathType == nil {
		return networkingv1.PathTypeImplementationSpecific
	}
	return *path.PathType
}

func (p *part) conditions(host string, path networkingv1.HTTPIngressPath, field string) []model.Condition {
	var out []model.Condition
	if host != "" {
		out = append(out, model.Condition{Field: "host-header", Values: []string{host}})
	}
	if values := p.pathValues(path, field); len(values) > 0 {
		out = append(out, model.Condition{Field: "path-pattern", Values: values})
	}
	if len(out) == 0 {
		out = []model.Condition{{Field: "path-pattern", Values: []string{"/*"}}}
	}
	return out
}

func (p *part) pathValues(path networkingv1.HTTPIngressPath, field string) []string {
	kind := pathType(path)
	if kind != networkingv1.PathTypeImplementationSpecific && strings.ContainsAny(path.Path, "*?") {
		p.complain(field+".path", "InvalidPath", fmt.Sprintf("path %q of type %s holds a wildcard", path.Path, kind),
			"use pathType ImplementationSpecific for wildcards, or take * and ? out")
		return nil
	}
	switch {
	case path.Path == "":
		return nil
	case kind != networkingv1.PathTypePrefix:
		return []string{path.Path}
	case path.Path == "/":
		return []string{"/*"}
	}
	trimmed := strings.TrimSuffix(path.Path, "/")
	return []string{trimmed, trimmed + "/*"}
}
