package balancer_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// secured is a table with one HTTPS listener.
func secured(action balancer.Action, rules ...balancer.Rule) *balancer.Table {
	return serve(&balancer.Routes{
		TLS: &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}}, Rules: rules, Default: action,
	})
}

const site = "https://shop.example.com"

func TestProtocolVersions(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	target := server(t, func(w http.ResponseWriter, q *http.Request) { _, _ = io.WriteString(w, q.Proto) })
	secureTarget := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		_, _ = io.WriteString(w, q.Proto+" over TLS")
	}))
	secureTarget.EnableHTTP2 = true
	secureTarget.StartTLS()
	t.Cleanup(secureTarget.Close)
	one, oneTargets := r.group(balancer.Settings{}, target)
	two, twoTargets := r.group(balancer.Settings{Version: balancer.HTTP2}, target)
	check := healthy
	check.Scheme, check.Version = "https", balancer.HTTP2
	three := r.plane.NewGroup("https", check)
	three.Configure(balancer.Settings{Version: balancer.HTTP2})
	threeTarget := three.Add(addrOf(secureTarget))
	grpc, grpcTargets := r.group(balancer.Settings{Version: balancer.GRPC}, target)
	at := func(path string, action balancer.Action) balancer.Rule {
		return balancer.Rule{Conditions: []balancer.Condition{balancer.PathIs([]string{path})}, Action: action}
	}
	targets := append(append(append(oneTargets, twoTargets...), threeTarget), grpcTargets...)
	r.apply(secured(to(one), at("/two", to(two)), at("/three", to(three)), at("/grpc", to(grpc))), targets...)
	old := r.client(port, func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} })
	old.Transport.(*http.Transport).ForceAttemptHTTP2 = false
	old.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	young := r.client(port, nil)
	const mismatch = "464"
	for _, tt := range []struct {
		client     *http.Client
		path, want string
	}{
		{old, "/", "HTTP/1.1"},
		{young, "/", "HTTP/1.1"},
		{old, "/two", mismatch},
		{young, "/two", "HTTP/2.0"},
		{young, "/three", "HTTP/2.0 over TLS"},
		{old, "/grpc", mismatch},
		{young, "/grpc", mismatch}, // it is no POST
	} {
		got := ask(r, tt.client, site+tt.path)
		if got.Status == 464 {
			got.Body = mismatch
		}
		if got.Body != tt.want {
			t.Errorf("%s: got %v, want %s", tt.path, got, tt.want)
		}
	}
}

// frame is one message of gRPC: not compressed, its length, itself.
func frame(message string) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

func readFrame(from io.Reader) (string, error) {
	var head [5]byte
	if _, err := io.ReadFull(from, head[:]); err != nil {
		return "", err
	}
	message := make([]byte, binary.BigEndian.Uint32(head[1:]))
	_, err := io.ReadFull(from, message)
	return string(message), err
}

// echoing answers each message with itself as soon as it has come, and every unknown method with unimplemented.
func echoing(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	if q.URL.Path != "/echo.Echo/Echo" {
		w.Header().Set("Grpc-Status", "12")
		return
	}
	w.Header().Set("Trailer", "Grpc-Status, Seen-Te, Sent")
	for {
		message, err := readFrame(q.Body)
		if err != nil {
			break
		}
		_, _ = w.Write(frame(message))
		_ = http.NewResponseController(w).Flush()
	}
	w.Header().Set("Seen-Te", q.Header.Get("Te"))
	w.Header().Set("Sent", q.Trailer.Get("Sent"))
	w.Header().Set("Grpc-Status", "0")
}

func TestGRPCStreamsBothWays(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	check := healthy
	check.Version, check.Path, check.Codes = balancer.GRPC, "/AWS.ALB/healthcheck", []balancer.CodeRange{{Low: 12, High: 12}}
	group := r.plane.NewGroup("http", check)
	group.Configure(balancer.Settings{Version: balancer.GRPC})
	target := group.Add(addrOf(server(t, echoing)))
	r.apply(secured(to(group)), target)
	if got := target.Health(); got != (balancer.Health{State: balancer.Healthy}) {
		t.Fatalf("the target is %v", got)
	}
	reader, writer := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, site+"/echo.Echo/Echo", reader)
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}}
	request.Trailer = http.Header{"Sent": nil}
	answered := make(chan *http.Response, 1)
	go func() {
		response, err := r.client(port, nil).Do(request)
		if err != nil {
			t.Error(err)
			close(answered)
			return
		}
		answered <- response
	}()
	_, _ = writer.Write(frame("one"))
	response := <-answered
	if response == nil {
		return
	}
	defer func() { _ = response.Body.Close() }()
	for _, message := range []string{"one", "two", "three"} { // each is sent only when the one before has come back
		if message != "one" {
			_, _ = writer.Write(frame(message))
		}
		if got, err := readFrame(response.Body); err != nil || got != message {
			t.Fatalf("got %q, %v, want %q", got, err, message)
		}
	}
	request.Trailer.Set("Sent", "at the end")
	_ = writer.Close()
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) != 0 {
		t.Errorf("behind the messages: %q, %v", rest, err)
	}
	want := http.Header{"Grpc-Status": {"0"}, "Seen-Te": {"trailers"}, "Sent": {"at the end"}}
	if diff := cmp.Diff(want, response.Trailer); diff != "" {
		t.Error(diff)
	}
}

