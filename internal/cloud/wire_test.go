package cloud_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// mishap is what goes wrong at one call.
type mishap int

const (
	none       mishap = iota
	diesBefore        // the controller dies; the call is never made
	diesAfter         // the call takes effect, and the controller dies before it knows
	refused           // the call does not arrive, the controller lives on
	unanswered        // the call takes effect, and the answer is lost
	late              // as refused, but the call takes effect some calls later
	mishaps           // how many there are
)

func (m mishap) String() string {
	return [...]string{"nothing", "death before", "death after", "refusal of", "lost answer to", "delay of"}[m]
}

// fate is a mishap and the call that it meets, counted from 0 in each scene.
type fate struct {
	mishap
	call int
}

func (f fate) String() string { return fmt.Sprintf("%s call %d", f.mishap, f.call) }

var (
	errDead       = errors.New("the controller is dead")
	errUnanswered = errors.New("the connection was reset")
)

// lateness is how many calls later a late one takes effect.
const lateness = 3

// wire is the way of all writes and reads of one controller, to AWS and to Kubernetes.
type wire struct {
	aws     http.RoundTripper
	fate    fate
	calls   int  // made in this scene
	met     bool // the mishap has happened
	dead    bool
	delayed func()
	due     int // calls until the delayed one takes effect
	history []string
}

// RoundTrip makes a call of AWS, or what fate makes of it.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	send := func() (*http.Response, error) {
		again := r.Clone(r.Context())
		again.Body = io.NopCloser(bytes.NewReader(body))
		return w.aws.RoundTrip(again)
	}
	var answer *http.Response
	err = w.pass(string(body), func() (err error) {
		answer, err = send()
		return err
	})
	if err != nil && answer != nil {
		answer.Body.Close()
		answer = nil
	}
	return answer, err
}

// last are the latest calls, for people.
func (w *wire) last(n int) string {
	var out []string
	for _, call := range w.history[max(0, len(w.history)-n):] {
		out = append(out, brief(call))
	}
	return strings.Join(out, "\n  ")
}

func brief(call string) string {
	form, err := url.ParseQuery(call)
	if err != nil || !form.Has("Action") {
		return call // of Kubernetes
	}
	out := form.Get("Action")
	for _, key := range slices.Sorted(maps.Keys(form)) {
		if key != "Action" && key != "Version" && !strings.Contains(key, "Tag") {
			value := form.Get(key)
			out += " " + value[strings.LastIndex(value, ":")+1:]
		}
	}
	return out[:min(len(out), 150)]
}

// pass lets one call through, or does what fate wants.
func (w *wire) pass(what string, call func() error) error {
	if w.dead {
		return errDead
	}
	n := w.calls
	w.calls++
	w.history = append(w.history, what)
	if w.due--; w.due == 0 {
		w.arrive()
	}
	if w.fate.mishap == none || w.fate.call != n {
		return call()
	}
	w.met = true
	switch w.fate.mishap {
	case diesAfter, unanswered:
		_ = call()
	case late:
		w.delayed, w.due = func() { _ = call() }, lateness
	default: // it does not arrive
	}
	if w.dead = w.fate.mishap == diesBefore || w.fate.mishap == diesAfter; w.dead {
		return errDead
	}
	return errUnanswered
}

// arrive makes a delayed call take effect, if there is one.
func (w *wire) arrive() {
	if w.delayed != nil {
		w.delayed()
		w.delayed = nil
	}
}

// begin starts to count the calls of a scene.
func (w *wire) begin(fate fate) {
	w.fate, w.calls, w.met, w.history = fate, 0, false, nil
}
