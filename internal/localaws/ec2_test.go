package localaws_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sluice-lb/sluice/internal/localaws"
)

var ignoreHiddenEC2 = cmpopts.IgnoreUnexported(
	ec2types.Subnet{}, ec2types.Tag{}, ec2types.IpPermission{}, ec2types.IpRange{}, ec2types.UserIdGroupPair{},
	ec2types.Ipv6Range{}, ec2types.PrefixListId{}, ec2types.SecurityGroup{}, ec2types.SecurityGroupRule{}, ec2types.TagDescription{},
)

func filter(name string, values ...string) ec2types.Filter {
	return ec2types.Filter{Name: &name, Values: values}
}

func TestSubnetsByFilter(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	for _, tt := range []struct {
		name    string
		filters []ec2types.Filter
		ids     []string
		want    []string
	}{
		{"all", nil, nil, []string{"subnet-a", "subnet-b", "subnet-c", "subnet-a2", "subnet-far"}},
		{"by-vpc", []ec2types.Filter{filter("vpc-id", "vpc-2")}, nil, []string{"subnet-far"}},
		{"by-tag", []ec2types.Filter{filter("tag:kubernetes.io/role/elb", "", "1")}, nil, []string{"subnet-a", "subnet-b"}},
		{"by-tag-key", []ec2types.Filter{filter("tag-key", "kubernetes.io/*")}, nil, []string{"subnet-a", "subnet-b"}},
		{"by-two", []ec2types.Filter{filter("availability-zone", "us-west-2b"), filter("vpc-id", "vpc-1")}, nil, []string{"subnet-b"}},
		{"by-id", nil, []string{"subnet-c", "subnet-a"}, []string{"subnet-a", "subnet-c"}},
		{"none", []ec2types.Filter{filter("subnet-id", "subnet-z")}, nil, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := c.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{Filters: tt.filters, SubnetIds: tt.ids})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range out.Subnets {
				got = append(got, *s.SubnetId)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSubnetAsDescribed(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	out := must(c.ec2.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-b"}}))(c)
	want := []ec2types.Subnet{{
		SubnetId: aws.String("subnet-b"), SubnetArn: aws.String("arn:aws:ec2:us-west-2:123456789012:subnet/subnet-b"), OwnerId: aws.String("123456789012"),
		VpcId: aws.String("vpc-1"), CidrBlock: aws.String("127.0.16.0/20"), AvailabilityZone: aws.String("us-west-2b"), AvailabilityZoneId: aws.String("usw2-az2"),
		AvailableIpAddressCount: aws.Int32(4091), State: ec2types.SubnetStateAvailable, DefaultForAz: aws.Bool(false), MapPublicIpOnLaunch: aws.Bool(false),
		Tags: []ec2types.Tag{{Key: aws.String("kubernetes.io/role/elb"), Value: aws.String("1")}},
	}}
	if diff := cmp.Diff(want, out.Subnets, ignoreHiddenEC2, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestRulesInOnePage(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	pages := 0
	var got []string
	for p := ec2.NewDescribeSecurityGroupRulesPaginator(c.ec2, &ec2.DescribeSecurityGroupRulesInput{MaxResults: aws.Int32(5)}); p.HasMorePages(); pages++ {
		for _, r := range must(p.NextPage(t.Context()))(c).SecurityGroupRules {
			got = append(got, *r.GroupId)
		}
	}
	if len(got) != 4 || pages != 1 { // two default groups and two seeded ones, each with its egress rule
		t.Errorf("%d pages: %s", pages, got)
	}
}

func TestSecurityGroupRules(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	ctx := t.Context()
	made := must(c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("web"), Description: aws.String("for [web]"), VpcId: aws.String("vpc-1"),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}},
	}))(c)
	tcp := func(from, to int32) ec2types.IpPermission {
		return ec2types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: &from, ToPort: &to}
	}
	web := tcp(80, 80)
	web.IpRanges = []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("all")}, {CidrIp: aws.String("10.0.0.0/8")}}
	web.Ipv6Ranges = []ec2types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}
	web.PrefixListIds = []ec2types.PrefixListId{{PrefixListId: aws.String("pl-1")}}
	backend := tcp(0, 65535)
	backend.UserIdGroupPairs = []ec2types.UserIdGroupPair{{GroupId: aws.String("sg-1"), Description: aws.String("nodes")}}
	must(c.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: made.GroupId, IpPermissions: []ec2types.IpPermission{web, backend},
	}))(c)
	revoked := tcp(80, 80)
	revoked.IpRanges = []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}
	must(c.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: made.GroupId, IpPermissions: []ec2types.IpPermission{revoked}}))(c)

	web.IpRanges = web.IpRanges[:1]
	backend.UserIdGroupPairs[0].UserId = aws.String("123456789012")
	want := []ec2types.SecurityGroup{{
		GroupId: made.GroupId, GroupName: aws.String("web"), Description: aws.String("for [web]"), VpcId: aws.String("vpc-1"), OwnerId: aws.String("123456789012"),
		SecurityGroupArn:    aws.String("arn:aws:ec2:us-west-2:123456789012:security-group/" + *made.GroupId),
		IpPermissions:       []ec2types.IpPermission{web, backend},
		IpPermissionsEgress: []ec2types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}},
		Tags:                []ec2types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}}
	out := must(c.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{filter("group-name", "web")}}))(c)
	if diff := cmp.Diff(want, out.SecurityGroups, ignoreHiddenEC2, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestErrorsOfEC2(t *testing.T) {
	t.Parallel()
	c := start(t, func(config *localaws.Config) {
		config.Quotas = map[string]int{"ec2/rules-per-security-group": 2, "ec2/security-groups-per-vpc": 3}
	})
	ctx := t.Context()
	create := func(name, vpc string) error {
		_, err := c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: &name, Description: aws.String("d"), VpcId: &vpc})
		return err
	}
	permission := func(protocol, cidr string, ports ...int32) ec2types.IpPermission {
		p := ec2types.IpPermission{IpProtocol: &protocol, IpRanges: []ec2types.IpRange{{CidrIp: &cidr}}}
		if len(ports) == 2 {
			p.FromPort, p.ToPort = &ports[0], &ports[1]
		}
		return p
	}
	authorize := func(group string, permissions ...ec2types.IpPermission) error {
		_, err := c.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permissions})
		return err
	}
	have := permission("tcp", "10.0.0.0/8", 80, 80)
	for _, err := range []error{authorize("sg-1", have), create("third", "vpc-1")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	remove := func(id string) error {
		_, err := c.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &id})
		return err
	}
	for _, tt := range []struct {
		name, want string
		call       func() error
	}{
		{"group-name-taken", "InvalidGroup.Duplicate", func() error { return create("cluster", "vpc-1") }},
		{"group-in-no-vpc", "InvalidVpcID.NotFound", func() error { return create("x", "vpc-9") }},
		{"group-over-quota", "SecurityGroupLimitExceeded", func() error { return create("fourth", "vpc-1") }},
		{"group-name-characters", "InvalidParameterValue", func() error { return create("a|b", "vpc-1") }},
		{"group-of-an-interface", "DependencyViolation", func() error { return remove("sg-1") }},
		{"group-unknown", "InvalidGroup.NotFound", func() error { return remove("sg-9") }},
		{"rule-twice", "InvalidPermission.Duplicate", func() error { return authorize("sg-1", have) }},
		{"rules-over-quota", "RulesPerSecurityGroupLimitExceeded", func() error {
			return authorize("sg-1", permission("tcp", "10.1.0.0/16", 80, 80), permission("tcp", "10.2.0.0/16", 80, 80))
		}},
		{"rule-in-no-group", "InvalidGroup.NotFound", func() error { return authorize("sg-9", have) }},
		{"rule-cidr", "InvalidParameterValue", func() error { return authorize("sg-1", permission("tcp", "10.0.0.1/8", 80, 80)) }},
		{"rule-ports", "InvalidParameterValue", func() error { return authorize("sg-1", permission("tcp", "10.0.0.0/8", 90, 80)) }},
		{"rule-without-ports", "InvalidParameterValue", func() error { return authorize("sg-1", permission("tcp", "10.0.0.0/8")) }},
		{"rule-protocol", "InvalidParameterValue", func() error { return authorize("sg-1", permission("tpc", "10.0.0.0/8", 80, 80)) }},
		{"rule-not-there", "InvalidPermission.NotFound", func() error {
			_, err := c.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
				GroupId: aws.String("sg-1"), IpPermissions: []ec2types.IpPermission{permission("udp", "10.0.0.0/8", 80, 80)},
			})
			return err
		}},
		{"subnet-unknown", "InvalidSubnetID.NotFound", func() error {
			_, err := c.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-9"}})
			return err
		}},
		{"filter-unknown", "InvalidParameterValue", func() error {
			_, err := c.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{filter("colour", "red")}})
			return err
		}},
		{"page-token", "InvalidNextToken", func() error {
			_, err := c.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{NextToken: aws.String("here")})
			return err
		}},
		{"tag-of-nothing", "InvalidID", func() error {
			_, err := c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{"sg-9"}, Tags: []ec2types.Tag{{Key: aws.String("a")}}})
			return err
		}},
		{"dry-run", "DryRunOperation", func() error {
			_, err := c.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{DryRun: aws.Bool(true)})
			return err
		}},
		{"parameter-not-there", "UnknownParameter", func() error {
			_, err := c.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{IncludeManagedResources: aws.Bool(true)})
			return err
		}},
		{"operation-not-there", "InvalidAction", func() error {
			_, err := c.ec2.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{})
			return err
		}},
	} {
		if got := codeOf(tt.call()); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestInterfacesOfALoadBalancerHoldItsSecurityGroups(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	ctx := t.Context()
	group := *must(c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("web"), Description: aws.String("d"), VpcId: aws.String("vpc-1"),
	}))(c).GroupId
	balancer := c.loadBalancer("web")
	must(c.elb.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: balancer.LoadBalancerArn, SecurityGroups: []string{group}}))(c)
	path := (*balancer.LoadBalancerArn)[strings.Index(*balancer.LoadBalancerArn, "app/"):]
	interfaces := func() (found []string) {
		out := must(c.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{
			filter("description", "ELB "+path), filter("group-id", group),
		}}))(c)
		for _, i := range out.NetworkInterfaces {
			found = append(found, *i.SubnetId)
		}
		slices.Sort(found)
		return found
	}
	if diff := cmp.Diff([]string{"subnet-a", "subnet-b"}, interfaces()); diff != "" {
		t.Error(diff)
	}
	remove := func() string {
		_, err := c.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: &group})
		return codeOf(err)
	}
	if got := remove(); got != "DependencyViolation" {
		t.Errorf("with the load balancer: got %s", got)
	}
	must(c.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: balancer.LoadBalancerArn}))(c)
	if got := remove(); got != "DependencyViolation" {
		t.Errorf("right after its end: got %s", got)
	}
	eventually(c, "the answer", remove, "ok")
}

