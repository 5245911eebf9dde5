package access

import (
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

// named is the parameter with the resource that an operation is about. Operations that are not here know no resources.
var named = map[string]string{
	"CreateListener": "LoadBalancerArn", "CreateRule": "ListenerArn",
	"DeleteLoadBalancer": "LoadBalancerArn", "ModifyLoadBalancerAttributes": "LoadBalancerArn", "SetIpAddressType": "LoadBalancerArn",
	"SetSecurityGroups": "LoadBalancerArn", "SetSubnets": "LoadBalancerArn", "ModifyCapacityReservation": "LoadBalancerArn", "ModifyIpPools": "LoadBalancerArn",
	"DeleteListener": "ListenerArn", "ModifyListener": "ListenerArn", "ModifyListenerAttributes": "ListenerArn",
	"AddListenerCertificates": "ListenerArn", "RemoveListenerCertificates": "ListenerArn",
	"DeleteRule": "RuleArn", "ModifyRule": "RuleArn",
	"DeleteTargetGroup": "TargetGroupArn", "ModifyTargetGroup": "TargetGroupArn", "ModifyTargetGroupAttributes": "TargetGroupArn",
	"RegisterTargets": "TargetGroupArn", "DeregisterTargets": "TargetGroupArn",
	"DeleteTrustStore": "TrustStoreArn", "ModifyTrustStore": "TrustStoreArn", "AddTrustStoreRevocations": "TrustStoreArn", "RemoveTrustStoreRevocations": "TrustStoreArn",
}

// onBehalf is what Elastic Load Balancing asks of EC2 under the caller's name.
var onBehalf = map[string][]string{
	"CreateLoadBalancer": {
		"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways",
		"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
	},
	"CreateTargetGroup": {"ec2:DescribeInternetGateways", "ec2:DescribeVpcs"},
	"RegisterTargets":   {"ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeSubnets", "ec2:DescribeVpcs"},
	"SetIpAddressType":  {"ec2:DescribeSubnets"},
	"SetSubnets":        {"ec2:DescribeSubnets"},
}

// tags in calls of Elastic Load Balancing.
const elbTags = "Tags.member"

func (c *call) loadBalancing() {
	switch c.operation {
	case "CreateLoadBalancer", "CreateTargetGroup", "CreateTrustStore":
		c.create()
	case "CreateListener", "CreateRule":
		c.createInside()
	case "SetRulePriorities":
		for _, pair := range members(c.form, "RulePriorities.member") {
			c.existing(c.form.Get(pair+".RuleArn"), policy.Context{})
		}
	case "AddTags", "RemoveTags":
		c.retag()
	default:
		if parameter := named[c.operation]; parameter != "" {
			c.existing(c.form.Get(parameter), policy.Context{})
		} else {
			c.add(c.action(), "*", policy.Context{})
		}
	}
	for _, action := range onBehalf[c.operation] {
		c.add(action, "*", policy.Context{})
	}
	if c.world.NoServiceRole && (c.operation == "CreateLoadBalancer" || c.operation == "CreateTargetGroup") {
		c.serviceRole(balancing)
	}
}

// kinds of load balancers in ARNs, by their types in calls.
var kinds = map[string]string{"": "app", "application": "app", "network": "net", "gateway": "gwy"}

// create is the making of something that stands alone. Its id is not known yet.
func (c *call) create() {
	resource := map[string]string{
		"CreateLoadBalancer": "loadbalancer/" + kinds[c.form.Get("Type")], "CreateTargetGroup": "targetgroup", "CreateTrustStore": "truststore",
	}[c.operation]
	arn := c.arn("elasticloadbalancing", resource+"/"+c.form.Get("Name")+"/*")
	c.add(c.action(), arn, c.requested(elbTags))
	c.tagCreated(arn)
}

// createInside is the making of a listener of a load balancer, or of a rule of a listener.
func (c *call) createInside() {
	parent := c.form.Get(named[c.operation])
	tags, exists := c.world.Tags(parent)
	if !exists {
		return
	}
	c.add(c.action(), parent, withTags(c.requested(elbTags), tags))
	arn := strings.Replace(parent, ":loadbalancer/", ":listener/", 1)
	if c.operation == "CreateRule" {
		arn = strings.Replace(parent, ":listener/", ":listener-rule/", 1)
	}
	c.tagCreated(arn + "/*")
}

// tagCreated asks for the tags that something is created with, if there are any.
func (c *call) tagCreated(arn string) {
	if context := c.requested(elbTags); len(context) > 0 {
		c.add("elasticloadbalancing:AddTags", arn, context.With("elasticloadbalancing:CreateAction", c.operation))
	}
}

func (c *call) retag() {
	for _, resource := range members(c.form, "ResourceArns.member") {
		context := c.requested(elbTags)
		for _, key := range members(c.form, "TagKeys.member") {
			context.With("aws:TagKeys", c.form.Get(key))
		}
		c.existing(c.form.Get(resource), context)
	}
}
