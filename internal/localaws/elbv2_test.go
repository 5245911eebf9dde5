package localaws_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

func TestLoadBalancerAsDescribed(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	made := must(c.elb.CreateLoadBalancer(t.Context(), &elbv2.CreateLoadBalancerInput{
		Name: aws.String("web"), Scheme: elbv2types.LoadBalancerSchemeEnumInternal,
		SubnetMappings: []elbv2types.SubnetMapping{{SubnetId: aws.String("subnet-b")}, {SubnetId: aws.String("subnet-a")}},
		SecurityGroups: []string{"sg-1"}, Tags: []elbv2types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}))(c).LoadBalancers[0]
	want := elbv2types.LoadBalancer{
		LoadBalancerArn: made.LoadBalancerArn, DNSName: made.DNSName, CreatedTime: made.CreatedTime,
		CanonicalHostedZoneId: aws.String("Z1H1FL5HABSF5"), LoadBalancerName: aws.String("web"), VpcId: aws.String("vpc-1"),
		Scheme: elbv2types.LoadBalancerSchemeEnumInternal, Type: elbv2types.LoadBalancerTypeEnumApplication,
		State: &elbv2types.LoadBalancerState{Code: elbv2types.LoadBalancerStateEnumProvisioning}, SecurityGroups: []string{"sg-1"},
		IpAddressType: elbv2types.IpAddressTypeIpv4,
		AvailabilityZones: []elbv2types.AvailabilityZone{
			{ZoneName: aws.String("us-west-2a"), SubnetId: aws.String("subnet-a")},
			{ZoneName: aws.String("us-west-2b"), SubnetId: aws.String("subnet-b")},
		},
	}
	if diff := cmp.Diff(want, made, ignoreHidden); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(*made.LoadBalancerArn, "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/web/") ||
		!strings.HasPrefix(*made.DNSName, "internal-web-") || !strings.HasSuffix(*made.DNSName, ".us-west-2.elb.amazonaws.com") {
		t.Errorf("names are %s and %s", *made.LoadBalancerArn, *made.DNSName)
	}
	want.State.Code = elbv2types.LoadBalancerStateEnumActive
	eventually(c, "the difference to an active load balancer", func() string {
		out := must(c.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{Names: []string{"web"}}))(c)
		return cmp.Diff([]elbv2types.LoadBalancer{want}, out.LoadBalancers, ignoreHidden)
	}, "")
}

func TestTargetGroupAsDescribed(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	arn := c.targetGroup("web", func(in *elbv2.CreateTargetGroupInput) {
		*in = elbv2.CreateTargetGroupInput{
			Name: in.Name, Protocol: in.Protocol, Port: in.Port, VpcId: in.VpcId, TargetType: in.TargetType,
		}
	})
	balancer := c.loadBalancer("web")
	c.listener(*balancer.LoadBalancerArn, listenPort, forwardTo(arn))
	must(c.elb.ModifyTargetGroup(t.Context(), &elbv2.ModifyTargetGroupInput{
		TargetGroupArn: &arn, HealthCheckPath: aws.String("/ready"), HealthCheckPort: aws.String("9000"), HealthyThresholdCount: aws.Int32(2),
	}))(c)
	want := []elbv2types.TargetGroup{{
		TargetGroupArn: &arn, TargetGroupName: aws.String("web"), Protocol: elbv2types.ProtocolEnumHttp, Port: aws.Int32(80),
		VpcId: aws.String("vpc-1"), TargetType: elbv2types.TargetTypeEnumIp, ProtocolVersion: aws.String("HTTP1"),
		IpAddressType: elbv2types.TargetGroupIpAddressTypeEnumIpv4, LoadBalancerArns: []string{*balancer.LoadBalancerArn},
		HealthCheckEnabled: aws.Bool(true), HealthCheckProtocol: elbv2types.ProtocolEnumHttp, HealthCheckPort: aws.String("9000"),
		HealthCheckPath: aws.String("/ready"), HealthCheckIntervalSeconds: aws.Int32(30), HealthCheckTimeoutSeconds: aws.Int32(5),
		HealthyThresholdCount: aws.Int32(2), UnhealthyThresholdCount: aws.Int32(2), Matcher: &elbv2types.Matcher{HttpCode: aws.String("200")},
	}}
	out := must(c.elb.DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{LoadBalancerArn: balancer.LoadBalancerArn}))(c)
	if diff := cmp.Diff(want, out.TargetGroups, ignoreHidden); diff != "" {
		t.Error(diff)
	}
}

