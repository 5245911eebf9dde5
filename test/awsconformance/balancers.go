package awsconformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const (
	createBalancerPage = "API reference, CreateLoadBalancer"
	unknownARN         = "0000000000000000"
)

func (f *fixture) describe(ctx context.Context, arn string) (elbv2types.LoadBalancer, error) {
	out, err := f.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{arn}})
	if err != nil {
		return elbv2types.LoadBalancer{}, err
	}
	return out.LoadBalancers[0], nil
}

// balancers is about load balancers as they are described.
func balancers() []assertion {
	field := func(arn func(*fixture) string, get func(elbv2types.LoadBalancer) string) func(context.Context, *fixture) (string, error) {
		return func(ctx context.Context, f *fixture) (string, error) {
			b, err := f.describe(ctx, arn(f))
			return get(b), err
		}
	}
	web := func(f *fixture) string { return f.balancer }
	return []assertion{
		is("lb.state.first", "a new load balancer is provisioning", "API reference, LoadBalancerState", "provisioning",
			func(_ context.Context, f *fixture) (string, error) { return f.firstState, nil }),
		becomes("lb.state.active", "a load balancer becomes active by itself", "API reference, LoadBalancerState", "active",
			field(web, func(b elbv2types.LoadBalancer) string { return string(b.State.Code) })),
		becomes("lb.state.network", "a network load balancer becomes active by itself", "API reference, LoadBalancerState", "active",
			field(func(f *fixture) string { return f.network }, func(b elbv2types.LoadBalancer) string { return string(b.State.Code) })),
		is("lb.type.default", "the type is application unless given", createBalancerPage, "application",
			field(web, func(b elbv2types.LoadBalancer) string { return string(b.Type) })),
		is("lb.addresses.default", "the IP address type is ipv4 unless given", createBalancerPage, "ipv4",
			field(web, func(b elbv2types.LoadBalancer) string { return string(b.IpAddressType) })),
		is("lb.groups.default", "an application load balancer without security groups gets the VPC's default one", createBalancerPage, "1",
			field(web, func(b elbv2types.LoadBalancer) string { return fmt.Sprint(len(b.SecurityGroups)) })),
		is("lb.groups.network", "a network load balancer without security groups has none", createBalancerPage, "0",
			field(func(f *fixture) string { return f.network }, func(b elbv2types.LoadBalancer) string { return fmt.Sprint(len(b.SecurityGroups)) })),
		is("lb.zones", "a load balancer has a zone for each subnet", createBalancerPage, "2",
			field(web, func(b elbv2types.LoadBalancer) string { return fmt.Sprint(len(b.AvailabilityZones)) })),
		is("lb.dns.internal", "the DNS name of an internal load balancer begins with internal-", "ELB guide, how Elastic Load Balancing works", "true",
			field(web, func(b elbv2types.LoadBalancer) string { return fmt.Sprint(strings.HasPrefix(*b.DNSName, "internal-")) })),
		is("lb.arn.application", "the ARN of an application load balancer holds loadbalancer/app/NAME/", "Service authorization reference, Elastic Load Balancing V2", "true",
			field(web, func(b elbv2types.LoadBalancer) string {
				return fmt.Sprint(strings.Contains(*b.LoadBalancerArn, ":loadbalancer/app/"+*b.LoadBalancerName+"/"))
			})),
		is("lb.arn.network", "the ARN of a network load balancer holds loadbalancer/net/NAME/", "Service authorization reference, Elastic Load Balancing V2", "true",
			field(func(f *fixture) string { return f.network }, func(b elbv2types.LoadBalancer) string {
				return fmt.Sprint(strings.Contains(*b.LoadBalancerArn, ":loadbalancer/net/"+*b.LoadBalancerName+"/"))
			})),
		is("lb.create.idempotent", "creating the same load balancer again returns it", createBalancerPage, true,
			func(ctx context.Context, f *fixture) (bool, error) {
				out, err := f.elb.CreateLoadBalancer(ctx, f.balancerInput("web", nil))
				return err == nil && *out.LoadBalancers[0].LoadBalancerArn == f.balancer, err
			}),
		call("lb.create.other-settings", "a name with other settings is taken", createBalancerPage, "DuplicateLoadBalancerName",
			func(ctx context.Context, f *fixture) error {
				_, err := f.elb.CreateLoadBalancer(ctx, f.balancerInput("web", func(in *elbv2.CreateLoadBalancerInput) {
					in.Scheme = elbv2types.LoadBalancerSchemeEnumInternetFacing
				}))
				return err
			}),
		call("lb.delete.unknown", "deleting what is not there succeeds", "API reference, DeleteLoadBalancer", ok,
			func(ctx context.Context, f *fixture) error {
				_, err := f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: aws.String(f.balancer[:len(f.balancer)-16] + unknownARN)})
				return err
			}),
		is("lb.page", "a page of one has a marker while there are more", "API reference, DescribeLoadBalancers", true,
			func(ctx context.Context, f *fixture) (bool, error) {
				out, err := f.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{PageSize: aws.Int32(1)})
				return err == nil && len(out.LoadBalancers) == 1 && out.NextMarker != nil, err
			}),
	}
}

