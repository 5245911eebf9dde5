package balancer_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

func TestCertificateByServerName(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.apply(serve(&balancer.Routes{
		TLS: &balancer.TLS{Certificates: []tls.Certificate{
			certificate("default.example.com"), certificate("*.example.com"), certificate("www.example.com", "www.example.org"),
		}},
		Default: balancer.Fixed{Status: 200},
	}))
	for _, tt := range []struct{ name, ask, want string }{
		{"exact-before-wildcard", "www.example.com", "www.example.com"},
		{"exact-default-before-wildcard", "default.example.com", "default.example.com"},
		{"second-name", "WWW.Example.org", "www.example.com"},
		{"wildcard", "shop.example.com", "*.example.com"},
		{"wildcard-is-one-label", "a.b.example.com", "default.example.com"},
		{"unknown", "example.net", "default.example.com"},
		{"no-name", "", "default.example.com"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", r.address(port), &tls.Config{ServerName: tt.ask, InsecureSkipVerify: true})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if got := conn.ConnectionState().PeerCertificates[0].DNSNames[0]; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestCertificatesAndVersionsChangeWithoutANewListener(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	shake := func(lowest, highest uint16) string {
		conn, err := tls.Dial("tcp", r.address(port), &tls.Config{MinVersion: lowest, MaxVersion: highest, InsecureSkipVerify: true})
		if err != nil {
			return "refused"
		}
		defer func() { _ = conn.Close() }()
		return tls.VersionName(conn.ConnectionState().Version) + " " + conn.ConnectionState().PeerCertificates[0].DNSNames[0]
	}
	all := func() []string {
		return []string{
			shake(tls.VersionTLS10, tls.VersionTLS11), shake(tls.VersionTLS12, tls.VersionTLS12), shake(tls.VersionTLS12, 0),
		}
	}
	apply := func(c string, lowest, highest uint16) {
		r.apply(serve(&balancer.Routes{
			TLS:     &balancer.TLS{Certificates: []tls.Certificate{certificate(c)}, MinVersion: lowest, MaxVersion: highest},
			Default: balancer.Fixed{Status: 200},
		}))
	}
	apply("one.example.com", tls.VersionTLS10, tls.VersionTLS12)
	if diff := cmp.Diff([]string{"TLS 1.1 one.example.com", "TLS 1.2 one.example.com", "TLS 1.2 one.example.com"}, all()); diff != "" {
		t.Error(diff)
	}
	apply("two.example.com", tls.VersionTLS13, 0)
	if diff := cmp.Diff([]string{"refused", "refused", "TLS 1.3 two.example.com"}, all()); diff != "" {
		t.Error(diff)
	}
}

func TestHTTPSForwards(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{}, server(t, func(w http.ResponseWriter, q *http.Request) {
		h := q.Header
		_, _ = io.WriteString(w, strings.Join([]string{
			q.Proto, q.Host, h.Get("X-Forwarded-Proto"), h.Get("X-Forwarded-Port"), h.Get("X-Amzn-Tls-Version"), h.Get("X-Amzn-Tls-Cipher-Suite"), h.Get("X-Version"),
		}, " "))
	}))
	table := serve(&balancer.Routes{
		TLS: &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}}, Default: to(group),
	})
	r.apply(table, targets...)
	if diff := cmp.Diff(answer{200, "HTTP/2.0", "HTTP/1.1 shop.example.com https 8443   "}, ask(r, r.client(port, nil), "https://shop.example.com/")); diff != "" {
		t.Error(diff)
	}
	without := *table
	without.WithoutHTTP2, without.TLSHeaders = true, true
	r.apply(&without)
	want := answer{200, "HTTP/1.1", "HTTP/1.1 shop.example.com https 8443 TLSv1.3 TLS_AES_128_GCM_SHA256 "}
	if diff := cmp.Diff(want, ask(r, r.client(port, nil), "https://shop.example.com/")); diff != "" {
		t.Error(diff)
	}
	renamed := *without.Listeners[port]
	renamed.RequestNames = map[string]string{"X-Amzn-Tls-Version": "X-Version"}
	without.Listeners = map[int]*balancer.Routes{port: &renamed}
	r.apply(&without)
	want.Body = "HTTP/1.1 shop.example.com https 8443  TLS_AES_128_GCM_SHA256 TLSv1.3"
	if diff := cmp.Diff(want, ask(r, r.client(port, nil), "https://shop.example.com/")); diff != "" {
		t.Error(diff)
	}
}

func TestRedirectFillsPlaceholders(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.apply(serve(&balancer.Routes{
		TLS: &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}},
		Default: balancer.Redirect{
			Status: 302, Protocol: "#{protocol}", Host: "www.#{host}", Port: "#{port}", Path: "/new/#{path}/#{protocol}", Query: "#{query}&p=#{port}",
		},
	}))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://shop.example.com/a%2Fb?x=y", nil)
	if err != nil {
		t.Fatal(err)
	}
	got, header := send(r, r.client(port, nil), request)
	if want := "https://www.shop.example.com:8443/new/a%2Fb/https?x=y&p=8443"; got.Status != 302 || header.Get("Location") != want {
		t.Errorf("got %d to %s, want %s", got.Status, header.Get("Location"), want)
	}
}

func TestListenerTurnsFromHTTPToHTTPSAndBack(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	secure := &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}}
	for _, scheme := range []string{"http", "https", "http"} {
		routes := &balancer.Routes{Default: balancer.Fixed{Status: 200, Body: scheme}}
		if scheme == "https" {
			routes.TLS = secure
		}
		r.apply(serve(routes))
		if got := ask(r, r.client(port, nil), scheme+"://shop.example.com/"); got.Body != scheme {
			t.Errorf("got %v from %s", got, scheme)
		}
	}
}
