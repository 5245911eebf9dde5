// Package traffic is the clients of a load balancer: kinds of traffic as real clients make them, at a steady rate, and
// what became of each exchange.
//
// In go addresses of two listeners and a rate; out come counts by kind and by what went on meanwhile:
//
//	load := traffic.New(traffic.Place{Plain: "127.64.3.1:8080", Secure: "127.64.4.1:8443", …}, 300)
//	go load.Run(ctx)
//	load.During("rollout")
//	…
//	for _, count := range load.Counts() { … }
//
// An exchange is a request with its answer, or a stream from its opening to its orderly end. It has failed when a client
// would say so: an error status, a refused, reset or silently closed connection, a stream that was cut before its end or
// gave back something else, no answer in time. Nothing is tried again to make it good: what Go's HTTP clients repeat by
// themselves because a connection was closed counts as failed.
//
// It knows nothing of Kubernetes, and of the Pods behind only what they answer.
package traffic

import (
	"context"
	"sync"
	"time"
)

// Place is where the clients go: an HTTP and an HTTPS listener, each an IP:port with the name that it is asked by.
type Place struct {
	Plain, PlainHost string
	Secure           string
	HTTP2Host        string // its requests go to a target group of HTTP/2
	GRPCHost         string // its requests go to a target group of gRPC
	SlowPath         string // is answered after SlowAnswer
}

// How long exchanges last that are not over at once. The first are short enough for Pods that drain for 20 s (16 s of it
// may pass before the load balancer has let go), the slow answer is not.
const (
	StreamLasts = 3 * time.Second
	SlowAnswer  = 20 * time.Second
)

// exchange is one request or stream; the answer is why it failed, or "".
type exchange func(ctx context.Context) (failure string)

// Kind of traffic.
type Kind struct {
	Name  string
	Means string // one exchange, in a sentence
	share int    // of a hundred exchanges
	limit time.Duration
}

// Kinds are all, in the order of reports.
var Kinds = []Kind{
	{"keep-alive", "a request over one of some kept HTTP/1.1 connections, answered at once", 50, 10 * time.Second},
	{"http2", "a request over HTTP/2 and TLS, from the client to the Pod, answered at once", 30, 10 * time.Second},
	{"grpc", "a stream of messages both ways for three seconds, over TLS", 8, StreamLasts + 10*time.Second},
	{"websocket", "a WebSocket with messages both ways for three seconds", 8, StreamLasts + 10*time.Second},
	{"slow", "a request that is answered after twenty seconds", 4, SlowAnswer + 10*time.Second},
}

// Load sends exchanges of every kind at a fixed rate, whether or not earlier ones have ended, as many independent clients
// would: a stall costs what it would cost them.
type Load struct {
	kinds   map[string]exchange
	rate    float64 // a second, of all kinds
	close   func()
	tally   tally
	pending sync.WaitGroup
}

// New is a load that has not begun. It keeps connections until Run returns.
func New(place Place, rate float64) *Load {
	plain, young, calls, talk := newPlain(place), newHTTP2(place), newCalls(place), newSockets(place)
	slow := newPlain(place)
	return &Load{
		rate: rate,
		kinds: map[string]exchange{
			"keep-alive": plain.get("/"), "http2": young.get("/"), "grpc": calls.stream, "websocket": talk.stream, "slow": slow.get(place.SlowPath),
		},
		close: func() {
			plain.CloseIdleConnections()
			young.CloseIdleConnections()
			slow.CloseIdleConnections()
			calls.close()
		},
		tally: tally{counts: map[countKey]*Count{}},
	}
}

// Run sends until the context ends, and returns when the last exchange has ended. Exchanges run under a context of their
// own, so that the end of the load cuts none off.
func (l *Load) Run(ctx context.Context) {
	defer l.close()
	exchanges := context.WithoutCancel(ctx)
	var senders sync.WaitGroup
	for _, kind := range Kinds {
		senders.Go(func() {
			l.pace(ctx, float64(kind.share)/100, func() {
				limited, cancel := context.WithTimeout(exchanges, kind.limit)
				defer cancel()
				failure := l.kinds[kind.Name](limited)
				l.tally.count(kind.Name, failure, time.Now())
			})
		})
	}
	senders.Wait()
	l.pending.Wait()
}

// pace starts its part of the rate until the context ends.
func (l *Load) pace(ctx context.Context, part float64, start func()) {
	every := time.Duration(float64(time.Second) / (l.rate * part))
	next := time.Now()
	for ctx.Err() == nil {
		l.pending.Go(start)
		next = next.Add(every)
		select {
		case <-ctx.Done():
		case <-time.After(time.Until(next)):
		}
	}
}

// During says what goes on from now on. An exchange counts under what goes on when it ends.
func (l *Load) During(event string) { l.tally.during(event, time.Now()) }

// Counts are the exchanges that have ended, by kind in their order, and by event in the order in which they came.
func (l *Load) Counts() []Count { return l.tally.read() }
