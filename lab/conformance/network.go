package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// findNetwork fills in the VPC and the subnets that were not given. Nothing of them is changed.
func (p *place) findNetwork(ctx context.Context) error {
	client := ec2.NewFromConfig(p.aws)
	if p.vpc == "" {
		if err := p.findVPC(ctx, client); err != nil {
			return err
		}
	}
	if len(p.subnets) > 0 {
		return nil
	}
	out, err := client.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{p.vpc}}}})
	if err != nil {
		return fmt.Errorf("listing subnets: %w", err)
	}
	slices.SortFunc(out.Subnets, func(a, b ec2types.Subnet) int { return cmp.Compare(*a.SubnetId, *b.SubnetId) })
	byZone := map[string]string{}
	for _, s := range out.Subnets {
		if _, taken := byZone[*s.AvailabilityZone]; !taken && len(s.Ipv6CidrBlockAssociationSet) == 0 {
			byZone[*s.AvailabilityZone] = *s.SubnetId
		}
	}
	for _, zone := range slices.Sorted(maps.Keys(byZone)) {
		p.subnets = append(p.subnets, byZone[zone])
	}
	if len(p.subnets) < 2 {
		return fmt.Errorf("VPC %s has no subnets without IPv6 in two zones: name two with --subnet, or another VPC with --vpc", p.vpc)
	}
	p.subnets = p.subnets[:2]
	return nil
}

// findVPC takes the default VPC, or the only one.
func (p *place) findVPC(ctx context.Context, client *ec2.Client) error {
	out, err := client.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{})
	if err != nil {
		return fmt.Errorf("listing VPCs: %w", err)
	}
	for _, v := range out.Vpcs {
		if len(out.Vpcs) == 1 || aws.ToBool(v.IsDefault) {
			p.vpc = *v.VpcId
			return nil
		}
	}
	return errors.New("there is no default VPC: name one with --vpc")
}
