package model

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// TargetID names a target in its group: a Pod by its address, or a node by its EC2
// instance, and a port there. Exactly one of IP and Instance is set; it can be a key.
type TargetID struct {
	IP       netip.Addr
	Instance string
	Port     uint16
}

// TargetAt is the target of an address.
func TargetAt(address netip.AddrPort) TargetID {
	return TargetID{IP: address.Addr(), Port: address.Port()}
}

// ParseTargetID reads what String has written.
func ParseTargetID(text string) (TargetID, error) {
	cut := strings.LastIndex(text, ":")
	if cut < 0 {
		return TargetID{}, fmt.Errorf("target %q has no port: write ADDRESS:PORT or INSTANCE:PORT", text)
	}
	port, err := strconv.ParseUint(text[cut+1:], 10, 16)
	if err != nil {
		return TargetID{}, fmt.Errorf("target %q: %q is no port", text, text[cut+1:])
	}
	if IsInstance(text[:cut]) {
		return TargetID{Instance: text[:cut], Port: uint16(port)}, nil
	}
	address, err := netip.ParseAddr(text[:cut])
	if err != nil {
		return TargetID{}, fmt.Errorf("target %q is neither an address nor an instance with a port", text)
	}
	return TargetID{IP: address, Port: uint16(port)}, nil
}

// IsInstance tells the id of an EC2 instance from other texts.
func IsInstance(id string) bool { return strings.HasPrefix(id, "i-") && !strings.Contains(id, "/") }

// IsValid is false for the zero value.
func (t TargetID) IsValid() bool { return t.IP.IsValid() || t.Instance != "" }

// Host is the address or the instance, as AWS calls a target's id.
func (t TargetID) Host() string {
	if t.Instance != "" {
		return t.Instance
	}
	return t.IP.String()
}

// String is the target as the incumbent writes it, without brackets around an IPv6 address.
func (t TargetID) String() string { return t.Host() + ":" + strconv.Itoa(int(t.Port)) }

// Compare orders targets by address, instance and port.
func (t TargetID) Compare(other TargetID) int {
	return cmp.Or(t.IP.Compare(other.IP), cmp.Compare(t.Instance, other.Instance), cmp.Compare(t.Port, other.Port))
}

// Target is a target as it is registered.
type Target struct {
	Address TargetID
	// Zone is set only for addresses outside the VPC: a zone's name or "all".
	Zone string
}

// HealthState of a target, as DescribeTargetHealth spells it.
type HealthState string

// The states of targets ("Target health status" in the guides of Application and of
// Network Load Balancers; only the latter know unhealthy.draining).
const (
	Initial           HealthState = "initial"
	Healthy           HealthState = "healthy"
	Unhealthy         HealthState = "unhealthy"
	Unused            HealthState = "unused"
	Draining          HealthState = "draining"
	UnhealthyDraining HealthState = "unhealthy.draining"
)

// Leaving reports whether a target in this state is on its way out of its group.
func (s HealthState) Leaving() bool { return s == Draining || s == UnhealthyDraining }

// TargetHealth is what AWS says of one target.
type TargetHealth struct {
	Address     TargetID
	State       HealthState
	Reason      string // such as "Elb.InitialHealthChecking"; empty when healthy
	Description string
}
