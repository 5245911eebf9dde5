package balancer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Front is one load balancer: an address of its own, and what it does with the requests that arrive there.
type Front struct {
	plane *Plane
	ip    netip.Addr
	now   atomic.Pointer[snapshot]

	ctx context.Context // ends with the load balancer
	end context.CancelFunc

	mu        sync.Mutex // guards what follows; never held while a request is served
	version   uint64
	listeners map[int]*listener
	serves    map[*Group]struct{}
	closed    bool
}

// snapshot is all that a request needs to know.
type snapshot struct {
	table *Table
	proxy http.Handler
	idle  func() // closes idle connections to targets
}

type listener struct {
	bound  netip.AddrPort // where it really listens
	kind   string         // what opened it: another kind needs another listener
	close  func() error   // takes no new connections, at once: the port may be wanted again
	server *http.Server   // of HTTP and HTTPS listeners
}

// Open makes a load balancer at an address. It listens nowhere until a table is applied.
func (p *Plane) Open(ip netip.Addr) *Front {
	f := &Front{plane: p, ip: ip, listeners: map[int]*listener{}, serves: map[*Group]struct{}{}}
	f.ctx, f.end = context.WithCancel(p.ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fronts == nil {
		f.closed = true // the plane is closed
		return f
	}
	p.fronts[f] = struct{}{}
	return f
}

// Apply changes what the load balancer does. A table that is older than the one in force is dropped: changes travel at
// different speeds, and a late one must not bring the past back.
func (f *Front) Apply(version uint64, table *Table) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || version <= f.version {
		return
	}
	f.version = version
	before := f.now.Load()
	next := &snapshot{table: table}
	if before != nil && before.table.IdleTimeout == table.IdleTimeout {
		next.proxy, next.idle = before.proxy, before.idle
	} else {
		next.proxy, next.idle = newProxy(table.IdleTimeout, f.plane.log)
	}
	f.serveGroups(table.groups())
	f.now.Store(next)
	f.listen(table)
	if before != nil && before.table.IdleTimeout != table.IdleTimeout {
		before.idle()
	}
}

// serveGroups starts health checks of groups that are new here, and ends those of groups that are gone.
func (f *Front) serveGroups(groups map[*Group]struct{}) {
	for g := range f.serves {
		if _, ok := groups[g]; !ok {
			g.release()
		}
	}
	for g := range groups {
		if _, ok := f.serves[g]; !ok {
			g.acquire()
		}
	}
	f.serves = groups
}

// listen opens and closes listeners, and leaves alone those that stay. One that changes its kind is opened anew; every
// other change is found in the snapshot by those who need it.
func (f *Front) listen(table *Table) {
	if f.plane.probe != nil {
		return
	}
	kinds := table.kinds()
	for port, l := range f.listeners {
		if kinds[port] != l.kind {
			delete(f.listeners, port)
			_ = l.close()
			if l.server != nil {
				f.plane.work.Go(l.drain)
			}
		}
	}
	for _, port := range slices.Sorted(maps.Keys(kinds)) {
		if f.listeners[port] != nil {
			continue
		}
		l, err := f.open(port, kinds[port], table)
		if err != nil {
			f.plane.log.Error("a load balancer cannot listen", "address", f.ip, "port", port, "error", err)
			continue
		}
		f.listeners[port] = l
	}
}

// kinds says what listens on each port: "http", "https", or the protocol of a network load balancer's listener.
func (t *Table) kinds() map[int]string {
	kinds := map[int]string{}
	for port, routes := range t.Listeners {
		kinds[port] = "http"
		if routes.TLS != nil {
			kinds[port] = "https"
		}
	}
	for port, stream := range t.Streams {
		kinds[port] = stream.Protocol
	}
	return kinds
}

func (f *Front) open(port int, kind string, table *Table) (*listener, error) {
	switch kind {
	case "http", "https":
		return f.openHTTP(port, kind, table.IdleTimeout)
	case "udp":
		return f.openUDP(port)
	}
	socket, err := f.bind(port)
	if err != nil {
		return nil, err
	}
	l := &listener{kind: kind, bound: socket.Addr().(*net.TCPAddr).AddrPort(), close: socket.Close}
	if kind == "tcp_udp" {
		datagrams, err := f.openUDP(port)
		if err != nil {
			return nil, errors.Join(err, socket.Close())
		}
		l.close = func() error { return errors.Join(socket.Close(), datagrams.close()) }
	}
	f.plane.work.Go(func() { f.serveStream(port, socket) })
	return l, nil
}

