package health

import (
	"slices"
	"time"
)

const (
	// kept is how many times to health are remembered: enough for a shape, few enough to forget.
	kept = 64
	// scatter chooses which one is replaced: no factor of it is one of kept, so that all are
	// in the end, in no order.
	scatter = 37
	// outsideWeight is what the times of all groups count beside those of the group itself.
	outsideWeight = 8
	// window is how far around an age a time counts for that age.
	window = 3000 * time.Millisecond
)

// history is how long earlier targets took from their registration to health: a sample of the latest.
type history struct {
	took []time.Duration
	seen int
}

func (h *history) add(took time.Duration) {
	if took < 0 {
		took = 0 // it was healthy at the first question already
	}
	h.seen++
	if len(h.took) < kept {
		h.took = append(h.took, took)
		return
	}
	// Of those that came up together the fast are told first: replacing the oldest would
	// leave only the slow.
	h.took[(h.seen*scatter)%kept] = took
}

// trust is what part of the shortest time can be waited before the first question, by how
// many times are known: one alone may have been slow.
var trust = [...]float64{0, .5, .6, .7, .8, .9}

// earliest is the age before which nobody will be healthy.
func (h *history) earliest() time.Duration {
	if len(h.took) == 0 {
		return 0
	}
	shortest := slices.Min(h.took)
	return time.Duration(float64(shortest) * trust[min(len(h.took), len(trust)-1)])
}

// hazard is how likely a target that is not healthy yet becomes so at this age, a second;
// weight is of how many times that is known.
func (h *history) hazard(age time.Duration) (perSecond, weight float64) {
	var near, left float64
	var longest time.Duration
	for _, took := range h.took {
		longest = max(longest, took)
		if took >= age-window {
			left++
			if took <= age+window {
				near++
			}
		}
	}
	if left == 0 { // older than all before: it is overdue, or something is wrong with it
		return 1 / (2 * (window + age - longest).Seconds()), float64(len(h.took))
	}
	return near / left / (2 * window).Seconds(), float64(len(h.took))
}

// guess is the hazard of what nothing is known of: the longer it has taken the longer it
// will take.
func guess(age time.Duration) float64 { return 1 / (2 * max(age, 30*time.Second).Seconds()) }

// hazardOf joins what a group tells, what all tell, and, for as long as that is little, a
// guess.
func hazardOf(age time.Duration, group, all *history) float64 {
	age = max(age, earliest)
	own, n := group.hazard(age)
	others, m := all.hazard(age)
	m = min(m, outsideWeight)
	return (own*n + others*m + guess(age)) / (n + m + 1)
}
