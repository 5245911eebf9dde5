package fault

import (
	"sync"
	"time"
)

// History is samples of a state over the last while. It is taken only while somebody wants the past, so that a local
// AWS without stale answers pays nothing for them.
type History[State any] struct {
	take func() State

	mu      sync.Mutex
	depth   time.Duration // how far back
	samples []sample[State]
	stop    chan struct{} // of the goroutine that samples; nil if there is none
	work    sync.WaitGroup
	closed  bool
}

type sample[State any] struct {
	at    time.Time
	state State
}

// NewHistory returns a history that begins with the first Keep. A sample must not change after it has been taken.
func NewHistory[State any](take func() State) *History[State] {
	return &History[State]{take: take}
}

// Keep says how far back the history must reach from now on; 0 forgets it.
func (h *History[State]) Keep(depth time.Duration) {
	first := sample[State]{}
	if depth > 0 {
		first = sample[State]{at: time.Now(), state: h.take()}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.depth = depth
	switch {
	case depth == 0 || h.closed:
		h.end()
	case h.stop == nil:
		h.samples = []sample[State]{first}
		h.stop = make(chan struct{})
		stop := h.stop
		h.work.Go(func() { h.run(stop) })
	}
}

func (h *History[State]) end() {
	h.samples = nil
	if h.stop != nil {
		close(h.stop)
		h.stop = nil
	}
}

// Close ends the history for good and waits for its goroutine.
func (h *History[State]) Close() {
	h.mu.Lock()
	h.closed = true
	h.end()
	h.mu.Unlock()
	h.work.Wait()
}

// samplesPerDepth says how exact "so long ago" is.
const samplesPerDepth = 20

func (h *History[State]) run(stop chan struct{}) {
	for {
		h.mu.Lock()
		every := min(max(h.depth/samplesPerDepth, 5*time.Millisecond), time.Second)
		h.mu.Unlock()
		select {
		case <-stop:
			return
		case <-time.After(every):
		}
		h.record(sample[State]{at: time.Now(), state: h.take()}, stop)
	}
}

// record keeps a sample, and drops those that are older than the oldest that may be asked for.
func (h *History[State]) record(s sample[State], stop chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stop != stop {
		return // the history has been forgotten meanwhile
	}
	h.samples = append(h.samples, s)
	limit := s.at.Add(-h.depth)
	old := 0
	for old+1 < len(h.samples) && !h.samples[old+1].at.After(limit) {
		old++
	}
	h.samples = h.samples[old:]
}

// Ago is the state of d ago, or the oldest that there is; false if there is none.
func (h *History[State]) Ago(d time.Duration) (State, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var none State
	if len(h.samples) == 0 {
		return none, false
	}
	limit, found := time.Now().Add(-d), h.samples[0]
	for _, s := range h.samples[1:] {
		if s.at.After(limit) {
			break
		}
		found = s
	}
	return found.state, true
}
