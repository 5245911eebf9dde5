package balancer_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/pace"
)

const (
	speed = 50
	port  = 8443
)

// rig is one load balancer, and the means to ask it.
type rig struct {
	testing.TB
	plane   *balancer.Plane
	front   *balancer.Front
	version uint64
}

var addresses atomic.Uint32

func newRig(tb testing.TB) *rig {
	tb.Helper()
	clock := pace.New(speed, 1)
	plane := balancer.New(balancer.Config{Clock: clock, PortOffset: 18000, FirstCheck: balancer.Span{Most: 200 * time.Millisecond}, Log: slog.New(slog.DiscardHandler)})
	tb.Cleanup(func() { plane.Close(); clock.Close() })
	r := &rig{TB: tb, plane: plane}
	r.front = r.open()
	return r
}

// open makes a load balancer at an address that no other test of this program, and hardly another program, has.
func (r *rig) open() *balancer.Front {
	n := addresses.Add(1)
	return r.plane.Open(netip.AddrFrom4([4]byte{127, 228, byte(time.Now().UnixNano() / 1000), byte(n)}))
}

// apply lets the load balancer do something else, and waits until all targets have been judged.
func (r *rig) apply(table *balancer.Table, targets ...*balancer.Target) {
	r.Helper()
	r.version++
	if table.IdleTimeout == 0 {
		table.IdleTimeout = 10 * time.Second
	}
	r.front.Apply(r.version, table)
	r.judged(targets...)
}

func (r *rig) judged(targets ...*balancer.Target) {
	r.Helper()
	for _, target := range targets {
		eventually(r, "whether a target is still initial", func() bool { return target.Health().State == balancer.Initial }, false)
	}
}

// serve is a table with one listener.
func serve(routes *balancer.Routes) *balancer.Table {
	return &balancer.Table{Listeners: map[int]*balancer.Routes{port: routes}}
}

func (r *rig) address(number int) string { return addressOf(r, r.front, number) }

func addressOf(r *rig, front *balancer.Front, number int) string {
	r.Helper()
	for _, b := range front.Bound() {
		if b.Port == number {
			return b.Address.String()
		}
	}
	r.Fatalf("nothing listens on port %d", number)
	return ""
}

var healthy = balancer.Check{
	Scheme: "http", Path: "/", Interval: 5 * time.Second, Timeout: 2 * time.Second,
	Healthy: 2, Unhealthy: 2, Codes: []balancer.CodeRange{{Low: 200, High: 299}},
}

// group is an HTTP group of the servers.
func (r *rig) group(settings balancer.Settings, servers ...*httptest.Server) (*balancer.Group, []*balancer.Target) {
	check := healthy
	check.Version = settings.Version
	g := r.plane.NewGroup("http", check)
	g.Configure(settings)
	var targets []*balancer.Target
	for _, s := range servers {
		targets = append(targets, g.Add(addrOf(s)))
	}
	return g, targets
}

func to(groups ...*balancer.Group) *balancer.Forward {
	f := &balancer.Forward{}
	for _, g := range groups {
		f.Groups = append(f.Groups, balancer.WeightedGroup{Group: g, Weight: 1})
	}
	return f
}

func addrOf(s *httptest.Server) netip.AddrPort {
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// named is a server that answers with its name.
func named(tb testing.TB, name string) *httptest.Server {
	tb.Helper()
	return server(tb, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
}

// server speaks HTTP/1.1 and, to those who begin with it, HTTP/2.
func server(tb testing.TB, handle http.HandlerFunc) *httptest.Server {
	tb.Helper()
	s := httptest.NewUnstartedServer(handle)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	tb.Cleanup(s.Close)
	return s
}

// authority signs the certificates of all tests.
var authority = sync.OnceValue(func() tls.Certificate { return sign(nil, time.Hour, "authority") })

// certificate is for the names.
func certificate(names ...string) tls.Certificate {
	parent := authority()
	return sign(&parent, time.Hour, names...)
}

func sign(parent *tls.Certificate, lasts time.Duration, names ...string) tls.Certificate {
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: names, NotAfter: time.Now().Add(lasts),
		IsCA: parent == nil, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	signer, signerKey := template, any(key)
	if parent != nil {
		signer, signerKey = parent.Leaf, parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, key.Public(), signerKey)
	if err != nil {
		panic(err) // the template is ours
	}
	leaf, _ := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// client reaches the load balancer whatever name a URL has, and speaks HTTP/2 if it may.
func (r *rig) client(number int, change func(*tls.Config)) *http.Client {
	trusted := x509.NewCertPool()
	trusted.AddCert(authority().Leaf)
	config := &tls.Config{RootCAs: trusted}
	if change != nil {
		change(config)
	}
	transport := &http.Transport{
		TLSClientConfig: config, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, r.address(number))
		},
	}
	r.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// answer is what tests compare.
type answer struct {
	Status int
	Proto  string
	Body   string
}

func ask(r *rig, client *http.Client, url string) answer {
	r.Helper()
	got, _ := send(r, client, must(r, func() (*http.Request, error) {
		return http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	}))
	return got
}

func send(r *rig, client *http.Client, request *http.Request) (answer, http.Header) {
	r.Helper()
	response := must(r, func() (*http.Response, error) { return client.Do(request) })
	defer func() { _ = response.Body.Close() }()
	body := must(r, func() ([]byte, error) { return io.ReadAll(response.Body) })
	return answer{response.StatusCode, response.Proto, string(body)}, response.Header
}

func must[V any](tb testing.TB, get func() (V, error)) V {
	tb.Helper()
	v, err := get()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// eventually waits until get gives want.
func eventually[V comparable](tb testing.TB, what string, get func() V, want V) {
	tb.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := get()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("%s is %v, want %v", what, got, want)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// httpStatus answers with 500 while sick is true.
func httpStatus(sick *atomic.Bool) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if sick.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}
}
