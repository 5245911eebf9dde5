package balancer_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// TestSlowStartRamps looks at shares while the ramp is near its begin and after its end.
func TestSlowStartRamps(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	group, targets := r.group(balancer.Settings{SlowStart: 30 * time.Second}, named(t, "one"), named(t, "two"))
	r.apply(serve(&balancer.Routes{Default: to(group)}), targets...)
	v := r.visitor()
	if got := v.visits(20); got["one"] != 10 || got["two"] != 10 {
		t.Errorf("the first targets of a group share %v", got)
	}
	time.Sleep(30 * time.Second / speed) // until the first targets are out of what would have been their slow start
	fresh := group.Add(addrOf(named(t, "fresh")))
	r.judged(fresh)
	begun := time.Now()
	share := v.visits(60)["fresh"]
	took := time.Since(begun)
	// Shares are linear: while the ramp goes from 0 to x of its length, the target gets about (x/2)/(2+x/2) of all.
	if limit := 60 * float64(took) / float64(30*time.Second/speed) / 2 / 2; float64(share) > limit+4 {
		t.Errorf("in %s of its slow start a target got %d of 60 requests", took, share)
	}
	eventually(t, "a full share", func() int { return v.visits(30)["fresh"] }, 10)
	if diff := cmp.Diff(balancer.Health{State: balancer.Healthy}, fresh.Health()); diff != "" {
		t.Error(diff)
	}
}

func TestMinimumOfHealthyTargetsOpensTheGroup(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		settings balancer.Settings
		healthy  int
		want     map[string]int
	}{
		{"default", balancer.Settings{}, 1, map[string]int{"healthy": 12}},
		{"count-kept", balancer.Settings{MinHealthyCount: 2}, 2, map[string]int{"healthy": 12}},
		{"count-missed", balancer.Settings{MinHealthyCount: 2}, 1, map[string]int{"healthy": 3, "unhealthy": 9}},
		{"percentage-kept", balancer.Settings{MinHealthyPercent: 50}, 2, map[string]int{"healthy": 12}},
		{"percentage-missed", balancer.Settings{MinHealthyPercent: 51}, 2, map[string]int{"healthy": 6, "unhealthy": 6}},
		{"none", balancer.Settings{}, 0, map[string]int{"unhealthy": 12}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			group, targets := r.group(tt.settings)
			for i := range 4 {
				name, status := "unhealthy", http.StatusInternalServerError
				if i < tt.healthy {
					name, status = "healthy", http.StatusOK
				}
				targets = append(targets, group.Add(addrOf(server(t, func(w http.ResponseWriter, q *http.Request) {
					if q.Header.Get("User-Agent") == "ELB-HealthChecker/2.0" {
						w.WriteHeader(status)
					}
					_, _ = w.Write([]byte(name))
				}))))
			}
			r.apply(serve(&balancer.Routes{Default: to(group)}), targets...)
			if diff := cmp.Diff(tt.want, r.visitor().visits(12)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClientsReconnectWhenTheirTimeIsOver(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	table := serve(&balancer.Routes{Default: balancer.Fixed{Status: 200}})
	table.KeepAlive = time.Millisecond
	r.apply(table)
	var connections atomic.Int64
	client := r.client(port, nil)
	dial := client.Transport.(*http.Transport).DialContext
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connections.Add(1)
		return dial(ctx, network, address)
	}
	eventually(t, "whether there were two connections", func() bool {
		ask(r, client, "http://x.com/")
		time.Sleep(2 * time.Millisecond)
		return connections.Load() > 1
	}, true)
}
