package cloud

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// networkAge is how old facts of the VPC may be when a stack is built on them. A
// subnet that is tagged by hand is noticed that much later.
const networkAge = 10 * time.Minute

// Network is what the VPC looks like, at most ten minutes old. A caller that missed
// something in it may ask for a fresh one. NetworkWith has more of it.
func (c *Cloud) Network(ctx context.Context, fresh bool) (model.Network, error) {
	network, err := c.network.get(ctx, networkAge, fresh, c.readNetwork)
	if err != nil {
		return model.Network{}, fmt.Errorf("reading the VPC %s: %w", c.vpc, err)
	}
	return network, nil
}

// NetworkWith is the Network with what somebody needs besides.
func (c *Cloud) NetworkWith(ctx context.Context, needs model.Surroundings, fresh bool) (network model.Network, err error) {
	if network, err = c.Network(ctx, fresh); err != nil {
		return network, err
	}
	if needs.SecurityGroups {
		if network.SecurityGroups, err = c.SecurityGroups(ctx, fresh); err != nil {
			return network, err
		}
	}
	if needs.Certificates {
		if network.Certificates, err = c.Certificates(ctx, needs.Authorities); err != nil {
			return network, err
		}
	}
	network.NamedTargetGroups, err = c.NamedTargetGroups(ctx, needs.TargetGroups, fresh)
	return network, err
}

// SecurityGroups of the VPC, by id, at most ten minutes old.
func (c *Cloud) SecurityGroups(ctx context.Context, fresh bool) ([]model.NamedSecurityGroup, error) {
	groups, err := c.securityGroups.get(ctx, networkAge, fresh, func(ctx context.Context) ([]model.NamedSecurityGroup, error) {
		found, err := c.reader().allSecurityGroups(ctx)
		return namesOf(found), err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the security groups of %s: %w", c.vpc, err)
	}
	return groups, nil
}

// namedGroupAge is how long it is believed which target group has a name, as with the incumbent.
const namedGroupAge = 20 * time.Minute

// NamedTargetGroups are the ARNs of target groups by their names; those that do not exist, or
// that several have, are absent. Each name that is new costs a call.
func (c *Cloud) NamedTargetGroups(ctx context.Context, names []string, fresh bool) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range names {
		arn, err := c.namedGroup(name).get(ctx, namedGroupAge, fresh, func(ctx context.Context) (string, error) {
			group, err := c.FindTargetGroup(ctx, "", name)
			if KindOf(err) == Gone {
				err = nil
			}
			return group.ARN, err
		})
		if err != nil {
			return nil, fmt.Errorf("looking up the target group %s: %w", name, err)
		}
		if arn != "" {
			found[name] = arn
		}
	}
	return found, nil
}

func (c *Cloud) namedGroup(name string) *remembered[string] {
	group, _ := c.namedGroups.LoadOrStore(name, &remembered[string]{})
	return group.(*remembered[string])
}

func namesOf(groups []ec2types.SecurityGroup) []model.NamedSecurityGroup {
	var names []model.NamedSecurityGroup
	for _, group := range groups {
		names = append(names, model.NamedSecurityGroup{ID: deref(group.GroupId), Name: ec2Tags(group.Tags)["Name"]})
	}
	slices.SortFunc(names, func(a, b model.NamedSecurityGroup) int { return strings.Compare(a.ID, b.ID) })
	return names
}

