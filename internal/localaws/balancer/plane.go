// Package balancer is the data plane: load balancers that listen on loopback addresses, match rules, forward to
// targets and check their health.
//
// What comes in are values: a Table says what one load balancer does with a request, a Group holds targets and the
// settings of their health check. What goes out is traffic, and the Health of each target. The package knows nothing of
// the API, of ARNs, or of the time it takes a change to arrive here: its caller calls when a change has arrived.
//
//	front := plane.Open(netip.MustParseAddr("127.67.0.5"))
//	front.Apply(1, &balancer.Table{Listeners: map[int]*balancer.Routes{80: {Default: balancer.Fixed{Status: 404}}}})
//
// A request reads one immutable snapshot (table, transport, healthy targets) through atomic pointers and takes no lock
// on its way.
package balancer

import (
	"context"
	"crypto/cipher"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/pace"
)

// Plane owns every goroutine of the data plane.
type Plane struct {
	clock      *pace.Clock
	portOffset int
	offline    bool
	firstCheck Span
	log        *slog.Logger
	sealer     cipher.AEAD // of cookies
	probe      Probe
	groups     atomic.Uint64 // how many there have been

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	fronts map[*Front]struct{}
}

// Config is what a Plane stands on.
type Config struct {
	Clock      *pace.Clock
	PortOffset int  // added to a port that may not be bound
	Offline    bool // load balancers listen nowhere, and targets are checked only by Probe
	Probe      Probe
	FirstCheck Span // when a new target is checked first, after it is in service
	Log        *slog.Logger
}

// New returns a data plane without load balancers.
func New(config Config) *Plane {
	ctx, cancel := context.WithCancel(context.Background())
	return &Plane{
		clock: config.Clock, portOffset: config.PortOffset, offline: config.Offline, firstCheck: config.FirstCheck, probe: config.Probe, log: config.Log, sealer: newSealer(),
		ctx: ctx, cancel: cancel, fronts: map[*Front]struct{}{},
	}
}

// Probe answers a health check in the place of a target, with an HTTP status or with the error of a connection.
type Probe func(ctx context.Context, target netip.AddrPort, path string) (status int, err error)

// Span is durations from the first to the second, each as likely as the others.
type Span struct{ Least, Most time.Duration }

// Close stops all load balancers and health checks, and returns when none of their goroutines is left.
func (p *Plane) Close() {
	p.cancel()
	p.mu.Lock()
	fronts := p.fronts
	p.fronts = nil
	p.mu.Unlock()
	for front := range fronts {
		front.close()
	}
	p.work.Wait()
}

// forget takes a closed load balancer out of the list of those that Close has to stop.
func (p *Plane) forget(f *Front) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.fronts, f)
}
