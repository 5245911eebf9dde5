package balancer_test

import (
	"bufio"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// echo is a TCP server that says its name and then repeats every line.
func echo(tb testing.TB, name string) netip.AddrPort {
	tb.Helper()
	listener := must(tb, func() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") })
	tb.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_, _ = io.WriteString(conn, name+"\n")
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	return netip.MustParseAddrPort(listener.Addr().String())
}

// streamGroup is a TCP group whose health check only connects.
func (r *rig) streamGroup(scheme string, settings balancer.Settings, addrs ...netip.AddrPort) (*balancer.Group, []*balancer.Target) {
	check := healthy
	check.Scheme, check.Healthy = "tcp", 2
	group := r.plane.NewGroup(scheme, check)
	group.Configure(settings)
	var targets []*balancer.Target
	for _, a := range addrs {
		targets = append(targets, group.Add(a))
	}
	return group, targets
}

func stream(protocol string, group *balancer.Group) *balancer.Table {
	return &balancer.Table{Streams: map[int]*balancer.Stream{port: {Protocol: protocol, Forward: to(group), IdleTimeout: 5 * time.Second}}}
}

// talk is a connection whose lines can be exchanged one by one.
type talk struct {
	testing.TB
	net.Conn
	lines *bufio.Reader
}

func (r *rig) talk() *talk { return talkOver(r, dial(r, r.address(port))) }

func talkOver(tb testing.TB, conn net.Conn) *talk {
	tb.Helper()
	return &talk{TB: tb, Conn: conn, lines: bufio.NewReader(conn)}
}

// hear is the next line, or what ended the connection.
func (t *talk) hear() string {
	t.Helper()
	line, err := t.lines.ReadString('\n')
	switch {
	case err == nil:
		return strings.TrimSpace(line)
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return "end"
	}
	return err.Error()
}

func (t *talk) say(line string) string {
	t.Helper()
	_, _ = io.WriteString(t, line+"\n")
	return t.hear()
}

func TestConnectionsStayWithTheirTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.streamGroup("tcp", balancer.Settings{}, echo(t, "one"))
	r.apply(stream("tcp", group), targets...)
	old := r.talk()
	if diff := cmp.Diff([]string{"one", "hello"}, []string{old.hear(), old.say("hello")}); diff != "" {
		t.Error(diff)
	}
	fresh := group.Add(echo(t, "two"))
	r.judged(fresh)
	group.Remove(targets[0])
	for range 5 {
		if got := r.talk().hear(); got != "two" {
			t.Errorf("a new connection went to %s", got)
		}
	}
	targets[0].Cut() // its deregistration delay is over, and no attribute says that connections end
	if got := old.say("still here"); got != "still here" {
		t.Errorf("a connection to a deregistered target heard %q", got)
	}
	_ = old.Conn.(*net.TCPConn).CloseWrite()
	if got := old.hear(); got != "end" {
		t.Errorf("after the end it heard %q", got)
	}
}

func TestTerminationOfConnections(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	var sick atomic.Bool
	checks := httptest.NewServer(httpStatus(&sick))
	t.Cleanup(checks.Close)
	check := healthy
	check.Port = int(addrOf(checks).Port())
	for _, tt := range []struct {
		name     string
		settings balancer.Settings
		end      func(*balancer.Group, *balancer.Target)
		want     string
	}{
		{"deregistered", balancer.Settings{CutDeregistered: true}, func(g *balancer.Group, target *balancer.Target) {
			g.Remove(target)
			target.Cut()
		}, "end"},
		{"unhealthy", balancer.Settings{}, func(_ *balancer.Group, target *balancer.Target) {
			sick.Store(true)
			eventually(t, "health", func() balancer.State { return target.Health().State }, balancer.Unhealthy)
		}, "end"},
		{"unhealthy-but-kept", balancer.Settings{KeepUnhealthy: true}, func(_ *balancer.Group, target *balancer.Target) {
			sick.Store(true)
			eventually(t, "health", func() balancer.State { return target.Health().State }, balancer.Unhealthy)
		}, "hello"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sick.Store(false)
			group := r.plane.NewGroup("tcp", check)
			group.Configure(tt.settings)
			target := group.Add(echo(t, tt.name))
			r.apply(stream("tcp", group), target)
			talk := r.talk()
			if got := talk.hear(); got != tt.name {
				t.Fatalf("heard %q", got)
			}
			tt.end(group, target)
			// The cut takes effect a moment later: what is said meanwhile is still answered.
			eventually(t, "what is heard", func() string { return talk.say("hello") }, tt.want)
		})
	}
}

func TestSilentConnectionsEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.streamGroup("tcp", balancer.Settings{}, echo(t, "one"))
	table := stream("tcp", group)
	const idle = 100 * time.Millisecond
	table.Streams[port].IdleTimeout = idle
	r.apply(table, targets...)
	talk := r.talk()
	talk.hear()
	begun := time.Now()
	if got, took := talk.hear(), time.Since(begun); got != "end" || took < idle-10*time.Millisecond {
		t.Errorf("heard %q after %s", got, took)
	}
}