func (c *Cloud) readNetwork(ctx context.Context) (model.Network, error) {
	network := model.Network{VPC: c.vpc}
	vpcs, err := ec2Call(ctx, c, Read, "DescribeVpcs", c.ec2.DescribeVpcs, &ec2.DescribeVpcsInput{VpcIds: []string{c.vpc}})
	if err != nil {
		return network, err
	}
	for _, vpc := range vpcs.Vpcs {
		network.CIDRs = append(network.CIDRs, cidrsOf(vpc)...)
	}
	in := &ec2.DescribeSubnetsInput{Filters: c.inVPC()}
	for {
		out, err := ec2Call(ctx, c, Read, "DescribeSubnets", c.ec2.DescribeSubnets, in)
		if err != nil {
			return network, err
		}
		for _, subnet := range out.Subnets {
			network.Subnets = append(network.Subnets, subnetOf(subnet))
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	slices.SortFunc(network.Subnets, func(a, b model.Subnet) int { return strings.Compare(a.ID, b.ID) })
	if err := c.readZones(ctx, network.Subnets); err != nil {
		return network, err
	}
	return network, c.readRoutes(ctx, network.Subnets)
}

func (c *Cloud) inVPC() []ec2types.Filter {
	return []ec2types.Filter{{Name: new("vpc-id"), Values: []string{c.vpc}}}
}

func subnetOf(subnet ec2types.Subnet) model.Subnet {
	return model.Subnet{
		ID: deref(subnet.SubnetId), Zone: deref(subnet.AvailabilityZone), Outpost: deref(subnet.OutpostArn),
		FreeAddresses: deref(subnet.AvailableIpAddressCount), Tags: ec2Tags(subnet.Tags),
		IPv6: slices.ContainsFunc(subnet.Ipv6CidrBlockAssociationSet, func(a ec2types.SubnetIpv6CidrBlockAssociation) bool {
			return a.Ipv6CidrBlockState != nil && a.Ipv6CidrBlockState.State == ec2types.SubnetCidrBlockStateCodeAssociated
		}),
	}
}

// ordinaryZone is the name of an Availability Zone, such as us-west-2a. Local Zones and
// Wavelength Zones have longer ones, such as us-west-2-lax-1a (EC2 guide, "Regions and Zones").
var ordinaryZone = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+[a-z]$`)

// readZones asks for the types of zones where one of them has no ordinary name. (The pattern
// fits "us-west-2a" and not "us-west-2-lax-1a", in which a number comes before a letter group.)
func (c *Cloud) readZones(ctx context.Context, subnets []model.Subnet) error {
	if !slices.ContainsFunc(subnets, func(s model.Subnet) bool { return !ordinaryZone.MatchString(s.Zone) }) {
		return nil
	}
	out, err := ec2Call(ctx, c, Read, "DescribeAvailabilityZones", c.ec2.DescribeAvailabilityZones, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return err
	}
	for _, zone := range out.AvailabilityZones {
		for i := range subnets {
			if kind := deref(zone.ZoneType); subnets[i].Zone == deref(zone.ZoneName) && kind != "availability-zone" {
				subnets[i].ZoneType = kind
			}
		}
	}
	return nil
}

// readRoutes finds out which subnets are public, where tags do not say which subnets are for
// which load balancers.
func (c *Cloud) readRoutes(ctx context.Context, subnets []model.Subnet) error {
	for _, role := range []string{"kubernetes.io/role/elb", "kubernetes.io/role/internal-elb"} {
		tagged := func(s model.Subnet) bool { return s.Tags[role] == "1" || s.Tags[role] == "" && has(s.Tags, role) }
		if !slices.ContainsFunc(subnets, tagged) {
			return c.readRouteTables(ctx, subnets)
		}
	}
	return nil
}

func has(tags map[string]string, key string) bool { _, ok := tags[key]; return ok }

func (c *Cloud) readRouteTables(ctx context.Context, subnets []model.Subnet) error {
	public, main := map[string]bool{}, false
	in := &ec2.DescribeRouteTablesInput{Filters: c.inVPC()}
	for {
		out, err := ec2Call(ctx, c, Read, "DescribeRouteTables", c.ec2.DescribeRouteTables, in)
		if err != nil {
			return err
		}
		for _, table := range out.RouteTables {
			leadsOut := slices.ContainsFunc(table.Routes, func(r ec2types.Route) bool { return strings.HasPrefix(deref(r.GatewayId), "igw") })
			for _, association := range table.Associations {
				if deref(association.Main) {
					main = leadsOut
				} else if id := deref(association.SubnetId); id != "" {
					public[id] = leadsOut
				}
			}
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			break
		}
	}
	for i := range subnets {
		leadsOut, associated := public[subnets[i].ID]
		subnets[i].Public = leadsOut || !associated && main
	}
	return nil
}

// cidrsOf are all ranges of a VPC, of both families.
func cidrsOf(vpc ec2types.Vpc) []netip.Prefix {
	var list []netip.Prefix
	for _, association := range vpc.CidrBlockAssociationSet {
		list = appendCIDR(list, deref(association.CidrBlock))
	}
	for _, association := range vpc.Ipv6CidrBlockAssociationSet {
		list = appendCIDR(list, deref(association.Ipv6CidrBlock))
	}
	return list
}

func appendCIDR(list []netip.Prefix, text string) []netip.Prefix {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return append(list, prefix)
	}
	return list
}
