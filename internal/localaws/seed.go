package localaws

import (
	"github.com/sluice-lb/sluice/internal/localaws/cognito"
	"github.com/sluice-lb/sluice/internal/localaws/ec2"
)

// Seed is what is there before anybody calls.
type Seed struct {
	VPCs           []VPC
	Subnets        []Subnet
	SecurityGroups []SecurityGroup
	Instances      []Instance
	IPAMPools      []IPAMPool
	PoolClients    []PoolClient // of Cognito's user pools
	Objects        []Object     // what Elastic Load Balancing reads from S3
}

// Object is an object in a bucket.
type Object struct {
	Bucket, Key string
	Content     []byte
}

type (
	// VPC is one network of a Seed.
	VPC = ec2.VPC
	// Subnet is a part of a VPC in one zone.
	Subnet = ec2.Subnet
	// SecurityGroup is one that somebody made by hand.
	SecurityGroup = ec2.SecurityGroup
	// Instance is a node, with its network interface.
	Instance = ec2.Instance
	// IPAMPool is where load balancers may take public addresses from.
	IPAMPool = ec2.IPAMPool
	// PoolClient is a client of a Cognito user pool.
	PoolClient = cognito.Client
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
	for _, o := range s.Objects {
		c.objects.Put(o.Bucket, o.Key, o.Content)
	}
	if err := each(s.PoolClients, c.cognito.Add); err != nil {
		return err
	}
	if err := each(s.IPAMPools, c.network.AddIPAMPool); err != nil {
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
