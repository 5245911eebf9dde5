package model

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
)

// What counts as equal is what the incumbent calls equal, so that taking a load balancer
// over changes nothing.

// SameEffect compares what two rules of the same conditions do.
func SameEffect(want, have Rule) bool {
	return SameAction(want.Action, have.Action) && SameTransforms(want.Transforms, have.Transforms)
}

// SameAction compares what is wanted with what AWS tells, which spells out what was not said.
func SameAction(want, have Action) bool {
	return want.Unknown == have.Unknown &&
		sameForward(want.Forward, have.Forward) && sameStickiness(want.Stickiness, have.Stickiness) &&
		sameRedirect(want.Redirect, have.Redirect) && sameResponse(want.FixedResponse, have.FixedResponse)
}

// sameForward: the order of target groups does not matter, nor the weight of a single one.
func sameForward(want, have []WeightedTarget) bool {
	return slices.EqualFunc(inOrder(want), inOrder(have), func(a, b WeightedTarget) bool { return reflect.DeepEqual(a, b) })
}

func inOrder(targets []WeightedTarget) []WeightedTarget {
	targets = slices.Clone(targets)
	slices.SortFunc(targets, func(a, b WeightedTarget) int {
		return strings.Compare(string(a.TargetGroup), string(b.TargetGroup))
	})
	if len(targets) == 1 {
		targets[0].Weight = nil
	}
	return targets
}

// sameStickiness: what is not said stays. None is the same as one that is off, of which
// AWS may or may not tell how long it would last.
func sameStickiness(want, have *Stickiness) bool {
	if want == nil {
		return true
	}
	now := Stickiness{}
	if have != nil {
		now = *have
	}
	lasts := want.Duration == 0 || want.Duration == now.Duration || !want.Enabled && now.Duration == 0
	return want.Enabled == now.Enabled && lasts
}

// sameRedirect: a part that is left out is the placeholder that keeps it.
func sameRedirect(want, have *Redirect) bool {
	if want == nil || have == nil {
		return want == have
	}
	return spelledOut(*want) == spelledOut(*have)
}

func spelledOut(r Redirect) Redirect {
	r.Protocol = cmp.Or(r.Protocol, "#{protocol}")
	r.Host = cmp.Or(r.Host, "#{host}")
	r.Port = cmp.Or(r.Port, "#{port}")
	r.Path = cmp.Or(r.Path, "/#{path}")
	if !r.DropQuery {
		r.Query = cmp.Or(r.Query, "#{query}")
	}
	return r
}

// sameResponse: a content type that is not said is AWS's choice.
func sameResponse(want, have *FixedResponse) bool {
	if want == nil || have == nil {
		return want == have
	}
	chosen := *want
	chosen.ContentType = cmp.Or(want.ContentType, have.ContentType)
	return chosen == *have
}

// SameTransforms compares rewrites: a rule has at most one of a type, and their order does not matter.
func SameTransforms(want, have []Transform) bool {
	sorted := func(list []Transform) []Transform {
		return slices.SortedStableFunc(slices.Values(list), func(a, b Transform) int { return strings.Compare(a.Type, b.Type) })
	}
	return slices.EqualFunc(sorted(want), sorted(have), func(a, b Transform) bool {
		return a.Type == b.Type && slices.Equal(a.Rewrites, b.Rewrites)
	})
}