func (f *Front) openUDP(port int) (*listener, error) {
	socket, err := f.listenUDP(port)
	if err != nil {
		return nil, err
	}
	u := &flows{front: f, port: port, socket: socket, open: map[netip.AddrPort]net.Conn{}}
	f.plane.work.Go(u.serve)
	return &listener{kind: "udp", bound: socket.LocalAddr().(*net.UDPAddr).AddrPort(), close: socket.Close}, nil
}

// What a client may send.
const (
	maxRequestHeader = 64 << 10 // "Quotas for your Application Load Balancers": entire request header
	maxStreams       = 128      // "Listeners for your Application Load Balancers": requests in parallel on one HTTP/2 connection
)

func (f *Front) openHTTP(port int, kind string, idle time.Duration) (*listener, error) {
	socket, err := f.bind(port)
	if err != nil {
		return nil, err
	}
	l := &listener{kind: kind, bound: socket.Addr().(*net.TCPAddr).AddrPort(), close: socket.Close}
	l.server = &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(port, w, r) }),
		IdleTimeout:       idle,
		ReadHeaderTimeout: idle, // also for clients that connect and say nothing
		MaxHeaderBytes:    maxRequestHeader,
		ErrorLog:          slog.NewLogLogger(f.plane.log.Handler(), slog.LevelDebug),
		ConnContext:       born,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
	}
	serve := func() error { return l.server.Serve(socket) }
	if kind == "https" {
		l.server.TLSConfig = f.handshakes(port)
		serve = func() error { return l.server.ServeTLS(socket, "", "") }
	}
	f.plane.work.Go(func() {
		err := serve()
		if !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			f.plane.log.Error("a load balancer stopped listening", "address", l.bound, "error", err)
		}
	})
	return l, nil
}

// handshakes looks up what is in force at each handshake, so that a new certificate needs no new listener.
func (f *Front) handshakes(port int) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			table := f.now.Load().table
			routes := table.Listeners[port]
			switch {
			case routes == nil || routes.TLS == nil:
				return nil, errNoCertificate // the listener has just been deleted
			case table.WithoutHTTP2:
				return routes.TLS.config([]string{"http/1.1"}), nil
			}
			return routes.TLS.config([]string{"h2", "http/1.1"}), nil
		},
	}
}

var errNoCertificate = errors.New("the listener has no certificate")

type bornKey struct{}

// born notes when a client's connection began.
func born(ctx context.Context, _ net.Conn) context.Context {
	return context.WithValue(ctx, bornKey{}, time.Now())
}

const privileged = 1024 // ports below it are

// bind listens on the port, or on port + offset if it is a privileged one that this process may not have.
func (f *Front) bind(port int) (net.Listener, error) {
	socket, err := f.listenOn(port)
	if err == nil || port >= privileged {
		return socket, err
	}
	socket, offsetErr := f.listenOn(port + f.plane.portOffset)
	if offsetErr != nil {
		return nil, fmt.Errorf("%w, and then %w", err, offsetErr)
	}
	return socket, nil
}

func (f *Front) listenOn(port int) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(f.plane.ctx, "tcp", net.JoinHostPort(f.ip.String(), strconv.Itoa(port)))
}

// drainTime is how long requests of a deleted listener may go on.
const drainTime = 10 * time.Second

// drain takes no new connections and lets running requests finish.
func (l *listener) drain() {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	if err := l.server.Shutdown(ctx); err != nil {
		_ = l.server.Close()
	}
}

// Close ends a load balancer and every connection to it.
func (f *Front) Close() {
	f.close()
	f.plane.forget(f)
}

func (f *Front) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.end()
	for _, l := range f.listeners {
		_ = l.close()
		if l.server != nil {
			_ = l.server.Close()
		}
	}
	f.listeners = nil
	f.serveGroups(nil)
	if now := f.now.Load(); now != nil {
		now.idle()
	}
}

// Bound says where a listener can be reached.
type Bound struct {
	Port    int
	Address netip.AddrPort
}

// Bound lists the listeners in the order of their ports.
func (f *Front) Bound() []Bound {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []Bound
	for _, port := range slices.Sorted(maps.Keys(f.listeners)) {
		all = append(all, Bound{Port: port, Address: f.listeners[port].bound})
	}
	return all
}

// boundAt is where a listener really is, or the address itself if there is none.
func (f *Front) boundAt(addr netip.AddrPort) netip.AddrPort {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l := f.listeners[int(addr.Port())]; l != nil {
		return l.bound
	}
	return addr
}
