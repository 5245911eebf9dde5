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

const (
	// patience is how long a call waits until it counts as one class more urgent, so
	// that no class starves.
	patience = 5 * time.Second
	// soon is the same for a change behind questions: it waits for a second at most.
	soon = 800 * time.Millisecond
)

// Budget hands out the calls that AWS allows. The numbers are those of the Elastic
// Load Balancing guide, "Request throttling for the Elastic Load Balancing API":
// token buckets of an account and Region that everybody in it shares, so only a share
// of each is used, and less where AWS throttles.
type Budget struct {
	mu      sync.Mutex
	buckets map[string]*bucket
	waiting []*waiter
	timer   *time.Timer
	now     func() time.Time
}

type bucket struct {
	capacity, refill float64 // tokens, and tokens a second, of the share that is ours
	tokens           float64
	filled           time.Time
	pace             *pace
}

type waiter struct {
	buckets []*bucket
	class   Class
	since   time.Time
	granted chan struct{}
}

// NewBudget makes a budget that uses this share of what the account is allowed by
// default: above 0; above 1 where AWS has raised the account's limits.
func NewBudget(share float64) *Budget {
	b := &Budget{buckets: map[string]*bucket{}, now: time.Now}
	add := func(name string, capacity, refill float64) *bucket {
		k := &bucket{capacity: max(1, capacity), refill: refill, tokens: max(1, capacity), filled: b.now(), pace: newPace()}
		b.buckets[name] = k
		return k
	}
	add("account", 40*share, 10*share)
	add("registration", 20*share, 4*share)
	add("write", 20*share, 3*share)
	reads := add("read", 40*share, 10*share)
	// Ours: half of the account's reads at most, whatever the share, and no bursts, so that
	// there are never more than five a second.
	add("question", 1, min(4.9, 9.8*share)).pace = reads.pace
	// New load balancers are rare and this bucket is the smallest: it is used whole. Who
	// meets another creator shrinks like all others.
	add("create", max(10, 10*share), max(0.2, 0.2*share))
	add("ec2", 100*share, 20*share) // EC2 throttles each action, more generously; one bucket keeps us polite
	add("acm", 8*share, 8*share)    // ACM guide, "API rate quotas": ListCertificates 8 a second
	return b
}

// Acquire waits until a call of this operation may be made, or until ctx ends. A nil
// Budget allows everything. Where a token comes every five seconds only one call waits:
// others are turned away, so that hundreds of new load balancers do not hold all workers.
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
	if narrow := b.buckets["create"]; slices.Contains(w.buckets, narrow) && slices.ContainsFunc(b.waiting, func(x *waiter) bool { return slices.Contains(x.buckets, narrow) }) {
		b.mu.Unlock()
		return crowded(service, operation)
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

// Throttled tells the budget that AWS has refused this call for its rate. Which bucket
// was empty AWS does not say; the narrowest that the call draws from is taken for it.
func (b *Budget) Throttled(service, operation string, class Class) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for _, bucket := range b.narrow(service, operation, class) {
		bucket.fill(now)
		bucket.tokens = min(bucket.tokens, 0) // somebody has emptied it
		bucket.pace.drop(now)
	}
}

// Passed tells the budget that AWS has taken this call.
func (b *Budget) Passed(service, operation string, class Class) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, bucket := range b.narrow(service, operation, class) {
		bucket.pace.pass(b.now())
	}
}

// narrow are the buckets of a call less the account's.
func (b *Budget) narrow(service, operation string, class Class) []*bucket {
	var out []*bucket
	for _, name := range bucketsOf(service, operation, class) {
		if name != "account" {
			out = append(out, b.buckets[name])
		}
	}
	return out
}

// grant lets waiting calls through, most urgent first. A call whose own bucket is
// empty holds back nobody who needs another. The caller holds the lock.
func (b *Budget) grant() {
	now := b.now()
	for _, bucket := range b.buckets {
		bucket.fill(now)
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
			wait = max(wait, bucket.wait())
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

func (k *bucket) fill(now time.Time) {
	k.pace.follow(now)
	k.tokens = min(max(1, k.capacity*k.pace.scale), k.tokens+k.refill*k.pace.scale*now.Sub(k.filled).Seconds())
	k.filled = now
}

func (k *bucket) wait() time.Duration {
	if k.tokens >= 1 {
		return 0
	}
	return time.Duration((1 - k.tokens) / (k.refill * k.pace.scale) * float64(time.Second))
}

func (w *waiter) urgency(now time.Time) Class {
	waited := now.Sub(w.since)
	promotions := Class(waited / patience)
	if w.class == Change && waited >= soon {
		promotions = max(promotions, 1)
	}
	return w.class - promotions
}

// bucketsOf are the buckets that a call draws from (the table of the guide), the account's
// first. Questions have one of our own besides: half of the reads, so that changes are
// never crowded out.
func bucketsOf(service, operation string, class Class) []string {
	if service != elbv2Service {
		return []string{service}
	}
	switch operation {
	case "CreateLoadBalancer", "SetSubnets":
		return []string{"account", "create"}
	case "RegisterTargets", "DeregisterTargets":
		return []string{"account", "registration"}
	}
	if strings.HasPrefix(operation, "Describe") {
		if operation == "DescribeTargetHealth" && class != Registration {
			return []string{"account", "read", "question"}
		}
		return []string{"account", "read"}
	}
	return []string{"account", "write"}
}