func TestCloseEndsEveryConnection(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.streamGroup("tcp", balancer.Settings{}, echo(t, "one"))
	r.apply(stream("tcp", group), targets...)
	first, second := r.talk(), r.talk()
	first.hear()
	r.front.Close() // the load balancer is deleted
	if got := first.hear(); got != "end" {
		t.Errorf("after the end of its load balancer a connection heard %q", got)
	}
	r.plane.Close() // and this returns only when no goroutine is left
	_ = second.Close()
}

func TestGroupWithoutTargetsRefusesConnections(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, _ := r.streamGroup("tcp", balancer.Settings{})
	r.apply(stream("tcp", group))
	conn, err := net.Dial("tcp", r.address(port))
	if err != nil {
		return // the reset was faster than the dialer
	}
	defer func() { _ = conn.Close() }()
	if got := talkOver(t, conn).hear(); got != "end" {
		t.Errorf("heard %q", got)
	}
}

func TestTLSListenersAndGroups(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	secure := must(t, func() (net.Listener, error) {
		return tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{certificate("target")}, NextProtos: []string{"h2"}})
	})
	t.Cleanup(func() { _ = secure.Close() })
	go func() {
		for {
			conn, err := secure.Accept()
			if err != nil {
				return
			}
			go func() {
				_ = conn.(*tls.Conn).Handshake()
				_, _ = fmt.Fprintln(conn, "secure", conn.(*tls.Conn).ConnectionState().NegotiatedProtocol)
				_ = conn.Close()
			}()
		}
	}()
	plain, plainTargets := r.streamGroup("tcp", balancer.Settings{}, echo(t, "plain"))
	encrypted, encryptedTargets := r.streamGroup("tls", balancer.Settings{}, netip.MustParseAddrPort(secure.Addr().String()))
	for _, tt := range []struct {
		group   *balancer.Group
		targets []*balancer.Target
		want    string
	}{{plain, plainTargets, "plain"}, {encrypted, encryptedTargets, "secure h2"}} {
		table := stream("tls", tt.group)
		table.Streams[port].TLS = &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}, ALPN: []string{"h2"}}
		r.apply(table, tt.targets...)
		conn := must(t, func() (*tls.Conn, error) {
			return tls.Dial("tcp", r.address(port), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
		})
		t.Cleanup(func() { _ = conn.Close() })
		state := conn.ConnectionState()
		got := []string{state.PeerCertificates[0].DNSNames[0], state.NegotiatedProtocol, talkOver(t, conn).hear()}
		if diff := cmp.Diff([]string{"shop.example.com", "h2", tt.want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestProxyProtocolNamesTheClient(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.streamGroup("tcp", balancer.Settings{ProxyProtocol: true}, echo(t, ""))
	r.apply(stream("tcp", group), targets...)
	conn := dial(t, r.address(port))
	var got [1 + 28]byte // the echo's empty name and what it was sent
	if _, err := io.ReadFull(conn, got[:]); err != nil {
		t.Fatal(err)
	}
	from, to := netip.MustParseAddrPort(conn.LocalAddr().String()), netip.MustParseAddrPort(conn.RemoteAddr().String())
	want := fmt.Sprintf("0d0a0d0a000d0a515549540a2111000c%x%x%04x%04x", from.Addr().AsSlice(), to.Addr().AsSlice(), from.Port(), to.Port())
	if diff := cmp.Diff(want, hex.EncodeToString(got[1:])); diff != "" {
		t.Error(diff)
	}
}

func TestDatagrams(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	socket := must(t, func() (net.PacketConn, error) { return net.ListenPacket("udp", "127.0.0.1:0") })
	t.Cleanup(func() { _ = socket.Close() })
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := socket.ReadFrom(buffer)
			if err != nil {
				return
			}
			_, _ = socket.WriteTo(append([]byte("echo "), buffer[:n]...), from)
		}
	}()
	check := healthy
	check.Scheme, check.Port = "tcp", int(echo(t, "check").Port())
	group := r.plane.NewGroup("tcp_udp", check)
	target := group.Add(netip.MustParseAddrPort(socket.LocalAddr().String()))
	for _, protocol := range []string{"udp", "tcp_udp"} {
		r.apply(stream(protocol, group), target)
		conn := must(t, func() (net.Conn, error) { return net.Dial("udp", r.address(port)) })
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
		for _, word := range []string{"one", "two"} {
			_, _ = io.WriteString(conn, word)
			buffer := make([]byte, 1500)
			n, err := conn.Read(buffer)
			if got := string(buffer[:n]); err != nil || got != "echo "+word {
				t.Errorf("%s: got %q, %v", protocol, got, err)
			}
		}
	}
}

func TestLoadBalancerAsTarget(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	inner := r.open()
	inner.Apply(1, serve(&balancer.Routes{Default: balancer.Fixed{Status: 200, Body: "inner"}}))
	check := healthy
	check.Scheme = "http"
	group := r.plane.NewGroup("tcp", check)
	target := group.AddFront(inner, port)
	r.apply(stream("tcp", group), target)
	if got := ask(r, r.client(port, nil), "http://x.com/"); got.Body != "inner" {
		t.Errorf("got %v", got)
	}
	inner.Close()
}
