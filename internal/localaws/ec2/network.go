// Package ec2 is the part of EC2 that load balancers stand on: VPCs, subnets, security groups, instances, network
// interfaces, routes and tags.
//
// A Network holds it all. Things come in by seeding (Add…) and by the EC2 API (Service); the load balancers' side reads
// subnets, groups and instances, and attaches and detaches interfaces:
//
//	network := ec2.New("us-west-2", "123456789012", limits, clock)
//	err := network.AddVPC(ec2.VPC{ID: "vpc-1", CIDR: "10.0.0.0/16"})
//	answer, err := network.Service().Call("DescribeVpcs", form)
//
// Nothing here takes time: what EC2 answers holds at once.
package ec2

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Network is the state of EC2 in one account and Region.
type Network struct {
	region, account string
	limits          quota.Limits
	random          func() uint64
	started         time.Time

	mu         sync.Mutex
	last       int // number of the thing that was made last; orders every list
	vpcs       []*vpc
	subnets    []*subnet
	groups     []*securityGroup
	instances  []*instance
	interfaces []*networkInterface
	addresses  []*elasticAddress
	pools      []*ipamPool
	tags       map[string]map[string]string // by resource id
}

// New returns an empty network. The function random gives identifiers.
func New(region, account string, limits quota.Limits, random func() uint64) *Network {
	return &Network{
		region: region, account: account, limits: limits, random: random,
		started: time.Now().UTC().Truncate(time.Second), tags: map[string]map[string]string{},
	}
}

// VPC is a VPC to start with. It gets a default security group, an internet gateway and a main route table.
type VPC struct {
	ID, CIDR string
	IPv6CIDR string // optional
	Tags     map[string]string
}

// Subnet is a subnet to start with.
type Subnet struct {
	ID, VPCID, CIDR, Zone string
	IPv6CIDR              string // optional
	Tags                  map[string]string
}

// SecurityGroup is a security group to start with.
type SecurityGroup struct {
	ID, VPCID, Name, Description string
	Tags                         map[string]string
}

// Instance is a running instance to start with. It has one network interface with all its security groups.
type Instance struct {
	ID, SubnetID, PrivateIP, PrivateDNSName string
	SecurityGroups                          []string
	Prefixes                                []string // IPv4 prefixes of the interface, as CIDRs
	Tags                                    map[string]string
}

type vpc struct {
	number                int
	id                    string
	cidr, cidr6           netip.Prefix
	routeTable, gatewayID string
}

type subnet struct {
	number   int
	id, zone string
	vpc      *vpc
	cidr     netip.Prefix
	cidr6    netip.Prefix // not valid where there is none
}

type instance struct {
	number  int
	id, dns string
	subnet  *subnet
	eni     *networkInterface
}

type networkInterface struct {
	number      int
	id          string
	description string
	subnet      *subnet
	address     netip.Addr
	dns         string
	groups      []*securityGroup
	prefixes    []string
	instance    *instance // nil for an interface of a load balancer
	owner       string    // the load balancer's name for it, else empty
}

func (n *Network) next() int {
	n.last++
	return n.last
}

// newID is an identifier in the form of EC2: a kind and 17 hexadecimal digits.
func (n *Network) newID(kind string) string {
	return fmt.Sprintf("%s-0%016x", kind, n.random())
}

func (n *Network) setTags(id string, tags map[string]string) {
	if len(tags) > 0 {
		n.tags[id] = maps.Clone(tags)
	}
}