func TestRulesAsDescribed(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	group := c.targetGroup("web", nil)
	listener := c.listener(*c.loadBalancer("web").LoadBalancerArn, listenPort, fixed("404", ""))
	second := c.rule(listener, 20, []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: &group}},
		hostIs("b.example.com", "a.example.com"), elbv2types.RuleCondition{Field: aws.String("path-pattern"), Values: []string{"/old-way"}})
	first := c.rule(listener, 10, fixed("200", "x"), elbv2types.RuleCondition{
		Field:            aws.String("http-header"),
		HttpHeaderConfig: &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: aws.String("A"), Values: []string{"b"}},
	})
	hosts, paths := []string{"b.example.com", "a.example.com"}, []string{"/old-way"}
	want := []elbv2types.Rule{{
		RuleArn: &first, Priority: aws.String("10"), IsDefault: aws.Bool(false), Actions: fixed("200", "x"),
		Conditions: []elbv2types.RuleCondition{{
			Field:            aws.String("http-header"),
			HttpHeaderConfig: &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: aws.String("A"), Values: []string{"b"}},
		}},
	}, {
		RuleArn: &second, Priority: aws.String("20"), IsDefault: aws.Bool(false),
		Conditions: []elbv2types.RuleCondition{
			{Field: aws.String("host-header"), Values: hosts, HostHeaderConfig: &elbv2types.HostHeaderConditionConfig{Values: hosts}},
			{Field: aws.String("path-pattern"), Values: paths, PathPatternConfig: &elbv2types.PathPatternConditionConfig{Values: paths}},
		},
		Actions: []elbv2types.Action{{
			Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: &group,
			ForwardConfig: &elbv2types.ForwardActionConfig{
				TargetGroups:                []elbv2types.TargetGroupTuple{{TargetGroupArn: &group, Weight: aws.Int32(1)}},
				TargetGroupStickinessConfig: &elbv2types.TargetGroupStickinessConfig{Enabled: aws.Bool(false)},
			},
		}},
	}, {
		Priority: aws.String("default"), IsDefault: aws.Bool(true), Actions: fixed("404", ""),
	}}
	want[2].Actions[0].FixedResponseConfig.MessageBody = nil
	out := must(c.elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{ListenerArn: &listener}))(c)
	want[2].RuleArn = out.Rules[2].RuleArn
	if diff := cmp.Diff(want, out.Rules, ignoreHidden); diff != "" {
		t.Error(diff)
	}
	must(c.elb.SetRulePriorities(t.Context(), &elbv2.SetRulePrioritiesInput{RulePriorities: []elbv2types.RulePriorityPair{
		{RuleArn: &first, Priority: aws.Int32(20)}, {RuleArn: &second, Priority: aws.Int32(10)},
	}}))(c)
	var order []string
	for _, r := range must(c.elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{ListenerArn: &listener}))(c).Rules {
		order = append(order, *r.RuleArn)
	}
	if diff := cmp.Diff([]string{second, first, *want[2].RuleArn}, order); diff != "" {
		t.Error(diff)
	}
}

