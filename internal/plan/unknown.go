package plan

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/model"
)

// keepUnknown leaves what holds an action that the model cannot say as it is: it cannot
// be sent to AWS. What is wanted with such an action, because it was seen, and has gone
// since, stays away, a listener with its rules.
func keepUnknown(want model.Stack, have model.Observed) model.Stack {
	gone := map[model.Key]bool{}
	want.Listeners = mapped(want.Listeners, func(l model.Listener) (model.Listener, bool) {
		if l.Default.Unknown == "" {
			return l, true
		}
		now, exists := find(have.Listeners, l.Key, listenerKey)
		gone[l.Key] = !exists
		l.Default = now.Default
		return l, exists
	})
	want.Rules = mapped(want.Rules, func(r model.Rule) (model.Rule, bool) {
		if r.Action.Unknown == "" || gone[r.Listener] {
			return r, !gone[r.Listener]
		}
		now, exists := find(have.Rules, r.Key, ruleKey)
		r.Action, r.Transforms = now.Action, now.Transforms
		return r, exists
	})
	return want
}

// mapped are the changed entries of a list without those that are dropped.
func mapped[T any](list []T, change func(T) (T, bool)) []T {
	out := slices.Clone(list)[:0]
	for _, item := range list {
		if changed, stays := change(item); stays {
			out = append(out, changed)
		}
	}
	return out
}
