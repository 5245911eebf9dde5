package model

import "net/netip"

// Target is an address in a target group.
type Target struct {
	Address netip.AddrPort
	// Zone is set only for addresses outside the VPC: a zone's name or "all".
	Zone string
}

// HealthState of a target, as DescribeTargetHealth spells it.
type HealthState string

// The states of an Application Load Balancer's ip target (Application Load Balancers
// guide, "Target health status").
const (
	Initial   HealthState = "initial"
	Healthy   HealthState = "healthy"
	Unhealthy HealthState = "unhealthy"
	Unused    HealthState = "unused"
	Draining  HealthState = "draining"
)

// TargetHealth is what AWS says of one target.
type TargetHealth struct {
	Address     netip.AddrPort
	State       HealthState
	Reason      string // such as "Elb.InitialHealthChecking"; empty when healthy
	Description string
}
