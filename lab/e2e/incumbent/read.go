package incumbent

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// State is what AWS has, one text a thing, with names in the place of ids. Two states are equal
// if they differ in nothing that the incumbent would change.
type State map[string]string

// reader reads a State. Ids become names when all has been read.
type reader struct {
	ctx   context.Context
	elb   *elbv2.Client
	ec2   *ec2.Client
	state map[string]any
	names []string // id, name, id, name …, for strings.NewReplacer
}

// Read is the state of the account.
func Read(ctx context.Context, elb *elbv2.Client, network *ec2.Client) (State, error) {
	r := &reader{ctx: ctx, elb: elb, ec2: network, state: map[string]any{}}
	for _, step := range []func() error{r.securityGroups, r.targetGroups, r.balancers} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.named()
}

// named writes everything down, with names for ids.
func (r *reader) named() (State, error) {
	replacer := strings.NewReplacer(r.names...)
	out := State{}
	for key, value := range r.state {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetIndent("", " ")
		if err := encoder.Encode(value); err != nil {
			return nil, err
		}
		out[replacer.Replace(key)] = withoutNulls.ReplaceAllString(replacer.Replace(text.String()), "")
	}
	return out, nil
}

var withoutNulls = regexp.MustCompile(`(?m)^\s*"\w+": (null|"")(,)?\n`)

func (r *reader) securityGroups() error {
	answer, err := r.ec2.DescribeSecurityGroups(r.ctx, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		return err
	}
	for _, group := range answer.SecurityGroups {
		name := "security group " + *group.GroupName
		r.names = append(r.names, *group.GroupId, name)
		var lines []string
		for _, p := range group.IpPermissions {
			lines = append(lines, permissions(p)...)
		}
		slices.Sort(lines)
		var tags []string
		for _, tag := range group.Tags {
			tags = append(tags, *tag.Key+"="+*tag.Value)
		}
		slices.Sort(tags)
		r.state[name] = map[string]any{"description": group.Description, "ingress": lines, "tags": tags, "egress": len(group.IpPermissionsEgress)}
	}
	return nil
}

func permissions(p ec2types.IpPermission) []string {
	var lines []string
	add := func(source, description *string) {
		lines = append(lines, fmt.Sprintf("%s %d-%d from %s (%s)", *p.IpProtocol, aws.ToInt32(p.FromPort), aws.ToInt32(p.ToPort), aws.ToString(source), aws.ToString(description)))
	}
	for _, from := range p.IpRanges {
		add(from.CidrIp, from.Description)
	}
	for _, from := range p.Ipv6Ranges {
		add(from.CidrIpv6, from.Description)
	}
	for _, from := range p.PrefixListIds {
		add(from.PrefixListId, from.Description)
	}
	for _, from := range p.UserIdGroupPairs {
		add(from.GroupId, from.Description)
	}
	return lines
}

func (r *reader) targetGroups() error {
	answer, err := r.elb.DescribeTargetGroups(r.ctx, &elbv2.DescribeTargetGroupsInput{})
	if err != nil {
		return err
	}
	for _, group := range answer.TargetGroups {
		arn, name := *group.TargetGroupArn, "target group "+*group.TargetGroupName
		r.names = append(r.names, arn, name)
		attributes, err := r.elb.DescribeTargetGroupAttributes(r.ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: &arn})
		if err != nil {
			return err
		}
		health, err := r.elb.DescribeTargetHealth(r.ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
		if err != nil {
			return err
		}
		var targets, list []string
		for _, target := range health.TargetHealthDescriptions {
			if target.TargetHealth.State != elbv2types.TargetHealthStateEnumDraining {
				targets = append(targets, fmt.Sprintf("%s:%d", *target.Target.Id, *target.Target.Port))
			}
		}
		for _, each := range attributes.Attributes {
			list = append(list, *each.Key+"="+*each.Value)
		}
		slices.Sort(targets)
		slices.Sort(list)
		tags, err := r.tags(arn)
		if err != nil {
			return err
		}
		group.TargetGroupArn = nil
		r.state[name] = map[string]any{"is": group, "attributes": list, "targets": targets, "tags": tags}
	}
	return nil
}

