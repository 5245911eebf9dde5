package health

import (
	"maps"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// Target is what is known of one address in a target group.
type Target struct {
	Address model.TargetID
	// Pod is the UID of the Pod that the address is registered for; empty while that
	// is not known (the address was there before this process).
	Pod types.UID
	// Since is when the registration was answered, or when the address was first seen.
	Since time.Time
	// Adopted: the address was registered before this Pod had it, so one healthy
	// answer may still be about the Pod before.
	Adopted bool
	// Doubtful: the registration was sent and not answered. AWS may have it, or not.
	Doubtful bool
	// Seen: this process has seen the Pod, so that if it is not there any more it is gone,
	// and not only missing in a list.
	Seen bool
	// State, Reason and Description are the last answer; State is empty before the
	// first one since registration.
	State       model.HealthState
	Reason      string
	Description string
	// Asked is when the question of the last answer was put.
	Asked time.Time
	// NotYet is when the last question was put whose answer was not healthy; zero: none.
	NotYet time.Time
	// Deregistered is when AWS answered our deregistration; zero while there was none since
	// the address was registered.
	Deregistered time.Time
	// HealthySince is when the question of the first of an unbroken row of healthy
	// answers was put.
	HealthySince time.Time
}

// Registered reports whether the address takes part in its group: it is there and
// not on its way out.
func (t Target) Registered() bool { return !t.State.Leaving() }

// staleness is for how long after a deregistration an answer that knows nothing of it is
// taken for an old one: reads of ELBv2 are not consistent with what was written just before.
const staleness = 30 * time.Second

// outdated reports whether an answer is older than the deregistration that it should know of.
func (t Target) outdated(state model.HealthState, asked time.Time) bool {
	return !t.Deregistered.IsZero() && !state.Leaving() && asked.Before(t.Deregistered.Add(staleness))
}

// newer reports whether what is known of the target is newer than this question.
func (t Target) newer(asked time.Time) bool { return asked.Before(t.Since) || asked.Before(t.Asked) }

// Book remembers the targets of all groups. It is safe for concurrent use.
type Book struct {
	mu     sync.Mutex
	groups map[string]*group
	checks map[string]model.HealthCheck // also of groups whose targets are not known yet
	slow   map[string]time.Duration     // slow starts, likewise
}

type group struct {
	// known: it is known which targets there are. Else these are the last ones of a group that
	// was closed, and still draining.
	known   bool
	targets map[model.TargetID]Target
	asked   time.Time // when the group was last asked about, with or without an answer
	told    time.Time // when the last question was put that was answered
}

// NewBook is an empty book: no group is known.
func NewBook() *Book {
	return &Book{groups: map[string]*group{}, checks: map[string]model.HealthCheck{}, slow: map[string]time.Duration{}}
}

// Open notes a group that has just been created and so has no target.
func (b *Book) Open(arn string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.learn(arn)
}

// learn is a group that is known from now on. The caller holds the lock.
func (b *Book) learn(arn string) *group {
	if b.groups[arn] == nil {
		b.groups[arn] = &group{targets: map[model.TargetID]Target{}}
	}
	b.groups[arn].known = true
	return b.groups[arn]
}

// Restore notes what a record says of a group that this process does not know yet.
func (b *Book) Restore(arn string, targets []Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.groups[arn]; g != nil && g.known {
		return
	}
	g := b.learn(arn)
	for _, target := range targets {
		if _, draining := g.targets[target.Address]; !draining {
			g.targets[target.Address] = target
		}
	}
}

// Known reports whether it is known which targets a group has. Nothing may be
// registered before: an address that is there already must be adopted.
func (b *Book) Known(arn string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.groups[arn] != nil && b.groups[arn].known
}

// Told reports whether AWS has answered a question about a group that was put at this time
// or later.
func (b *Book) Told(arn string, since time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groups[arn]
	return g != nil && !g.told.IsZero() && !g.told.Before(since)
}

// Close forgets a group, but for what was deregistered just now: when its binding comes back
// at once, an old answer would show that as registered.
func (b *Book) Close(arn string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.groups[arn]; g != nil {
		g.known = false
	}
	delete(b.checks, arn)
	delete(b.slow, arn)
	maps.DeleteFunc(b.groups, func(_ string, g *group) bool {
		if g.known {
			return false
		}
		maps.DeleteFunc(g.targets, func(_ model.TargetID, t Target) bool { return !t.outdated("", now) })
		return len(g.targets) == 0
	})
}

// Targets are the targets of a group, by address.
func (b *Book) Targets(arn string) map[model.TargetID]Target {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.groups[arn]; g != nil {
		return maps.Clone(g.targets)
	}
	return nil
}

// GroupsOf are the groups that have a target which is registered for this Pod.
func (b *Book) GroupsOf(pod types.UID) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var groups []string
	for arn, g := range b.groups {
		for _, target := range g.targets {
			if target.Pod == pod && target.Registered() {
				groups = append(groups, arn)
				break
			}
		}
	}
	return groups
}

// TargetsOf are the targets that are, or were until they were deregistered, a Pod's.
func (b *Book) TargetsOf(pod types.UID) []Target {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Target
	for _, g := range b.groups {
		for _, target := range g.targets {
			if target.Pod == pod {
				out = append(out, target)
			}
		}
	}
	return out
}

// Target is one target of a group.
func (b *Book) Target(arn string, address model.TargetID) (Target, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.groups[arn]; g != nil {
		t, ok := g.targets[address]
		return t, ok
	}
	return Target{}, false
}

// Registered notes that AWS has answered the registration of an address for a Pod.
func (b *Book) Registered(arn string, pods map[model.TargetID]types.UID, now time.Time) {
	b.change(arn, func(g *group) {
		for address, uid := range pods {
			g.targets[address] = Target{Address: address, Pod: uid, Since: now}
		}
	})
}

