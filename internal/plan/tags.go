package plan

import (
	"maps"
	"slices"
	"strings"
)

// keepLegacy reports tag keys that older controllers put on load balancers, target
// groups and security groups. They are never touched, so that those find their way.
func keepLegacy(key string) bool {
	switch key {
	case "kubernetes.io/cluster-name", "kubernetes.io/namespace", "kubernetes.io/ingress-name",
		"kubernetes.io/service-name", "kubernetes.io/service-port", "ingress.k8s.aws/cluster":
		return true
	}
	return strings.HasPrefix(key, "kubernetes.io/cluster/")
}

// tags makes the tags of a resource what is wanted: foreign ones do not survive,
// unless they are declared external, belong to AWS, or keep says so.
func (p *planner) tags(about subject, want, have map[string]string, keep func(string) bool) {
	changed := differing(want, have)
	maps.DeleteFunc(changed, func(k, _ string) bool { return slices.Contains(p.options.ExternalTags, k) })
	if len(changed) > 0 {
		p.add(Modify, about, "tags differ: "+list(changed), AddTags{Tags: changed}, about.key)
	}
	var surplus []string
	for k := range have {
		_, wanted := want[k]
		if wanted || strings.HasPrefix(k, "aws:") || slices.Contains(p.options.ExternalTags, k) || keep != nil && keep(k) {
			continue
		}
		surplus = append(surplus, k)
	}
	slices.Sort(surplus)
	if len(surplus) > 0 {
		p.add(Modify, about, "has tags that are not wanted: "+strings.Join(surplus, ", "), RemoveTags{Keys: surplus}, about.key)
	}
}

// tagsOfRule are those of a listener or rule. Where none is wanted nobody looks after them:
// else there are at least those of the stack.
func (p *planner) tagsOfRule(about subject, want, have map[string]string) {
	if len(want) > 0 {
		p.tags(about, want, have, nil)
	}
}

// differing are the entries of want that have lacks or has otherwise.
func differing(want, have map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range want {
		if old, ok := have[k]; !ok || old != v {
			out[k] = v
		}
	}
	return out
}

func list(values map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, k+"="+values[k])
	}
	return strings.Join(parts, ", ")
}
