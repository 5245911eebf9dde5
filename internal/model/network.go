package model

import "net/netip"

// Network is what a builder needs to know of the VPC.
type Network struct {
	VPC     string         `json:"vpc"`
	CIDRs   []netip.Prefix `json:"cidrs,omitempty"`
	Subnets []Subnet       `json:"subnets,omitempty"`
}

// Subnet of the VPC.
type Subnet struct {
	ID            string            `json:"id"`
	Zone          string            `json:"zone"`
	FreeAddresses int32             `json:"freeAddresses"`
	Tags          map[string]string `json:"tags,omitempty"`
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
