package model

import (
	"cmp"
	"slices"
)

// SecurityGroup is a security group that Sluice manages.
type SecurityGroup struct {
	Key         Key               `json:"key"`
	Name        string            `json:"name"`
	Description string            `json:"description"`
	VPC         string            `json:"vpc"`
	Ingress     []Permission      `json:"ingress,omitempty"` // all of them are ours; foreign ones are revoked
	Tags        map[string]string `json:"tags,omitempty"`
}

// Permission lets one source in to a range of ports. Exactly one of the sources is
// set. The description is not part of its identity.
type Permission struct {
	Protocol    string `json:"protocol"` // "tcp", "udp" or "-1" for all
	FromPort    int32  `json:"fromPort"`
	ToPort      int32  `json:"toPort"`
	CIDR        string `json:"cidr,omitempty"`
	CIDR6       string `json:"cidr6,omitempty"`
	PrefixList  string `json:"prefixList,omitempty"`
	SourceGroup string `json:"sourceGroup,omitempty"`
	Description string `json:"description,omitempty"`
}

// Identity is the permission as EC2 tells permissions apart.
func (p Permission) Identity() Permission {
	p.Description = ""
	return p
}

// Within reports whether the other lets in the same source, to all of these ports at least.
func (p Permission) Within(other Permission) bool {
	wide := p.Identity()
	wide.FromPort, wide.ToPort = other.FromPort, other.ToPort
	return wide == other.Identity() && other.FromPort <= p.FromPort && p.ToPort <= other.ToPort
}

// SortPermissions returns the permissions in a stable order.
func SortPermissions(list []Permission) []Permission {
	slices.SortFunc(list, func(a, b Permission) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.FromPort, b.FromPort), cmp.Compare(a.ToPort, b.ToPort),
			cmp.Compare(a.CIDR, b.CIDR), cmp.Compare(a.CIDR6, b.CIDR6), cmp.Compare(a.PrefixList, b.PrefixList), cmp.Compare(a.SourceGroup, b.SourceGroup))
	})
	return list
}
