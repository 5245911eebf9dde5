package cloud

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// networkAge is how old facts of the VPC may be when a stack is built on them. A
// subnet that is tagged by hand is noticed that much later.
const networkAge = 10 * time.Minute

type networkCache struct {
	mu      sync.Mutex
	network model.Network
	read    time.Time
}

// Network is what the VPC looks like, at most ten minutes old. A caller that missed
// something in it may ask for a fresh one.
func (c *Cloud) Network(ctx context.Context, fresh bool) (model.Network, error) {
	c.network.mu.Lock()
	known, age := c.network.network, time.Since(c.network.read)
	c.network.mu.Unlock()
	if known.VPC != "" && age < networkAge && !(fresh && age > 10*time.Second) {
		return known, nil
	}
	network, err := c.readNetwork(ctx)
	if err != nil {
		return model.Network{}, fmt.Errorf("reading the VPC %s: %w", c.vpc, err)
	}
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	c.network.network, c.network.read = network, time.Now()
	return network, nil
}

func (c *Cloud) readNetwork(ctx context.Context) (model.Network, error) {
	network := model.Network{VPC: c.vpc}
	vpcs, err := ec2Call(ctx, c, Read, "DescribeVpcs", c.ec2.DescribeVpcs, &ec2.DescribeVpcsInput{VpcIds: []string{c.vpc}})
	if err != nil {
		return network, err
	}
	for _, vpc := range vpcs.Vpcs {
		for _, association := range vpc.CidrBlockAssociationSet {
			network.CIDRs = appendCIDR(network.CIDRs, deref(association.CidrBlock))
		}
		for _, association := range vpc.Ipv6CidrBlockAssociationSet {
			network.CIDRs = appendCIDR(network.CIDRs, deref(association.Ipv6CidrBlock))
		}
	}
	in := &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{{Name: new("vpc-id"), Values: []string{c.vpc}}}}
	for {
		out, err := ec2Call(ctx, c, Read, "DescribeSubnets", c.ec2.DescribeSubnets, in)
		if err != nil {
			return network, err
		}
		for _, subnet := range out.Subnets {
			network.Subnets = append(network.Subnets, model.Subnet{
				ID: deref(subnet.SubnetId), Zone: deref(subnet.AvailabilityZone), FreeAddresses: deref(subnet.AvailableIpAddressCount), Tags: ec2Tags(subnet.Tags),
			})
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	slices.SortFunc(network.Subnets, func(a, b model.Subnet) int { return strings.Compare(a.ID, b.ID) })
	return network, nil
}

func appendCIDR(list []netip.Prefix, text string) []netip.Prefix {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return append(list, prefix)
	}
	return list
}
