package ingress

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

const plainText = "text/plain"

// notFound is the default action where no backend is the default.
var notFound = model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: plainText}}

// ports that are listened on. Only HTTP is built; what else an Ingress asks for is a
// problem.
func (b *builder) ports() []int32 {
	listen, err := b.set.ListenPorts()
	b.wrong(err)
	if listen == nil {
		return []int32{80}
	}
	var ports []int32
	for _, port := range listen {
		if port.Protocol != "HTTP" {
			b.complain(annotationField(annotations.Prefix+"listen-ports"), annotations.ReasonNotBuilt,
				fmt.Sprintf("port %d: this build does not serve %s listeners yet", port.Port, port.Protocol), "listen with HTTP")
			continue
		}
		ports = append(ports, port.Port)
	}
	return ports
}

func (b *builder) listeners() {
	action := notFound
	if backend := b.Ingress.Spec.DefaultBackend; backend != nil {
		action = b.action(*backend, "spec.defaultBackend")
	}
	rules := b.paths()
	for _, port := range b.ports() {
		key := model.ListenerKey(port)
		b.stack.Listeners = append(b.stack.Listeners, model.Listener{
			Key: key, Port: port, Protocol: "HTTP", Default: action,
			Tags: b.Config.Tags(b.stack.ID, strconv.Itoa(int(port)), b.userTags(nil)),
		})
		seen := map[model.Key]int{}
		for i, rule := range rules {
			rule.Listener, rule.Priority = key, int32(i+1)
			base := model.RuleKey(port, rule.Conditions)
			rule.Key = base.Nth(seen[base])
			seen[base]++
			rule.Tags = b.Config.Tags(b.stack.ID, fmt.Sprintf("%d:%d", port, rule.Priority), b.userTags(nil))
			b.stack.Rules = append(b.stack.Rules, rule)
		}
	}
}

// paths are the rules of the Ingress in the order of their priorities: its rules in
// order, and within one Exact paths, then Prefix paths from the longest to the
// shortest, then the rest.
func (b *builder) paths() []model.Rule {
	var out []model.Rule
	for i, rule := range b.Ingress.Spec.Rules {
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
				Conditions: b.conditions(rule.Host, path.HTTPIngressPath, field),
				Action:     b.action(path.Backend, field+".backend"),
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

func (b *builder) conditions(host string, path networkingv1.HTTPIngressPath, field string) []model.Condition {
	var out []model.Condition
	if host != "" {
		out = append(out, model.Condition{Field: "host-header", Values: []string{host}})
	}
	if values := b.pathValues(path, field); len(values) > 0 {
		out = append(out, model.Condition{Field: "path-pattern", Values: values})
	}
	if len(out) == 0 {
		out = []model.Condition{{Field: "path-pattern", Values: []string{"/*"}}}
	}
	return out
}

func (b *builder) pathValues(path networkingv1.HTTPIngressPath, field string) []string {
	kind := pathType(path)
	if kind != networkingv1.PathTypeImplementationSpecific && strings.ContainsAny(path.Path, "*?") {
		b.complain(field+".path", "InvalidPath", fmt.Sprintf("path %q of type %s holds a wildcard", path.Path, kind),
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
