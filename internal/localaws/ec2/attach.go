package ec2

import (
	"net/netip"
	"slices"
)

// SubnetInfo is what a load balancer must know of a subnet.
type SubnetInfo struct {
	ID, Zone, VPCID string
	CIDR, IPv6      netip.Prefix // IPv6 is not valid where the subnet has none
}

// Subnet finds a subnet.
func (n *Network) Subnet(id string) (SubnetInfo, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.findSubnet(id)
	if s == nil {
		return SubnetInfo{}, false
	}
	return SubnetInfo{ID: s.id, Zone: s.zone, VPCID: s.vpc.id, CIDR: s.cidr, IPv6: s.cidr6}, true
}

// HasVPC reports whether there is such a VPC.
func (n *Network) HasVPC(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.findVPC(id) != nil
}

// Locate says whether an address is inside a VPC, and in which zone, if a subnet holds it.
func (n *Network) Locate(vpcID string, address netip.Addr) (zone string, inside bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.findVPC(vpcID)
	if v == nil || !v.cidr.Contains(address) && !v.cidr6.Contains(address) {
		return "", false
	}
	for _, s := range n.subnets {
		if s.vpc == v && (s.cidr.Contains(address) || s.cidr6.Contains(address)) {
			return s.zone, true
		}
	}
	return "", true
}

// InstanceAddress finds the address and the zone of an instance in a VPC.
func (n *Network) InstanceAddress(vpcID, id string) (address netip.Addr, zone string, found bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.findInstance(id)
	if i == nil || i.subnet.vpc.id != vpcID {
		return netip.Addr{}, "", false
	}
	return i.eni.address, i.subnet.zone, true
}

// GroupVPC says which VPC a security group is in.
func (n *Network) GroupVPC(id string) (vpcID string, found bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	g := n.findGroup(id)
	if g == nil {
		return "", false
	}
	return g.vpc.id, true
}

// DefaultGroup is the id of a VPC's default security group.
func (n *Network) DefaultGroup(vpcID string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, g := range n.groups {
		if g.vpc.id == vpcID && g.name == defaultGroupName {
			return g.id
		}
	}
	return ""
}

// Placement is where a load balancer has an interface, and the addresses that it shall have there, if any.
type Placement struct {
	SubnetID   string
	Private    string // of the subnet
	Allocation string // of an Elastic IP address
}

// Attach gives a load balancer one interface in each subnet, with the groups. What it had in other subnets goes;
// what it has in these stays and takes on the groups.
func (n *Network) Attach(owner string, placements []Placement, groupIDs []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	groups, _ := n.findGroups(groupIDs) // checked by the caller
	n.interfaces = slices.DeleteFunc(n.interfaces, func(i *networkInterface) bool {
		return i.owner == owner && !slices.ContainsFunc(placements, func(p Placement) bool { return p.SubnetID == i.subnet.id })
	})
	n.releaseAll(owner)
	for _, p := range placements {
		s := n.findSubnet(p.SubnetID)
		eni := find(n.interfaces, func(i *networkInterface) bool { return i.owner == owner && i.subnet == s })
		if eni == nil {
			eni = &networkInterface{
				number: n.next(), id: n.newID("eni"), description: "ELB " + owner, subnet: s, address: n.addressFor(s, p), owner: owner,
			}
			n.interfaces = append(n.interfaces, eni)
		}
		eni.groups = groups
		if a := n.allocation(p.Allocation); a != nil {
			a.owner, a.eni = owner, eni
		}
	}
}

// addressFor is the address that a placement asks for, or a free one.
func (n *Network) addressFor(s *subnet, p Placement) netip.Addr {
	if address, err := netip.ParseAddr(p.Private); err == nil {
		return address
	}
	return n.freeAddress(s)
}

// Detach removes all interfaces of a load balancer.
func (n *Network) Detach(owner string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.interfaces = slices.DeleteFunc(n.interfaces, func(i *networkInterface) bool { return i.owner == owner })
	n.releaseAll(owner)
}

// reservedAddresses is how many addresses of each subnet AWS keeps: four at the start, one at the end ("Subnet CIDR
// blocks", VPC guide).
const reservedAddresses = 5

// freeAddress is the highest address of the subnet that no interface has: from the end that instances and Pods, which
// are seeded or come later, hardly ever reach.
func (n *Network) freeAddress(s *subnet) netip.Addr {
	last := s.cidr.Masked().Addr().As4()
	for bit := s.cidr.Bits(); bit < 32; bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	address := netip.AddrFrom4(last).Prev() // the last one is AWS's
	for slices.ContainsFunc(n.interfaces, func(i *networkInterface) bool { return i.address == address }) {
		address = address.Prev()
	}
	return address
}
