package balancer

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"net"
	"net/netip"
	"slices"
	"time"
)

// serveStream takes connections of a network load balancer's listener until the socket is closed.
func (f *Front) serveStream(port int, socket net.Listener) {
	for {
		conn, err := socket.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				f.plane.log.Error("a load balancer stopped listening", "address", socket.Addr(), "error", err)
			}
			return
		}
		f.plane.work.Go(func() { f.connect(port, conn) })
	}
}

// connect joins a client with a target. The two stay together until one of them, the idle timeout or a termination that
// an attribute asks for ends it; what happens to the table meanwhile is no concern of theirs.
func (f *Front) connect(port int, client net.Conn) {
	defer context.AfterFunc(f.ctx, func() { _ = client.Close() })()
	stream := f.now.Load().table.Streams[port]
	target := stream.target(client.RemoteAddr())
	if target == nil {
		reset(client)
		return
	}
	front, err := stream.accept(f.ctx, client)
	if err != nil {
		reset(client)
		return
	}
	back, err := target.dial(f.ctx, stream, client)
	if err != nil {
		reset(client)
		return
	}
	defer target.hold(back)()
	defer context.AfterFunc(f.ctx, func() { _ = back.Close() })()
	target.outstanding.Add(1)
	defer target.outstanding.Add(-1)
	join(front, back)
}

// reset ends a connection as one that nobody has accepted.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// accept makes the TLS handshake, if the listener has TLS.
func (s *Stream) accept(ctx context.Context, client net.Conn) (net.Conn, error) {
	if s.TLS == nil {
		return client, nil
	}
	secure := tls.Server(client, s.TLS.config(s.TLS.ALPN))
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	return secure, secure.HandshakeContext(ctx)
}

// target chooses by the hash of the connection's addresses, or of the client's address alone ("Network Load Balancer
// overview": flow hash algorithm). A listener that is gone has none.
func (s *Stream) target(peer net.Addr) *Target {
	if s == nil || s.Forward == nil {
		return nil
	}
	group := s.Forward.pick()
	if group == nil {
		return nil
	}
	now := group.eligible.Load().targets
	if len(now) == 0 {
		return nil
	}
	flow := peer.String()
	if group.settings.Load().SourceSticky {
		flow = hostOnly(flow)
	}
	return now[maphash.String(flowSeed, flow)%uint64(len(now))]
}

var flowSeed = maphash.MakeSeed()

// dial opens the target's side, with TLS in a TLS group, and says who the client is if the group wants to know.
func (t *Target) dial(ctx context.Context, stream *Stream, client net.Conn) (net.Conn, error) {
	conn, err := (&quietDialer{idle: stream.IdleTimeout}).dial(ctx, "tcp", t.address().String())
	if err != nil {
		return nil, err
	}
	if t.group.settings.Load().ProxyProtocol {
		if _, err := conn.Write(proxyHeader(client)); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	if t.group.scheme != "tls" {
		return conn, nil
	}
	config := &tls.Config{InsecureSkipVerify: true} // #nosec G402 -- certificates of targets are not validated
	if stream.TLS != nil {
		config.NextProtos = stream.TLS.ALPN
	}
	secure := tls.Client(conn, config)
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// hold notes a connection, so that it ends with the target where attributes say so. The caller calls release in the end.
func (t *Target) hold(conn io.Closer) (release func()) {
	g := t.group
	g.mu.Lock()
	if t.held == nil {
		t.held = map[io.Closer]struct{}{}
	}
	t.held[conn] = struct{}{}
	g.mu.Unlock()
	stop := context.AfterFunc(t.ctx, func() { // deregistered, and the delay is over
		if g.settings.Load().CutDeregistered {
			_ = conn.Close()
		}
	})
	return func() {
		stop()
		g.mu.Lock()
		delete(t.held, conn)
		g.mu.Unlock()
		_ = conn.Close()
	}
}

// drop ends the connections of a target that has become unhealthy. The caller holds group.mu.
func (t *Target) drop() {
	if t.group.network() && !t.group.settings.Load().KeepUnhealthy {
		for conn := range t.held {
			go func() { _ = conn.Close() }() // closing TLS may wait for the peer
		}
	}
}

// join copies both ways. Where one side has said all, the other hears of it and may go on.
func join(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pass(a, b)
	}()
	pass(b, a)
	<-done
	_, _ = a.Close(), b.Close()
}

func pass(to, from net.Conn) {
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, buffer)
	half, ok := to.(interface{ CloseWrite() error })
	if err != nil || !ok {
		_, _ = to.Close(), from.Close()
		return
	}
	_ = half.CloseWrite()
}

// proxyHeader is the header of the proxy protocol, version 2, for a TCP connection ("The PROXY protocol", section 2.2).
func proxyHeader(client net.Conn) []byte {
	const signature, version2Proxy, tcp4, tcp6 = "\r\n\r\n\x00\r\nQUIT\n", 0x21, 0x11, 0x21
	from, to := addrPortOf(client.RemoteAddr()), addrPortOf(client.LocalAddr())
	family := byte(tcp4)
	if from.Addr().Is6() {
		family = tcp6
	}
	addresses := slices.Concat(from.Addr().AsSlice(), to.Addr().AsSlice())
	addresses = binary.BigEndian.AppendUint16(addresses, from.Port())
	addresses = binary.BigEndian.AppendUint16(addresses, to.Port())
	header := append([]byte(signature), version2Proxy, family)
	header = binary.BigEndian.AppendUint16(header, uint16(len(addresses)))
	return append(header, addresses...)
}

func addrPortOf(a net.Addr) netip.AddrPort {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), uint16(tcp.Port))
	}
	return netip.AddrPort{}
}

// datagramIdle is how long a UDP flow stays with its target in silence ("Listeners for your Network Load Balancers":
// the idle timeout of UDP flows is 120 seconds and cannot be changed).
const datagramIdle = 120 * time.Second
