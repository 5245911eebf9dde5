package e2e

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/sluice-lb/sluice/lab/bench"
	"github.com/sluice-lb/sluice/lab/traffic"
)

// The short version of bench traffic, in a lab of its own: every kind is sent during every event, and nothing fails. The
// Pods cut what they have on SIGTERM, so this is draining's work and that of the gates.
func TestNoKindOfTrafficLosesAnything(t *testing.T) {
	t.Parallel()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run(t, "bench", "traffic", "--dir", filepath.Join(t.TempDir(), "lab"), "--controller-binary", binary,
		"--rate=60", "--replicas=2", "--events=selector-swap,rule-move,rollout", "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var report bench.TrafficReport
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatal(err)
	}
	if report.Failed != 0 {
		t.Errorf("%d of %d exchanges failed: %s", report.Failed, report.Sent, out)
	}
	sent := map[string]int{}
	for _, kind := range report.Kinds {
		for _, event := range kind.Events {
			sent[kind.Kind+" "+event.Event] += event.Sent
		}
	}
	for _, kind := range traffic.Kinds {
		if sent[kind.Name+" rollout"] == 0 {
			t.Errorf("no exchange of kind %s ended during the rollout: %s", kind.Name, out)
		}
	}
}