func TestGroupThatAnotherRefersTo(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	ctx := t.Context()
	group := must(c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("d"), VpcId: aws.String("vpc-1")}))(c).GroupId
	permissions := []ec2types.IpPermission{{IpProtocol: aws.String("-1"), UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: group}}}}
	must(c.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-1"), IpPermissions: permissions}))(c)
	if _, err := c.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group}); codeOf(err) != "DependencyViolation" {
		t.Error(err)
	}
	must(c.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String("sg-1"), IpPermissions: permissions}))(c)
	must(c.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group}))(c)
}

func TestTagsOfEC2(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	ctx := t.Context()
	must(c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{"sg-1", "vpc-1"}, Tags: []ec2types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}}))(c)
	must(c.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{"sg-1"}, Tags: []ec2types.Tag{{Key: aws.String("owner")}, {Key: aws.String("a"), Value: aws.String("other")}}}))(c)
	out := must(c.ec2.DescribeTags(ctx, &ec2.DescribeTagsInput{Filters: []ec2types.Filter{filter("resource-id", "sg-1", "vpc-1")}}))(c)
	tag := func(id string, kind ec2types.ResourceType, key, value string) ec2types.TagDescription {
		return ec2types.TagDescription{ResourceId: &id, ResourceType: kind, Key: &key, Value: &value}
	}
	want := []ec2types.TagDescription{
		tag("sg-1", ec2types.ResourceTypeSecurityGroup, "a", "1"),
		tag("vpc-1", ec2types.ResourceTypeVpc, "Name", "main"),
		tag("vpc-1", ec2types.ResourceTypeVpc, "a", "1"),
	}
	if diff := cmp.Diff(want, out.Tags, ignoreHiddenEC2); diff != "" {
		t.Error(diff)
	}
}