// balancerCalls is about calls for load balancers that are wrong.
func balancerCalls() []assertion {
	create := func(change func(*fixture, *elbv2.CreateLoadBalancerInput)) func(context.Context, *fixture) error {
		return func(ctx context.Context, f *fixture) error {
			out, err := f.elb.CreateLoadBalancer(ctx, f.balancerInput("wrong", func(in *elbv2.CreateLoadBalancerInput) { change(f, in) }))
			if err == nil {
				f.later(func(ctx context.Context) error {
					_, err := f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: out.LoadBalancers[0].LoadBalancerArn})
					return err
				})
			}
			return err
		}
	}
	var all []assertion
	for id, name := range inOrder(map[string]string{
		"too-long": strings.Repeat("x", 33), "underscore": "a_b", "first-hyphen": "-a", "last-hyphen": "a-", "internal": "internal-a", "dot": "a.b",
	}) {
		all = append(all, call("lb.name."+id, fmt.Sprintf("a load balancer cannot be called %q", name), createBalancerPage, "ValidationError",
			create(func(_ *fixture, in *elbv2.CreateLoadBalancerInput) { in.Name = &name })))
	}
	return append(all,
		call("lb.subnets.one", "an application load balancer needs two zones", createBalancerPage, "ValidationError",
			create(func(f *fixture, in *elbv2.CreateLoadBalancerInput) { in.Subnets = f.Subnets[:1] })),
		call("lb.subnets.unknown", "a subnet must exist", "API model, SubnetNotFoundException", "SubnetNotFound",
			create(func(f *fixture, in *elbv2.CreateLoadBalancerInput) {
				in.Subnets = []string{f.Subnets[0], "subnet-00000000000000000"}
			})),
		call("lb.subnets.both-ways", "subnets and mappings exclude each other", createBalancerPage, "ValidationError",
			create(func(f *fixture, in *elbv2.CreateLoadBalancerInput) {
				in.SubnetMappings = []elbv2types.SubnetMapping{{SubnetId: &f.Subnets[0]}}
			})),
		call("lb.groups.unknown", "a security group must exist", "API model, InvalidSecurityGroupException", "InvalidSecurityGroup",
			create(func(_ *fixture, in *elbv2.CreateLoadBalancerInput) {
				in.SecurityGroups = []string{"sg-00000000000000000"}
			})),
		call("lb.addresses.dualstack", "dualstack needs subnets with IPv6", unconfirmed, "InvalidConfigurationRequest",
			create(func(_ *fixture, in *elbv2.CreateLoadBalancerInput) {
				in.IpAddressType = elbv2types.IpAddressTypeDualstack
			})),
		call("lb.tags.twice", "a tag key can be given once", "API model, DuplicateTagKeysException", "DuplicateTagKeys",
			create(func(_ *fixture, in *elbv2.CreateLoadBalancerInput) {
				in.Tags = append(in.Tags, in.Tags[0])
			})),
		call("lb.page.too-large", "a page has at most 400", "API model, PageSize", "ValidationError", func(ctx context.Context, f *fixture) error {
			_, err := f.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{PageSize: aws.Int32(401)})
			return err
		}),
		call("lb.describe.both-ways", "names and ARNs exclude each other", "API reference, DescribeLoadBalancers", "ValidationError", func(ctx context.Context, f *fixture) error {
			_, err := f.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{f.balancer}, Names: []string{*f.name("web")}})
			return err
		}),
		call("lb.describe.many", "a call can name 20 load balancers", "API reference, DescribeLoadBalancers", "ValidationError", func(ctx context.Context, f *fixture) error {
			in := &elbv2.DescribeLoadBalancersInput{}
			for i := range 21 {
				in.Names = append(in.Names, fmt.Sprint("n", i))
			}
			_, err := f.elb.DescribeLoadBalancers(ctx, in)
			return err
		}),
		call("lb.set-groups.network", "a network load balancer made without security groups never gets any", "API reference, SetSecurityGroups", "InvalidConfigurationRequest",
			func(ctx context.Context, f *fixture) error {
				b, err := f.describe(ctx, f.balancer)
				if err != nil {
					return err
				}
				_, err = f.elb.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: &f.network, SecurityGroups: b.SecurityGroups})
				return err
			}),
		call("lb.capacity.units", "capacity must be asked for in units that the quota allows", "API model, CapacityUnitsLimitExceededException", "CapacityUnitsLimitExceeded",
			func(ctx context.Context, f *fixture) error {
				_, err := f.elb.ModifyCapacityReservation(ctx, &elbv2.ModifyCapacityReservationInput{
					LoadBalancerArn: &f.balancer, MinimumLoadBalancerCapacity: &elbv2types.MinimumLoadBalancerCapacity{CapacityUnits: aws.Int32(1000000)},
				})
				return err
			}),
		is("lb.capacity.none", "a new load balancer has reserved nothing", "API reference, DescribeCapacityReservation", true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.elb.DescribeCapacityReservation(ctx, &elbv2.DescribeCapacityReservationInput{LoadBalancerArn: &f.balancer})
			return err == nil && out.MinimumLoadBalancerCapacity == nil, err
		}),
	)
}
