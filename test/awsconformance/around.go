package awsconformance

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/shield"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// around is about the services around Elastic Load Balancing, and what deletions leave behind.
func around() []assertion {
	const ec2Errors = "EC2 API reference, error codes"
	const wafPage = "WAF API reference, GetWebACLForResource"
	return []assertion{
		call("ec2.vpc.unknown", "a VPC must exist", ec2Errors, "InvalidVpcID.NotFound", func(ctx context.Context, f *fixture) error {
			return second(f.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-00000000000000000"}}))
		}),
		call("ec2.subnet.unknown", "a subnet must exist", ec2Errors, "InvalidSubnetID.NotFound", func(ctx context.Context, f *fixture) error {
			return second(f.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{"subnet-00000000000000000"}}))
		}),
		call("ec2.group.unknown", "a security group must exist", ec2Errors, "InvalidGroup.NotFound", func(ctx context.Context, f *fixture) error {
			return second(f.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-00000000000000000"}}))
		}),
		call("ec2.address.unknown", "an allocation must exist", ec2Errors, "InvalidAllocationID.NotFound", func(ctx context.Context, f *fixture) error {
			return second(f.ec2.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{"eipalloc-00000000000000000"}}))
		}),
		is("ec2.group.linger", "a security group is in use until the load balancer's interfaces are gone", "aws-load-balancer-controller, issue 1879", "DependencyViolation ok", lingering),
		call("ec2.groups-for-vpc", "the security groups of a VPC can be listed", "EC2 API reference, GetSecurityGroupsForVpc", ok, func(ctx context.Context, f *fixture) error {
			out, err := f.ec2.GetSecurityGroupsForVpc(ctx, &ec2.GetSecurityGroupsForVpcInput{VpcId: &f.VPC})
			if err == nil && len(out.SecurityGroupForVpcs) == 0 {
				return errors.New("there is none, not even the default one")
			}
			return err
		}),
		call("sts.identity", "a caller can ask who it is", "STS API reference, GetCallerIdentity", ok, func(ctx context.Context, f *fixture) error {
			return second(f.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
		}),
		call("waf.none", "asking for the web ACL of a load balancer without one succeeds", wafPage, ok, func(ctx context.Context, f *fixture) error {
			out, err := f.waf.GetWebACLForResource(ctx, &wafv2.GetWebACLForResourceInput{ResourceArn: &f.balancer})
			if err == nil && out.WebACL != nil {
				return errors.New("there is one")
			}
			return err
		}),
		call("waf.network", "a network load balancer has no web ACL", "WAF API reference, AssociateWebACL", "WAFInvalidParameterException", func(ctx context.Context, f *fixture) error {
			return second(f.waf.GetWebACLForResource(ctx, &wafv2.GetWebACLForResourceInput{ResourceArn: &f.network}))
		}),
		call("waf.unknown", "a web ACL must exist", "WAF API reference, AssociateWebACL", "WAFNonexistentItemException", func(ctx context.Context, f *fixture) error {
			return second(f.waf.AssociateWebACL(ctx, &wafv2.AssociateWebACLInput{
				ResourceArn: &f.balancer, WebACLArn: aws.String("arn:aws:wafv2:us-west-2:123456789012:regional/webacl/none/00000000-0000-0000-0000-000000000000"),
			}))
		}),
		is("waf.associate", "a web ACL is associated, read and taken away", "WAF API reference, AssociateWebACL", true, protected),
		call("shield.state", "the state of the subscription can be asked", "Shield API reference, GetSubscriptionState", ok, func(ctx context.Context, f *fixture) error {
			return second(f.shield.GetSubscriptionState(ctx, &shield.GetSubscriptionStateInput{}))
		}),
		call("shield.unprotected", "what is not protected is not found", "Shield API reference, DescribeProtection", "ResourceNotFoundException", func(ctx context.Context, f *fixture) error {
			return second(f.shield.DescribeProtection(ctx, &shield.DescribeProtectionInput{ResourceArn: &f.balancer}))
		}),
		is("tg.linger", "a target group can be deleted some time after its last use is gone", "aws-load-balancer-controller, issue 1140", true, freed),
	}
}

// lingering makes a load balancer with a security group, deletes it, and says how deleting the group goes at once and in
// the end.
func lingering(ctx context.Context, f *fixture) (string, error) {
	group, err := f.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: f.name("linger"), Description: f.name("linger"), VpcId: &f.VPC,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: aws.String(TagKey), Value: &f.Prefix}}}},
	})
	if err != nil {
		return "", err
	}
	out, err := f.elb.CreateLoadBalancer(ctx, f.balancerInput("linger", func(in *elbv2.CreateLoadBalancerInput) { in.SecurityGroups = []string{*group.GroupId} }))
	if err == nil {
		_, err = f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: out.LoadBalancers[0].LoadBalancerArn})
	}
	if err != nil {
		return "", err
	}
	remove := func() error {
		return second(f.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId}))
	}
	atOnce := codeOf(remove())
	if atOnce == ok {
		return atOnce, nil
	}
	return atOnce + " " + codeOf(f.wait(ctx, remove)), nil
}

// freed takes a group out of use and deletes it, with patience.
func freed(ctx context.Context, f *fixture) (bool, error) {
	group, err := f.elb.CreateTargetGroup(ctx, f.groupInput("freed", nil))
	if err != nil {
		return false, err
	}
	arn := group.TargetGroups[0].TargetGroupArn
	rule, err := f.elb.CreateRule(ctx, f.ruleInput(40, func(in *elbv2.CreateRuleInput) { in.Actions = forwardTo(*arn) }))
	if err == nil {
		_, err = f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: rule.Rules[0].RuleArn})
	}
	if err != nil {
		return false, err
	}
	err = f.wait(ctx, func() error {
		return second(f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: arn}))
	})
	return err == nil, err
}

// protected associates a web ACL for a moment.
func protected(ctx context.Context, f *fixture) (bool, error) {
	made, err := f.waf.CreateWebACL(ctx, &wafv2.CreateWebACLInput{
		Name: f.name("acl"), Scope: waftypes.ScopeRegional, DefaultAction: &waftypes.DefaultAction{Allow: &waftypes.AllowAction{}},
		VisibilityConfig: &waftypes.VisibilityConfig{MetricName: f.name("acl")},
		Tags:             []waftypes.Tag{{Key: aws.String(TagKey), Value: &f.Prefix}},
	})
	if err != nil {
		return false, err
	}
	defer func() {
		_, _ = f.waf.DeleteWebACL(ctx, &wafv2.DeleteWebACLInput{Name: made.Summary.Name, Id: made.Summary.Id, Scope: waftypes.ScopeRegional, LockToken: made.Summary.LockToken})
	}()
	if _, err := f.waf.AssociateWebACL(ctx, &wafv2.AssociateWebACLInput{WebACLArn: made.Summary.ARN, ResourceArn: &f.balancer}); err != nil {
		return false, err
	}
	read, err := f.waf.GetWebACLForResource(ctx, &wafv2.GetWebACLForResourceInput{ResourceArn: &f.balancer})
	if err != nil {
		return false, err
	}
	_, err = f.waf.DisassociateWebACL(ctx, &wafv2.DisassociateWebACLInput{ResourceArn: &f.balancer})
	return read.WebACL != nil && *read.WebACL.ARN == *made.Summary.ARN, err
}