// AddVPC seeds a VPC.
func (n *Network) AddVPC(v VPC) error {
	cidr, err := netip.ParsePrefix(v.CIDR)
	if err != nil {
		return fmt.Errorf("VPC %s: %w", v.ID, err)
	}
	if !cidr.Addr().Is4() {
		return fmt.Errorf("VPC %s: %s is not an IPv4 range", v.ID, v.CIDR)
	}
	cidr6, err := parseIPv6(v.IPv6CIDR)
	if err != nil {
		return fmt.Errorf("VPC %s: %w", v.ID, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.findVPC(v.ID) != nil {
		return fmt.Errorf("VPC %s is there already", v.ID)
	}
	made := &vpc{number: n.next(), id: v.ID, cidr: cidr, cidr6: cidr6, routeTable: n.newID("rtb"), gatewayID: n.newID("igw")}
	n.vpcs = append(n.vpcs, made)
	n.setTags(v.ID, v.Tags)
	n.addGroup(made, n.newID("sg"), defaultGroupName, "default VPC security group")
	return nil
}

// AddSubnet seeds a subnet.
func (n *Network) AddSubnet(s Subnet) error {
	cidr, err := netip.ParsePrefix(s.CIDR)
	if err != nil {
		return fmt.Errorf("subnet %s: %w", s.ID, err)
	}
	cidr6, err := parseIPv6(s.IPv6CIDR)
	if err != nil {
		return fmt.Errorf("subnet %s: %w", s.ID, err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.findVPC(s.VPCID)
	switch {
	case v == nil:
		return fmt.Errorf("subnet %s: no VPC %s", s.ID, s.VPCID)
	case n.findSubnet(s.ID) != nil:
		return fmt.Errorf("subnet %s is there already", s.ID)
	case !v.cidr.Contains(cidr.Addr()) || cidr.Bits() < v.cidr.Bits():
		return fmt.Errorf("subnet %s: %s is not inside the VPC's %s", s.ID, s.CIDR, v.cidr)
	case cidr6.IsValid() && !v.cidr6.Contains(cidr6.Addr()):
		return fmt.Errorf("subnet %s: %s is not inside the VPC's IPv6 range", s.ID, s.IPv6CIDR)
	case s.Zone == "":
		return fmt.Errorf("subnet %s: no zone", s.ID)
	}
	n.subnets = append(n.subnets, &subnet{number: n.next(), id: s.ID, zone: s.Zone, vpc: v, cidr: cidr, cidr6: cidr6})
	n.setTags(s.ID, s.Tags)
	return nil
}

// parseIPv6 reads an IPv6 range; an empty one is not valid.
func parseIPv6(cidr string) (netip.Prefix, error) {
	if cidr == "" {
		return netip.Prefix{}, nil
	}
	prefix, err := netip.ParsePrefix(cidr)
	if err == nil && !prefix.Addr().Is6() {
		return netip.Prefix{}, fmt.Errorf("%s is not an IPv6 range", cidr)
	}
	return prefix, err
}

// AddSecurityGroup seeds a security group with the default egress rule.
func (n *Network) AddSecurityGroup(g SecurityGroup) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.findVPC(g.VPCID)
	switch {
	case v == nil:
		return fmt.Errorf("security group %s: no VPC %s", g.ID, g.VPCID)
	case n.findGroup(g.ID) != nil:
		return fmt.Errorf("security group %s is there already", g.ID)
	}
	n.addGroup(v, g.ID, g.Name, g.Description)
	n.setTags(g.ID, g.Tags)
	return nil
}

// AddInstance seeds a running instance.
func (n *Network) AddInstance(i Instance) error {
	address, err := netip.ParseAddr(i.PrivateIP)
	if err != nil {
		return fmt.Errorf("instance %s: %w", i.ID, err)
	}
	if !address.Is4() {
		return fmt.Errorf("instance %s: %s is not an IPv4 address", i.ID, i.PrivateIP)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.findSubnet(i.SubnetID)
	if s == nil {
		return fmt.Errorf("instance %s: no subnet %s", i.ID, i.SubnetID)
	}
	if n.findInstance(i.ID) != nil {
		return fmt.Errorf("instance %s is there already", i.ID)
	}
	groups, missing := n.findGroups(i.SecurityGroups)
	if missing != "" {
		return fmt.Errorf("instance %s: no security group %s", i.ID, missing)
	}
	made := &instance{number: n.next(), id: i.ID, dns: i.PrivateDNSName, subnet: s}
	made.eni = &networkInterface{
		number: n.next(), id: n.newID("eni"), subnet: s, address: address, dns: i.PrivateDNSName,
		groups: groups, prefixes: slices.Clone(i.Prefixes), instance: made,
	}
	n.instances = append(n.instances, made)
	n.interfaces = append(n.interfaces, made.eni)
	n.setTags(i.ID, i.Tags)
	return nil
}

func (n *Network) findVPC(id string) *vpc {
	return find(n.vpcs, func(v *vpc) bool { return v.id == id })
}

func (n *Network) findSubnet(id string) *subnet {
	return find(n.subnets, func(s *subnet) bool { return s.id == id })
}

func (n *Network) findGroup(id string) *securityGroup {
	return find(n.groups, func(g *securityGroup) bool { return g.id == id })
}

func (n *Network) findInstance(id string) *instance {
	return find(n.instances, func(i *instance) bool { return i.id == id })
}

// findGroups returns the groups of the ids, or the first id that there is no group for.
func (n *Network) findGroups(ids []string) (groups []*securityGroup, missing string) {
	for _, id := range ids {
		g := n.findGroup(id)
		if g == nil {
			return nil, id
		}
		groups = append(groups, g)
	}
	return groups, ""
}

func find[T any](items []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(items, is); i >= 0 {
		return items[i]
	}
	return nil
}

// Service is the EC2 API of the network.
func (n *Network) Service() wire.Service {
	return wire.Service{Dialect: wire.EC2, Operations: map[string]wire.Operation{
		"DescribeVpcs":                  wire.Op(n.describeVPCs),
		"DescribeSubnets":               wire.Op(n.describeSubnets),
		"DescribeAvailabilityZones":     wire.Op(n.describeZones),
		"DescribeRouteTables":           wire.Op(n.describeRouteTables),
		"DescribeInternetGateways":      wire.Op(n.describeInternetGateways),
		"DescribeInstances":             wire.Op(n.describeInstances),
		"DescribeNetworkInterfaces":     wire.Op(n.describeInterfaces),
		"DescribeSecurityGroups":        wire.Op(n.describeGroups),
		"DescribeSecurityGroupRules":    wire.Op(n.describeRules),
		"CreateSecurityGroup":           wire.Op(n.createGroup),
		"DeleteSecurityGroup":           wire.Op(n.deleteGroup),
		"AuthorizeSecurityGroupIngress": wire.Op(n.authorizeIngress),
		"AuthorizeSecurityGroupEgress":  wire.Op(n.authorizeEgress),
		"RevokeSecurityGroupIngress":    wire.Op(n.revokeIngress),
		"RevokeSecurityGroupEgress":     wire.Op(n.revokeEgress),
		"DescribeAddresses":             wire.Op(n.describeAddresses),
		"AllocateAddress":               wire.Op(n.allocateAddress),
		"ReleaseAddress":                wire.Op(n.releaseAddress),
		"DescribeAccountAttributes":     wire.Op(n.describeAccountAttributes),
		"DescribeVpcPeeringConnections": wire.Op(n.describePeerings),
		"DescribeCoipPools":             wire.Op(n.describeCustomerPools),
		"GetCoipPoolUsage":              wire.Op(n.getCustomerPoolUsage),
		"DescribeIpamPools":             wire.Op(n.describeIPAMPools),
		"GetSecurityGroupsForVpc":       wire.Op(n.getGroupsForVPC),
		"CreateTags":                    wire.Op(n.createTags),
		"DeleteTags":                    wire.Op(n.deleteTags),
		"DescribeTags":                  wire.Op(n.describeTags),
	}}
}
