package ingress

import (
	"cmp"
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/model"
)

// rulesOf are the rules of a listener by their priorities.
func (j *joint) rulesOf(listener model.Listener, kept kept) []model.Rule {
	var all []tagged
	for _, p := range j.parts {
		if slices.Contains(j.accepted, p) && slices.Contains(p.ports, listener.Port) {
			for _, rule := range p.rules {
				all = append(all, tagged{rule, p.tags})
			}
		}
		for _, rule := range kept.rules[p] {
			if rule.Listener == listener.Key {
				all = append(all, tagged{rule, rule.Tags})
			}
		}
	}
	var out []model.Rule
	for i, each := range optimise(listener, all) {
		rule := each.Rule
		rule.Listener, rule.Priority = listener.Key, int32(i+1)
		rule.Key = freeKey(model.RuleKey(listener.Port, rule.Conditions), out)
		rule.Tags = j.Config.RuleTags(j.ID, fmt.Sprintf("%d:%d", listener.Port, rule.Priority), each.user)
		out = append(out, rule)
	}
	return out
}

// tagged is a rule with the tags that its user wants.
type tagged struct {
	model.Rule
	user map[string]string
}

// freeKey tells rules of the same conditions apart.
func freeKey(base model.Key, taken []model.Rule) model.Key {
	same := 0
	for slices.ContainsFunc(taken, func(r model.Rule) bool { return r.Key == base.Nth(same) }) {
		same++
	}
	return base.Nth(same)
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
			out = append(out, p.rule(rule.Host, path.HTTPIngressPath, field))
		}
	}
	return out
}

// rule of a path; without conditions where they cannot be read.
func (p *part) rule(host string, path networkingv1.HTTPIngressPath, field string) model.Rule {
	conditions, readable := p.conditions(host, path, field)
	rule := model.Rule{Transforms: p.transforms(path.Backend), Action: p.action(path.Backend, field+".backend")}
	p.checkLoop(rule.Action, !hasRegex(conditions, model.PathPattern), field+".backend")
	if readable {
		rule.Conditions = conditions
	}
	return rule
}

// transforms are what the annotation that bears the name of the backend asks for.
func (p *part) transforms(backend networkingv1.IngressBackend) []model.Transform {
	if backend.Service == nil {
		return nil
	}
	written, err := p.set.Transforms(backend.Service.Name)
	p.wrong(err)
	var out []model.Transform
	for _, t := range written {
		transform := model.Transform{Type: t.Type}
		for _, rewrite := range t.Rewrites {
			transform.Rewrites = append(transform.Rewrites, model.Rewrite(rewrite))
		}
		out = append(out, transform)
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
