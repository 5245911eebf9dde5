package balancer

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
)

// Group is a target group as the data plane sees it: targets, their health, and whose turn it is.
type Group struct {
	plane  *Plane
	scheme string // of the requests to targets

	turn     atomic.Uint64
	settings atomic.Pointer[Settings]
	check    atomic.Pointer[Check]
	eligible atomic.Pointer[[]*Target] // those that get requests; a new slice for every change

	mu      sync.Mutex // guards what follows and the health of the targets
	targets []*Target
	serving int // how many load balancers forward to the group: two while it moves from one to another
}

// Target is one registered address.
type Target struct {
	Addr  netip.AddrPort
	group *Group

	outstanding atomic.Int64
	ctx         context.Context // ends when the target's requests are cut off
	cut         context.CancelCauseFunc

	// guarded by group.mu
	health     Health
	good, bad  int // successes and failures in a row
	stopChecks context.CancelFunc
}

// NewGroup returns an empty group that no load balancer serves yet. The scheme is how targets are spoken to: "http" or
// "https" behind an application load balancer, "tcp", "tls", "udp" or "tcp_udp" behind a network load balancer.
func (p *Plane) NewGroup(scheme string, check Check) *Group {
	g := &Group{plane: p, scheme: scheme}
	g.Configure(Settings{})
	g.SetCheck(check)
	return g
}

// SetCheck changes the health check from each target's next check on.
func (g *Group) SetCheck(check Check) { g.check.Store(&check) }

// Configure changes how the group treats its targets.
func (g *Group) Configure(settings Settings) {
	g.settings.Store(&settings)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refresh()
}

// Add brings a target in. If the group is served, the first health check is due at once.
func (g *Group) Add(addr netip.AddrPort) *Target {
	t := &Target{Addr: addr, group: g, health: initialHealth}
	t.ctx, t.cut = context.WithCancelCause(g.plane.ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.targets = append(g.targets, t)
	if g.serving > 0 {
		t.startChecks()
	}
	g.refresh()
	return t
}

// Remove keeps new requests from a target; those that it has may finish.
func (g *Group) Remove(t *Target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.targets = slices.DeleteFunc(g.targets, func(other *Target) bool { return other == t })
	t.endChecks()
	g.refresh()
}

var errCut = errors.New("the target's deregistration delay is over")

// Cut ends the requests that a target still has.
func (t *Target) Cut() { t.cut(errCut) }

// Serving reports whether a load balancer forwards to this group now.
func (g *Group) Serving() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.serving > 0
}

// acquire says that a load balancer forwards to the group from now on. Health checks run only while one does.
func (g *Group) acquire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving++; g.serving > 1 {
		return
	}
	for _, t := range g.targets {
		t.startChecks()
	}
}

// release says that a load balancer forwards to the group no longer.
func (g *Group) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.serving--; g.serving > 0 {
		return
	}
	for _, t := range g.targets {
		t.endChecks()
		t.health, t.good, t.bad = initialHealth, 0, 0
	}
	g.refresh()
}

// refresh recomputes who gets requests: the healthy; if there is none and every target is unhealthy, all of them
// (fail-open, "Health checks for target groups" in the ALB guide). Targets that are still initial never open it.
func (g *Group) refresh() {
	healthy := make([]*Target, 0, len(g.targets))
	unhealthy := 0
	for _, t := range g.targets {
		switch t.health.State {
		case Healthy:
			healthy = append(healthy, t)
		case Unhealthy:
			unhealthy++
		case Initial:
		}
	}
	if unhealthy == len(g.targets) {
		healthy = slices.Clone(g.targets)
	}
	g.eligible.Store(&healthy)
}

// pick chooses the target of the next request, or nil if there is none.
func (g *Group) pick() *Target {
	eligible := *g.eligible.Load()
	if len(eligible) == 0 {
		return nil
	}
	switch g.settings.Load().Algorithm {
	case LeastOutstanding:
		return slices.MinFunc(eligible, func(a, b *Target) int {
			return int(a.outstanding.Load() - b.outstanding.Load())
		})
	case WeightedRandom:
		return eligible[rand.IntN(len(eligible))]
	default:
		return eligible[g.turn.Add(1)%uint64(len(eligible))]
	}
}
