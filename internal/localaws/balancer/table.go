package balancer

import (
	"net/http"
	"regexp"
	"sync/atomic"
	"time"
)

// Table is all that one load balancer does. It is not changed once it has been applied.
type Table struct {
	Listeners map[int]*Routes // of an application load balancer, by port
	Streams   map[int]*Stream // of a network load balancer, by port

	IdleTimeout  time.Duration // how long a target may take to answer, and a connection may be silent
	KeepAlive    time.Duration // how long a client's connection may be used at all; 0 is for ever
	ForwardedFor Forwarding    // what happens to X-Forwarded-For
	ClientPort   bool          // X-Forwarded-For names the client's port too
	WithoutHTTP2 bool          // HTTPS listeners speak only HTTP/1.1
	TLSHeaders   bool          // targets hear of the TLS version and cipher suite
	DropInvalid  bool          // header fields whose names are not letters, digits and hyphens do not pass
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
	TLS     *TLS   // nil for HTTP
	Rules   []Rule // in the order of their priorities
	Default Action

	RequestNames    map[string]string // other names for the headers that tell targets of the client's TLS
	ResponseHeaders map[string]string // put into every answer, whatever the target says
	Anonymous       bool              // answers of the load balancer's own have no Server header
}

// Rule sends the requests that meet all conditions to an action.
type Rule struct {
	Conditions []Condition
	Action     Action
}

// Action answers a request. There are Fixed, Redirect, *Forward and Guarded.
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
	Groups     []WeightedGroup
	Stickiness time.Duration // how long a client stays with a group; 0 is not at all
	RewriteURL *Rewrite      // the rule's url-rewrite transform, or nil
	RewriteTo  *Rewrite      // the rule's host-header-rewrite transform, or nil
	turn       atomic.Uint64
}

// WeightedGroup is one group of a Forward.
type WeightedGroup struct {
	Group  *Group
	Weight int
}

// Rewrite is a transform: what the expression matches is replaced, and $1 stands for what the first group matched.
type Rewrite struct {
	Regex   *regexp.Regexp
	Replace string
}

// Guarded is an action behind an authentication. No identity provider is asked: a client is never taken for
// authenticated, unless Pass says that all are.
type Guarded struct {
	Action          Action
	Pass            bool
	Unauthenticated Unauthenticated
	Login           string // where UnauthenticatedLogin sends the client: the endpoint with client_id, scope and so on
}

// Unauthenticated is what happens to a client that has not been authenticated.
type Unauthenticated string

// The values of OnUnauthenticatedRequest; a jwt-validation denies.
const (
	UnauthenticatedDeny  Unauthenticated = "deny"         // 401
	UnauthenticatedAllow Unauthenticated = "allow"        // as if there were no authentication
	UnauthenticatedLogin Unauthenticated = "authenticate" // 302 to the identity provider
)

func (Fixed) isAction()    {}
func (Redirect) isAction() {}
func (*Forward) isAction() {}
func (Guarded) isAction()  {}

// Stream is what a listener of a network load balancer does with connections.
type Stream struct {
	Protocol    string // "tcp", "tls", "udp" or "tcp_udp"
	TLS         *TLS   // of "tls"
	Forward     *Forward
	IdleTimeout time.Duration // tcp.idle_timeout.seconds
}

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
	point := int(evenly(&f.turn) * uint64(total) >> 32)
	for _, g := range f.Groups {
		if point -= g.Weight; point < 0 {
			return g.Group
		}
	}
	return nil
}

// evenly is the next of a sequence of 32-bit numbers that fills its range evenly at every length.
func evenly(turn *atomic.Uint64) uint64 {
	const golden = 0x9E3779B97F4A7C15
	return turn.Add(1) * golden >> 32
}

// groups are all groups that the table can forward to.
func (t *Table) groups() map[*Group]struct{} {
	found := map[*Group]struct{}{}
	add := func(a Action) {
		if guarded, ok := a.(Guarded); ok {
			a = guarded.Action
		}
		if f, ok := a.(*Forward); ok && f != nil {
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
	for _, stream := range t.Streams {
		add(stream.Forward)
	}
	return found
}
