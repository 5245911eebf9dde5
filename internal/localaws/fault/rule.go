// Package fault is what goes wrong with calls on purpose: a table of rules that the API server asks about every call.
//
// What comes in is the service and the operation of a call; what goes out is a Verdict, which the server obeys: an error
// instead of the answer, a delay, an answer from the past, or a connection that breaks when the call has taken effect.
// The package does no I/O and changes no state but its own table.
//
//	faults.Add(fault.Rule{Service: "elbv2", Operation: "Describe*", Code: "ThrottlingException", Probability: 0.5})
//
// The time of rules is the tester's, not AWS's: it runs at the same speed whatever the speed of the local AWS.
package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Rule is one thing that goes wrong. It has exactly one of Code, Status, LoseAnswer, Delay and Stale.
type Rule struct {
	ID        string // given by Add
	Service   string // "elbv2", "ec2" …; "" is every service
	Operation string // a glob, "Describe*"; "" is every operation

	Code       string        // this error instead of the call, with the HTTP status that AWS documents for it
	Status     int           // this HTTP status and no body instead of the call, as from something between client and AWS
	LoseAnswer bool          // the call takes effect, and then the connection breaks
	Delay      time.Duration // the call takes effect this much later
	Stale      time.Duration // a reading call sees the state of so long ago, but none older than the rule

	Skip        int           // so many calls that would meet the rule pass first; what List shows is what is left
	Probability float64       // that a call meets the rule; 0 is 1
	For         time.Duration // ends the rule so long after Add; 0 is never. Add makes Until of it
	Until       time.Time     // when the rule ends; zero is never
	Count       int           // how many calls meet the rule before it ends; 0 is any number

	Met int // calls that have met the rule
}

// Kind is the name of what a rule does, as the journal marks it.
func (r Rule) Kind() string {
	switch {
	case r.Code != "":
		return "code"
	case r.Status != 0:
		return "status"
	case r.LoseAnswer:
		return "lost-answer"
	case r.Delay != 0:
		return "delay"
	case r.Stale != 0:
		return "stale"
	}
	return ""
}

// check reports all that is wrong with a rule.
func (r Rule) check() error {
	var wrong []error
	kinds := 0
	for _, has := range []bool{r.Code != "", r.Status != 0, r.LoseAnswer, r.Delay != 0, r.Stale != 0} {
		if has {
			kinds++
		}
	}
	if kinds != 1 {
		wrong = append(wrong, errors.New("a fault is exactly one of a code, a status, a lost answer, a delay and a stale answer"))
	}
	if r.Status != 0 && (r.Status < 400 || r.Status > 599) {
		wrong = append(wrong, fmt.Errorf("status %d: it must be from 400 to 599", r.Status))
	}
	if r.Delay < 0 || r.Stale < 0 || r.For < 0 || r.Skip < 0 || r.Count < 0 {
		wrong = append(wrong, errors.New("durations and counts cannot be negative"))
	}
	if r.Probability < 0 || r.Probability > 1 {
		wrong = append(wrong, fmt.Errorf("probability %v: it must be from 0 to 1", r.Probability))
	}
	return errors.Join(wrong...)
}

// StatusOf is the HTTP status that goes with an error code, 400 for most. Sources: "Common Errors" of the Elastic Load
// Balancing API reference, "Error codes" of the EC2 API reference (client and server errors).
func StatusOf(code string) int {
	if status, ok := statuses[code]; ok {
		return status
	}
	return http.StatusBadRequest
}

var statuses = map[string]int{
	"AccessDeniedException":        http.StatusForbidden,
	"AccessDenied":                 http.StatusForbidden,
	"ExpiredToken":                 http.StatusForbidden,
	"ExpiredTokenException":        http.StatusForbidden,
	"InvalidClientTokenId":         http.StatusForbidden,
	"SignatureDoesNotMatch":        http.StatusForbidden,
	"NotAuthorized":                http.StatusForbidden,
	"AuthFailure":                  http.StatusForbidden,
	"UnauthorizedOperation":        http.StatusForbidden,
	"OptInRequired":                http.StatusForbidden,
	"IncompleteSignature":          http.StatusForbidden,
	"InternalFailure":              http.StatusInternalServerError,
	"InternalError":                http.StatusInternalServerError,
	"InternalServerError":          http.StatusInternalServerError,
	"ServiceUnavailable":           http.StatusServiceUnavailable,
	"Unavailable":                  http.StatusServiceUnavailable,
	"RequestLimitExceeded":         http.StatusServiceUnavailable,
	"EC2ThrottledException":        http.StatusServiceUnavailable,
	"InsufficientInstanceCapacity": http.StatusInternalServerError,
}

// wireRule is a rule as JSON: what does not apply is left out, durations are text.
type wireRule struct {
	ID          string     `json:"id,omitempty"`
	Service     string     `json:"service,omitempty"`
	Operation   string     `json:"operation,omitempty"`
	Code        string     `json:"code,omitempty"`
	Status      int        `json:"status,omitempty"`
	LoseAnswer  bool       `json:"loseAnswer,omitempty"`
	Delay       string     `json:"delay,omitempty"`
	Stale       string     `json:"stale,omitempty"`
	Skip        int        `json:"skip,omitempty"`
	Probability float64    `json:"probability,omitempty"`
	For         string     `json:"for,omitempty"`
	Until       *time.Time `json:"until,omitempty"`
	Count       int        `json:"count,omitempty"`
	Met         int        `json:"met"`
}

// MarshalJSON writes durations as "2s".
func (r Rule) MarshalJSON() ([]byte, error) {
	w := wireRule{
		ID: r.ID, Service: r.Service, Operation: r.Operation, Code: r.Code, Status: r.Status, LoseAnswer: r.LoseAnswer,
		Delay: text(r.Delay), Stale: text(r.Stale), Skip: r.Skip, Probability: r.Probability, For: text(r.For), Count: r.Count, Met: r.Met,
	}
	if !r.Until.IsZero() {
		w.Until = &r.Until
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (r *Rule) UnmarshalJSON(data []byte) error {
	var w wireRule
	if err := json.Unmarshal(data, &w); err != nil {
		return err
	}
	*r = Rule{
		ID: w.ID, Service: w.Service, Operation: w.Operation, Code: w.Code, Status: w.Status, LoseAnswer: w.LoseAnswer,
		Skip: w.Skip, Probability: w.Probability, Count: w.Count, Met: w.Met,
	}
	if w.Until != nil {
		r.Until = *w.Until
	}
	for _, d := range []struct {
		into *time.Duration
		text string
	}{{&r.Delay, w.Delay}, {&r.Stale, w.Stale}, {&r.For, w.For}} {
		if d.text == "" {
			continue
		}
		parsed, err := time.ParseDuration(d.text)
		if err != nil {
			return err
		}
		*d.into = parsed
	}
	return nil
}

func text(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