func TestInstancesZonesAndRoutes(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	ctx := t.Context()
	instance := must(c.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{filter("private-ip-address", "127.0.0.1")}}))(c).Reservations[0].Instances[0]
	eni := must(c.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{filter("attachment.instance-id", "i-1")}}))(c).NetworkInterfaces[0]
	zones := must(c.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{}))(c).AvailabilityZones
	routes := must(c.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{filter("vpc-id", "vpc-1"), filter("association.main", "true")}}))(c).RouteTables[0]
	gateways := must(c.ec2.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: []ec2types.Filter{filter("attachment.vpc-id", "vpc-1")}}))(c).InternetGateways
	who := must(c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))(c)
	got := []any{
		*instance.InstanceId, instance.State.Name, *instance.VpcId, *instance.NetworkInterfaces[0].NetworkInterfaceId == *eni.NetworkInterfaceId,
		*eni.Ipv4Prefixes[0].Ipv4Prefix, *eni.Groups[0].GroupId, *eni.Attachment.DeviceIndex, len(zones), *zones[1].ZoneId,
		*routes.Routes[1].GatewayId == *gateways[0].InternetGatewayId, *who.Account,
	}
	want := []any{
		"i-1", ec2types.InstanceStateNameRunning, "vpc-1", true, "127.0.1.0/28", "sg-1", int32(0), 3, "usw2-az2", true, "123456789012",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
