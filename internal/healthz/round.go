package healthz

import (
	"context"
	"sync"
	"time"
)

// State of a check, or of all.
type State string

// The two states.
const (
	Passing State = "passing"
	Failing State = "failing"
)

// Report is the answer to whoever asks.
type Report struct {
	State  State    `json:"state"`
	Checks []Result `json:"checks"` // in the order of the flags, required ones first
}

// Result is what one check found.
type Result struct {
	Check    string  `json:"check"` // the URL
	Required bool    `json:"required"`
	State    State   `json:"state"`
	Error    string  `json:"error,omitempty"`
	Seconds  float64 `json:"seconds"` // how long it took
}

func newResult(check Check, err error, took time.Duration) Result {
	result := Result{Check: check.Name, Required: check.Required, State: Passing, Seconds: took.Round(time.Microsecond).Seconds()}
	if err != nil {
		result.State, result.Error = Failing, err.Error()
	}
	return result
}

// join fails when one required check does.
func join(results []Result) Report {
	report := Report{State: Passing, Checks: results}
	for _, result := range results {
		if result.Required && result.State == Failing {
			report.State = Failing
		}
	}
	return report
}

// rounds makes all checks, once for everybody who asks meanwhile: each of a load balancer's nodes asks for itself, and
// the containers are not to feel how many there are.
type rounds struct {
	checks  []Check
	probe   func(ctx context.Context, check Check) error
	timeout time.Duration // of a round
	reuse   time.Duration // how long a round that is over answers for

	mu     sync.Mutex
	latest *round
}

type round struct {
	done   chan struct{} // closed when what follows is filled in
	report Report
	ended  time.Time
}

// ask returns the report of the round that is under way, of one that has just ended, or of a new one.
func (r *rounds) ask() Report {
	now := r.current()
	<-now.done // within the timeout of the round
	return now.report
}

func (r *rounds) current() *round {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.latest == nil || r.latest.older(r.reuse) {
		r.latest = &round{done: make(chan struct{})}
		go r.run(r.latest)
	}
	return r.latest
}

func (r *round) older(than time.Duration) bool {
	select {
	case <-r.done:
		return time.Since(r.ended) >= than
	default:
		return false
	}
}

// run makes all checks side by side, under a context of its own: whoever asked first may leave, others wait too.
func (r *rounds) run(now *round) {
	ctx, cancel := context.WithTimeout(context.Background(), r.timeout)
	defer cancel()
	results := make([]Result, len(r.checks))
	var pending sync.WaitGroup
	for i, check := range r.checks {
		pending.Go(func() {
			began := time.Now()
			err := r.probe(ctx, check)
			results[i] = newResult(check, err, time.Since(began))
		})
	}
	pending.Wait()
	now.report, now.ended = join(results), time.Now()
	close(now.done)
}
