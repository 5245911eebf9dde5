package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Loss is what one side served and lost.
type Loss struct {
	Requests          int     `json:"requests"`
	Failed            int     `json:"failed"`
	Seconds           float64 `json:"seconds"`
	LongestGapSeconds float64 `json:"longestGapSeconds"`

	reasons map[string]int
}

// Reasons says how requests failed, the most frequent first.
func (l Loss) Reasons() string {
	order := slices.SortedFunc(maps.Keys(l.reasons), func(a, b string) int {
		return cmp.Or(l.reasons[b]-l.reasons[a], strings.Compare(a, b))
	})
	var parts []string
	for _, reason := range order {
		parts = append(parts, fmt.Sprintf("%d× %s", l.reasons[reason], reason))
	}
	return strings.Join(parts, ", ")
}

// tally counts the requests of one side. A gap is a time without a success, from the start of the
// load, or a success, to the next success or the end.
type tally struct {
	mu       sync.Mutex
	began    time.Time
	success  time.Time // the last one
	ended    time.Time
	gap      time.Duration
	requests int
	reasons  map[string]int
}

func newTally(now time.Time) *tally {
	return &tally{began: now, success: now, reasons: map[string]int{}}
}

// count notes a request that ended now; reason is empty for a success.
func (t *tally) count(now time.Time, reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.requests++
	if reason != "" {
		t.reasons[reason]++
		return
	}
	t.gap = max(t.gap, now.Sub(t.success))
	if now.After(t.success) {
		t.success = now
	}
}

// end closes the last gap. Requests under way may still be counted, as long as they are no gap.
func (t *tally) end(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = now
	t.gap = max(t.gap, now.Sub(t.success))
}

func (t *tally) loss(now time.Time) Loss {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended.IsZero() {
		now = t.ended
	}
	failed := 0
	for _, n := range t.reasons {
		failed += n
	}
	return Loss{
		Requests: t.requests, Failed: failed, Seconds: round(now.Sub(t.began)), LongestGapSeconds: round(max(t.gap, now.Sub(t.success))),
		reasons: maps.Clone(t.reasons),
	}
}

// round is in seconds, to the millisecond.
func round(d time.Duration) float64 { return d.Round(time.Millisecond).Seconds() }