// Doubted notes that addresses which were free have been registered for Pods without an
// answer. They are taken for registered until AWS says that they are not.
func (b *Book) Doubted(arn string, pods map[model.TargetID]types.UID, now time.Time) {
	b.change(arn, func(g *group) {
		for address, uid := range pods {
			if _, known := g.targets[address]; !known {
				g.targets[address] = Target{Address: address, Pod: uid, Since: now, Doubtful: true}
			}
		}
	})
}

// Seen notes that the Pods that addresses are registered for are there.
func (b *Book) Seen(arn string, pods map[model.TargetID]types.UID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groups[arn]
	if g == nil {
		return
	}
	for address, uid := range pods {
		if t, known := g.targets[address]; known && t.Pod == uid {
			t.Seen = true
			g.targets[address] = t
		}
	}
}

// Adopted notes that an address which is registered already belongs to this Pod now.
func (b *Book) Adopted(arn string, pods map[model.TargetID]types.UID, now time.Time) {
	b.change(arn, func(g *group) {
		for address, uid := range pods {
			t := g.targets[address]
			t.Address, t.Pod, t.Since, t.Adopted, t.HealthySince = address, uid, now, true, time.Time{}
			g.targets[address] = t
		}
	})
}

// Remembered notes that a registration which this process found is the one that a
// former process made for this Pod.
func (b *Book) Remembered(arn string, pods map[model.TargetID]types.UID) {
	b.change(arn, func(g *group) {
		for address, uid := range pods {
			t := g.targets[address]
			t.Pod, t.Adopted = uid, false
			g.targets[address] = t
		}
	})
}

// Deregistered notes that AWS has answered the deregistration of addresses.
func (b *Book) Deregistered(arn string, addresses []model.TargetID, now time.Time) {
	b.change(arn, func(g *group) {
		for _, address := range addresses {
			t := g.targets[address]
			t.Address, t.State, t.Since, t.Asked, t.Deregistered, t.HealthySince = address, model.Draining, now, now, now, time.Time{}
			t.Doubtful = false
			t.Reason, t.Description = "Target.DeregistrationInProgress", "Target deregistration is in progress"
			g.targets[address] = t
		}
	})
}

// Answered notes what AWS says of all targets of a group. What was registered or
// deregistered after the question was put is not judged by the answer, nor what a later
// question has told already. It returns the targets that became healthy with this answer.
func (b *Book) Answered(arn string, answer []model.TargetHealth, asked time.Time) (healthy []Target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.learn(arn)
	g.asked, g.told = latest(g.asked, asked), latest(g.told, asked)
	named := map[model.TargetID]bool{}
	for _, health := range answer {
		named[health.Address] = true
		before, known := g.targets[health.Address]
		if known && (before.newer(asked) || before.outdated(health.State, asked)) {
			continue
		}
		after := before
		if !known {
			after = Target{Address: health.Address, Since: asked}
		}
		after.State, after.Reason, after.Description, after.Asked, after.Doubtful = health.State, health.Reason, health.Description, asked, false
		switch {
		case health.State != model.Healthy:
			after.HealthySince, after.NotYet = time.Time{}, asked
		case before.HealthySince.IsZero():
			after.HealthySince = asked
			healthy = append(healthy, after)
		}
		g.targets[health.Address] = after
	}
	maps.DeleteFunc(g.targets, func(address model.TargetID, t Target) bool { return !named[address] && !t.newer(asked) })
	return healthy
}

// ServedBefore reports whether a target of the group was healthy before this time, so
// that its load balancer was already in service.
func (b *Book) ServedBefore(arn string, at time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g := b.groups[arn]; g != nil {
		for _, target := range g.targets {
			if !target.HealthySince.IsZero() && target.HealthySince.Before(at) {
				return true
			}
		}
	}
	return false
}

// Stalest is the group that was asked about longest ago, if that was before a time and
// the group has targets. It counts as asked about from now on.
func (b *Book) Stalest(before, now time.Time) (arn string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var oldest time.Time
	for name, g := range b.groups {
		if g.asked.IsZero() {
			g.asked = now // it has just become known; it is its turn when the interval is over
		}
		due := g.known && len(g.targets) > 0 && g.asked.Before(before)
		if due && (!ok || g.asked.Before(oldest) || g.asked.Equal(oldest) && name < arn) {
			arn, oldest, ok = name, g.asked, true
		}
	}
	if ok {
		b.groups[arn].asked = now
	}
	return arn, ok
}

// SetSlowStart notes for how long a group's new targets are spared.
func (b *Book) SetSlowStart(arn string, slow time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow[arn] = slow
}

// SlowStart is for how long a group's new targets are spared; 0 where none is known of.
func (b *Book) SlowStart(arn string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.slow[arn]
}

// SetCheck notes a group's health check, for the time that adoption takes.
func (b *Book) SetCheck(arn string, check model.HealthCheck) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.checks[arn] = check
}

// unknownCheck stands in for a health check that nobody has told: the defaults of
// ELBv2 (API reference, CreateTargetGroup), which are slower than most.
var unknownCheck = model.HealthCheck{Interval: model.Duration(30 * time.Second), Timeout: model.Duration(6 * time.Second), UnhealthyThreshold: 2}

// TimeToUnhealthy is how long a dead target of the group may go on being called
// healthy: unhealthy threshold × interval + timeout.
func (b *Book) TimeToUnhealthy(arn string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	check, known := b.checks[arn]
	if !known {
		check = unknownCheck
	}
	return time.Duration(check.UnhealthyThreshold)*time.Duration(check.Interval) + time.Duration(check.Timeout)
}

func (b *Book) change(arn string, change func(*group)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change(b.learn(arn))
}
