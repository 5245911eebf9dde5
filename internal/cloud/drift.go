package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// settled is how long a stack must have been left alone before a round judges it: AWS's
// lists may be behind what was done a moment ago.
const settled = time.Minute

// Drift is what somebody else has changed of a stack.
type Drift struct {
	Stack model.StackID
	// Steps would put it back.
	Steps []plan.Step
}

// Round compares everything that the cluster owns with what is known of it, at this
// pace and only where nobody else wants to call. The options are those of plans. What differs is taken over
// into the inventory, so that the next plan sees it, and told. Stacks that are being
// worked on are left for the next round.
func (c *Cloud) Round(ctx context.Context, pace *rate.Limiter, options plan.Options, found func(Drift)) error {
	r := reader{Cloud: c, class: Slow, pace: pace}
	if err := c.ensureFilled(ctx); err != nil {
		return err
	}
	before := c.settledHoldings()
	listed := map[model.StackID]*holding{}
	if err := r.list(ctx, listed); err != nil {
		return err
	}
	for _, id := range slices.SortedFunc(maps.Keys(before), func(a, b model.StackID) int { return strings.Compare(a.String(), b.String()) }) {
		known := before[id]
		now := listed[id]
		if now == nil {
			now = newHolding(id)
		}
		if err := r.deepen(ctx, now, known); err != nil {
			if KindOf(err) == Gone {
				continue // it went while we looked; the next round lists it no more
			}
			return err
		}
		steps := plan.Steps(cloneObserved(known.observed).Stack, cloneObserved(now.observed), options)
		if len(steps) > 0 && c.takeOver(id, known, now) {
			found(Drift{Stack: id, Steps: steps})
		}
	}
	return r.refreshExpiries(ctx)
}

// settledHoldings are the stacks that nobody is working on.
func (c *Cloud) settledHoldings() map[model.StackID]*holding {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	out := map[model.StackID]*holding{}
	for id, h := range c.inventory.stacks {
		if !h.observed.Empty() && time.Since(h.touched) > settled {
			out[id] = h
		}
	}
	return out
}

// deepen reads of a stack what was known of it beyond the lists.
func (r reader) deepen(ctx context.Context, now, known *holding) error {
	same := now.observed.LoadBalancer != nil && now.observed.IDs[model.LoadBalancerKey] == known.observed.IDs[model.LoadBalancerKey]
	if known.deep && same {
		if err := r.readListeners(ctx, now); err != nil {
			return err
		}
	}
	now.deep, now.fresh = known.deep, known.fresh
	// Attributes are compared where some are known: others are nobody's business.
	return r.readAttributes(ctx, now, known.observed.Stack)
}

// takeOver puts what was read in the place of what was known, if that is what is known
// still.
func (c *Cloud) takeOver(id model.StackID, known, now *holding) bool {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	if !c.inventory.filled || c.inventory.stacks[id] != known {
		return false
	}
	c.inventory.stacks[id] = now
	return true
}
