package awsconformance

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// inside is an address of the first subnet that nobody is likely to have.
func (f *fixture) inside(ctx context.Context) (elbv2types.TargetDescription, error) {
	out, err := f.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: f.Subnets[:1]})
	if err != nil {
		return elbv2types.TargetDescription{}, err
	}
	cidr, err := netip.ParsePrefix(*out.Subnets[0].CidrBlock)
	if err != nil {
		return elbv2types.TargetDescription{}, err
	}
	address := cidr.Masked().Addr()
	for range 77 {
		address = address.Next()
	}
	return elbv2types.TargetDescription{Id: aws.String(address.String()), Port: aws.Int32(65432)}, nil
}

func (f *fixture) health(ctx context.Context, group string, target elbv2types.TargetDescription) (string, error) {
	out, err := f.elb.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{target}})
	if err != nil {
		return "", err
	}
	h := out.TargetHealthDescriptions[0].TargetHealth
	return fmt.Sprint(h.State, " ", h.Reason), nil
}

// targets is about registering and what health says before any check.
func targets() []assertion {
	register := func(group func(*fixture) string, target func(context.Context, *fixture) (elbv2types.TargetDescription, error)) func(context.Context, *fixture) error {
		return func(ctx context.Context, f *fixture) error {
			t, err := target(ctx, f)
			if err != nil {
				return err
			}
			return second(f.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: aws.String(group(f)), Targets: []elbv2types.TargetDescription{t}}))
		}
	}
	one := func(id string, zone *string) func(context.Context, *fixture) (elbv2types.TargetDescription, error) {
		return func(context.Context, *fixture) (elbv2types.TargetDescription, error) {
			return elbv2types.TargetDescription{Id: &id, AvailabilityZone: zone}, nil
		}
	}
	mine := func(ctx context.Context, f *fixture) (elbv2types.TargetDescription, error) { return f.inside(ctx) }
	unused := func(f *fixture) string { return f.unused }
	state := func(group func(*fixture) string) func(context.Context, *fixture) (string, error) {
		return func(ctx context.Context, f *fixture) (string, error) {
			t, err := f.inside(ctx)
			if err != nil {
				return "", err
			}
			return f.health(ctx, group(f), t)
		}
	}
	used := func(f *fixture) string { return f.used }
	deregister := func(ctx context.Context, f *fixture, group string) error {
		t, err := f.inside(ctx)
		if err != nil {
			return err
		}
		return second(f.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{t}}))
	}
	const page = "API reference, RegisterTargets"
	const states = "ALB guide, health checks for target groups"
	return []assertion{
		is("target.never", "what was never registered is unused", states, "unused Target.NotRegistered", state(unused)),
		call("target.deregister.never", "deregistering what was never registered succeeds", "API reference, DeregisterTargets", ok, func(ctx context.Context, f *fixture) error { return deregister(ctx, f, f.unused) }),
		call("target.word", "an address must be one", page, "ValidationError", register(unused, one("pod", nil))),
		call("target.outside.no-zone", "an address outside the VPC needs a zone", "API reference, TargetDescription", "ValidationError", register(unused, one("172.31.250.250", nil))),
		call("target.public", "targets are in private ranges", "API reference, TargetDescription", "ValidationError", register(unused, one("8.8.8.8", aws.String("all")))),
		call("target.register", "an address of the VPC can be registered", page, ok, register(unused, mine)),
		is("target.unused", "a target of a group that nothing uses is unused", states, "unused Target.NotInUse", state(unused)),
		call("target.register.again", "registering it again succeeds", unconfirmed, ok, register(unused, mine)),
		call("target.deregister", "it can be deregistered", "API reference, DeregisterTargets", ok, func(ctx context.Context, f *fixture) error { return deregister(ctx, f, f.unused) }),
		becomes("target.gone", "then it is not registered any more", states, "unused Target.NotRegistered", state(unused)),
		call("target.used.register", "a group in use takes targets", page, ok, register(used, mine)),
		is("target.used.initial", "a target of a group in use is initial at first", states, "initial Elb.RegistrationInProgress", state(used)),
		call("target.used.short-delay", "the deregistration delay can be short", "API reference, TargetGroupAttribute", ok, func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyTargetGroupAttributes(ctx, &elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: &f.used, Attributes: []elbv2types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("20")}}}))
		}),
		call("target.used.deregister", "it can be deregistered before it is healthy", "API reference, DeregisterTargets", ok, func(ctx context.Context, f *fixture) error { return deregister(ctx, f, f.used) }),
		is("target.used.draining", "a deregistered target of a group in use is draining", states, "draining Target.DeregistrationInProgress", state(used)),
		becomes("target.used.gone", "after the delay it is not registered any more", "ALB guide, deregistration delay", "unused Target.NotRegistered", state(used)),
	}
}
