package traffic

import (
	"maps"
	"slices"
	"sync"
)

// Count is what became of the exchanges of one kind during one event.
type Count struct {
	Kind    string         `json:"kind"`
	Event   string         `json:"event"`
	Sent    int            `json:"sent"` // all that have ended
	Failed  int            `json:"failed"`
	Reasons map[string]int `json:"reasons,omitempty"` // of the failed
}

type countKey struct{ kind, event string }

type tally struct {
	mu     sync.Mutex
	event  string
	events []string // in the order in which they first came
	counts map[countKey]*Count
}

func (t *tally) during(event string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.event = event
	if !slices.Contains(t.events, event) {
		t.events = append(t.events, event)
	}
}

func (t *tally) count(kind, failure string) {
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
