package balancer_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// BenchmarkForward is one request over a kept-alive connection; client, load balancer and target share the processor.
// "direct" is the same without a load balancer.
func BenchmarkForward(b *testing.B) {
	for _, bb := range []struct {
		name     string
		secure   bool
		http2    bool
		settings balancer.Settings
	}{
		{name: "http1"},
		{name: "https", secure: true},
		{name: "https-h2", secure: true, http2: true},
		{name: "https-h2-to-h2", secure: true, http2: true, settings: balancer.Settings{Version: balancer.HTTP2}},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := newRig(b)
			group, targets := r.group(bb.settings, named(b, "one"))
			url, routes := "http://shop.example.com/", &balancer.Routes{Default: to(group)}
			if bb.secure {
				url, routes.TLS = "https://shop.example.com/", &balancer.TLS{Certificates: []tls.Certificate{certificate("shop.example.com")}}
			}
			table := serve(routes)
			table.WithoutHTTP2 = !bb.http2
			r.apply(table, targets...)
			repeat(b, r.client(port, nil), url)
		})
	}
	b.Run("direct", func(b *testing.B) { repeat(b, http.DefaultClient, named(b, "one").URL) })
}

func repeat(b *testing.B, client *http.Client, url string) {
	b.Helper()
	for b.Loop() {
		response, err := client.Get(url)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}
