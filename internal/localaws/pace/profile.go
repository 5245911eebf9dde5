package pace

import "time"

// Span is the shortest and the longest of something that takes a while.
type Span [2]time.Duration

// Delays are how long AWS takes for what its documentation gives no number for.
type Delays struct {
	Provisioning Span // until a new load balancer is active
	Interfaces   Span // until the interfaces of a deleted load balancer are gone, and keep its security groups no longer
	InUse        Span // until what is used no longer may be deleted: target groups, certificates, trust stores
	Validation   Span // until a requested certificate is issued
	TrustStore   Span // until a new trust store is active
	Propagation  Span // until a change, a registration or a deregistration has reached the data plane of an application load balancer
	Admission    Span // until a network load balancer checks a new target: "a few minutes" (NLB guide, "Register targets")
}

// profiles by name. "aws" is what users report: one to three minutes of provisioning (SDK waiters have ten), security
// groups that cannot be deleted for minutes (issues 1879 and 4272 of aws-load-balancer-controller), targets of network load
// balancers that are not checked for up to three (1834), deregistrations that are heard of after up to ten seconds (that
// much is what draining allows for). "default" is the same with the patience of somebody who watches.
var profiles = map[string]Delays{
	"default": {
		Provisioning: Span{10 * time.Second, 10 * time.Second},
		Interfaces:   Span{5 * time.Second, 5 * time.Second},
		InUse:        Span{5 * time.Second, 5 * time.Second},
		Validation:   Span{5 * time.Second, 5 * time.Second},
		TrustStore:   Span{3 * time.Second, 3 * time.Second},
		Propagation:  Span{time.Second, 3 * time.Second},
		Admission:    Span{5 * time.Second, 10 * time.Second},
	},
	"aws": {
		Provisioning: Span{time.Minute, 3 * time.Minute},
		Interfaces:   Span{2 * time.Minute, 5 * time.Minute},
		InUse:        Span{10 * time.Second, time.Minute},
		Validation:   Span{time.Minute, 5 * time.Minute},
		TrustStore:   Span{30 * time.Second, 2 * time.Minute},
		Propagation:  Span{time.Second, 10 * time.Second},
		Admission:    Span{90 * time.Second, 3 * time.Minute},
	},
}

// Profile finds the delays of a name: "default" or "aws".
func Profile(name string) (Delays, bool) {
	delays, ok := profiles[name]
	return delays, ok
}

// Of is a scaled duration of a span.
func (c *Clock) Of(s Span) time.Duration { return c.Between(s[0], s[1]) }
