package elbv2

import "github.com/sluice-lb/sluice/internal/localaws/wire"

type setSecurityGroupsInput struct {
	balancerInput
	SecurityGroups []string `required:"true"`
}

type setSecurityGroupsOutput struct {
	IDs []string `xml:"SecurityGroupIds>member"`
}

func (s *Service) setSecurityGroups(in setSecurityGroupsInput) (setSecurityGroupsOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return setSecurityGroupsOutput{}, err
	}
	if err := s.checkSecurityGroups(in.SecurityGroups, b.vpcID); err != nil {
		return setSecurityGroupsOutput{}, err
	}
	b.settings.securityGroups = in.SecurityGroups
	s.Network.Attach(b.path, b.settings.subnets, b.settings.securityGroups)
	return setSecurityGroupsOutput{IDs: in.SecurityGroups}, nil
}

type setSubnetsInput struct {
	balancerInput
	Subnets        []string
	SubnetMappings []subnetMapping
	IPAddressType  string `form:"IpAddressType"`
}

type setSubnetsOutput struct {
	Zones         []zoneOutput `xml:"AvailabilityZones>member"`
	IPAddressType string       `xml:"IpAddressType"`
}

func (s *Service) setSubnets(in setSubnetsInput) (setSubnetsOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return setSubnetsOutput{}, err
	}
	if err := checkIPAddressType(in.IPAddressType); err != nil {
		return setSubnetsOutput{}, err
	}
	subnets, vpcID, err := s.checkSubnets(in.Subnets, in.SubnetMappings)
	if err != nil {
		return setSubnetsOutput{}, err
	}
	if vpcID != b.vpcID {
		return setSubnetsOutput{}, wire.Errorf("InvalidConfigurationRequest", "All subnets must belong to the same VPC: '%s'", b.vpcID)
	}
	b.settings.subnets = subnets
	s.Network.Attach(b.path, b.settings.subnets, b.settings.securityGroups)
	s.publish(b)
	return setSubnetsOutput{Zones: s.zones(b), IPAddressType: "ipv4"}, nil
}

type setIPAddressTypeInput struct {
	balancerInput
	IPAddressType string `form:"IpAddressType" required:"true" enum:"ipv4,dualstack,dualstack-without-public-ipv4"`
}

type setIPAddressTypeOutput struct {
	IPAddressType string `xml:"IpAddressType"`
}

func (s *Service) setIPAddressType(in setIPAddressTypeInput) (setIPAddressTypeOutput, error) {
	if _, err := s.balancer(in.ARN); err != nil {
		return setIPAddressTypeOutput{}, err
	}
	return setIPAddressTypeOutput{IPAddressType: in.IPAddressType}, checkIPAddressType(in.IPAddressType)
}

type describeCapacityReservationOutput struct {
	DecreaseRequestsRemaining int
}

// describeCapacityReservation says that nothing is reserved: there is no call to change that.
func (s *Service) describeCapacityReservation(in balancerInput) (describeCapacityReservationOutput, error) {
	_, err := s.balancer(in.ARN)
	return describeCapacityReservationOutput{DecreaseRequestsRemaining: 2}, err
}
