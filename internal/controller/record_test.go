package controller

import "testing"

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
