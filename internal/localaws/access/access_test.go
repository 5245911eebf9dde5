package access_test

import (
	"maps"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/access"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

const (
	elb      = "arn:aws:elasticloadbalancing:us-west-2:123456789012:"
	ec2      = "arn:aws:ec2:us-west-2:123456789012:"
	balancer = elb + "loadbalancer/app/web/1"
	listener = elb + "listener/app/web/1/2"
	rule     = elb + "listener-rule/app/web/1/2/3"
	group    = elb + "targetgroup/web/4"
)

func world(withoutRole bool) access.World {
	exist := map[string]map[string]string{
		balancer: {"owner": "us"}, listener: {}, rule: {}, group: {"owner": "us"},
		ec2 + "security-group/sg-1": {"owner": "us"}, ec2 + "vpc/vpc-1": {"Name": "main"},
	}
	return access.World{
		Region: "us-west-2", Account: "123456789012", NoServiceRole: withoutRole,
		Tags: func(arn string) (map[string]string, bool) { tags, found := exist[arn]; return tags, found },
		Type: func(id string) string { return map[string]string{"sg-1": "security-group"}[id] },
		VPC:  func(string) string { return "vpc-1" },
	}
}

func asks(action, resource string, pairs ...string) policy.Request {
	context := policy.Context{}
	for i := 0; i < len(pairs); i += 2 {
		context.With(pairs[i], pairs[i+1])
	}
	return policy.Request{Action: action, Resource: resource, Context: context}
}

// Rows after the service authorization reference.
func TestRequests(t *testing.T) {
	t.Parallel()
	requestTag := []string{"aws:tagkeys", "owner", "aws:requesttag/owner", "us"}
	tag := map[string]string{"Tags.member.1.Key": "owner", "Tags.member.1.Value": "us"}
	with := func(more map[string]string, pairs ...string) map[string]string {
		all := maps.Clone(more)
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for name, test := range map[string]struct {
		service, operation string
		form               map[string]string
		withoutRole        bool
		want               []policy.Request
	}{
		"describe": {"elbv2", "DescribeTargetHealth", map[string]string{"TargetGroupArn": group}, false, []policy.Request{
			asks("elasticloadbalancing:DescribeTargetHealth", "*"),
		}},
		"create-target-group-with-tags": {"elbv2", "CreateTargetGroup", with(tag, "Name", "new"), true, []policy.Request{
			asks("elasticloadbalancing:CreateTargetGroup", elb+"targetgroup/new/*", requestTag...),
			asks("elasticloadbalancing:AddTags", elb+"targetgroup/new/*", append(requestTag, "elasticloadbalancing:createaction", "CreateTargetGroup")...),
			asks("ec2:DescribeInternetGateways", "*"), asks("ec2:DescribeVpcs", "*"),
			asks("iam:CreateServiceLinkedRole", "arn:aws:iam::123456789012:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
				"iam:awsservicename", "elasticloadbalancing.amazonaws.com"),
		}},
		"create-without-tags-needs-no-add-tags": {"elbv2", "CreateTargetGroup", map[string]string{"Name": "new"}, false, []policy.Request{
			asks("elasticloadbalancing:CreateTargetGroup", elb+"targetgroup/new/*"),
			asks("ec2:DescribeInternetGateways", "*"), asks("ec2:DescribeVpcs", "*"),
		}},
		"create-network-load-balancer": {"elbv2", "CreateLoadBalancer", map[string]string{"Name": "new", "Type": "network"}, false, []policy.Request{
			asks("elasticloadbalancing:CreateLoadBalancer", elb+"loadbalancer/net/new/*"),
			asks("ec2:DescribeAccountAttributes", "*"), asks("ec2:DescribeAddresses", "*"), asks("ec2:DescribeInternetGateways", "*"),
			asks("ec2:DescribeSecurityGroups", "*"), asks("ec2:DescribeSubnets", "*"), asks("ec2:DescribeVpcs", "*"),
		}},
		"create-listener": {"elbv2", "CreateListener", with(tag, "LoadBalancerArn", balancer), false, []policy.Request{
			asks("elasticloadbalancing:CreateListener", balancer, append(requestTag, "aws:resourcetag/owner", "us")...),
			asks("elasticloadbalancing:AddTags", elb+"listener/app/web/1/*", append(requestTag, "elasticloadbalancing:createaction", "CreateListener")...),
		}},
		"create-rule": {"elbv2", "CreateRule", with(tag, "ListenerArn", listener), false, []policy.Request{
			asks("elasticloadbalancing:CreateRule", listener, requestTag...),
			asks("elasticloadbalancing:AddTags", elb+"listener-rule/app/web/1/2/*", append(requestTag, "elasticloadbalancing:createaction", "CreateRule")...),
		}},
		"change": {"elbv2", "DeleteTargetGroup", map[string]string{"TargetGroupArn": group}, false, []policy.Request{
			asks("elasticloadbalancing:DeleteTargetGroup", group, "aws:resourcetag/owner", "us"),
		}},
		"what-is-gone": {"elbv2", "DeleteTargetGroup", map[string]string{"TargetGroupArn": group + "0"}, false, nil},
		"priorities-of-each-rule": {"elbv2", "SetRulePriorities", map[string]string{"RulePriorities.member.1.RuleArn": rule, "RulePriorities.member.2.RuleArn": rule}, false, []policy.Request{
			asks("elasticloadbalancing:SetRulePriorities", rule), asks("elasticloadbalancing:SetRulePriorities", rule),
		}},
		"add-tags": {"elbv2", "AddTags", with(tag, "ResourceArns.member.1", balancer, "ResourceArns.member.2", listener), false, []policy.Request{
			asks("elasticloadbalancing:AddTags", balancer, append(requestTag, "aws:resourcetag/owner", "us")...),
			asks("elasticloadbalancing:AddTags", listener, requestTag...),
		}},
		"remove-tags": {"elbv2", "RemoveTags", map[string]string{"ResourceArns.member.1": group, "TagKeys.member.1": "a"}, false, []policy.Request{
			asks("elasticloadbalancing:RemoveTags", group, "aws:tagkeys", "a", "aws:resourcetag/owner", "us"),
		}},
		"register": {"elbv2", "RegisterTargets", map[string]string{"TargetGroupArn": group}, false, []policy.Request{
			asks("elasticloadbalancing:RegisterTargets", group, "aws:resourcetag/owner", "us"),
			asks("ec2:DescribeInstances", "*"), asks("ec2:DescribeInternetGateways", "*"), asks("ec2:DescribeSubnets", "*"), asks("ec2:DescribeVpcs", "*"),
		}},
		"create-security-group": {"ec2", "CreateSecurityGroup", map[string]string{"VpcId": "vpc-1", "TagSpecification.1.Tag.1.Key": "owner", "TagSpecification.1.Tag.1.Value": "us"}, false, []policy.Request{
			asks("ec2:CreateSecurityGroup", ec2+"vpc/vpc-1", "aws:resourcetag/name", "main"),
			asks("ec2:CreateSecurityGroup", ec2+"security-group/*", append(requestTag, "ec2:vpc", ec2+"vpc/vpc-1")...),
			asks("ec2:CreateTags", ec2+"security-group/*", append(requestTag, "ec2:createaction", "CreateSecurityGroup")...),
		}},
		"authorize": {"ec2", "AuthorizeSecurityGroupIngress", map[string]string{"GroupId": "sg-1"}, false, []policy.Request{
			asks("ec2:AuthorizeSecurityGroupIngress", ec2+"security-group/sg-1", "ec2:vpc", ec2+"vpc/vpc-1", "aws:resourcetag/owner", "us"),
		}},
		"create-tags": {"ec2", "CreateTags", map[string]string{"ResourceId.1": "sg-1", "Tag.1.Key": "owner", "Tag.1.Value": "us"}, false, []policy.Request{
			asks("ec2:CreateTags", ec2+"security-group/sg-1", append(requestTag, "aws:resourcetag/owner", "us")...),
		}},
		"delete-all-tags":   {"ec2", "DeleteTags", map[string]string{"ResourceId.1": "sg-1"}, false, []policy.Request{asks("ec2:DeleteTags", ec2+"security-group/sg-1", "aws:resourcetag/owner", "us")}},
		"certificate":       {"acm", "DescribeCertificate", map[string]string{"CertificateArn": "arn:c"}, false, []policy.Request{asks("acm:DescribeCertificate", "arn:c")}},
		"assume-role":       {"sts", "AssumeRole", map[string]string{"RoleArn": "arn:r"}, false, []policy.Request{asks("sts:AssumeRole", "arn:r")}},
		"who-am-i":          {"sts", "GetCallerIdentity", nil, false, nil},
		"nothing-we-know":   {"tagging", "GetResources", nil, false, []policy.Request{asks("tag:GetResources", "*")}},
		"certificates-list": {"acm", "ListCertificates", nil, false, []policy.Request{asks("acm:ListCertificates", "*")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := url.Values{}
			for key, value := range test.form {
				form.Set(key, value)
			}
			if diff := cmp.Diff(test.want, access.Requests(test.service, test.operation, form, world(test.withoutRole))); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}
