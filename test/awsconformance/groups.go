package awsconformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const createGroupPage = "API reference, CreateTargetGroup"

// made creates a group for one assertion, removes it at once, and reads something of it.
func made(read func(elbv2types.TargetGroup) string, change func(*fixture, *elbv2.CreateTargetGroupInput)) func(context.Context, *fixture) (string, error) {
	return func(ctx context.Context, f *fixture) (string, error) {
		out, err := f.elb.CreateTargetGroup(ctx, f.groupInput("made", func(in *elbv2.CreateTargetGroupInput) { change(f, in) }))
		if err != nil {
			return "", err
		}
		g := out.TargetGroups[0]
		_, err = f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: g.TargetGroupArn})
		return read(g), err
	}
}

// shape is everything of a health check.
func shape(g elbv2types.TargetGroup) string {
	matcher := ""
	if g.Matcher != nil {
		matcher = aws.ToString(g.Matcher.HttpCode) + aws.ToString(g.Matcher.GrpcCode)
	}
	return fmt.Sprintf("%s %s %s %s %ds %d/%d", g.HealthCheckProtocol, *g.HealthCheckPort, aws.ToString(g.HealthCheckPath), matcher,
		*g.HealthCheckIntervalSeconds, *g.HealthyThresholdCount, *g.UnhealthyThresholdCount)
}

// groups is about target groups and the calls for them.
func groups() []assertion {
	nothing := func(*fixture, *elbv2.CreateTargetGroupInput) {}
	all := []assertion{
		is("tg.default.type", "targets are instances unless said otherwise", createGroupPage, "instance", made(func(g elbv2types.TargetGroup) string { return string(g.TargetType) },
			func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.TargetType = "" })),
		is("tg.default.version", "the protocol version of an HTTP group is HTTP1 unless given", createGroupPage, "HTTP1", made(func(g elbv2types.TargetGroup) string { return aws.ToString(g.ProtocolVersion) }, nothing)),
		is("tg.default.addresses", "the IP address type is ipv4 unless given", createGroupPage, "ipv4", made(func(g elbv2types.TargetGroup) string { return string(g.IpAddressType) }, nothing)),
		is("tg.check.http", "the health check of an HTTP group by default", "ALB guide, health checks for target groups", "HTTP traffic-port / 200 30s 5/2", made(shape, nothing)),
		is("tg.check.grpc", "the health check of a gRPC group by default", "ALB guide, health checks for target groups", "HTTP traffic-port /AWS.ALB/healthcheck 12 30s 5/2", made(shape,
			func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.ProtocolVersion = aws.String("GRPC") })),
		is("tg.check.tcp", "the health check of a TCP group by default", "NLB guide, health checks for target groups", "TCP traffic-port   30s 5/2", made(shape,
			func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.Protocol = elbv2types.ProtocolEnumTcp })),
		is("tg.check.tcp-http", "an HTTP health check of a TCP group takes 200-399", "NLB guide, health checks for target groups", "HTTP traffic-port / 200-399 30s 5/2", made(shape,
			func(_ *fixture, in *elbv2.CreateTargetGroupInput) {
				in.Protocol, in.HealthCheckProtocol = elbv2types.ProtocolEnumTcp, elbv2types.ProtocolEnumHttp
			})),
		is("tg.create.idempotent", "creating the same target group again returns it", createGroupPage, true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.elb.CreateTargetGroup(ctx, f.groupInput("used", nil))
			return err == nil && *out.TargetGroups[0].TargetGroupArn == f.used, err
		}),
		call("tg.create.other-settings", "a name with other settings is taken", createGroupPage, "DuplicateTargetGroupName", func(ctx context.Context, f *fixture) error {
			return second(f.elb.CreateTargetGroup(ctx, f.groupInput("used", func(in *elbv2.CreateTargetGroupInput) { in.Port = aws.Int32(81) })))
		}),
		call("tg.delete.in-use", "a target group in use cannot be deleted", "API reference, DeleteTargetGroup", "ResourceInUse", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: &f.used}))
		}),
		is("tg.user", "a target group names the load balancer that uses it", "API reference, TargetGroup", true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.elb.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: []string{f.used}})
			return err == nil && len(out.TargetGroups[0].LoadBalancerArns) == 1 && out.TargetGroups[0].LoadBalancerArns[0] == f.balancer, err
		}),
		is("tg.of-balancer", "the groups of a load balancer can be listed", "API reference, DescribeTargetGroups", 1, func(ctx context.Context, f *fixture) (int, error) {
			out, err := f.elb.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{LoadBalancerArn: &f.balancer})
			if err != nil {
				return 0, err
			}
			return len(out.TargetGroups), nil
		}),
		call("tg.describe.many", "a call can name 20 target groups", "ansible amazon.aws, issue 1593", "ValidationError", func(ctx context.Context, f *fixture) error {
			in := &elbv2.DescribeTargetGroupsInput{}
			for i := range 21 {
				in.Names = append(in.Names, fmt.Sprint("n", i))
			}
			return second(f.elb.DescribeTargetGroups(ctx, in))
		}),
	}
	for id, name := range inOrder(map[string]string{"too-long": strings.Repeat("x", 33), "underscore": "a_b", "first-hyphen": "-a", "last-hyphen": "a-", "dot": "a.b"}) {
		all = append(all, wrongGroup("name."+id, fmt.Sprintf("a target group cannot be called %q", name), createGroupPage, "ValidationError",
			func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.Name = &name }))
	}
	return append(all,
		wrongGroup("vpc.missing", "a group of addresses needs a VPC", createGroupPage, "ValidationError", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.VpcId = nil }),
		wrongGroup("vpc.unknown", "the VPC must exist", unconfirmed, "ValidationError", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.VpcId = aws.String("vpc-00000000000000000") }),
		wrongGroup("port.missing", "a group of addresses needs a port", createGroupPage, "ValidationError", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.Port = nil }),
		wrongGroup("port.zero", "ports begin at 1", "API model, Port", "ValidationError", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.Port = aws.Int32(0) }),
		wrongGroup("port.large", "ports end at 65535", "API model, Port", "ValidationError", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.Port = aws.Int32(65536) }),
		wrongGroup("protocol.missing", "a group of addresses needs a protocol", createGroupPage, "ValidationError", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.Protocol = "" }),
		wrongGroup("alb.http", "a group of load balancers has the protocol TCP", createGroupPage, "InvalidConfigurationRequest", func(_ *fixture, in *elbv2.CreateTargetGroupInput) { in.TargetType = elbv2types.TargetTypeEnumAlb }),
		wrongGroup("version.tcp", "a TCP group has no protocol version", unconfirmed, "InvalidConfigurationRequest", func(_ *fixture, in *elbv2.CreateTargetGroupInput) {
			in.Protocol, in.ProtocolVersion = elbv2types.ProtocolEnumTcp, aws.String("HTTP2")
		}),
	)
}

