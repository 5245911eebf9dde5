package model

import (
	"strconv"
	"time"
)

// TargetGroup is the set of addresses that requests are forwarded to.
type TargetGroup struct {
	Key  Key    `json:"key"`
	Name string `json:"name"` // at most 32 characters; never changed on a group that exists
	// Port is a default only: every target is registered with a port of its own.
	Port            int32             `json:"port"`
	Protocol        string            `json:"protocol"`                // "HTTP" or "HTTPS"
	ProtocolVersion string            `json:"protocolVersion"`         // "HTTP1", "HTTP2" or "GRPC"
	TargetType      string            `json:"targetType"`              // "ip" or "instance"
	IPAddressType   string            `json:"ipAddressType,omitempty"` // "ipv4", which is also meant where it is empty, or "ipv6"
	VPC             string            `json:"vpc"`
	HealthCheck     HealthCheck       `json:"healthCheck"`
	Attributes      map[string]string `json:"attributes,omitempty"` // only what is desired; others are left alone
	Tags            map[string]string `json:"tags,omitempty"`
}

// HealthCheck is how the load balancer finds out whether a target can serve
// (Application Load Balancers guide, "Health checks for target groups").
type HealthCheck struct {
	Protocol           string   `json:"protocol"` // "HTTP"
	Port               string   `json:"port"`     // "traffic-port" or a number
	Path               string   `json:"path"`
	Interval           Duration `json:"interval"` // 5–300 s, longer than the timeout
	Timeout            Duration `json:"timeout"`  // 2–120 s
	HealthyThreshold   int32    `json:"healthyThreshold"`
	UnhealthyThreshold int32    `json:"unhealthyThreshold"`
	Matcher            string   `json:"matcher"` // HTTP codes: "200", "200,301", "200-399"; of a GRPC group its codes: "0", "12"
}

// Settings are the parts of a health check by the names that annotations give them.
func (h HealthCheck) Settings() map[string]string {
	return map[string]string{
		"protocol": h.Protocol, "port": h.Port, "path": h.Path, "interval": h.Interval.String(), "timeout": h.Timeout.String(),
		"healthy-threshold": strconv.Itoa(int(h.HealthyThreshold)), "unhealthy-threshold": strconv.Itoa(int(h.UnhealthyThreshold)), "success-codes": h.Matcher,
	}
}

// String of a duration reads as "15s".
func (d Duration) String() string { return time.Duration(d).String() }

// Seconds of a duration, as the ELBv2 API counts.
func (d Duration) Seconds() int32 { return int32(time.Duration(d) / time.Second) }

// Duration prints as "15s", so that goldens and plans read well.
type Duration time.Duration

// MarshalText makes a Duration readable in YAML and JSON.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// Binding is the TargetGroupBinding object that ties a Service port to a target
// group. It bears the target group's name and lives in the Service's namespace.
type Binding struct {
	Key         Key    `json:"key"`
	TargetGroup Key    `json:"targetGroup"`
	Namespace   string `json:"namespace"`
	Name        string `json:"name"`
	Service     string `json:"service"`
	Port        string `json:"port"` // as written in the Ingress: a number or a name
	TargetType  string `json:"targetType"`
	Protocol    string `json:"protocol"`
	// IPAddressType of the targets: "ipv4", which is also meant where it is empty, or "ipv6".
	IPAddressType string `json:"ipAddressType,omitempty"`
	VPC           string `json:"vpc"`
	// NodeSelector are labels of the nodes that become targets, of type "instance".
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	// MultiCluster: other clusters have targets in the group too.
	MultiCluster bool              `json:"multiCluster,omitempty"`
	Labels       map[string]string `json:"labels,omitempty"`
	// Sources are security groups that may reach the targets, with the ports as the
	// Service has them (a number or a name). Empty: no endpoint rules are managed.
	Sources []Source `json:"sources,omitempty"`
}

// Source is one way in to the targets of a binding.
type Source struct {
	SecurityGroup string   `json:"securityGroup"`
	Ports         []string `json:"ports"` // empty: all of them
}
