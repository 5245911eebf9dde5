package elbv2

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type setSecurityGroupsInput struct {
	balancerInput
	SecurityGroups []string `required:"true"`
	PrivateLink    string   `form:"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic" enum:"on,off"`
}

type setSecurityGroupsOutput struct {
	IDs         []string `xml:"SecurityGroupIds>member"`
	PrivateLink string   `xml:"EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic,omitempty"`
}

// setSecurityGroups: a network load balancer that was made without security groups never gets any (API reference).
func (s *Service) setSecurityGroups(in setSecurityGroupsInput) (setSecurityGroupsOutput, error) {
	b, err := s.balancer(in.ARN)
	switch {
	case err != nil:
		return setSecurityGroupsOutput{}, err
	case b.settings.kind == network && len(b.settings.securityGroups) == 0:
		return setSecurityGroupsOutput{}, wire.Errorf("InvalidConfigurationRequest", "Security groups cannot be set: load balancer '%s' was created without any", b.arn)
	case b.settings.kind == application && in.PrivateLink != "":
		return setSecurityGroupsOutput{}, wire.Errorf("InvalidConfigurationRequest", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic is only supported by network load balancers")
	}
	if err := s.checkSecurityGroups(in.SecurityGroups, b.vpcID); err != nil {
		return setSecurityGroupsOutput{}, err
	}
	override(&b.privateLnk, in.PrivateLink)
	b.settings.securityGroups = in.SecurityGroups
	s.attach(b)
	return setSecurityGroupsOutput{IDs: in.SecurityGroups, PrivateLink: b.privateLnk}, nil
}

type setSubnetsInput struct {
	balancerInput
	Subnets        []string
	SubnetMappings []subnetMapping
	IPAddressType  string `form:"IpAddressType" enum:"ipv4,dualstack,dualstack-without-public-ipv4"`
	SourceNAT      string `form:"EnablePrefixForIpv6SourceNat" enum:"on,off"`
}

type setSubnetsOutput struct {
	Zones         []zoneOutput `xml:"AvailabilityZones>member"`
	IPAddressType string       `xml:"IpAddressType"`
	SourceNAT     string       `xml:"EnablePrefixForIpv6SourceNat,omitempty"`
}

func (s *Service) setSubnets(in setSubnetsInput) (setSubnetsOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return setSubnetsOutput{}, err
	}
	if b.capacity.pending {
		return setSubnetsOutput{}, wire.Errorf("CapacityReservationPending", "The capacity reservation of load balancer '%s' is pending", b.arn)
	}
	after := b.settings
	override(&after.addressType, in.IPAddressType)
	override(&after.sourceNAT, in.SourceNAT)
	if in.SourceNAT != "" && (after.kind != network || after.addressType != dualstack) {
		return setSubnetsOutput{}, wire.Errorf("InvalidConfigurationRequest", "EnablePrefixForIpv6SourceNat is only supported by dualstack network load balancers")
	}
	mappings, vpcID, err := s.checkSubnets(after, in.Subnets, in.SubnetMappings)
	if err != nil {
		return setSubnetsOutput{}, err
	}
	if vpcID != b.vpcID {
		return setSubnetsOutput{}, wire.Errorf("InvalidConfigurationRequest", "All subnets must belong to the same VPC: '%s'", b.vpcID)
	}
	after.mappings = mappings
	b.settings = after
	s.attach(b)
	s.publish(b)
	return setSubnetsOutput{Zones: s.zones(b), IPAddressType: after.addressType, SourceNAT: after.sourceNAT}, nil
}

type setIPAddressTypeInput struct {
	balancerInput
	IPAddressType string `form:"IpAddressType" required:"true" enum:"ipv4,dualstack,dualstack-without-public-ipv4"`
}

type setIPAddressTypeOutput struct {
	IPAddressType string `xml:"IpAddressType"`
}

func (s *Service) setIPAddressType(in setIPAddressTypeInput) (setIPAddressTypeOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return setIPAddressTypeOutput{}, err
	}
	after := b.settings
	after.addressType = in.IPAddressType
	if in.IPAddressType == withoutPublic && (after.kind == network || after.scheme == "internal") {
		return setIPAddressTypeOutput{}, wire.Errorf("InvalidConfigurationRequest", "IpAddressType '%s' is only supported by internet-facing application load balancers", withoutPublic)
	}
	if _, _, err := s.checkSubnets(after, nil, after.mappings); err != nil {
		return setIPAddressTypeOutput{}, err
	}
	if in.IPAddressType == "ipv4" {
		for g := range s.groupsOf(b) {
			if g.settings.addressType == "ipv6" {
				return setIPAddressTypeOutput{}, wire.Errorf("InvalidConfigurationRequest", "The target group '%s' has IPv6 targets: the load balancer must be dualstack", g.arn)
			}
		}
	}
	b.settings = after
	return setIPAddressTypeOutput{IPAddressType: in.IPAddressType}, nil
}

// ipamPools is where public addresses come from.
type ipamPools struct {
	IPv4 string `form:"Ipv4IpamPoolId" xml:"Ipv4IpamPoolId,omitempty"`
}

func (s *Service) checkPool(settings balancerSettings, pool string) error {
	switch {
	case settings.kind != application || settings.scheme != "internet-facing":
		return wire.Errorf("InvalidConfigurationRequest", "IPAM pools are only supported by internet-facing application load balancers")
	case !s.Network.HasPool(pool):
		return wire.Errorf("InvalidConfigurationRequest", "The IPAM pool '%s' does not exist", pool)
	}
	return nil
}

type modifyIPPoolsInput struct {
	balancerInput
	Pools  *ipamPools `form:"IpamPools"`
	Remove []string   `form:"RemoveIpamPools" enum:"ipv4"`
}

type modifyIPPoolsOutput struct {
	Pools *ipamPools `xml:"IpamPools"`
}

func (s *Service) modifyIPPools(in modifyIPPoolsInput) (modifyIPPoolsOutput, error) {
	b, err := s.balancer(in.ARN)
	switch {
	case err != nil:
		return modifyIPPoolsOutput{}, err
	case (in.Pools == nil) == (len(in.Remove) == 0):
		return modifyIPPoolsOutput{}, wire.Errorf("ValidationError", "You must specify either IPAM pools or which to remove")
	case slices.Contains(in.Remove, "ipv4"):
		b.settings.pool = ""
		return modifyIPPoolsOutput{}, nil
	}
	if err := s.checkPool(b.settings, in.Pools.IPv4); err != nil {
		return modifyIPPoolsOutput{}, err
	}
	b.settings.pool = in.Pools.IPv4
	return modifyIPPoolsOutput{Pools: in.Pools}, nil
}
