package healthz

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func TestParseCheck(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want Check
	}{
		"http":          {"http://:8080/ready?deep=1", Check{scheme: "http", address: "localhost:8080", path: "/ready?deep=1"}},
		"http-root":     {"http://:8080", Check{scheme: "http", address: "localhost:8080", path: "/"}},
		"https-by-name": {"https://db.example/up", Check{scheme: "https", address: "db.example:443", path: "/up"}},
		"tcp":           {"tcp://:6379", Check{scheme: "tcp", address: "localhost:6379", path: "/"}},
		"ipv6":          {"tcp://[::1]:6379", Check{scheme: "tcp", address: "[::1]:6379", path: "/"}},
		"grpc-service":  {"grpc://:9090/shop.v1.Cart", Check{scheme: "grpc", address: "localhost:9090", path: "shop.v1.Cart"}},
		"grpc-server":   {"grpc://:9090", Check{scheme: "grpc", address: "localhost:9090"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseCheck(c.text, "localhost")
			if err != nil {
				t.Fatal(err)
			}
			if c.want.Name = c.text; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestParseCheckSaysWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		":8080/ready":       "missing protocol scheme",
		"ftp://:21":         `"ftp" is none of http, https, tcp, grpc`,
		"tcp://:6379/ready": `leave out the path "/ready"`,
		"tcp://redis":       "there is no port",
		"grpc://":           "there is no port",
		"http:///ready":     "there is no port",
		"tcp://:65536":      "port 65536 is not one from 1 to 65535",
		"grpc://:0":         "port 0 is not one from 1 to 65535",
		"8080":              `"" is none of`,
	} {
		if _, err := ParseCheck(text, "localhost"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
}

// FuzzParseCheck: what is taken can be connected to, and what is not says something.
func FuzzParseCheck(f *testing.F) {
	for _, seed := range []string{"http://:8080/ready?a=b", "https://[::1]/", "tcp://:6379", "grpc://:9090/a.B", "http://%", "tcp://a:b", "//", "grpc:9090"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		check, err := ParseCheck(text, "localhost")
		if err != nil {
			if err.Error() == "" {
				t.Errorf("%q is refused without a word", text)
			}
			return
		}
		host, port, err := net.SplitHostPort(check.address)
		if err != nil || host == "" || port == "" || !slices.Contains(schemes, check.scheme) {
			t.Errorf("%q: %+v, %v", text, check, err)
		}
	})
}

// Every protocol, with a container that is well, one that is ill, one that does not answer and one that is not there.
func TestProbe(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ill":
			http.Error(w, "no database", http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/ill", http.StatusFound)
		case "/stuck":
			<-r.Context().Done()
		}
	}))
	t.Cleanup(web.Close)
	secure := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(secure.Close)
	rpc := grpcServer(t)
	mute := listen(t).Addr().String() // the kernel takes connections, and nobody answers
	gone := goneAddress(t)
	address := web.Listener.Addr().String()
	for name, c := range map[string]struct {
		url     string
		failure string // part of the error; "" passes
	}{
		"http":                 {"http://" + address + "/ready", ""},
		"http-ill":             {"http://" + address + "/ill", `status 503: "no database`},
		"http-redirect":        {"http://" + address + "/moved", ""},
		"http-stuck":           {"http://" + address + "/stuck", "no answer in time"},
		"http-gone":            {"http://" + gone, "connection refused"},
		"https-self-signed":    {secure.URL, ""},
		"tcp":                  {"tcp://" + address, ""},
		"tcp-gone":             {"tcp://" + gone, "connection refused"},
		"grpc":                 {"grpc://" + rpc, ""},
		"grpc-service-ill":     {"grpc://" + rpc + "/shop.v1.Cart", "NOT_SERVING"},
		"grpc-service-unknown": {"grpc://" + rpc + "/shop.v1.Basket", "NotFound"},
		"grpc-stuck":           {"grpc://" + mute, "no answer in time"},
		"grpc-gone":            {"grpc://" + gone, "connection refused"},
		"grpc-of-no-grpc":      {"grpc://" + address, "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check, err := ParseCheck(c.url, "")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
			defer cancel()
			err = probe(ctx, check)
			if c.failure == "" && err != nil {
				t.Errorf("it failed: %v", err)
			}
			if c.failure != "" && (err == nil || !strings.Contains(err.Error(), c.failure)) {
				t.Errorf("%v, want %q in it", err, c.failure)
			}
		})
	}
}

func grpcServer(t *testing.T) string {
	t.Helper()
	state := health.NewServer()
	state.SetServingStatus("shop.v1.Cart", healthpb.HealthCheckResponse_NOT_SERVING)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, state)
	listener := listen(t)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return listener
}

// goneAddress is one where nobody listens any more.
func goneAddress(t *testing.T) string {
	t.Helper()
	listener := listen(t)
	listener.Close()
	return listener.Addr().String()
}
