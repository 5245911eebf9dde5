package access

import (
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

func (c *call) network() {
	switch c.operation {
	case "CreateSecurityGroup":
		c.createSecurityGroup()
	case "DeleteSecurityGroup", "AuthorizeSecurityGroupIngress", "RevokeSecurityGroupIngress", "AuthorizeSecurityGroupEgress", "RevokeSecurityGroupEgress":
		group := c.form.Get("GroupId")
		c.existing(c.arn("ec2", "security-group/"+group), c.inVPC(c.world.VPC(group)))
	case "CreateTags", "DeleteTags":
		for _, resource := range members(c.form, "ResourceId") {
			id := c.form.Get(resource)
			c.existing(c.arn("ec2", c.world.Type(id)+"/"+id), c.requested("Tag"))
		}
	default:
		c.add(c.action(), "*", policy.Context{})
	}
}

func (c *call) inVPC(vpc string) policy.Context {
	return policy.Context{}.With("ec2:Vpc", c.arn("ec2", "vpc/"+vpc))
}

// createSecurityGroup needs two resources: the group that is not there yet, with the tags that it is to have, and its VPC.
func (c *call) createSecurityGroup() {
	vpc := c.form.Get("VpcId")
	tags, exists := c.world.Tags(c.arn("ec2", "vpc/"+vpc))
	if !exists {
		return
	}
	group, context := c.arn("ec2", "security-group/*"), c.inVPC(vpc)
	for _, specification := range members(c.form, "TagSpecification") {
		for key, values := range c.requested(specification + ".Tag") {
			context.With(key, values...)
		}
	}
	c.add(c.action(), c.arn("ec2", "vpc/"+vpc), withTags(policy.Context{}, tags))
	c.add(c.action(), group, context)
	if len(context["aws:tagkeys"]) > 0 {
		created := policy.Context{}.With("ec2:CreateAction", c.operation)
		for key, values := range context {
			if strings.HasPrefix(key, "aws:") {
				created.With(key, values...)
			}
		}
		c.add("ec2:CreateTags", group, created)
	}
}
