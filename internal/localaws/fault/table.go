package fault

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/glob"
)

// Table is the rules in force, in the order in which they were added.
type Table struct {
	mu      sync.Mutex
	random  *rand.Rand
	rules   []*Rule
	last    int // number of the rule that was added last
	changed func(oldest time.Duration)
}

// NewTable returns an empty table; the seed decides which calls meet a rule with a probability. The function hears, if
// it is not nil, after every change of the table how far back the stale rules reach; 0 is for no such rule.
func NewTable(seed uint64, changed func(oldest time.Duration)) *Table {
	return &Table{random: rand.New(rand.NewPCG(seed, seed)), changed: changed}
}

// Add puts a rule into force, behind those that are there, and returns it with its ID.
func (t *Table) Add(rule Rule) (Rule, error) {
	if err := rule.check(); err != nil {
		return Rule{}, fmt.Errorf("adding a fault: %w", err)
	}
	if rule.For != 0 {
		rule.Until = time.Now().Add(rule.For)
		rule.For = 0
	}
	t.mu.Lock()
	t.last++
	rule.ID, rule.Met = "fault-"+strconv.Itoa(t.last), 0
	added := rule
	t.rules = append(t.rules, &added)
	t.mu.Unlock()
	t.tell()
	return rule, nil
}

// List returns the rules in force.
func (t *Table) List() []Rule {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expire(time.Now())
	rules := make([]Rule, 0, len(t.rules))
	for _, r := range t.rules {
		rules = append(rules, *r)
	}
	return rules
}

// Clear ends all rules, and returns those that were in force.
func (t *Table) Clear() []Rule {
	ended := t.List()
	t.mu.Lock()
	t.rules = nil
	t.mu.Unlock()
	t.tell()
	return ended
}

// tell says how far back stale rules reach. It holds no lock while the other side listens.
func (t *Table) tell() {
	if t.changed == nil {
		return
	}
	oldest := time.Duration(0)
	for _, r := range t.List() {
		oldest = max(oldest, r.Stale)
	}
	t.changed(oldest)
}

func (t *Table) expire(now time.Time) {
	t.rules = slices.DeleteFunc(t.rules, func(r *Rule) bool {
		return !r.Until.IsZero() && now.After(r.Until) || r.Count > 0 && r.Met >= r.Count
	})
}

// Verdict is what the server must do with one call. The zero value is: nothing but to answer.
type Verdict struct {
	Delay      time.Duration // wait so long first
	Code       string        // then, if not empty, answer with this error …
	Status     int           // … or, if not 0, with this status and nothing else …
	Stale      time.Duration // … or, if not 0, from the state of so long ago
	LoseAnswer bool          // and in the end break the connection instead of answering
	Kind       string        // of the rule that decided, for the journal; "" for delays too
}

// Match is the verdict on one call. Delays of several rules add up; of the rest the first rule that the call meets counts.
func (t *Table) Match(service, operation string) Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	var v Verdict
	if len(t.rules) == 0 {
		return v
	}
	t.expire(time.Now())
	for _, r := range t.rules {
		if v.Kind != "" && r.Delay == 0 || !r.meets(service, operation) {
			continue
		}
		if r.Probability != 0 && t.random.Float64() >= r.Probability {
			continue
		}
		if r.Skip > 0 {
			r.Skip--
			continue
		}
		r.Met++
		if r.Delay != 0 {
			v.Delay += r.Delay
			continue
		}
		v.Code, v.Status, v.Stale, v.LoseAnswer, v.Kind = r.Code, r.Status, r.Stale, r.LoseAnswer, r.Kind()
	}
	return v
}

func (r *Rule) meets(service, operation string) bool {
	return (r.Service == "" || glob.Match(r.Service, service)) && (r.Operation == "" || glob.Match(r.Operation, operation))
}