func (r *reader) tags(arn string) ([]string, error) {
	answer, err := r.elb.DescribeTags(r.ctx, &elbv2.DescribeTagsInput{ResourceArns: []string{arn}})
	if err != nil {
		return nil, err
	}
	var tags []string
	for _, tag := range answer.TagDescriptions[0].Tags {
		tags = append(tags, *tag.Key+"="+*tag.Value)
	}
	slices.Sort(tags)
	return tags, nil
}

func (r *reader) balancers() error {
	answer, err := r.elb.DescribeLoadBalancers(r.ctx, &elbv2.DescribeLoadBalancersInput{})
	if err != nil {
		return err
	}
	for _, balancer := range answer.LoadBalancers {
		arn, name := *balancer.LoadBalancerArn, "load balancer "+*balancer.LoadBalancerName
		r.names = append(r.names, arn, name)
		attributes, err := r.elb.DescribeLoadBalancerAttributes(r.ctx, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: &arn})
		if err != nil {
			return err
		}
		var list, subnets []string
		for _, each := range attributes.Attributes {
			list = append(list, *each.Key+"="+*each.Value)
		}
		for _, zone := range balancer.AvailabilityZones {
			subnets = append(subnets, *zone.SubnetId)
		}
		slices.Sort(list)
		slices.Sort(subnets)
		tags, err := r.tags(arn)
		if err != nil {
			return err
		}
		r.state[name] = map[string]any{
			"scheme": balancer.Scheme, "type": balancer.Type, "addresses": balancer.IpAddressType, "securityGroups": balancer.SecurityGroups,
			"subnets": subnets, "attributes": list, "tags": tags,
		}
		if err := r.listeners(arn, name); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) listeners(balancer, balancerName string) error {
	answer, err := r.elb.DescribeListeners(r.ctx, &elbv2.DescribeListenersInput{LoadBalancerArn: &balancer})
	if err != nil {
		return err
	}
	for _, listener := range answer.Listeners {
		arn := *listener.ListenerArn
		name := fmt.Sprintf("%s, listener %d", balancerName, *listener.Port)
		certificates, err := r.elb.DescribeListenerCertificates(r.ctx, &elbv2.DescribeListenerCertificatesInput{ListenerArn: &arn})
		if err != nil {
			return err
		}
		attributes, err := r.elb.DescribeListenerAttributes(r.ctx, &elbv2.DescribeListenerAttributesInput{ListenerArn: &arn})
		if err != nil {
			return err
		}
		var more, list []string
		for _, each := range certificates.Certificates {
			more = append(more, fmt.Sprintf("%s default=%t", *each.CertificateArn, aws.ToBool(each.IsDefault)))
		}
		for _, each := range attributes.Attributes {
			list = append(list, *each.Key+"="+*each.Value)
		}
		slices.Sort(more)
		slices.Sort(list)
		tags, err := r.tags(arn)
		if err != nil {
			return err
		}
		listener.ListenerArn, listener.LoadBalancerArn = nil, nil
		r.state[name] = map[string]any{"is": listener, "certificates": more, "attributes": list, "tags": tags}
		if err := r.rules(arn, name); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) rules(listener, name string) error {
	answer, err := r.elb.DescribeRules(r.ctx, &elbv2.DescribeRulesInput{ListenerArn: &listener})
	if err != nil {
		return err
	}
	for _, rule := range answer.Rules {
		if aws.ToBool(rule.IsDefault) {
			continue
		}
		tags, err := r.tags(*rule.RuleArn)
		if err != nil {
			return err
		}
		rule.RuleArn = nil
		slices.SortStableFunc(rule.Conditions, func(a, b elbv2types.RuleCondition) int { return strings.Compare(*a.Field, *b.Field) })
		slices.SortStableFunc(rule.Transforms, func(a, b elbv2types.RuleTransform) int { return strings.Compare(string(a.Type), string(b.Type)) })
		r.state[fmt.Sprintf("%s, rule %s", name, aws.ToString(rule.Priority))] = map[string]any{"is": rule, "tags": tags}
	}
	return nil
}
