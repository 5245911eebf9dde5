package health

import (
	"cmp"
	"slices"
	"time"

	"github.com/sluice-lb/sluice/internal/model"
)

const (
	// earliest is when a new target can be healthy at the earliest, as long as nothing
	// was learned of its group: registration takes a second or more.
	earliest = time.Second
	// pace is the time between two questions while a yes is due. A gate opens half of it
	// late, at the median, where the budget is free.
	pace = 600 * time.Millisecond
	// due is how long after the usual time to health a yes stays due.
	due = 45 * time.Second
	// slowest is the time between questions about targets that fail for long.
	slowest = 15 * time.Second
)

// Wait is one target that holds a gate closed.
type Wait struct {
	Group   string
	Address model.TargetID
	Since   time.Time // of its registration
	// NotBefore: an answer to a question put earlier decides nothing (adoption).
	NotBefore time.Time
	// Presence: it is asked whether the address is registered at all, since the Pod is
	// ready; that may be so long before it is healthy.
	Presence bool
}

// Schedule says which target group to ask about next, and when. It is pure: time is
// an argument, and it is not safe for concurrent use.
type Schedule struct {
	waiting map[string][]Wait  // by who waits: a Pod
	groups  map[string]*course // by target group
	all     history            // of all groups
}

type course struct {
	asked   time.Time // last question
	history history
	served  bool // a target was judged: the load balancer is in service
	asking  bool // a question is on its way
	waiting int
}

// NewSchedule is a schedule in which nobody waits.
func NewSchedule() *Schedule {
	return &Schedule{waiting: map[string][]Wait{}, groups: map[string]*course{}}
}

// Await replaces what a Pod waits for; nothing ends its waiting.
func (s *Schedule) Await(who string, waits []Wait) {
	for _, wait := range s.waiting[who] {
		s.groups[wait.Group].waiting--
	}
	delete(s.waiting, who)
	if len(waits) > 0 {
		s.waiting[who] = waits
	}
	for _, wait := range waits {
		s.of(wait.Group).waiting++
	}
}

// Waiting is the number of targets that hold a gate closed.
func (s *Schedule) Waiting() (n int) {
	for _, waits := range s.waiting {
		n += len(waits)
	}
	return n
}

// Next is the group to ask about and when. Among those that are due it is the one whose
// answer saves most: the more of its targets have probably become healthy since it was
// asked last, and the longer ago that was. So when there are more groups than questions
// all have their turn. Else it is the one that is due first. Nothing: nobody waits.
func (s *Schedule) Next(now time.Time) (group string, at time.Time, ok bool) {
	type candidate struct {
		group string
		at    time.Time
		saves float64
	}
	dueAt, saves := map[string]time.Time{}, map[string]float64{}
	for _, waits := range s.waiting {
		for _, wait := range waits {
			at := s.dueAt(now, wait)
			if first, ok := dueAt[wait.Group]; !ok || at.Before(first) {
				dueAt[wait.Group] = at
			}
			saves[wait.Group] += s.saves(now, wait)
		}
	}
	var candidates []candidate
	for group, at := range dueAt {
		if c := s.groups[group]; !c.asking {
			candidates = append(candidates, candidate{group, latest(at, now), saves[group]})
		}
	}
	if len(candidates) == 0 {
		return "", time.Time{}, false
	}
	best := slices.MinFunc(candidates, func(a, b candidate) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(b.saves, a.saves), cmp.Compare(a.group, b.group))
	})
	return best.group, best.at, true
}

// saves is how long, on average, a target has been healthy by now without anybody knowing:
// how likely it is to have become so in each second since the last question, times half
// of what has passed since.
func (s *Schedule) saves(now time.Time, wait Wait) float64 {
	if wait.NotBefore.After(now) {
		return 0
	}
	c := s.groups[wait.Group]
	unknown := now.Sub(latest(c.asked, wait.Since)).Seconds()
	return hazardOf(now.Sub(wait.Since), &c.history, &s.all) * unknown * unknown / 2
}

// dueAt is when a question about one target pays.
func (s *Schedule) dueAt(now time.Time, wait Wait) time.Time {
	c := s.groups[wait.Group]
	expected := max(earliest, c.history.earliest())
	if wait.Presence {
		expected = earliest
	}
	first := latest(wait.Since.Add(expected), wait.NotBefore)
	if c.asked.Before(first) {
		return first
	}
	if !c.served {
		return c.asked.Add(patience(now.Sub(first)))
	}
	return c.asked.Add(interval(now.Sub(first)))
}

// interval grows when a target has been due for long: its next tenth of that time.
func interval(overdue time.Duration) time.Duration {
	if overdue < due {
		return pace
	}
	return min(slowest, pace+(overdue-due)/10)
}

// patience is the interval for a group of which no target was ever judged. Its load
// balancer is most likely still being provisioned, which takes from seconds to minutes:
// the next question comes after an eighth of the time waited.
func patience(waited time.Duration) time.Duration {
	return min(slowest, max(pace, waited/8))
}

// Asking notes that a question is on its way; no second one is put meanwhile.
func (s *Schedule) Asking(group string, now time.Time) {
	c := s.of(group)
	c.asking, c.asked = true, now
}

// Asked notes that the question has come back, answered or not.
func (s *Schedule) Asked(group string) { s.of(group).asking = false }

// Served notes that a target of the group is being judged.
func (s *Schedule) Served(group string) { s.of(group).served = true }

// Took notes how long after its registration a target of the group was still not healthy
// when it was so at the next question. A group whose load balancer was being made at the
// time teaches the others only: its own will be faster from now on.
func (s *Schedule) Took(group string, atLeast time.Duration, served bool) {
	s.all.add(atLeast)
	if served {
		s.of(group).history.add(atLeast)
	}
}

// Drop forgets a group that is gone.
func (s *Schedule) Drop(group string) {
	if c := s.groups[group]; c != nil && c.waiting == 0 {
		delete(s.groups, group)
	}
}

func (s *Schedule) of(group string) *course {
	if s.groups[group] == nil {
		s.groups[group] = &course{}
	}
	return s.groups[group]
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
