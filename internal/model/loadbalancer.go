package model

import (
	"slices"
	"strings"
)

// Scheme of a load balancer, as ELBv2 spells it.
type Scheme string

// The schemes of ELBv2 (API reference, CreateLoadBalancer).
const (
	Internal       Scheme = "internal"
	InternetFacing Scheme = "internet-facing"
)

// LoadBalancer is an Application Load Balancer.
type LoadBalancer struct {
	Key    Key    `json:"key"`
	Name   string `json:"name"` // at most 32 characters; never changed on a load balancer that exists
	Scheme Scheme `json:"scheme"`
	// IPAddressType is "ipv4", "dualstack" or "dualstack-without-public-ipv4".
	IPAddressType string `json:"ipAddressType"`
	// Subnets are ids, one a zone, in the order given.
	Subnets []string `json:"subnets"`
	// SecurityGroups are keys of the stack's own groups or ids of others.
	SecurityGroups []Key             `json:"securityGroups"`
	Attributes     map[string]string `json:"attributes,omitempty"` // only what is desired; others are left alone
	Tags           map[string]string `json:"tags,omitempty"`
}

// Listener of a load balancer. It is matched by port alone.
type Listener struct {
	Key      Key    `json:"key"`
	Port     int32  `json:"port"`
	Protocol string `json:"protocol"` // "HTTP" or "HTTPS"
	// Certificate is the ARN of an HTTPS listener's default certificate, SSLPolicy the name of its security policy.
	Certificate string            `json:"certificate,omitempty"`
	SSLPolicy   string            `json:"sslPolicy,omitempty"`
	Default     Action            `json:"default"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Rule of a listener: conditions that must all hold, and what happens then.
type Rule struct {
	Key        Key               `json:"key"`
	Listener   Key               `json:"listener"`
	Priority   int32             `json:"priority"` // 1–50,000, lowest first
	Conditions []Condition       `json:"conditions"`
	Action     Action            `json:"action"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// Condition of a rule. The order of the values is part of it: a differing order is
// a differing rule to the incumbent, which would modify it.
type Condition struct {
	Field  string   `json:"field"` // "host-header" or "path-pattern"
	Values []string `json:"values"`
}

// Action is what a listener or rule does with a request: exactly one field is set.
type Action struct {
	Forward       []WeightedTarget `json:"forward,omitempty"`
	FixedResponse *FixedResponse   `json:"fixedResponse,omitempty"`
}

// WeightedTarget is one target group of a forward action.
type WeightedTarget struct {
	TargetGroup Key `json:"targetGroup"`
	// Weight 0–999; ignored when the action has one group.
	Weight int32 `json:"weight,omitempty"`
}

// FixedResponse is an answer that the load balancer gives itself.
type FixedResponse struct {
	StatusCode  string `json:"statusCode"`
	ContentType string `json:"contentType"`
	Body        string `json:"body,omitempty"` // at most 1,024 characters
}

// SortConditions puts conditions into the order in which rules hold them: by field.
// Values keep their order.
func SortConditions(conditions []Condition) {
	slices.SortStableFunc(conditions, func(a, b Condition) int { return strings.Compare(a.Field, b.Field) })
}
