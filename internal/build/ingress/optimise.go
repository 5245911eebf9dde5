package ingress

import (
	"slices"
	"strconv"

	"github.com/sluice-lb/sluice/internal/model"
)

// optimise leaves out the rules of a listener that the incumbent leaves out too: redirects
// that lead to where they come from, and then what a redirect before it takes over whole.
func optimise(listener model.Listener, rules []tagged) []tagged {
	var out []tagged
	for _, rule := range rules {
		if loops(listener, rule.Rule) || slices.ContainsFunc(out, func(before tagged) bool { return shadows(before.Rule, rule.Rule) }) {
			continue
		}
		out = append(out, rule)
	}
	return out
}

// loops reports whether a rule redirects what fits it to what fits it again. Of paths by
// expression nobody can tell.
func loops(listener model.Listener, rule model.Rule) bool {
	to := rule.Action.Redirect
	if to == nil || hasRegex(rule.Conditions, model.PathPattern) {
		return false
	}
	return (same(to.Host, hostPart) || slices.Contains(values(rule, model.HostHeader), to.Host)) &&
		(same(to.Path, pathPart) || slices.Contains(values(rule, model.PathPattern), to.Path)) &&
		(same(to.Port, portPart) || to.Port == strconv.Itoa(int(listener.Port))) &&
		(same(to.Protocol, protocolPart) || to.Protocol == listener.Protocol) &&
		sameQuery(to)
}

// shadows reports whether a redirect that is asked first answers all that fits a later rule.
func shadows(first, later model.Rule) bool {
	plain := func(c model.Condition) bool {
		return (c.Field == model.HostHeader || c.Field == model.PathPattern) && len(c.Regex) == 0
	}
	if first.Action.Redirect == nil || slices.ContainsFunc(first.Conditions, func(c model.Condition) bool { return !plain(c) }) {
		return false
	}
	hosts, paths := values(first, model.HostHeader), values(first, model.PathPattern)
	allPaths := len(paths) == 0 || slices.Contains(paths, "/*")
	return (len(hosts) == 0 || within(later, model.HostHeader, hosts)) && (allPaths || within(later, model.PathPattern, paths))
}

// within reports whether a rule asks for some of these values of a field, and for no other.
func within(rule model.Rule, field string, all []string) bool {
	own := values(rule, field)
	return len(own) > 0 && !slices.ContainsFunc(own, func(value string) bool { return !slices.Contains(all, value) })
}

// values of a field that fit a rule as they are written; none where all do, or where
// expressions decide.
func values(rule model.Rule, field string) []string {
	for _, condition := range rule.Conditions {
		if condition.Field == field {
			return condition.Values
		}
	}
	return nil
}

func hasRegex(conditions []model.Condition, field string) bool {
	return slices.ContainsFunc(conditions, func(c model.Condition) bool { return c.Field == field && len(c.Regex) > 0 })
}
