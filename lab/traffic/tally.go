package traffic

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// Count is what became of the exchanges of one kind during one event.
type Count struct {
	Kind   string `json:"kind"`
	Event  string `json:"event"`
	Sent   int    `json:"sent"` // all that have ended
	Failed int    `json:"failed"`
	// LostFor is how many seconds after the event began the last exchange failed; the longest of all rounds.
	LostFor float64        `json:"lostForSeconds,omitempty"`
	Reasons map[string]int `json:"reasons,omitempty"` // of the failed
}

type countKey struct{ kind, event string }

type tally struct {
	mu     sync.Mutex
	event  string
	began  time.Time // when the event did
	events []string  // in the order in which they first came
	counts map[countKey]*Count
}

func (t *tally) during(event string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.event, t.began = event, now
	if !slices.Contains(t.events, event) {
		t.events = append(t.events, event)
	}
}

func (t *tally) count(kind, failure string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := countKey{kind, t.event}
	count := t.counts[key]
	if count == nil {
		count = &Count{Kind: kind, Event: t.event, Reasons: map[string]int{}}
		t.counts[key] = count
	}
	count.Sent++
	if failure != "" {
		count.Failed++
		count.LostFor = max(count.LostFor, now.Sub(t.began).Round(time.Millisecond).Seconds())
		count.Reasons[failure]++
	}
}

func (t *tally) read() []Count {
	t.mu.Lock()
	defer t.mu.Unlock()
	var list []Count
	for _, kind := range Kinds {
		for _, event := range t.events {
			if count := t.counts[countKey{kind.Name, event}]; count != nil {
				copied := *count
				copied.Reasons = maps.Clone(count.Reasons)
				list = append(list, copied)
			}
		}
	}
	return list
}
