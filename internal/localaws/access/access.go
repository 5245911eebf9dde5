// Package access says what a call asks IAM for: which actions, on which resources, with which condition keys.
//
// In go the parameters of a call and what the account has; out come requests, all of which must be allowed. The action has
// the name of the operation; besides come AddTags or CreateTags for the tags of what is created, and what Elastic Load
// Balancing asks of EC2 and IAM under the caller's name.
//
//	requests := access.Requests("elbv2", "CreateRule", form, world)
//
// A resource that a call names and that does not exist is asked for nothing: the service says that it is not there. What AWS
// answers there is not documented.
//
// Sources: the service authorization reference of each service; "Elastic Load Balancing API permissions" and "… to tag
// resources during creation" in the Elastic Load Balancing user guide; "Grant permission to tag Amazon EC2 resources during
// creation" in the EC2 user guide.
package access

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

// World is what of the account the condition keys are made of.
type World struct {
	Region, Account string
	Tags            func(arn string) (tags map[string]string, exists bool) // of whatever has an ARN
	Type            func(id string) string                                 // of an EC2 resource: security-group; "" for none
	VPC             func(group string) string                              // of a security group
	NoServiceRole   bool                                                   // Elastic Load Balancing has not made its role yet
}

// prefixes are the names of services in actions, where they are not those in signatures.
var prefixes = map[string]string{"elbv2": "elasticloadbalancing", "elb": "elasticloadbalancing", "tagging": "tag"}

// Requests of one call.
func Requests(service, operation string, form url.Values, world World) []policy.Request {
	c := call{service: cmp.Or(prefixes[service], service), operation: operation, form: form, world: world}
	switch {
	case service == "sts" && operation != "AssumeRole":
		return nil // who asks for its own identity, or comes with a token of somebody else's, needs no permission
	case service == "elbv2":
		c.loadBalancing()
	case service == "ec2":
		c.network()
	default:
		c.other()
	}
	return c.requests
}

// call gathers the requests of one call.
type call struct {
	service, operation string
	form               url.Values
	world              World
	requests           []policy.Request
}

func (c *call) add(action, resource string, context policy.Context) {
	c.requests = append(c.requests, policy.Request{Action: action, Resource: resource, Context: context})
}

func (c *call) action() string { return c.service + ":" + c.operation }

// existing asks for the call's action on a resource, with its tags.
func (c *call) existing(arn string, context policy.Context) {
	if tags, exists := c.world.Tags(arn); exists {
		c.add(c.action(), arn, withTags(context, tags))
	}
}

// withTags adds the tags that the resource has.
func withTags(context policy.Context, tags map[string]string) policy.Context {
	for key, value := range tags {
		context.With("aws:ResourceTag/"+key, value)
	}
	return context
}

// requested are the tags in a call's parameters; prefix is what stands before their numbers.
func (c *call) requested(prefix string) policy.Context {
	context := policy.Context{}
	for _, tag := range members(c.form, prefix) {
		key := c.form.Get(tag + ".Key")
		context.With("aws:TagKeys", key)
		if c.form.Has(tag + ".Value") {
			context.With("aws:RequestTag/"+key, c.form.Get(tag+".Value"))
		}
	}
	return context
}

// members are the names of a list's members, Tags.member.1 and so on, in the order of their numbers.
func members(form url.Values, prefix string) []string {
	numbers := map[int]bool{}
	for name := range form {
		rest, found := strings.CutPrefix(name, prefix+".")
		number, _, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); found && err == nil {
			numbers[n] = true
		}
	}
	var names []string
	for n := range numbers {
		names = append(names, fmt.Sprintf("%s.%d", prefix, n))
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	return names
}

func (c *call) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + c.world.Region + ":" + c.world.Account + ":" + resource
}

// other are the services that Sluice hardly asks: at most one resource, under the name that the API gives it.
func (c *call) other() {
	for _, parameter := range []string{"RoleArn", "CertificateArn"} {
		if arn := c.form.Get(parameter); arn != "" {
			c.add(c.action(), arn, policy.Context{})
			return
		}
	}
	if c.operation == "CreateServiceLinkedRole" {
		c.serviceRole(c.form.Get("AWSServiceName"))
		return
	}
	c.add(c.action(), "*", policy.Context{})
}

const (
	balancing     = "elasticloadbalancing.amazonaws.com"
	balancingRole = "AWSServiceRoleForElasticLoadBalancing"
)

func (c *call) serviceRole(service string) {
	role := "arn:aws:iam::" + c.world.Account + ":role/aws-service-role/" + service + "/" + balancingRole
	c.add("iam:CreateServiceLinkedRole", role, policy.Context{}.With("iam:AWSServiceName", service))
}
