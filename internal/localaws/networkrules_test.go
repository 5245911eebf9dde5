package localaws_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// TestRulesOfNetworkLoadBalancers: they know one condition, the address type of clients, and are for dual stack.
func TestRulesOfNetworkLoadBalancers(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	if err := c.Seed(localaws.Seed{
		VPCs:    []localaws.VPC{{ID: "vpc-6", CIDR: "10.6.0.0/16", IPv6CIDR: "2001:db8::/56"}},
		Subnets: []localaws.Subnet{{ID: "subnet-6", VPCID: "vpc-6", CIDR: "10.6.0.0/20", IPv6CIDR: "2001:db8::/64", Zone: "us-west-2a"}},
	}); err != nil {
		t.Fatal(err)
	}
	rule := func(listener, group string, source *elbv2types.SourceIpConditionConfig) error {
		_, err := c.elb.CreateRule(t.Context(), &elbv2.CreateRuleInput{
			ListenerArn: &listener, Priority: aws.Int32(5), Actions: forwardTo(group),
			Conditions: []elbv2types.RuleCondition{{Field: aws.String("source-ip"), SourceIpConfig: source}},
		})
		return err
	}
	listenerOn := func(name string, kind elbv2types.IpAddressType) (listener, group string) {
		lb := must(c.elb.CreateLoadBalancer(t.Context(), &elbv2.CreateLoadBalancerInput{
			Name: &name, Type: elbv2types.LoadBalancerTypeEnumNetwork, Subnets: []string{"subnet-6"}, IpAddressType: kind,
		}))(c).LoadBalancers[0]
		group = c.targetGroup(name, func(in *elbv2.CreateTargetGroupInput) {
			in.Protocol, in.VpcId = elbv2types.ProtocolEnumTcp, aws.String("vpc-6")
		})
		out := must(c.elb.CreateListener(t.Context(), &elbv2.CreateListenerInput{
			LoadBalancerArn: lb.LoadBalancerArn, Protocol: elbv2types.ProtocolEnumTcp, Port: aws.Int32(80), DefaultActions: forwardTo(group),
		}))(c)
		return *out.Listeners[0].ListenerArn, group
	}
	listener, group := listenerOn("dual", elbv2types.IpAddressTypeDualstack)
	plain, plainGroup := listenerOn("plain", elbv2types.IpAddressTypeIpv4)
	ipv6 := &elbv2types.SourceIpConditionConfig{IpAddressType: elbv2types.SourceIpAddressTypeEnumIpv6}
	got := map[string]string{
		"addresses": codeOf(rule(listener, group, &elbv2types.SourceIpConditionConfig{Values: []string{"10.0.0.0/8"}})),
		"type":      codeOf(rule(listener, group, ipv6)),
		"ipv4 only": codeOf(rule(plain, plainGroup, ipv6)),
	}
	want := map[string]string{"addresses": "ValidationError", "type": "ok", "ipv4 only": "InvalidConfigurationRequest"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	rules := must(c.elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{ListenerArn: &listener}))(c).Rules
	if len(rules) != 2 || rules[0].Conditions[0].SourceIpConfig.IpAddressType != elbv2types.SourceIpAddressTypeEnumIpv6 {
		t.Errorf("the rules are %v", rules)
	}
}
