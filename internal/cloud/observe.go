package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// Known is what the inventory shows of a stack without reading it in depth: listeners,
// rules and attributes may be missing.
func (c *Cloud) Known(ctx context.Context, id model.StackID) (model.Observed, error) {
	h, err := c.holdingOf(ctx, id)
	if err != nil {
		return model.Observed{}, err
	}
	return cloneObserved(h.observed), nil
}

// Trust takes a record's word for what it would cost calls to read: that the stack's
// listeners, rules and attributes are the wanted ones. It does so only where the record
// names the very resources that the inventory shows; a restored backup or a cloned
// cluster does not pass. What is known in depth already needs no record.
func (c *Cloud) Trust(ctx context.Context, want model.Stack, ids map[model.Key]string) error {
	known, err := c.holdingOf(ctx, want.ID)
	if err != nil {
		return err
	}
	recorded := model.Observed{Stack: want, IDs: ids}
	if known.deep || !sameOwned(recorded, known.observed) {
		return nil
	}
	h := known.clone()
	h.observed.Listeners, h.observed.Rules = slices.Clone(want.Listeners), slices.Clone(want.Rules)
	h.observed.IDs = maps.Clone(ids)
	h.deep = true
	h.observed.LoadBalancer.Attributes = want.LoadBalancer.Attributes
	h.attributes[want.LoadBalancer.Key] = true
	for _, listener := range want.Listeners {
		h.attributes[listener.Key] = len(listener.Attributes) > 0
	}
	for _, group := range want.TargetGroups {
		if has := at(h.observed.TargetGroups, func(g model.TargetGroup) bool { return g.Key == group.Key }); has != nil {
			has.Attributes = group.Attributes
			h.attributes[group.Key] = true
		}
	}
	c.commit(want.ID, known, h)
	return nil
}

// Observe is what AWS has of a stack. Attributes are read only where the wanted stack
// sets some, for others are left alone anyway. Bindings, which live in Kubernetes, are
// the caller's to add. The result is the caller's own.
func (c *Cloud) Observe(ctx context.Context, want model.Stack) (model.Observed, error) {
	known, err := c.holdingOf(ctx, want.ID)
	if err != nil {
		return model.Observed{}, err
	}
	h := known.clone()
	if !h.deep && h.observed.LoadBalancer != nil {
		if err := c.reader().readListeners(ctx, h); err != nil {
			c.forgetIfGone(want.ID, err)
			return model.Observed{}, fmt.Errorf("reading the listeners of %s: %w", want.ID, err)
		}
	}
	h.deep = true
	h.retire(want)
	if err := c.reader().readAttributes(ctx, h, want); err != nil {
		c.forgetIfGone(want.ID, err)
		return model.Observed{}, fmt.Errorf("reading the attributes of %s: %w", want.ID, err)
	}
	c.commit(want.ID, known, h)
	return cloneObserved(h.observed), nil
}

// forgetIfGone: what the inventory shows of a stack has been deleted behind its back, and
// asking for it again would fail for ever.
func (c *Cloud) forgetIfGone(id model.StackID, err error) {
	if KindOf(err) == Gone {
		c.Forget(id)
	}
}

// retire gives what must make room for a successor the key under which the plan removes
// it, so that the successor's key finds the successor.
func (h *holding) retire(want model.Stack) {
	before := h.observed.IDs
	h.observed = plan.Retire(want, h.observed)
	for key, id := range before {
		if h.observed.IDs[key] != id {
			delete(h.attributes, key)
			delete(h.fresh, key)
		}
	}
}

// cloneObserved: the plan may change lists, never the values in them.
func cloneObserved(o model.Observed) model.Observed {
	o.IDs = maps.Clone(o.IDs)
	o.SecurityGroups, o.TargetGroups = slices.Clone(o.SecurityGroups), slices.Clone(o.TargetGroups)
	o.Listeners, o.Rules = slices.Clone(o.Listeners), slices.Clone(o.Rules)
	for i := range o.SecurityGroups {
		o.SecurityGroups[i].Ingress = slices.Clone(o.SecurityGroups[i].Ingress)
	}
	if o.LoadBalancer != nil {
		lb := *o.LoadBalancer
		lb.SecurityGroups = slices.Clone(lb.SecurityGroups)
		for i, id := range lb.SecurityGroups {
			if key, ok := keyOfID(o.IDs, string(id)); ok {
				lb.SecurityGroups[i] = key
			}
		}
		o.LoadBalancer = &lb
	}
	o.Sort()
	return o
}

// keyOfID finds what a stack calls an ARN or id.
func keyOfID(ids map[model.Key]string, id string) (model.Key, bool) {
	for key, known := range ids {
		if known == id {
			return key, true
		}
	}
	return "", false
}
