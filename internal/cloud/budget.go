package cloud

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Class is the urgency of a call: lower goes first.
type Class int

// The classes, most urgent first.
const (
	Registration Class = iota // targets in and out
	Question                  // health, for gates that wait
	Change                    // everything else that changes AWS
	Read                      // reads for planning
	Slow                      // rounds that nobody waits for
)

// patience is how long a call waits until it counts as one class more urgent, so
// that no class starves.
const patience = 5 * time.Second

// Budget hands out the calls that AWS allows. The numbers are those of the Elastic
// Load Balancing guide, "Request throttling for the Elastic Load Balancing API":
// token buckets of an account and Region that everybody in it shares, so only a share
// of each is used, and the share shrinks when AWS throttles and grows back slowly.
type Budget struct {
	mu      sync.Mutex
	share   float64 // the configured share
	scale   float64 // 1 unless throttled lately
	grown   time.Time
	buckets map[string]*bucket
	waiting []*waiter
	timer   *time.Timer
	now     func() time.Time
}

type bucket struct {
	capacity, refill float64 // of the whole account
	tokens           float64
	filled           time.Time
}

type waiter struct {
	buckets []*bucket
	class   Class
	since   time.Time
	granted chan struct{}
}

const (
	minScale    = 0.1
	shrink      = 0.7
	growPerSec  = 0.02
	ec2Capacity = 100 // EC2 throttles per action, more generously; one bucket keeps us polite
	ec2Refill   = 20
)

// NewBudget makes a budget that uses this share (0–1] of what the account is allowed.
func NewBudget(share float64) *Budget {
	now := time.Now()
	b := &Budget{share: share, scale: 1, grown: now, buckets: map[string]*bucket{}, now: time.Now}
	for name, rate := range map[string][2]float64{
		"account": {40, 10}, "create": {10, 0.2}, "registration": {20, 4}, "read": {40, 10}, "question": {10, 5}, "write": {20, 3}, "ec2": {ec2Capacity, ec2Refill},
	} {
		b.buckets[name] = &bucket{capacity: rate[0], refill: rate[1], tokens: max(1, rate[0]*share), filled: now}
	}
	return b
}

// Acquire waits until a call of this operation may be made, or until ctx ends. A nil
// Budget allows everything.
func (b *Budget) Acquire(ctx context.Context, service, operation string, class Class) error {
	if b == nil {
		return ctx.Err()
	}
	w := &waiter{class: class, granted: make(chan struct{})}
	b.mu.Lock()
	w.since = b.now()
	for _, name := range bucketsOf(service, operation, class) {
		w.buckets = append(w.buckets, b.buckets[name])
	}
	b.waiting = append(b.waiting, w)
	b.grant()
	b.mu.Unlock()
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		b.waiting = slices.DeleteFunc(b.waiting, func(x *waiter) bool { return x == w })
		return ctx.Err()
	}
}

// Throttled tells the budget that AWS has refused a call for its rate.
func (b *Budget) Throttled() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.grow()
	now := b.now()
	for _, bucket := range b.buckets {
		bucket.fill(now, b.share*b.scale) // what came in until now is gone as well
	}
	b.scale = max(minScale, b.scale*shrink)
	for _, bucket := range b.buckets {
		bucket.tokens = min(bucket.tokens, 0) // somebody has emptied it
	}
}

// grant lets waiting calls through, most urgent first. A call whose own bucket is
// empty holds back nobody who needs another. The caller holds the lock.
func (b *Budget) grant() {
	now := b.now()
	b.grow()
	for _, bucket := range b.buckets {
		bucket.fill(now, b.share*b.scale)
	}
	slices.SortStableFunc(b.waiting, func(x, y *waiter) int {
		return cmp.Or(cmp.Compare(x.urgency(now), y.urgency(now)), x.since.Compare(y.since))
	})
	b.waiting = slices.DeleteFunc(b.waiting, func(w *waiter) bool {
		if slices.ContainsFunc(w.buckets, func(k *bucket) bool { return k.tokens < 1 }) {
			return false
		}
		for _, bucket := range w.buckets {
			bucket.tokens--
		}
		close(w.granted)
		return true
	})
	b.wake()
}

// wake sees to it that grant runs again when the first waiting call may pass.
func (b *Budget) wake() {
	if len(b.waiting) == 0 {
		return
	}
	next := time.Minute
	for _, w := range b.waiting {
		var wait time.Duration
		for _, bucket := range w.buckets {
			wait = max(wait, bucket.wait(b.share*b.scale))
		}
		next = min(next, wait)
	}
	if b.timer != nil {
		b.timer.Stop()
	}
	b.timer = time.AfterFunc(max(next, time.Millisecond), func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.grant()
	})
}

func (b *Budget) grow() {
	now := b.now()
	b.scale = min(1, b.scale+growPerSec*now.Sub(b.grown).Seconds())
	b.grown = now
}

func (k *bucket) fill(now time.Time, share float64) {
	k.tokens = min(max(1, k.capacity*share), k.tokens+k.refill*share*now.Sub(k.filled).Seconds())
	k.filled = now
}

func (k *bucket) wait(share float64) time.Duration {
	if k.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - k.tokens) / (k.refill * share) * float64(time.Second))
}

func (w *waiter) urgency(now time.Time) Class {
	return w.class - Class(now.Sub(w.since)/patience)
}

// bucketsOf are the buckets that a call draws from (the table of the guide). Questions
// have one of our own besides: half of the reads, so that changes are never crowded out.
func bucketsOf(service, operation string, class Class) []string {
	if service != elbv2Service {
		return []string{"ec2"}
	}
	switch operation {
	case "CreateLoadBalancer", "SetSubnets":
		return []string{"account", "create"}
	case "RegisterTargets", "DeregisterTargets":
		return []string{"account", "registration"}
	}
	if strings.HasPrefix(operation, "Describe") {
		if class == Question {
			return []string{"account", "read", "question"}
		}
		return []string{"account", "read"}
	}
	return []string{"account", "write"}
}