func wrongGroup(id, sentence, source, want string, change func(*fixture, *elbv2.CreateTargetGroupInput)) assertion {
	return call("tg."+id, sentence, source, want, func(ctx context.Context, f *fixture) error {
		out, err := f.elb.CreateTargetGroup(ctx, f.groupInput("wrong", func(in *elbv2.CreateTargetGroupInput) { change(f, in) }))
		if err == nil {
			_, _ = f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: out.TargetGroups[0].TargetGroupArn})
		}
		return err
	})
}

// groupChecks is about the bounds of health checks.
func groupChecks() []assertion {
	const page = "API model, bounds of "
	var all []assertion
	for name, row := range inOrder(map[string]struct {
		low, high int32
		set       func(*elbv2.CreateTargetGroupInput, *int32)
	}{
		"HealthCheckIntervalSeconds": {5, 300, func(in *elbv2.CreateTargetGroupInput, v *int32) {
			in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds = v, aws.Int32(2)
		}},
		"HealthCheckTimeoutSeconds": {2, 120, func(in *elbv2.CreateTargetGroupInput, v *int32) {
			in.HealthCheckTimeoutSeconds, in.HealthCheckIntervalSeconds = v, aws.Int32(300)
		}},
		"HealthyThresholdCount":   {2, 10, func(in *elbv2.CreateTargetGroupInput, v *int32) { in.HealthyThresholdCount = v }},
		"UnhealthyThresholdCount": {2, 10, func(in *elbv2.CreateTargetGroupInput, v *int32) { in.UnhealthyThresholdCount = v }},
	}) {
		for _, value := range []struct {
			n    int32
			want string
		}{{row.low - 1, "ValidationError"}, {row.low, ok}, {row.high, ok}, {row.high + 1, "ValidationError"}} {
			all = append(all, wrongGroup(fmt.Sprintf("check.%s.%d", name, value.n), fmt.Sprintf("%s %d answers %s", name, value.n, value.want), page+name, value.want,
				func(_ *fixture, in *elbv2.CreateTargetGroupInput) { row.set(in, &value.n) }))
		}
	}
	for id, row := range inOrder(map[string]struct {
		want   string
		change func(*elbv2.CreateTargetGroupInput)
	}{
		"path.relative": {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPath = aws.String("ready") }},
		"path.query":    {ok, func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPath = aws.String("/ready?full=1") }},
		"port.name":     {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPort = aws.String("http") }},
		"port.number":   {ok, func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPort = aws.String("9000") }},
		"disabled":      {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckEnabled = aws.Bool(false) }},
		"protocol.tcp":  {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckProtocol = elbv2types.ProtocolEnumTcp }},
		"matcher.range": {ok, func(in *elbv2.CreateTargetGroupInput) {
			in.Matcher = &elbv2types.Matcher{HttpCode: aws.String("200-299,301")}
		}},
		"matcher.500":   {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.Matcher = &elbv2types.Matcher{HttpCode: aws.String("500")} }},
		"matcher.words": {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.Matcher = &elbv2types.Matcher{HttpCode: aws.String("good")} }},
		"matcher.grpc":  {"ValidationError", func(in *elbv2.CreateTargetGroupInput) { in.Matcher = &elbv2types.Matcher{GrpcCode: aws.String("0")} }},
		"interval.timeout": {"ValidationError", func(in *elbv2.CreateTargetGroupInput) {
			in.HealthCheckIntervalSeconds, in.HealthCheckTimeoutSeconds = aws.Int32(10), aws.Int32(10)
		}},
	}) {
		all = append(all, wrongGroup("check."+id, "a health check with "+id+" answers "+row.want, "ALB guide, health checks for target groups", row.want,
			func(_ *fixture, in *elbv2.CreateTargetGroupInput) { row.change(in) }))
	}
	return all
}
