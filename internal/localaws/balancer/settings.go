package balancer

import "time"

// Settings is how a group treats its targets. The zero value is an HTTP/1.1 group without attributes.
type Settings struct {
	Version    Version
	Algorithm  Algorithm // "" is RoundRobin
	Stickiness Stickiness
	SlowStart  time.Duration // in AWS's time; 0 is off

	// The group fails open with fewer healthy targets: unhealthy_state_routing.minimum_healthy_targets. Zeros are a
	// count of 1 and no percentage.
	MinHealthyCount, MinHealthyPercent int

	// For groups of network load balancers.
	CutDeregistered bool // deregistration_delay.connection_termination.enabled
	KeepUnhealthy   bool // target_health_state.unhealthy.connection_termination.enabled is false
	ProxyProtocol   bool // proxy_protocol_v2.enabled
	SourceSticky    bool // stickiness.type is source_ip
}

// Version is the protocol version of a group: what is spoken to its targets.
type Version string

// The values of ProtocolVersion; "" is HTTP1.
const (
	HTTP1 Version = "HTTP1"
	HTTP2 Version = "HTTP2"
	GRPC  Version = "GRPC"
)

// Stickiness keeps a client with a target by means of a cookie.
type Stickiness struct {
	Type     StickinessType // "" is none
	Cookie   string         // of AppCookie: the name of the application's own cookie
	Duration time.Duration
}

// StickinessType is who says that a client is to stay.
type StickinessType string

// The values of the attribute stickiness.type.
const (
	LBCookie  StickinessType = "lb_cookie"
	AppCookie StickinessType = "app_cookie"
)

// Algorithm is how a group chooses among its healthy targets.
type Algorithm string

// The values of the attribute load_balancing.algorithm.type.
const (
	RoundRobin       Algorithm = "round_robin"
	LeastOutstanding Algorithm = "least_outstanding_requests"
	WeightedRandom   Algorithm = "weighted_random"
)
