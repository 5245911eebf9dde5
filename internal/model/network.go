package model

import "net/netip"

// Network is what a builder needs to know of the VPC and of what lies around it. Parts
// that cost calls of their own are there only where somebody asked for them.
type Network struct {
	VPC     string         `json:"vpc"`
	CIDRs   []netip.Prefix `json:"cidrs,omitempty"`
	Subnets []Subnet       `json:"subnets,omitempty"` // by id
	// SecurityGroups of the VPC, by id: those that Ingresses may name.
	SecurityGroups []NamedSecurityGroup `json:"securityGroups,omitempty"`
	// Certificates that ACM has issued, by ARN.
	Certificates []Certificate `json:"certificates,omitempty"`
	// NamedTargetGroups are the ARNs of target groups that actions give by name.
	NamedTargetGroups map[string]string `json:"namedTargetGroups,omitempty"`
}

// Surroundings are the parts of a Network that cost calls of their own, and that somebody needs.
type Surroundings struct {
	SecurityGroups, Certificates bool
	// Authorities of the certificates are needed too.
	Authorities bool
	// TargetGroups are names of target groups.
	TargetGroups []string
}

// Subnet of the VPC.
type Subnet struct {
	ID   string `json:"id"`
	Zone string `json:"zone"`
	// ZoneType is "local-zone" or "wavelength-zone"; empty: an ordinary zone.
	ZoneType string `json:"zoneType,omitempty"`
	// Outpost is the ARN of the Outpost that the subnet is on.
	Outpost       string `json:"outpost,omitempty"`
	FreeAddresses int32  `json:"freeAddresses"`
	// IPv6: the subnet has a range of IPv6 addresses.
	IPv6 bool `json:"ipv6,omitempty"`
	// Public: a route leads to an internet gateway. Known only where routes were asked for.
	Public bool              `json:"public,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

// NamedSecurityGroup is a security group that somebody else made.
type NamedSecurityGroup struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"` // its tag Name, not its group name
}

// Certificate that ACM has issued or holds.
type Certificate struct {
	ARN   string   `json:"arn"`
	Names []string `json:"names"` // subject alternative names, as written
	// Authority is the ARN of the private authority that issued it.
	Authority string `json:"authority,omitempty"`
}

// Contains reports whether an address lies in the VPC.
func (n Network) Contains(address netip.Addr) bool {
	for _, cidr := range n.CIDRs {
		if cidr.Contains(address) {
			return true
		}
	}
	return false
}
