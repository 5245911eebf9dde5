package elbv2

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/ec2"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// The values of IpAddressType beside "ipv4".
const (
	dualstack     = "dualstack"
	withoutPublic = "dualstack-without-public-ipv4"
)

// subnetMapping is a subnet of a load balancer and, for network load balancers, the addresses that it has there.
type subnetMapping struct {
	SubnetID   string `form:"SubnetId" required:"true"`
	Allocation string `form:"AllocationId"`
	Private    string `form:"PrivateIPv4Address"`
	IPv6       string `form:"IPv6Address"`
	SourceNAT  string `form:"SourceNatIpv6Prefix"`
}

type zoneOutput struct {
	Name      string          `xml:"ZoneName"`
	SubnetID  string          `xml:"SubnetId"`
	Addresses []addressOutput `xml:"LoadBalancerAddresses>member,omitempty"`
	Prefixes  []string        `xml:"SourceNatIpv6Prefixes>member,omitempty"`
}

type addressOutput struct {
	IP         string `xml:"IpAddress,omitempty"`
	Allocation string `xml:"AllocationId,omitempty"`
	Private    string `xml:"PrivateIPv4Address,omitempty"`
	IPv6       string `xml:"IPv6Address,omitempty"`
}

// zones are the zones of a load balancer. Addresses are shown where the user chose them.
func (s *Service) zones(b *loadBalancer) []zoneOutput {
	var zones []zoneOutput
	for _, m := range b.settings.mappings {
		info, _ := s.Network.Subnet(m.SubnetID) // subnets are never deleted
		zone := zoneOutput{Name: info.Zone, SubnetID: m.SubnetID}
		address := addressOutput{Allocation: m.Allocation, Private: m.Private, IPv6: m.IPv6}
		if m.Allocation != "" {
			address.IP, _ = s.Network.Allocation(m.Allocation)
		}
		if address != (addressOutput{}) {
			zone.Addresses = []addressOutput{address}
		}
		if m.SourceNAT != "" {
			zone.Prefixes = []string{m.SourceNAT}
		}
		zones = append(zones, zone)
	}
	return zones
}

// attach gives a load balancer its interfaces and addresses, and takes those that it has too many.
func (s *Service) attach(b *loadBalancer) {
	var places []ec2.Placement
	for _, m := range b.settings.mappings {
		places = append(places, ec2.Placement{SubnetID: m.SubnetID, Private: m.Private, Allocation: m.Allocation})
	}
	s.Network.Attach(b.path, places, b.settings.securityGroups)
}

// checkSubnets returns the mappings of a load balancer, in the order of the subnets' ids, and their VPC.
func (s *Service) checkSubnets(settings balancerSettings, ids []string, given []subnetMapping) (mappings []subnetMapping, vpcID string, err error) {
	if len(ids) > 0 && len(given) > 0 {
		return nil, "", wire.Errorf("ValidationError", "You must specify either subnets or subnet mappings, not both")
	}
	mappings = slices.Clone(given)
	for _, id := range ids {
		mappings = append(mappings, subnetMapping{SubnetID: id})
	}
	slices.SortStableFunc(mappings, func(a, b subnetMapping) int { return cmp.Compare(a.SubnetID, b.SubnetID) })
	mappings = slices.Compact(mappings)
	zones := map[string]bool{}
	for _, m := range mappings {
		info, err := s.checkSubnet(settings, m)
		switch {
		case err != nil:
			return nil, "", err
		case vpcID != "" && vpcID != info.VPCID:
			return nil, "", wire.Errorf("InvalidConfigurationRequest", "All subnets must belong to the same VPC: '%s'", vpcID)
		case zones[info.Zone]:
			return nil, "", wire.Errorf("InvalidConfigurationRequest",
				"A load balancer cannot be attached to multiple subnets in the same Availability Zone")
		}
		vpcID, zones[info.Zone] = info.VPCID, true
	}
	switch {
	case len(zones) < 2 && settings.kind == application:
		return nil, "", wire.Errorf("ValidationError", "At least two subnets in two different Availability Zones must be specified")
	case len(zones) == 0:
		return nil, "", wire.Errorf("ValidationError", "At least one subnet must be specified")
	}
	return mappings, vpcID, nil
}

func (s *Service) checkSubnet(settings balancerSettings, m subnetMapping) (ec2.SubnetInfo, error) {
	info, ok := s.Network.Subnet(m.SubnetID)
	switch {
	case !ok && !strings.HasPrefix(m.SubnetID, "subnet-"):
		return info, wire.Errorf("InvalidSubnet", "The subnet ID '%s' is not valid", m.SubnetID)
	case !ok:
		return info, wire.Errorf("SubnetNotFound", "The subnet ID '%s' does not exist", m.SubnetID)
	case settings.addressType != "ipv4" && !info.IPv6.IsValid():
		return info, wire.Errorf("InvalidConfigurationRequest", "IpAddressType '%s' is not possible: the subnet '%s' has no IPv6 CIDR", settings.addressType, m.SubnetID)
	case settings.kind == application && (m.Allocation != "" || m.Private != "" || m.IPv6 != "" || m.SourceNAT != ""):
		return info, wire.Errorf("InvalidConfigurationRequest", "Addresses cannot be specified for application load balancers")
	}
	return info, s.checkAddresses(settings, m, info)
}

// checkAddresses: an Elastic IP address for an internet-facing network load balancer, a private address for an internal
// one, an IPv6 address for a dualstack one (API reference, SubnetMapping).
func (s *Service) checkAddresses(settings balancerSettings, m subnetMapping, info ec2.SubnetInfo) error {
	if m.Allocation != "" {
		if settings.scheme == "internal" {
			return wire.Errorf("InvalidConfigurationRequest", "Elastic IP addresses cannot be specified for internal load balancers")
		}
		if _, ok := s.Network.Allocation(m.Allocation); !ok {
			return wire.Errorf("AllocationIdNotFound", "The allocation ID '%s' does not exist", m.Allocation)
		}
		if user := s.Network.AllocationUser(m.Allocation); user != "" && !strings.Contains(user, "/"+settings.name+"/") {
			return wire.Errorf("ResourceInUse", "The allocation ID '%s' is in use", m.Allocation)
		}
	}
	if m.Private != "" {
		address, err := netip.ParseAddr(m.Private)
		switch {
		case settings.scheme != "internal":
			return wire.Errorf("InvalidConfigurationRequest", "Private addresses can only be specified for internal load balancers")
		case err != nil || !info.CIDR.Contains(address):
			return wire.Errorf("InvalidConfigurationRequest", "The address '%s' is not in the subnet '%s'", m.Private, m.SubnetID)
		}
	}
	if m.IPv6 != "" {
		address, err := netip.ParseAddr(m.IPv6)
		if settings.addressType == "ipv4" || err != nil || !info.IPv6.Contains(address) {
			return wire.Errorf("InvalidConfigurationRequest", "The address '%s' is not in the IPv6 range of the subnet '%s' of a dualstack load balancer", m.IPv6, m.SubnetID)
		}
	}
	if m.SourceNAT != "" && m.SourceNAT != "auto_assigned" {
		prefix, err := netip.ParsePrefix(m.SourceNAT)
		if err != nil || prefix.Bits() != 80 || !info.IPv6.Contains(prefix.Addr()) {
			return wire.Errorf("InvalidConfigurationRequest", "The prefix '%s' is not a /80 of the subnet '%s'", m.SourceNAT, m.SubnetID)
		}
	}
	return nil
}
