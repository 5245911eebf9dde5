package balancer

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Table is all that one load balancer does with requests. It is not changed once it has been applied.
type Table struct {
	Listeners map[int]*Routes // by port

	IdleTimeout  time.Duration // how long a target may take to answer, and a connection may be idle
	ForwardedFor Forwarding    // what happens to X-Forwarded-For
	ClientPort   bool          // X-Forwarded-For names the client's port too
}

// Forwarding is how the header X-Forwarded-For is treated.
type Forwarding string

// The values of the attribute routing.http.xff_header_processing.mode.
const (
	AppendForwarded   Forwarding = "append"
	PreserveForwarded Forwarding = "preserve"
	RemoveForwarded   Forwarding = "remove"
)

// Routes is what one listener does.
type Routes struct {
	Rules   []Rule // in the order of their priorities
	Default Action

	ResponseHeaders map[string]string // put into every answer, whatever the target says
	Anonymous       bool              // answers of the load balancer's own have no Server header
}

// Rule sends the requests that meet all conditions to an action.
type Rule struct {
	Conditions []Condition
	Action     Action
}

// Action answers a request. There are Fixed, Redirect and *Forward.
type Action interface{ isAction() }

// Fixed answers by itself.
type Fixed struct {
	Status      int
	ContentType string
	Body        string
}

// Redirect sends the client elsewhere. Each part may hold the placeholders #{protocol}, #{host}, #{port}, #{path} and
// #{query}.
type Redirect struct {
	Status                            int
	Protocol, Host, Port, Path, Query string
}

// Forward passes the request to a target of one of its groups, in proportion to their weights.
type Forward struct {
	Groups []WeightedGroup
	turn   atomic.Uint64
}

// WeightedGroup is one group of a Forward.
type WeightedGroup struct {
	Group  *Group
	Weight int
}

func (Fixed) isAction()    {}
func (Redirect) isAction() {}
func (*Forward) isAction() {}

// match finds the action for a request: the first rule of which all conditions hold, or the default.
func (r *Routes) match(req *http.Request) Action {
next:
	for _, rule := range r.Rules {
		for _, holds := range rule.Conditions {
			if !holds(req) {
				continue next
			}
		}
		return rule.Action
	}
	return r.Default
}

// pick chooses a group. The multiples of the golden ratio spread evenly over the range of weights, so that short runs
// keep the proportions too, without a lock or a shared random source.
func (f *Forward) pick() *Group {
	total := 0
	for _, g := range f.Groups {
		total += g.Weight
	}
	if total == 0 {
		return nil
	}
	const golden = 0x9E3779B97F4A7C15
	point := int((f.turn.Add(1) * golden >> 32) * uint64(total) >> 32)
	for _, g := range f.Groups {
		if point -= g.Weight; point < 0 {
			return g.Group
		}
	}
	return nil
}

// groups are all groups that the table can forward to.
func (t *Table) groups() map[*Group]struct{} {
	found := map[*Group]struct{}{}
	add := func(a Action) {
		if f, ok := a.(*Forward); ok {
			for _, g := range f.Groups {
				found[g.Group] = struct{}{}
			}
		}
	}
	for _, routes := range t.Listeners {
		add(routes.Default)
		for _, rule := range routes.Rules {
			add(rule.Action)
		}
	}
	return found
}
