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
	Certificate string `json:"certificate,omitempty"`
	// SNI are the ARNs from which the load balancer chooses by the name that a client asks for, ascending. The incumbent
	// puts the default certificate among them.
	SNI        []string          `json:"sni,omitempty"`
	SSLPolicy  string            `json:"sslPolicy,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"` // only what is desired; others are left alone
	Default    Action            `json:"default"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// Rule of a listener: conditions that must all hold, and what happens then.
type Rule struct {
	Key        Key               `json:"key"`
	Listener   Key               `json:"listener"`
	Priority   int32             `json:"priority"`   // 1–50,000, lowest first
	Conditions []Condition       `json:"conditions"` // in the order in which they are sent
	Transforms []Transform       `json:"transforms,omitempty"`
	Action     Action            `json:"action"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// The fields of conditions (API reference, RuleCondition).
const (
	HostHeader  = "host-header"
	PathPattern = "path-pattern"
	HTTPHeader  = "http-header"
	Method      = "http-request-method"
	QueryString = "query-string"
	SourceIP    = "source-ip"
)

// Condition of a rule: one of the values must fit. The order of the values is part of
// it: a differing order is a differing rule to the incumbent, which would modify it.
type Condition struct {
	Field  string   `json:"field"`
	Values []string `json:"values,omitempty"`
	// Regex are expressions in the place of values, for a host, a path or a header.
	Regex []string `json:"regex,omitempty"`
	// Header that an http-header condition looks at.
	Header string `json:"header,omitempty"`
	// Query are the values of a query-string condition.
	Query []Pair `json:"query,omitempty"`
}

// Pair of a query string. Without a key any will do.
type Pair struct {
	Key   string `json:"key,omitempty"`
	Value string `json:"value"`
}

// The types of transforms (API reference, RuleTransform).
const (
	HostRewrite = "host-header-rewrite"
	URLRewrite  = "url-rewrite"
)

// Transform rewrites a request before it is sent on.
type Transform struct {
	Type     string    `json:"type"`
	Rewrites []Rewrite `json:"rewrites"`
}

// Rewrite replaces what fits an expression.
type Rewrite struct {
	Regex   string `json:"regex"`
	Replace string `json:"replace"`
}

// Action is what a listener or rule does with a request: exactly one of Forward,
// Redirect and FixedResponse, and what comes before it in Unknown. Where AWS has an
// action of a type that is not known at all, Unknown is alone.
type Action struct {
	Forward []WeightedTarget `json:"forward,omitempty"`
	// Stickiness of a forward action; nil: as it is.
	Stickiness    *Stickiness    `json:"stickiness,omitempty"`
	Redirect      *Redirect      `json:"redirect,omitempty"`
	FixedResponse *FixedResponse `json:"fixedResponse,omitempty"`
	// Unknown are the actions of AWS that this build cannot say, such as authentication, in
	// its words. A rule or listener that has them is only ever kept as it is: the plan
	// neither makes nor changes one.
	Unknown string `json:"unknown,omitempty"`
}

// WeightedTarget is one target group of a forward action.
type WeightedTarget struct {
	TargetGroup Key `json:"targetGroup"`
	// Weight 0–999; nil: not said, which only an action of one group may do.
	Weight *int32 `json:"weight,omitempty"`
}

// Stickiness binds a client to one target group of a forward action.
type Stickiness struct {
	Enabled  bool     `json:"enabled"`
	Duration Duration `json:"duration,omitempty"` // 1 s to 7 days; 0 where it is not said
}

// Redirect sends a client elsewhere. Parts that are empty stay as they are in the
// request: AWS writes them as #{protocol}, #{host}, #{port}, /#{path} and #{query}.
type Redirect struct {
	Protocol string `json:"protocol,omitempty"`
	Host     string `json:"host,omitempty"`
	Port     string `json:"port,omitempty"`
	Path     string `json:"path,omitempty"`
	Query    string `json:"query,omitempty"`
	// DropQuery takes the query off; Query is empty then.
	DropQuery  bool   `json:"dropQuery,omitempty"`
	StatusCode string `json:"statusCode"` // "HTTP_301" or "HTTP_302"
}

// FixedResponse is an answer that the load balancer gives itself.
type FixedResponse struct {
	StatusCode  string `json:"statusCode"`
	ContentType string `json:"contentType,omitempty"`
	Body        string `json:"body,omitempty"` // at most 1,024 characters
}

// SortConditions puts conditions into the order in which rules hold them: by field.
// Values keep their order.
func SortConditions(conditions []Condition) {
	slices.SortStableFunc(conditions, func(a, b Condition) int { return strings.Compare(a.Field, b.Field) })
}
