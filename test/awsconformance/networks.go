package awsconformance

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// networks is about network load balancers.
func networks() []assertion {
	try := func(id, sentence, source, want string, change func(*fixture, *elbv2.CreateListenerInput)) assertion {
		return tryListener("network."+id, sentence, source, want, func(f *fixture, in *elbv2.CreateListenerInput) {
			in.LoadBalancerArn, in.Protocol, in.DefaultActions = &f.network, elbv2types.ProtocolEnumTcp, forwardTo(f.stream)
			change(f, in)
		})
	}
	tls := func(change func(*elbv2.CreateListenerInput)) func(*fixture, *elbv2.CreateListenerInput) {
		return func(f *fixture, in *elbv2.CreateListenerInput) {
			in.Protocol, in.Certificates = elbv2types.ProtocolEnumTls, []elbv2types.Certificate{{CertificateArn: &f.certificate}}
			change(in)
		}
	}
	const page = "NLB guide, listeners for your Network Load Balancers"
	return []assertion{
		try("tcp", "a network load balancer listens to TCP", page, ok, func(*fixture, *elbv2.CreateListenerInput) {}),
		try("tls", "and to TLS", page, ok, tls(func(*elbv2.CreateListenerInput) {})),
		try("tls.alpn", "with an ALPN policy", "NLB guide, ALPN policies", ok, tls(func(in *elbv2.CreateListenerInput) { in.AlpnPolicy = []string{"HTTP2Preferred"} })),
		try("tls.alpn.unknown", "that must exist", "API model, ALPNPolicyNotSupportedException", "ALPNPolicyNotFound", tls(func(in *elbv2.CreateListenerInput) { in.AlpnPolicy = []string{"HTTP3"} })),
		try("tls.no-certificate", "TLS needs a certificate", createListenerPage, "ValidationError", tls(func(in *elbv2.CreateListenerInput) { in.Certificates = nil })),
		try("tls.mutual", "TLS listeners know no mutual authentication", createListenerPage, "ValidationError", tls(func(in *elbv2.CreateListenerInput) {
			in.MutualAuthentication = &elbv2types.MutualAuthenticationAttributes{Mode: aws.String("passthrough")}
		})),
		try("udp.group", "UDP does not go to a TCP group", unconfirmed, "IncompatibleProtocols", func(_ *fixture, in *elbv2.CreateListenerInput) { in.Protocol = elbv2types.ProtocolEnumUdp }),
		try("https", "it does not listen to HTTPS", page, "ValidationError", func(f *fixture, in *elbv2.CreateListenerInput) {
			in.Protocol, in.Certificates = elbv2types.ProtocolEnumHttps, []elbv2types.Certificate{{CertificateArn: &f.certificate}}
		}),
		try("fixed", "it only forwards", page, "InvalidLoadBalancerAction", func(_ *fixture, in *elbv2.CreateListenerInput) { in.DefaultActions = answerWith("200") }),
		call("network.eip.unknown", "an Elastic IP address must exist", "API model, AllocationIdNotFoundException", "AllocationIdNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.CreateLoadBalancer(ctx, f.balancerInput("wrong", func(in *elbv2.CreateLoadBalancerInput) {
				in.Type, in.Scheme, in.Subnets = elbv2types.LoadBalancerTypeEnumNetwork, elbv2types.LoadBalancerSchemeEnumInternetFacing, nil
				in.SubnetMappings = []elbv2types.SubnetMapping{{SubnetId: &f.Subnets[0], AllocationId: aws.String("eipalloc-00000000000000000")}}
			})))
		}),
		call("network.private.outside", "a private address must be in the subnet", unconfirmed, "InvalidConfigurationRequest", func(ctx context.Context, f *fixture) error {
			return second(f.elb.CreateLoadBalancer(ctx, f.balancerInput("wrong", func(in *elbv2.CreateLoadBalancerInput) {
				in.Type, in.Subnets = elbv2types.LoadBalancerTypeEnumNetwork, nil
				in.SubnetMappings = []elbv2types.SubnetMapping{{SubnetId: &f.Subnets[0], PrivateIPv4Address: aws.String("192.0.2.1")}}
			})))
		}),
		call("network.alb-target", "an application load balancer with a listener can be a target", "NLB guide, Application Load Balancers as targets", ok, func(ctx context.Context, f *fixture) error {
			return targetBalancer(ctx, f, 80)
		}),
		call("network.alb-target.no-listener", "it needs a listener on the port", "NLB guide, Application Load Balancers as targets", "InvalidTarget", func(ctx context.Context, f *fixture) error {
			return targetBalancer(ctx, f, 8099)
		}),
	}
}

// targetBalancer registers the application load balancer with a group of its own and removes both again.
func targetBalancer(ctx context.Context, f *fixture, port int32) error {
	out, err := f.elb.CreateTargetGroup(ctx, f.groupInput("alb", func(in *elbv2.CreateTargetGroupInput) {
		in.TargetType, in.Protocol, in.Port = elbv2types.TargetTypeEnumAlb, elbv2types.ProtocolEnumTcp, &port
	}))
	if err != nil {
		return err
	}
	group := out.TargetGroups[0].TargetGroupArn
	defer func() { _, _ = f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: group}) }()
	targets := []elbv2types.TargetDescription{{Id: &f.balancer}}
	if _, err := f.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: group, Targets: targets}); err != nil {
		return err
	}
	return second(f.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: group, Targets: targets}))
}