func TestCreatesAreIdempotent(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	balancerInput := func() *elbv2.CreateLoadBalancerInput {
		return &elbv2.CreateLoadBalancerInput{
			Name: aws.String("web"), Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"},
			Tags: []elbv2types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
		}
	}
	balancer := func(change func(*elbv2.CreateLoadBalancerInput)) string {
		in := balancerInput()
		change(in)
		out, err := c.elb.CreateLoadBalancer(t.Context(), in)
		if err != nil {
			return codeOf(err)
		}
		return *out.LoadBalancers[0].LoadBalancerArn
	}
	balancerARN := balancer(func(*elbv2.CreateLoadBalancerInput) {})
	group := func(change func(*elbv2.CreateTargetGroupInput)) string {
		in := &elbv2.CreateTargetGroupInput{
			Name: aws.String("web"), Protocol: elbv2types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1"),
			TargetType: elbv2types.TargetTypeEnumIp,
		}
		change(in)
		out, err := c.elb.CreateTargetGroup(t.Context(), in)
		if err != nil {
			return codeOf(err)
		}
		return *out.TargetGroups[0].TargetGroupArn
	}
	groupARN := group(func(*elbv2.CreateTargetGroupInput) {})
	listener := func(actions []elbv2types.Action) string {
		out, err := c.elb.CreateListener(t.Context(), &elbv2.CreateListenerInput{
			LoadBalancerArn: &balancerARN, Port: aws.Int32(listenPort), Protocol: elbv2types.ProtocolEnumHttp, DefaultActions: actions,
		})
		if err != nil {
			return codeOf(err)
		}
		return *out.Listeners[0].ListenerArn
	}
	listenerARN := listener(forwardTo(groupARN))

	got := map[string]string{
		"balancer-equal":            balancer(func(in *elbv2.CreateLoadBalancerInput) { slices.Reverse(in.Subnets) }),
		"balancer-with-other-tags":  balancer(func(in *elbv2.CreateLoadBalancerInput) { in.Tags = nil }),
		"balancer-in-other-subnets": balancer(func(in *elbv2.CreateLoadBalancerInput) { in.Subnets[0] = "subnet-c" }),
		"group-equal":               group(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPath = aws.String("/") }),
		"group-with-other-port":     group(func(in *elbv2.CreateTargetGroupInput) { in.Port = aws.Int32(81) }),
		"listener-equal":            listener(forwardTo(groupARN)),
		"listener-with-other":       listener(fixed("404", "")),
	}
	want := map[string]string{
		"balancer-equal": balancerARN, "balancer-with-other-tags": "DuplicateLoadBalancerName", "balancer-in-other-subnets": "DuplicateLoadBalancerName",
		"group-equal": groupARN, "group-with-other-port": "DuplicateTargetGroupName",
		"listener-equal": listenerARN, "listener-with-other": "DuplicateListener",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// noARN is how ARNs begin that nothing has.
const noARN = "arn:aws:elasticloadbalancing:us-west-2:123456789012:"

func TestErrorsOfELBv2(t *testing.T) {
	t.Parallel()
	c := start(t, func(config *localaws.Config) {
		config.Quotas = map[string]int{
			"elbv2/load-balancers": 2, "elbv2/listeners-per-load-balancer": 2, "elbv2/rules-per-load-balancer": 2, "elbv2/target-groups": 4,
			"elbv2/targets-per-target-group": 2, "elbv2/targets-per-load-balancer": 3, "elbv2/target-groups-per-load-balancer": 2,
		}
	})
	balancer := *c.loadBalancer("web").LoadBalancerArn
	used, second, third := c.targetGroup("used", nil), c.targetGroup("second", nil), c.targetGroup("third", nil)
	far := c.targetGroup("far", func(in *elbv2.CreateTargetGroupInput) { in.VpcId = aws.String("vpc-2") })
	listener := c.listener(balancer, 80, forwardTo(used))
	c.listener(balancer, 81, fixed("404", ""))
	rule := c.rule(listener, 5, forwardTo(used), pathIs("/"))
	other := c.rule(listener, 6, fixed("200", ""), pathIs("/"))
	defaultRule := *must(c.elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{ListenerArn: &listener}))(c).Rules[2].RuleArn
	protected := *c.loadBalancer("protected").LoadBalancerArn
	must(c.elb.ModifyLoadBalancerAttributes(t.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &protected, Attributes: []elbv2types.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("true")}},
	}))(c)

	ctx := t.Context()
	createBalancer := func(name string, subnets ...string) error {
		_, err := c.elb.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: &name, Subnets: subnets, SecurityGroups: []string{"sg-1"}})
		return err
	}
	createGroup := func(change func(*elbv2.CreateTargetGroupInput)) error {
		in := &elbv2.CreateTargetGroupInput{
			Name: aws.String("new"), Protocol: elbv2types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1"), TargetType: elbv2types.TargetTypeEnumIp,
		}
		change(in)
		_, err := c.elb.CreateTargetGroup(ctx, in)
		return err
	}
	createRule := func(priority int32, actions []elbv2types.Action, conditions ...elbv2types.RuleCondition) error {
		_, err := c.elb.CreateRule(ctx, &elbv2.CreateRuleInput{ListenerArn: &listener, Priority: &priority, Actions: actions, Conditions: conditions})
		return err
	}
	modifyRule := func(conditions ...elbv2types.RuleCondition) error {
		_, err := c.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: &rule, Conditions: conditions})
		return err
	}
	createListener := func(in elbv2.CreateListenerInput) error {
		if in.Protocol == "" {
			in.Protocol = elbv2types.ProtocolEnumHttp
		}
		if in.LoadBalancerArn == nil {
			in.LoadBalancerArn = &balancer
		}
		if in.DefaultActions == nil {
			in.DefaultActions = fixed("404", "")
		}
		_, err := c.elb.CreateListener(ctx, &in)
		return err
	}
	register := func(group string, targets ...elbv2types.TargetDescription) error {
		_, err := c.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: targets})
		return err
	}
	ip := func(id string) elbv2types.TargetDescription { return elbv2types.TargetDescription{Id: &id} }
	balancerAttribute := func(key, value string) error {
		_, err := c.elb.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: &balancer, Attributes: []elbv2types.LoadBalancerAttribute{{Key: &key, Value: &value}},
		})
		return err
	}
	groupAttribute := func(key, value string) error {
		_, err := c.elb.ModifyTargetGroupAttributes(ctx, &elbv2.ModifyTargetGroupAttributesInput{
			TargetGroupArn: &used, Attributes: []elbv2types.TargetGroupAttribute{{Key: &key, Value: &value}},
		})
		return err
	}
	many := func(n int, format string) []string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(format, i))
		}
		return out
	}

	for _, tt := range []struct {
		name, want string
		call       func() error
	}{
		{"balancer-over-quota", "TooManyLoadBalancers", func() error { return createBalancer("third", "subnet-a", "subnet-b") }},
		{"balancer-name-too-long", "ValidationError", func() error { return createBalancer(strings.Repeat("x", 33), "subnet-a", "subnet-b") }},
		{"balancer-name-characters", "ValidationError", func() error { return createBalancer("a_b", "subnet-a", "subnet-b") }},
		{"balancer-name-hyphen", "ValidationError", func() error { return createBalancer("-a", "subnet-a", "subnet-b") }},
		{"balancer-name-internal", "ValidationError", func() error { return createBalancer("internal-a", "subnet-a", "subnet-b") }},
		{"balancer-in-one-zone", "ValidationError", func() error { return createBalancer("x", "subnet-a") }},
		{"balancer-twice-in-a-zone", "InvalidConfigurationRequest", func() error { return createBalancer("x", "subnet-a", "subnet-a2") }},
		{"balancer-in-two-vpcs", "InvalidConfigurationRequest", func() error { return createBalancer("x", "subnet-a", "subnet-far") }},
		{"balancer-in-unknown-subnet", "SubnetNotFound", func() error { return createBalancer("x", "subnet-a", "subnet-zzz") }},
		{"balancer-in-no-subnet", "InvalidSubnet", func() error { return createBalancer("x", "subnet-a", "zzz") }},
		{"balancer-of-other-type", "UnsupportedOperation", func() error {
			_, err := c.elb.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("n"), Type: elbv2types.LoadBalancerTypeEnumGateway, Subnets: []string{"subnet-a", "subnet-b"}})
			return err
		}},
		{"balancer-of-an-outpost", "UnsupportedOperation", func() error {
			_, err := c.elb.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{Name: aws.String("n"), CustomerOwnedIpv4Pool: aws.String("pool"), Subnets: []string{"subnet-a", "subnet-b"}})
			return err
		}},
		{"balancer-protected", "OperationNotPermitted", func() error {
			_, err := c.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &protected})
			return err
		}},
		{"balancer-gone-already", "ok", func() error {
			_, err := c.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: aws.String(balancer + "0")})
			return err
		}},
		{"balancer-unknown", "LoadBalancerNotFound", func() error {
			_, err := c.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Names: []string{"nobody"}})
			return err
		}},
		{"balancers-more-than-a-batch", "ValidationError", func() error {
			_, err := c.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: many(21, "arn:%d")})
			return err
		}},
		{"security-group-unknown", "InvalidSecurityGroup", func() error {
			_, err := c.elb.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: &balancer, SecurityGroups: []string{"sg-zzz"}})
			return err
		}},
		{"security-group-far", "InvalidConfigurationRequest", func() error {
			_, err := c.elb.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: &balancer, SecurityGroups: []string{"sg-far"}})
			return err
		}},
		{"dual-stack", "InvalidConfigurationRequest", func() error {
			_, err := c.elb.SetIpAddressType(ctx, &elbv2.SetIpAddressTypeInput{LoadBalancerArn: &balancer, IpAddressType: elbv2types.IpAddressTypeDualstack})
			return err
		}},
		{"balancer-attribute-unknown", "ValidationError", func() error { return balancerAttribute("idle", "1") }},
		{"balancer-attribute-out-of-range", "ValidationError", func() error { return balancerAttribute("idle_timeout.timeout_seconds", "4001") }},
		{"balancer-logs-without-bucket", "InvalidConfigurationRequest", func() error { return balancerAttribute("access_logs.s3.enabled", "true") }},

		{"listener-over-quota", "TooManyListeners", func() error { return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82)}) }},
		{"listener-port", "ValidationError", func() error { return createListener(elbv2.CreateListenerInput{Port: aws.Int32(65536)}) }},
		{"listener-protocol", "ValidationError", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), Protocol: elbv2types.ProtocolEnumTcp})
		}},
		{"listener-https-without-certificate", "ValidationError", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), Protocol: elbv2types.ProtocolEnumHttps})
		}},
		{"listener-of-nobody", "LoadBalancerNotFound", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), LoadBalancerArn: aws.String(noARN + "loadbalancer/app/none/0")})
		}},
		{"listener-to-no-group", "TargetGroupNotFound", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), DefaultActions: forwardTo(noARN + "targetgroup/none/0")})
		}},
		{"listener-to-far-group", "InvalidConfigurationRequest", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), DefaultActions: forwardTo(far)})
		}},
		{"listener-to-group-of-another", "TargetGroupAssociationLimit", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), LoadBalancerArn: &protected, DefaultActions: forwardTo(used)})
		}},
		{"listener-fixed-status", "ValidationError", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), DefaultActions: fixed("302", "")})
		}},
		{"listener-fixed-body", "ValidationError", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), DefaultActions: fixed("200", strings.Repeat("x", 1025))})
		}},
		{"listener-two-actions", "TooManyActions", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), DefaultActions: append(fixed("200", ""), fixed("200", "")...)})
		}},
		{"listener-redirect-loop", "InvalidLoadBalancerAction", func() error {
			return createListener(elbv2.CreateListenerInput{Port: aws.Int32(82), DefaultActions: []elbv2types.Action{{
				Type:           elbv2types.ActionTypeEnumRedirect,
				RedirectConfig: &elbv2types.RedirectActionConfig{StatusCode: elbv2types.RedirectActionStatusCodeEnumHttp301},
			}}})
		}},
		{"listener-unknown", "ListenerNotFound", func() error {
			_, err := c.elb.DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: aws.String(noARN + "listener/app/none/0/0")})
			return err
		}},
		{"listeners-of-nothing", "ValidationError", func() error {
			_, err := c.elb.DescribeListeners(ctx, &elbv2.DescribeListenersInput{})
			return err
		}},

		{"rule-priority-taken", "PriorityInUse", func() error { return createRule(5, fixed("200", ""), pathIs("/x")) }},
		{"rule-priority-range", "ValidationError", func() error { return createRule(50001, fixed("200", ""), pathIs("/x")) }},
		{"rule-over-quota", "TooManyRules", func() error { return createRule(7, fixed("200", ""), pathIs("/x")) }},
		{"rule-group-over-quota", "TooManyUniqueTargetGroupsPerLoadBalancer", func() error { return createRule(7, forwardTo(used, second, third), pathIs("/x")) }},
		{"rule-six-groups", "ValidationError", func() error { return createRule(7, forwardTo(many(6, "arn:%d")...), pathIs("/x")) }},
		{"rule-unknown", "RuleNotFound", func() error {
			_, err := c.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: aws.String(noARN + "listener-rule/app/none/0/0/0")})
			return err
		}},
		{"rule-default", "OperationNotPermitted", func() error {
			_, err := c.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: &defaultRule})
			return err
		}},
		{"rule-default-modified", "OperationNotPermitted", func() error {
			_, err := c.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: &defaultRule, Actions: fixed("200", "")})
			return err
		}},
		{"priorities-conflict", "PriorityInUse", func() error {
			_, err := c.elb.SetRulePriorities(ctx, &elbv2.SetRulePrioritiesInput{RulePriorities: []elbv2types.RulePriorityPair{{RuleArn: &other, Priority: aws.Int32(5)}}})
			return err
		}},
		{"six-condition-values", "ValidationError", func() error { return modifyRule(pathIs(many(6, "/%d")...)) }},
		{"seven-wildcards", "ValidationError", func() error { return modifyRule(pathIs("/*/*/*/*", "/*/*/*")) }},
		{"two-host-conditions", "ValidationError", func() error { return modifyRule(hostIs("a.com"), hostIs("b.com")) }},
		{"condition-field", "ValidationError", func() error { return modifyRule(elbv2types.RuleCondition{Field: aws.String("host")}) }},
		{"condition-without-value", "ValidationError", func() error { return modifyRule(elbv2types.RuleCondition{Field: aws.String("host-header")}) }},
		{"condition-of-another-field", "ValidationError", func() error {
			return modifyRule(elbv2types.RuleCondition{Field: aws.String("host-header"), Values: []string{"a.com"}, PathPatternConfig: &elbv2types.PathPatternConditionConfig{Values: []string{"/"}}})
		}},
		{"condition-regex", "ValidationError", func() error {
			return modifyRule(elbv2types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{RegexValues: []string{"^/(?=x)"}}})
		}},
		{"host-without-dot", "ValidationError", func() error { return modifyRule(hostIs("localhost")) }},
		{"host-that-ends-in-digits", "ValidationError", func() error { return modifyRule(hostIs("1.2.3.4")) }},
		{"path-with-a-space", "ValidationError", func() error { return modifyRule(pathIs("/a b")) }},

		{"group-over-quota", "TooManyTargetGroups", func() error { return createGroup(func(*elbv2.CreateTargetGroupInput) {}) }},
		{"group-without-vpc", "ValidationError", func() error { return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.VpcId = nil }) }},
		{"group-in-no-vpc", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.VpcId = aws.String("vpc-9") })
		}},
		{"group-without-port", "ValidationError", func() error { return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.Port = nil }) }},
		{"group-of-lambda", "UnsupportedOperation", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.TargetType = elbv2types.TargetTypeEnumLambda })
		}},
		{"group-of-quic", "UnsupportedOperation", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.Protocol = elbv2types.ProtocolEnumQuic })
		}},
		{"interval-not-above-timeout", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(5) })
		}},
		{"interval-out-of-range", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckIntervalSeconds = aws.Int32(301) })
		}},
		{"threshold-out-of-range", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthyThresholdCount = aws.Int32(1) })
		}},
		{"matcher", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) {
				in.Matcher = &elbv2types.Matcher{HttpCode: aws.String("200-500")}
			})
		}},
		{"check-path", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPath = aws.String("ready") })
		}},
		{"check-port", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckPort = aws.String("http") })
		}},
		{"check-protocol", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckProtocol = elbv2types.ProtocolEnumTcp })
		}},
		{"check-disabled", "ValidationError", func() error {
			return createGroup(func(in *elbv2.CreateTargetGroupInput) { in.HealthCheckEnabled = aws.Bool(false) })
		}},
		{"group-in-use", "ResourceInUse", func() error {
			_, err := c.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: &used})
			return err
		}},
		{"group-unknown", "TargetGroupNotFound", func() error {
			_, err := c.elb.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{Names: []string{"nobody"}})
			return err
		}},
		{"group-attribute-out-of-range", "ValidationError", func() error { return groupAttribute("deregistration_delay.timeout_seconds", "3601") }},
		{"group-attribute-unknown", "ValidationError", func() error { return groupAttribute("deregistration_delay", "30") }},
		{"group-attribute-of-other-kind", "InvalidConfigurationRequest", func() error { return groupAttribute("proxy_protocol_v2.enabled", "true") }},

		{"target-no-address", "ValidationError", func() error { return register(used, ip("pod")) }},
		{"target-outside-without-zone", "ValidationError", func() error { return register(used, ip("10.0.0.1")) }},
		{"target-outside-private-ranges", "ValidationError", func() error {
			return register(used, elbv2types.TargetDescription{Id: aws.String("8.8.8.8"), AvailabilityZone: aws.String("all")})
		}},
		{"target-outside", "ok", func() error {
			return register(used, elbv2types.TargetDescription{Id: aws.String("10.0.0.1"), AvailabilityZone: aws.String("all")})
		}},
		{"targets-over-group-quota", "TooManyTargets", func() error { return register(used, ip("127.0.0.2"), ip("127.0.0.3"), ip("127.0.0.4")) }},
		{"targets-of-no-group", "TargetGroupNotFound", func() error { return register(noARN+"targetgroup/none/0", ip("127.0.0.2")) }},
		{"target-never-registered", "ok", func() error {
			_, err := c.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: &used, Targets: []elbv2types.TargetDescription{ip("127.0.0.9")}})
			return err
		}},
		{"health-of-no-group", "TargetGroupNotFound", func() error {
			_, err := c.elb.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: aws.String(noARN + "targetgroup/none/0")})
			return err
		}},

		{"arn-of-another-kind", "ValidationError", func() error {
			_, err := c.elb.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &rule})
			return err
		}},
		{"arn-deleted-of-another-kind", "ValidationError", func() error {
			_, err := c.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &used})
			return err
		}},
		{"tags-twice", "DuplicateTagKeys", func() error {
			_, err := c.elb.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: []string{rule}, Tags: []elbv2types.Tag{{Key: aws.String("a")}, {Key: aws.String("a")}}})
			return err
		}},
		{"tags-of-no-rule", "RuleNotFound", func() error {
			_, err := c.elb.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: []string{rule + "0"}})
			return err
		}},
		{"tags-too-many", "TooManyTags", func() error {
			var tags []elbv2types.Tag
			for _, key := range many(51, "k%d") {
				tags = append(tags, elbv2types.Tag{Key: aws.String(key), Value: aws.String("")})
			}
			_, err := c.elb.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: []string{rule}, Tags: tags})
			return err
		}},
		{"tags-of-more-than-a-batch", "ValidationError", func() error {
			_, err := c.elb.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: many(21, "arn:%d")})
			return err
		}},
		{"page-size", "ValidationError", func() error {
			_, err := c.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{PageSize: aws.Int32(401)})
			return err
		}},
		{"marker", "ValidationError", func() error {
			_, err := c.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{Marker: aws.String("here")})
			return err
		}},
	} {
		if got := codeOf(tt.call()); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestPagesOfTargetGroups(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	var want, got []string
	for i := range 5 {
		want = append(want, c.targetGroup(fmt.Sprintf("g%d", i), nil))
	}
	pages := 0
	for p := elbv2.NewDescribeTargetGroupsPaginator(c.elb, &elbv2.DescribeTargetGroupsInput{PageSize: aws.Int32(2)}); p.HasMorePages(); pages++ {
		for _, g := range must(p.NextPage(t.Context()))(c).TargetGroups {
			got = append(got, *g.TargetGroupArn)
		}
		if pages == 0 { // what goes between two pages hides nothing else
			must(c.elb.DeleteTargetGroup(t.Context(), &elbv2.DeleteTargetGroupInput{TargetGroupArn: &want[1]}))(c)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages: %s", pages, diff)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	group := c.targetGroup("web", func(in *elbv2.CreateTargetGroupInput) {
		in.Tags = []elbv2types.Tag{{Key: aws.String("b"), Value: aws.String("1")}, {Key: aws.String("a"), Value: aws.String("2")}}
	})
	must(c.elb.AddTags(t.Context(), &elbv2.AddTagsInput{ResourceArns: []string{group}, Tags: []elbv2types.Tag{
		{Key: aws.String("b"), Value: aws.String("3")}, {Key: aws.String("c"), Value: aws.String("")},
	}}))(c)
	must(c.elb.RemoveTags(t.Context(), &elbv2.RemoveTagsInput{ResourceArns: []string{group}, TagKeys: []string{"a", "zzz"}}))(c)
	out := must(c.elb.DescribeTags(t.Context(), &elbv2.DescribeTagsInput{ResourceArns: []string{group}}))(c)
	want := []elbv2types.TagDescription{{ResourceArn: &group, Tags: []elbv2types.Tag{
		{Key: aws.String("b"), Value: aws.String("3")}, {Key: aws.String("c"), Value: aws.String("")},
	}}}
	if diff := cmp.Diff(want, out.TagDescriptions, ignoreHidden); diff != "" {
		t.Error(diff)
	}
}

func TestAccountLimitsShowOverrides(t *testing.T) {
	t.Parallel()
	c := start(t, func(config *localaws.Config) { config.Quotas = map[string]int{"elbv2/load-balancers": 7} })
	out := must(c.elb.DescribeAccountLimits(t.Context(), &elbv2.DescribeAccountLimitsInput{PageSize: aws.Int32(2)}))(c)
	got := map[string]string{}
	for _, l := range out.Limits {
		got[*l.Name] = *l.Max
	}
	if diff := cmp.Diff(map[string]string{"application-load-balancers": "7", "ca-certificates-per-trust-store": "25"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	group := c.targetGroup("web", nil)
	must(c.elb.ModifyTargetGroupAttributes(t.Context(), &elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: &group, Attributes: []elbv2types.TargetGroupAttribute{
		{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("30")},
		{Key: aws.String("load_balancing.algorithm.type"), Value: aws.String("least_outstanding_requests")},
	}}))(c)
	out := must(c.elb.DescribeTargetGroupAttributes(t.Context(), &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: &group}))(c)
	got := map[string]string{}
	for _, a := range out.Attributes {
		got[*a.Key] = *a.Value
	}
	want := map[string]string{
		"deregistration_delay.timeout_seconds": "30", "load_balancing.algorithm.type": "least_outstanding_requests",
		"load_balancing.algorithm.anomaly_mitigation": "off", "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
		"slow_start.duration_seconds": "0", "stickiness.enabled": "false", "stickiness.type": "lb_cookie",
		"stickiness.lb_cookie.duration_seconds": "86400", "stickiness.app_cookie.duration_seconds": "86400", "stickiness.app_cookie.cookie_name": "",
		"target_group_health.dns_failover.minimum_healthy_targets.count":                 "1",
		"target_group_health.dns_failover.minimum_healthy_targets.percentage":            "off",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      "1",
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
