package traffic

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/lab/program"
)

// Every kind through a proxy that is no load balancer, to a program that is what Pods run; the first is there for two
// seconds, then it is killed, and every kind of client notices.
func TestEveryKindIsCountedAndNoticesAnEnd(t *testing.T) {
	t.Parallel()
	process, address := web(t)
	place := Place{Plain: address, PlainHost: "web.test", Secure: secureProxy(t, address), HTTP2Host: "h2.test", GRPCHost: "grpc.test", SlowPath: "/slow"}
	load := New(place, 100)
	load.During("calm")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		load.Run(ctx)
	}()
	time.Sleep(StreamLasts + 2*time.Second)
	load.During("kill")
	process.Kill()
	time.Sleep(time.Second)
	stop()
	<-ended
	seen := map[string][2]bool{} // kind and event: something was sent, something failed
	for _, count := range load.Counts() {
		seen[count.Kind+" "+count.Event] = [2]bool{count.Sent > 0, count.Failed > 0}
	}
	want := map[string][2]bool{}
	for _, kind := range Kinds {
		want[kind.Name+" calm"], want[kind.Name+" kill"] = [2]bool{true, false}, [2]bool{true, true}
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("kinds (-want +got):\n%s\n%+v", diff, load.Counts())
	}
}

// web is the program of the lab's Pods; slow answers take a second here.
func web(t *testing.T) (*program.Process, string) {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	port, err := strconv.Atoi(address[len("127.0.0.1:"):])
	if err != nil {
		t.Fatal(err)
	}
	process := &program.Process{
		Image: "sluice.lab/web", Env: map[string]string{"PATHS": "/slow=200:1s"}, Address: netip.MustParseAddr("127.0.0.1"), Ports: []int{port},
	}
	go process.Run()
	t.Cleanup(process.Kill)
	for range 100 {
		if conn, err := net.Dial("tcp4", address); err == nil {
			conn.Close()
			return process, address
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the program does not listen")
	return nil, ""
}

// secureProxy speaks HTTP/2 on both sides.
func secureProxy(t *testing.T, address string) string {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	proxy.Transport = &http.Transport{Protocols: protocols}
	proxy.FlushInterval = -1
	server := httptest.NewUnstartedServer(proxy)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
