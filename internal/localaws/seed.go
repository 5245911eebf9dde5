package localaws

import "github.com/sluice-lb/sluice/internal/localaws/ec2"

// Seed is what is there before anybody calls.
type Seed struct {
	VPCs           []VPC
	Subnets        []Subnet
	SecurityGroups []SecurityGroup
	Instances      []Instance
}

// The parts of a Seed.
type (
	VPC           = ec2.VPC
	Subnet        = ec2.Subnet
	SecurityGroup = ec2.SecurityGroup
	Instance      = ec2.Instance
)

// Seed adds to the network. It stops at the first thing that does not fit to what is there.
func (c *Cloud) Seed(s Seed) error {
	if err := each(s.VPCs, c.network.AddVPC); err != nil {
		return err
	}
	if err := each(s.Subnets, c.network.AddSubnet); err != nil {
		return err
	}
	if err := each(s.SecurityGroups, c.network.AddSecurityGroup); err != nil {
		return err
	}
	return each(s.Instances, c.network.AddInstance)
}

func each[T any](items []T, add func(T) error) error {
	for _, item := range items {
		if err := add(item); err != nil {
			return err
		}
	}
	return nil
}