func TestHealthChecksOfEveryProtocol(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(secure.Close)
	gone := named(t, "gone")
	gone.Close()
	plain := server(t, echoing)
	well := balancer.Health{State: balancer.Healthy}
	ranges := []balancer.CodeRange{{Low: 200, High: 200}}
	failed := balancer.Health{State: balancer.Unhealthy, Reason: "Target.FailedHealthChecks", Description: "Health checks failed"}
	for _, tt := range []struct {
		name   string
		scheme string
		check  balancer.Check
		target *httptest.Server
		want   balancer.Health
	}{
		{"https", "https", balancer.Check{Scheme: "https", Codes: ranges}, secure, well},
		{"http2", "http", balancer.Check{Scheme: "http", Version: balancer.HTTP2, Codes: ranges}, plain, well},
		{"grpc", "http", balancer.Check{Scheme: "http", Version: balancer.GRPC, Codes: []balancer.CodeRange{{Low: 0, High: 99}}}, plain, well},
		{"grpc-mismatch", "http", balancer.Check{Scheme: "http", Version: balancer.GRPC, Codes: []balancer.CodeRange{{Low: 0, High: 0}}}, plain, balancer.Health{
			State: balancer.Unhealthy, Reason: "Target.ResponseCodeMismatch", Description: "Health checks failed with these codes: [12]",
		}},
		{"tcp", "tcp", balancer.Check{Scheme: "tcp"}, plain, well},
		{"tcp-gone", "tcp", balancer.Check{Scheme: "tcp"}, gone, failed},
		{"network-has-one-reason", "tcp", balancer.Check{Scheme: "http", Codes: []balancer.CodeRange{{Low: 300, High: 300}}}, plain, failed},
		{"http-to-https", "http", balancer.Check{Scheme: "http", Codes: ranges}, secure, balancer.Health{
			State: balancer.Unhealthy, Reason: "Target.ResponseCodeMismatch", Description: "Health checks failed with these codes: [400]",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			check := tt.check
			check.Path, check.Interval, check.Timeout, check.Healthy, check.Unhealthy = "/", time.Second, 2*time.Second, 2, 2
			group := r.plane.NewGroup(tt.scheme, check)
			target := group.Add(addrOf(tt.target))
			r.apply(serve(&balancer.Routes{Default: to(group)}), target)
			if diff := cmp.Diff(tt.want, target.Health()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnswerBeginsBeforeTheRequestEnds(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{}, server(t, func(w http.ResponseWriter, q *http.Request) {
		if q.Method != http.MethodPost {
			return
		}
		_ = http.NewResponseController(w).EnableFullDuplex()
		lines := bufio.NewReader(q.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			_, _ = io.WriteString(w, "echo "+line)
			_ = http.NewResponseController(w).Flush()
		}
	}))
	r.apply(serve(&balancer.Routes{Default: to(group)}), targets...)
	conn := dial(t, r.address(port))
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x.com\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n")
	reader := bufio.NewReader(conn)
	response := must(t, func() (*http.Response, error) { return http.ReadResponse(reader, nil) })
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewReader(response.Body)
	for _, want := range []string{"echo one\n", "echo two\n"} {
		if want == "echo two\n" {
			_, _ = io.WriteString(conn, "4\r\ntwo\n\r\n")
		}
		if got, err := lines.ReadString('\n'); got != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
	}
	_, _ = io.WriteString(conn, "0\r\n\r\n")
	if rest, err := io.ReadAll(lines); err != nil || len(rest) != 0 {
		t.Errorf("got %q, %v", rest, err)
	}
}

func dial(tb testing.TB, address string) net.Conn {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// upgrading echoes lines over connections that were upgraded; nothing passes unless the client begins.
func upgrading(w http.ResponseWriter, q *http.Request) {
	if q.Header.Get("Upgrade") != "websocket" {
		return
	}
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	_, _ = io.Copy(conn, buffered)
}

func TestWebSocketEndsWhenItIsSilent(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{Stickiness: balancer.Stickiness{Type: balancer.LBCookie, Duration: time.Hour}}, server(t, upgrading))
	table := serve(&balancer.Routes{Default: to(group)})
	const idle = 150 * time.Millisecond
	table.IdleTimeout = idle
	r.apply(table, targets...)
	conn := dial(t, r.address(port))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	reader := bufio.NewReader(conn)
	response := must(t, func() (*http.Response, error) { return http.ReadResponse(reader, nil) })
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusSwitchingProtocols || len(response.Cookies()) != 2 {
		t.Fatalf("got %s and cookies %v", response.Status, response.Cookies())
	}
	last := time.Now()
	for range 6 { // together longer than the timeout
		time.Sleep(idle / 3)
		last = time.Now()
		_, _ = io.WriteString(conn, "hello\n")
		if got, err := reader.ReadString('\n'); got != "hello\n" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if _, err := reader.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v", err)
	}
	if silent := time.Since(last); silent < idle {
		t.Errorf("the connection ended after %s of silence", silent)
	}
}
