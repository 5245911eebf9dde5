package demo

import (
	"context"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/lab/traffic"
)

const (
	perSecond     = 200
	clientTimeout = 10 * time.Second
)

// target is where a side's requests go.
type target struct {
	address string // IP:port of the load balancer's listener
	host    string // Host header
	path    string
}

// load sends requests at a fixed rate, whether or not earlier ones have been answered, as many
// independent clients would: a stall costs what it would cost them.
type load struct {
	target target
	tally  *tally
	client *traffic.Client
}

func newLoad(t target, now time.Time) *load {
	return &load{target: t, tally: newTally(now), client: traffic.NewClient(t.address, t.host)}
}

// run sends until the context ends, and returns when the last request has been answered. Requests
// run under a context of their own, so that the end of the load cuts none off.
func (l *load) run(ctx context.Context) {
	var pending sync.WaitGroup
	requests := context.WithoutCancel(ctx)
	next := time.Now()
	for ctx.Err() == nil {
		pending.Go(func() {
			failure := l.request(requests)
			l.tally.count(time.Now(), failure)
		})
		next = next.Add(time.Second / perSecond)
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(next)):
		}
	}
	l.tally.end(time.Now())
	pending.Wait()
	l.client.CloseIdleConnections()
}

// request returns why the request failed, or "".
func (l *load) request(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	return l.client.Get(ctx, l.target.path)
}
