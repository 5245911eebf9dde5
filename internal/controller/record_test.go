package controller

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// An epoch goes on from Sluice to Sluice; a leader that has not noted itself ends it.
func TestSuccessor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		noted       string
		transitions int
		want        string
	}{
		"first-leader":                     {"", 0, "0"},
		"same-leader-restarted":            {"4/1", 4, "1"},
		"sluice-after-sluice":              {"4/1", 5, "1"},
		"another-controller-in-between":    {"4/1", 6, "6"},
		"lease-made-anew":                  {"4/1", 0, "0"},
		"somebody-has-written-nonsense-in": {"four/1", 4, "4"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := successor(c.noted, c.transitions); got != c.want {
				t.Errorf("got epoch %q, want %q", got, c.want)
			}
		})
	}
}

func TestTargetsAreRememberedOverARestart(t *testing.T) {
	t.Parallel()
	since := time.Unix(1_700_000_000, 0)
	known := map[model.TargetID]health.Target{}
	for _, target := range []health.Target{
		{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.1:80")), Pod: "a", Since: since, State: model.Healthy, Asked: since},
		{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.2:80")), Pod: "b", Since: since, State: model.Draining},
		{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.3:80")), Pod: "c", Since: since, Adopted: true},
	} {
		known[target.Address] = target
	}
	text, err := encodeTargets("3", false, known)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := decodeTargets(text, "3", false)
	slices.SortFunc(got, func(a, b health.Target) int { return a.Address.Compare(b.Address) })
	want := []health.Target{
		{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.1:80")), Pod: "a", Since: since},
		{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.2:80")), Since: since, Deregistered: since, State: model.Draining, Reason: "Target.DeregistrationInProgress"},
		{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.3:80")), Pod: "c", Since: since, Adopted: true},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(model.TargetID{})); !ok || diff != "" {
		t.Errorf("believed: %v; targets (-want +got):\n%s", ok, diff)
	}
}

func TestRecordsThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"none":             "",
		"dirty":            `{"epoch":"3","dirty":true,"targets":{"10.0.0.1:80":"a/1"}}`,
		"of-another-epoch": `{"epoch":"2","targets":{}}`,
		"of-the-incumbent": "c29tZS9iYXNlNjQ",
		"broken-address":   `{"epoch":"3","targets":{"10.0.0.1":"a/1"}}`,
		"broken-time":      `{"epoch":"3","targets":{"10.0.0.1:80":"a/now"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if targets, ok := decodeTargets(text, "3", false); ok {
				t.Errorf("believed: %v", targets)
			}
		})
	}
}
