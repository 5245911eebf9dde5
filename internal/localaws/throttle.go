package localaws

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// The values of Config.Throttling.
const (
	throttlingDocumented = "documented"
	throttlingOff        = "off"
)

// bucket is a token bucket. It fills in real time, whatever the speed: a caller's patience is not AWS's own time.
type bucket struct {
	capacity, refill float64 // tokens, and tokens a second
	tokens           float64
	filled           time.Time
}

// fill brings the tokens up to date and reports whether there is one.
func (b *bucket) fill(now time.Time) bool {
	if b.filled.IsZero() {
		b.tokens = b.capacity
	} else {
		b.tokens = min(b.capacity, b.tokens+b.refill*now.Sub(b.filled).Seconds())
	}
	b.filled = now
	return b.tokens >= 1
}

// throttle is the buckets of one account and Region. A nil throttle lets everything pass.
type throttle struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

// newThrottle makes the buckets of ELBv2 as documented ("Request throttling for the ELB API", ELB guide), and one for
// all of EC2, whose own are many and larger.
func newThrottle(mode string) *throttle {
	if mode == throttlingOff {
		return nil
	}
	return &throttle{buckets: map[string]*bucket{
		"elbv2":                    {capacity: 40, refill: 10},
		"elbv2/resource-intensive": {capacity: 10, refill: 0.2},
		"elbv2/registration":       {capacity: 20, refill: 4},
		"elbv2/non-mutating":       {capacity: 40, refill: 10},
		"elbv2/mutating":           {capacity: 20, refill: 3},
		"elbv2/trust-store-change": {capacity: 10, refill: 0.2},
		"elbv2/trust-store-get":    {capacity: 20, refill: 4},
		"ec2":                      {capacity: 100, refill: 50},
	}}
}

// bucketsOf names the buckets that a call takes a token from.
func bucketsOf(service, operation string) []string {
	switch {
	case service != "elbv2":
		return []string{service}
	case operation == "CreateLoadBalancer" || operation == "SetSubnets":
		return []string{service, "elbv2/resource-intensive"}
	case operation == "RegisterTargets" || operation == "DeregisterTargets":
		return []string{service, "elbv2/registration"}
	case strings.HasPrefix(operation, "Describe"): // those of trust stores too: their bucket has the same numbers
		return []string{service, "elbv2/non-mutating"}
	}
	switch isGet := strings.HasPrefix(operation, "Get"); {
	case isGet:
		return []string{service, "elbv2/trust-store-get"}
	case strings.Contains(operation, "TrustStore"):
		return []string{service, "elbv2/trust-store-change"}
	}
	return []string{service, "elbv2/mutating"}
}

// allow takes a token from each bucket of a call, or from none if one of them is empty.
func (t *throttle) allow(service, operation string, now time.Time) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var taken []*bucket
	for _, name := range bucketsOf(service, operation) {
		b := t.buckets[name]
		if b == nil {
			continue
		}
		if !b.fill(now) {
			return throttled(service)
		}
		taken = append(taken, b)
	}
	for _, b := range taken {
		b.tokens--
	}
	return nil
}

func throttled(service string) error {
	if service == "ec2" {
		return &wire.Error{Status: http.StatusServiceUnavailable, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
	}
	return wire.Errorf("ThrottlingException", "Rate exceeded")
}
