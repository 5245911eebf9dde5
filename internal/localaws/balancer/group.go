package balancer

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Group is a target group as the data plane sees it: targets, their health, and whose turn it is.
type Group struct {
	plane  *Plane
	scheme string // of the requests to targets
	number uint64 // its name in cookies

	turn     atomic.Uint64
	settings atomic.Pointer[Settings]
	check    atomic.Pointer[Check]
	eligible atomic.Pointer[eligible]

	mu      sync.Mutex // guards what follows and the health of the targets
	targets []*Target
	serving int // how many load balancers forward to the group: two while it moves from one to another
}

// Target is one registered address.
type Target struct {
	Addr  netip.AddrPort
	group *Group
	front *Front // what the target is, if it is a load balancer

	outstanding atomic.Int64
	ctx         context.Context // ends when the target's requests are cut off
	cut         context.CancelCauseFunc

	// guarded by group.mu
	health       Health
	healthySince time.Time
	good, bad    int       // successes and failures in a row
	ramp         time.Time // when its slow start began, if it has one
	first        bool      // it came when the group had no healthy target
	stopChecks   context.CancelFunc
	held         map[io.Closer]struct{} // connections of a network load balancer
}

// NewGroup returns an empty group that no load balancer serves yet. The scheme is how targets are spoken to: "http" or
// "https" behind an application load balancer, "tcp", "tls", "udp" or "tcp_udp" behind a network load balancer.
func (p *Plane) NewGroup(scheme string, check Check) *Group {
	g := &Group{plane: p, scheme: scheme, number: p.groups.Add(1)}
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
	t := &Target{Addr: addr}
	g.add(t)
	return t
}

func (g *Group) add(t *Target) {
	t.group, t.health = g, initialHealth
	t.ctx, t.cut = context.WithCancelCause(g.plane.ctx)
	g.mu.Lock()
	defer g.mu.Unlock()
	t.first = !slices.ContainsFunc(g.targets, func(other *Target) bool { return other.health.State == Healthy })
	g.targets = append(g.targets, t)
	if g.serving > 0 {
		t.startChecks()
	}
	g.refresh()
}

// AddFront brings in a load balancer as a target (target type alb): what arrives goes to its listener with that port.
func (g *Group) AddFront(front *Front, port int) *Target {
	t := &Target{Addr: netip.AddrPortFrom(front.ip, uint16(port)), front: front}
	g.add(t)
	return t
}

// address is where to connect to: for a load balancer as a target that is where its listener really is.
func (t *Target) address() netip.AddrPort { return t.checkAddress(0) }

// checkAddress is address, on another port if it is not 0.
func (t *Target) checkAddress(port int) netip.AddrPort {
	addr := t.Addr
	if port != 0 {
		addr = netip.AddrPortFrom(addr.Addr(), uint16(port))
	}
	if t.front != nil {
		return t.front.boundAt(addr)
	}
	return addr
}

// network reports whether the group is one of a network load balancer.
func (g *Group) network() bool { return !strings.HasPrefix(g.scheme, "http") }

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
