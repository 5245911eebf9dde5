package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/model"
)

// inventory is what the cluster owns in AWS. It fills from a few paged calls for all
// stacks together, and follows every step that is applied. After an error that leaves
// open what happened it is filled anew.
type inventory struct {
	mu     sync.Mutex
	filled bool
	stacks map[model.StackID]*holding
	// filling holds a token while somebody fills: one reading serves all who wait.
	filling chan struct{}
}

// holding is what one stack has. Those in the inventory are never changed: who changes
// one works on a clone and commits it.
type holding struct {
	observed model.Observed
	// deep: listeners and rules are known, because they were read or made by us.
	deep bool
	// attributes: keys whose attributes are known.
	attributes map[model.Key]bool
	// fresh: target groups that were created by this process.
	fresh map[model.Key]bool
	// opened is when this process made listeners.
	opened map[model.Key]time.Time
	// touched is when it was last worked on; ownedELB and ownedEC2 are when the tags of
	// what it has were last seen.
	touched, ownedELB, ownedEC2 time.Time
	// owned is when the tags of one resource were seen after that, by ARN.
	owned map[string]time.Time
}

func newHolding(id model.StackID) *holding {
	return &holding{
		observed:   model.Observed{Stack: model.Stack{ID: id}, IDs: map[model.Key]string{}},
		attributes: map[model.Key]bool{},
		fresh:      map[model.Key]bool{},
		opened:     map[model.Key]time.Time{},
		owned:      map[string]time.Time{},
		// What it gets comes from lists with tags that are read now, or is made by us.
		ownedELB: time.Now(), ownedEC2: time.Now(),
	}
}

// holdingOf finds what a stack has, filling the inventory first where needed.
func (c *Cloud) holdingOf(ctx context.Context, id model.StackID) (*holding, error) {
	if err := c.ensureFilled(ctx); err != nil {
		return nil, err
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	h := c.inventory.stacks[id]
	if h == nil {
		h = newHolding(id)
		h.deep = true // there is no load balancer that could have listeners
		c.inventory.stacks[id] = h
	}
	return h, nil
}

func (c *Cloud) ensureFilled(ctx context.Context) error {
	select {
	case c.inventory.filling <- struct{}{}:
		defer func() { <-c.inventory.filling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.inventory.mu.Lock()
	filled := c.inventory.filled
	c.inventory.mu.Unlock()
	if filled {
		return nil
	}
	return c.fill(ctx)
}

func (h *holding) clone() *holding {
	out := *h
	out.observed.IDs = maps.Clone(h.observed.IDs)
	out.observed.SecurityGroups, out.observed.TargetGroups = slices.Clone(h.observed.SecurityGroups), slices.Clone(h.observed.TargetGroups)
	out.observed.Listeners, out.observed.Rules = slices.Clone(h.observed.Listeners), slices.Clone(h.observed.Rules)
	if h.observed.LoadBalancer != nil {
		out.observed.LoadBalancer = new(*h.observed.LoadBalancer)
	}
	out.attributes, out.fresh, out.owned = maps.Clone(h.attributes), maps.Clone(h.fresh), maps.Clone(h.owned)
	out.opened = maps.Clone(h.opened)
	return &out
}

// commit puts a changed clone in the place of what it was cloned from. Where the
// inventory has been filled meanwhile, nobody knows which of the two is newer, and the
// stack is read anew.
func (c *Cloud) commit(id model.StackID, from, to *holding) {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	if c.inventory.stacks[id] == from {
		to.touched = time.Now()
		c.inventory.stacks[id] = to
		return
	}
	c.inventory.filled = false
	delete(c.inventory.stacks, id)
}

// Fresh reports whether this process has created the target group with this key, so
// that nobody else can have registered targets before.
func (c *Cloud) Fresh(id model.StackID, group model.Key) bool {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	h := c.inventory.stacks[id]
	return h != nil && h.fresh[group]
}

// Stacks are the IDs of all stacks that have anything in AWS.
func (c *Cloud) Stacks(ctx context.Context) ([]model.StackID, error) {
	if _, err := c.holdingOf(ctx, model.SharedStack); err != nil {
		return nil, err
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	var ids []model.StackID
	for id, h := range c.inventory.stacks {
		if id != model.SharedStack && !h.observed.Empty() {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b model.StackID) int { return strings.Compare(a.String(), b.String()) })
	return ids, nil
}

// Forget throws away what is known of a stack, so that it is read anew. It follows
// every error that leaves open what AWS has.
func (c *Cloud) Forget(id model.StackID) {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	c.inventory.filled = false
	delete(c.inventory.stacks, id)
}

// fill reads what the cluster owns. Stacks that still have the same resources keep
// what was known of them.
func (c *Cloud) fill(ctx context.Context) error {
	found := map[model.StackID]*holding{}
	if err := c.reader().list(ctx, found); err != nil {
		return err
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	old := c.inventory.stacks
	c.inventory.stacks = found
	for id, h := range found {
		if known := old[id]; known != nil && known.deep && sameOwned(known.observed, h.observed) {
			c.inventory.stacks[id] = known
		}
	}
	c.inventory.filled = true
	return nil
}

// sameOwned compares what the lists of AWS show: everything but listeners and rules.
func sameOwned(a, b model.Observed) bool {
	owned := func(o model.Observed) map[model.Key]string {
		out := maps.Clone(o.IDs)
		maps.DeleteFunc(out, func(key model.Key, _ string) bool {
			return strings.HasPrefix(string(key), "listener/") || strings.HasPrefix(string(key), "rule/")
		})
		return out
	}
	return maps.Equal(owned(a), owned(b))
}
