package cloud

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// batch is how many targets go into one call. AWS documents no number; larger
// batches are rejected now and then (kubernetes/kubernetes issue 101592).
const batch = 200

// Register puts targets into a group. The targets are asked for when the budget lets
// the call through, so that what came up while it waited goes along. It returns what
// was registered; none is no call.
func (c *Cloud) Register(ctx context.Context, group string, targets func() []model.Target) ([]model.Target, error) {
	return c.send(ctx, "RegisterTargets", targets, func(ctx context.Context, list []elbv2types.TargetDescription) error {
		_, err := c.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: new(group), Targets: list})
		return err
	})
}

// Deregister takes targets out of a group, as Register puts them in.
func (c *Cloud) Deregister(ctx context.Context, group string, targets func() []model.Target) ([]model.Target, error) {
	return c.send(ctx, "DeregisterTargets", targets, func(ctx context.Context, list []elbv2types.TargetDescription) error {
		_, err := c.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: new(group), Targets: list})
		return err
	})
}

func (c *Cloud) send(ctx context.Context, operation string, targets func() []model.Target, call func(context.Context, []elbv2types.TargetDescription) error) ([]model.Target, error) {
	var sent []model.Target
	if len(targets()) == 0 {
		return nil, nil
	}
	for {
		if err := c.budget.Acquire(ctx, elbv2Service, operation, Registration); err != nil {
			return sent, err
		}
		list := slices.DeleteFunc(targets(), func(t model.Target) bool { return slices.Contains(sent, t) })
		chunk := list[:min(len(list), batch)]
		if len(chunk) == 0 {
			return sent, nil
		}
		_, err := attempt(ctx, c, elbv2Service, operation, Registration, func(ctx context.Context) (*struct{}, error) { return nil, call(ctx, descriptions(chunk)) })
		if err != nil {
			return sent, fmt.Errorf("%d targets: %w", len(chunk), err)
		}
		sent = append(sent, chunk...)
		if len(chunk) == len(list) {
			return sent, nil
		}
	}
}

// RefusesTargets reports whether AWS has refused a registration for one of its targets. An
// address that is still draining is one reason.
func RefusesTargets(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == "InvalidTarget"
}

// MayHaveTakenEffect reports whether a call failed in a way that leaves open what AWS has
// done: there was no answer, or AWS had a fault of its own.
func MayHaveTakenEffect(err error) bool { return err != nil && KindOf(err) == Transient }

func descriptions(targets []model.Target) []elbv2types.TargetDescription {
	var out []elbv2types.TargetDescription
	for _, target := range targets {
		d := elbv2types.TargetDescription{Id: new(target.Address.Host()), Port: new(int32(target.Address.Port))}
		if target.Zone != "" {
			d.AvailabilityZone = new(target.Zone)
		}
		out = append(out, d)
	}
	return out
}

// TargetHealth asks for the health of all targets of a group.
func (c *Cloud) TargetHealth(ctx context.Context, class Class, group string) ([]model.TargetHealth, error) {
	out, err := elbCall(ctx, c, class, "DescribeTargetHealth", c.elb.DescribeTargetHealth, &elbv2.DescribeTargetHealthInput{TargetGroupArn: new(group)})
	if err != nil {
		return nil, err
	}
	var list []model.TargetHealth
	for _, described := range out.TargetHealthDescriptions {
		address, ok := targetOf(described.Target)
		if !ok || described.TargetHealth != nil && described.TargetHealth.Reason == elbv2types.TargetHealthReasonEnumNotRegistered {
			continue
		}
		health := model.TargetHealth{Address: address}
		if described.TargetHealth != nil {
			health.State = model.HealthState(described.TargetHealth.State)
			health.Reason = string(described.TargetHealth.Reason)
			health.Description = deref(described.TargetHealth.Description)
		}
		list = append(list, health)
	}
	return list, nil
}

// targetOf is false for a Lambda function or a load balancer that somebody put in by hand.
func targetOf(described *elbv2types.TargetDescription) (model.TargetID, bool) {
	id, port := deref(described.Id), uint16(deref(described.Port))
	if model.IsInstance(id) {
		return model.TargetID{Instance: id, Port: port}, true
	}
	address, err := netip.ParseAddr(id)
	return model.TargetID{IP: address, Port: port}, err == nil
}

// FoundGroup is a target group that somebody else may own.
type FoundGroup struct {
	ARN, Name, TargetType, IPAddressType, VPC, Protocol string
}

// FindTargetGroup looks a target group up by its ARN or, where that is empty, by its name, of
// which there is at most one in an account and Region. None is an error of kind [Gone].
func (c *Cloud) FindTargetGroup(ctx context.Context, arn, name string) (FoundGroup, error) {
	in := &elbv2.DescribeTargetGroupsInput{TargetGroupArns: []string{arn}}
	if arn == "" {
		in = &elbv2.DescribeTargetGroupsInput{Names: []string{name}}
	}
	out, err := elbCall(ctx, c, Read, "DescribeTargetGroups", c.elb.DescribeTargetGroups, in)
	if err != nil {
		return FoundGroup{}, err
	}
	if len(out.TargetGroups) != 1 {
		return FoundGroup{}, &Error{
			Kind: Gone, Service: elbv2Service, Operation: "DescribeTargetGroups", Code: "TargetGroupNotFound",
			Message: fmt.Sprintf("%d target groups are %s", len(out.TargetGroups), cmp.Or(arn, name)),
		}
	}
	group := out.TargetGroups[0]
	return FoundGroup{
		ARN: deref(group.TargetGroupArn), Name: deref(group.TargetGroupName), TargetType: string(group.TargetType), VPC: deref(group.VpcId),
		IPAddressType: cmp.Or(string(group.IpAddressType), "ipv4"), Protocol: string(group.Protocol),
	}, nil
}

// groupsACall is how many target groups DescribeTargetGroups describes by their ARNs at
// once (its reference gives no figure; this is what its sibling DescribeTags takes).
const groupsACall = 20

// HealthChecks are those of target groups that somebody else may own, by ARN. A group that
// is gone is an error of kind [Gone].
func (c *Cloud) HealthChecks(ctx context.Context, groups []string) (map[string]model.HealthCheck, error) {
	out := map[string]model.HealthCheck{}
	for chunk := range slices.Chunk(groups, groupsACall) {
		described, err := elbCall(ctx, c, Question, "DescribeTargetGroups", c.elb.DescribeTargetGroups, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: chunk})
		if err != nil {
			return nil, err
		}
		for _, group := range described.TargetGroups {
			out[deref(group.TargetGroupArn)] = targetGroupOf(group, nil).HealthCheck
		}
	}
	return out, nil
}
