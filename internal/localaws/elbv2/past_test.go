package elbv2

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheCopySharesNothingThatChanges has every form in which the state can hold a part of itself.
func TestTheCopySharesNothingThatChanges(t *testing.T) {
	t.Parallel()
	live := New(Config{Region: "us-west-2"})
	b := &loadBalancer{arn: "b", attributes: map[string]string{"a": "before"}}
	l := &listener{arn: "l", balancer: b, rules: []*rule{{arn: "r", priority: 1}}}
	b.listeners = []*listener{l}
	l.rules[0].listener = l
	live.balancers = []*loadBalancer{b}
	live.tags["b"] = map[string]string{"k": "before"}
	past := live.frozen()
	b.attributes["a"], live.tags["b"]["k"] = "after", "after"
	l.rules[0].priority = 2
	b.listeners = nil
	kept := past.balancers[0]
	got := []any{kept.attributes["a"], kept.listeners[0].rules[0].priority, past.tags["b"]["k"], kept.arn}
	if diff := cmp.Diff([]any{"before", 1, "before", "b"}, got); diff != "" {
		t.Error(diff)
	}
	if kept.listeners[0].balancer != kept || kept.listeners[0].rules[0].listener != kept.listeners[0] {
		t.Error("the copy points back to the original")
	}
}

// BenchmarkFrozen is one sample of the past with 1,000 load balancers, a listener and three rules each.
func BenchmarkFrozen(b *testing.B) {
	live := New(Config{})
	for range 1000 {
		balancer := &loadBalancer{attributes: map[string]string{"a": "b"}}
		l := &listener{balancer: balancer}
		for range 3 {
			l.rules = append(l.rules, &rule{listener: l, conditions: make([]condition, 2), actions: make([]action, 1)})
		}
		balancer.listeners = []*listener{l}
		live.balancers = append(live.balancers, balancer)
	}
	for b.Loop() {
		live.frozen()
	}
}
