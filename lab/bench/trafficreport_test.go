package bench

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/lab/traffic"
)

func TestTrafficReport(t *testing.T) {
	t.Parallel()
	report := newTrafficReport(2, 90*time.Second, []traffic.Count{
		{Kind: "keep-alive", Event: "calm", Sent: 10},
		{Kind: "keep-alive", Event: "node-kill", Sent: 20, Failed: 3, LostFor: 8.8, Reasons: map[string]int{"status 502": 2, "timeout": 1}},
		{Kind: "slow", Event: "node-kill", Sent: 5},
	})
	if got := [2]int{report.Sent, report.Failed}; got != [2]int{35, 3} {
		t.Errorf("sent and failed are %v", got)
	}
	var text strings.Builder
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	want := `   failed of sent      calm   node-kill       all
       keep-alive   0 of 10     3 of 20   3 of 30
            http2         -           -    0 of 0
             grpc         -           -    0 of 0
        websocket         -           -    0 of 0
             slow         -      0 of 5    0 of 5

2 rounds in 90 s: 3 of 35 failed
  keep-alive, node-kill: the last one failed after 8.8 s
  keep-alive, node-kill: 2 × status 502
  keep-alive, node-kill: 1 × timeout
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}

func TestUnknownEventIsNamed(t *testing.T) {
	t.Parallel()
	_, err := TrafficConfig{Events: []string{"rollout", "flood"}}.events()
	if err == nil || !strings.Contains(err.Error(), `"flood" is none of rollout, node-drain, eviction`) {
		t.Errorf("error: %v", err)
	}
	chosen, err := TrafficConfig{}.events()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range chosen {
		if e.loses {
			t.Errorf("%s loses by its nature and is among the default events", e.Name)
		}
	}
}
