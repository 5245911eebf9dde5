package cloud_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// incumbent makes a stack as the incumbent leaves it.
type incumbent struct {
	*administrator
	certificates     []string
	group            string
	lb, listener     string
	cart, pay, nodes string // target groups
}

func tagged(resource string) map[string]string {
	return map[string]string{model.ClusterTag: "prod", model.StackTag: "shop/web", model.ResourceTag: resource}
}

func (i *incumbent) securityGroups() {
	i.Helper()
	i.group = i.securityGroup("k8s-shop-web-0123456789", testVPC, tagged(model.SecurityGroupResource))
	_, err := i.ec2.AuthorizeSecurityGroupIngress(i.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &i.group, IpPermissions: []ec2types.IpPermission{{
		IpProtocol: new("tcp"), FromPort: new(int32(443)), ToPort: new(int32(443)),
		IpRanges:      []ec2types.IpRange{{CidrIp: new("0.0.0.0/0"), Description: new("")}},
		Ipv6Ranges:    []ec2types.Ipv6Range{{CidrIpv6: new("::/0"), Description: new("")}},
		PrefixListIds: []ec2types.PrefixListId{{PrefixListId: new("pl-0123456789abcdef0"), Description: new("")}},
	}}})
	i.check(err)
}

func (i *incumbent) groups() {
	i.Helper()
	create := func(name, resource string, change func(*elbv2.CreateTargetGroupInput)) string {
		in := &elbv2.CreateTargetGroupInput{
			Name: &name, Port: new(int32(8080)), Protocol: "HTTP", ProtocolVersion: new("HTTP1"), VpcId: new(testVPC), TargetType: "ip", Tags: elbTagList(tagged(resource)),
			HealthCheckEnabled: new(true), HealthCheckProtocol: "HTTP", HealthCheckPort: new("traffic-port"), HealthCheckPath: new("/"),
			HealthCheckIntervalSeconds: new(int32(15)), HealthCheckTimeoutSeconds: new(int32(5)), HealthyThresholdCount: new(int32(2)), UnhealthyThresholdCount: new(int32(2)),
			Matcher: &elbv2types.Matcher{HttpCode: new("200")},
		}
		change(in)
		out, err := i.elb.CreateTargetGroup(i.Context(), in)
		i.check(err)
		return *out.TargetGroups[0].TargetGroupArn
	}
	i.cart = create("k8s-shop-cart-0123456789", "shop/web-cart:80", func(*elbv2.CreateTargetGroupInput) {})
	i.pay = create("k8s-shop-pay-0123456789", "shop/web-pay:80", func(in *elbv2.CreateTargetGroupInput) {
		in.Protocol, in.HealthCheckProtocol, in.IpAddressType = "HTTPS", "HTTPS", "ipv6"
	})
	i.nodes = create("k8s-shop-nodes-0123456789", "shop/web-nodes:80", func(in *elbv2.CreateTargetGroupInput) { in.TargetType = "instance" })
	_, err := i.elb.ModifyTargetGroupAttributes(i.Context(), &elbv2.ModifyTargetGroupAttributesInput{
		TargetGroupArn: &i.cart, Attributes: []elbv2types.TargetGroupAttribute{{Key: new("deregistration_delay.timeout_seconds"), Value: new("30")}},
	})
	i.check(err)
}

func (i *incumbent) loadBalancer() {
	i.Helper()
	out, err := i.elb.CreateLoadBalancer(i.Context(), &elbv2.CreateLoadBalancerInput{
		Name: new("k8s-shop-web-0123456789"), Type: "application", Scheme: "internet-facing", IpAddressType: "dualstack", Tags: elbTagList(tagged(model.LoadBalancerResource)),
		Subnets: []string{"subnet-0000000000000000b", "subnet-0000000000000000a"}, SecurityGroups: []string{i.group},
	})
	i.check(err)
	i.lb = *out.LoadBalancers[0].LoadBalancerArn
	_, err = i.elb.ModifyLoadBalancerAttributes(i.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &i.lb, Attributes: []elbv2types.LoadBalancerAttribute{{Key: new("idle_timeout.timeout_seconds"), Value: new("90")}},
	})
	i.check(err)
}

func (i *incumbent) listeners() {
	i.Helper()
	out, err := i.elb.CreateListener(i.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: &i.lb, Port: new(int32(443)), Protocol: "HTTPS", Tags: elbTagList(tagged("443")),
		Certificates: []elbv2types.Certificate{{CertificateArn: &i.certificates[1]}}, SslPolicy: new("ELBSecurityPolicy-TLS13-1-2-2021-06"),
		DefaultActions: []elbv2types.Action{{Type: "redirect", RedirectConfig: &elbv2types.RedirectActionConfig{
			Protocol: new("HTTPS"), Host: new("www.example.com"), Port: new("#{port}"), Path: new("/#{path}"), Query: new("#{query}"), StatusCode: "HTTP_301",
		}}},
	})
	i.check(err)
	i.listener = *out.Listeners[0].ListenerArn
	for _, arn := range []string{i.certificates[1], i.certificates[0]} { // the default one too
		_, err = i.elb.AddListenerCertificates(i.Context(), &elbv2.AddListenerCertificatesInput{ListenerArn: &i.listener, Certificates: []elbv2types.Certificate{{CertificateArn: &arn}}})
		i.check(err)
	}
	_, err = i.elb.ModifyListenerAttributes(i.Context(), &elbv2.ModifyListenerAttributesInput{
		ListenerArn: &i.listener, Attributes: []elbv2types.ListenerAttribute{{Key: new("routing.http.response.server.enabled"), Value: new("false")}},
	})
	i.check(err)
}

func (i *incumbent) rules() {
	i.Helper()
	for _, in := range []*elbv2.CreateRuleInput{
		{
			Conditions: []elbv2types.RuleCondition{
				{Field: new("query-string"), QueryStringConfig: &elbv2types.QueryStringConditionConfig{Values: []elbv2types.QueryStringKeyValuePair{{Key: new("v"), Value: new("2")}, {Value: new("beta")}}}},
				{Field: new("http-header"), HttpHeaderConfig: &elbv2types.HttpHeaderConditionConfig{HttpHeaderName: new("X-Team"), Values: []string{"red", "blue"}}},
				{Field: new("host-header"), HostHeaderConfig: &elbv2types.HostHeaderConditionConfig{Values: []string{"www.example.com"}}},
			},
			Actions: []elbv2types.Action{{Type: "forward", Order: new(int32(1)), ForwardConfig: &elbv2types.ForwardActionConfig{
				TargetGroups:                []elbv2types.TargetGroupTuple{{TargetGroupArn: &i.pay, Weight: new(int32(20))}, {TargetGroupArn: &i.cart, Weight: new(int32(80))}},
				TargetGroupStickinessConfig: &elbv2types.TargetGroupStickinessConfig{Enabled: new(true), DurationSeconds: new(int32(600))},
			}}},
		},
		{
			Conditions: []elbv2types.RuleCondition{{Field: new("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{RegexValues: []string{"^/nodes/[0-9]+$"}}}},
			Actions: []elbv2types.Action{{Type: "forward", Order: new(int32(1)), ForwardConfig: &elbv2types.ForwardActionConfig{
				TargetGroups: []elbv2types.TargetGroupTuple{{TargetGroupArn: &i.nodes}},
			}}},
			Transforms: []elbv2types.RuleTransform{
				{Type: "url-rewrite", UrlRewriteConfig: &elbv2types.UrlRewriteConfig{Rewrites: []elbv2types.RewriteConfig{{Regex: new("^/nodes"), Replace: new("")}}}},
				{Type: "host-header-rewrite", HostHeaderRewriteConfig: &elbv2types.HostHeaderRewriteConfig{Rewrites: []elbv2types.RewriteConfig{{Regex: new("^www"), Replace: new("nodes")}}}},
			},
		},
		{
			Conditions: []elbv2types.RuleCondition{
				{Field: new("source-ip"), SourceIpConfig: &elbv2types.SourceIpConditionConfig{Values: []string{"192.0.2.0/24"}}},
				{Field: new("http-request-method"), HttpRequestMethodConfig: &elbv2types.HttpRequestMethodConditionConfig{Values: []string{"PUT", "GET"}}},
			},
			Actions: []elbv2types.Action{{Type: "fixed-response", Order: new(int32(1)), FixedResponseConfig: &elbv2types.FixedResponseActionConfig{StatusCode: new("403"), ContentType: new("text/plain")}}},
		},
	} {
		priority := int32(len(i.ruleARNs()) + 1)
		in.ListenerArn, in.Priority = &i.listener, &priority
		in.Tags = elbTagList(tagged("443:" + string(rune('0'+priority))))
		_, err := i.elb.CreateRule(i.Context(), in)
		i.check(err)
	}
}

func (i *incumbent) ruleARNs() []string {
	i.Helper()
	out, err := i.elb.DescribeRules(i.Context(), &elbv2.DescribeRulesInput{ListenerArn: &i.listener})
	i.check(err)
	var arns []string
	for _, rule := range out.Rules {
		if !*rule.IsDefault {
			arns = append(arns, *rule.RuleArn)
		}
	}
	return arns
}

// wanted is the same as a model, as a build would say it.
func (i *incumbent) wanted() model.Stack {
	check := model.HealthCheck{
		Protocol: "HTTP", Port: "traffic-port", Path: "/", Interval: model.Duration(15 * time.Second), Timeout: model.Duration(5 * time.Second),
		HealthyThreshold: 2, UnhealthyThreshold: 2, Matcher: "200",
	}
	group := func(name, resource string) model.TargetGroup {
		return model.TargetGroup{
			Key: model.TargetGroupKey(resource), Name: name, Port: 80, Protocol: "HTTP", ProtocolVersion: "HTTP1", TargetType: "ip", VPC: testVPC, HealthCheck: check, Tags: tagged(resource),
		}
	}
	cart, pay, nodes := group("any-name-1", "shop/web-cart:80"), group("any-name-2", "shop/web-pay:80"), group("any-name-3", "shop/web-nodes:80")
	cart.Attributes = map[string]string{"deregistration_delay.timeout_seconds": "30"}
	pay.Protocol, pay.HealthCheck.Protocol, pay.IPAddressType = "HTTPS", "HTTPS", "ipv6"
	nodes.TargetType = "instance"
	permission := model.Permission{Protocol: "tcp", FromPort: 443, ToPort: 443}
	from := func(set func(*model.Permission)) model.Permission {
		out := permission
		set(&out)
		return out
	}
	rules := []model.Rule{
		{
			Conditions: []model.Condition{
				{Field: model.HTTPHeader, Header: "X-Team", Values: []string{"red", "blue"}},
				{Field: model.QueryString, Query: []model.Pair{{Key: "v", Value: "2"}, {Value: "beta"}}},
				{Field: model.HostHeader, Values: []string{"www.example.com"}},
			},
			Action: model.Action{
				Forward:    []model.WeightedTarget{{TargetGroup: cart.Key, Weight: new(int32(80))}, {TargetGroup: pay.Key, Weight: new(int32(20))}},
				Stickiness: &model.Stickiness{Enabled: true, Duration: model.Duration(10 * time.Minute)},
			},
		},
		{
			Conditions: []model.Condition{{Field: model.PathPattern, Regex: []string{"^/nodes/[0-9]+$"}}},
			Action:     model.Action{Forward: []model.WeightedTarget{{TargetGroup: nodes.Key}}},
			Transforms: []model.Transform{
				{Type: model.HostRewrite, Rewrites: []model.Rewrite{{Regex: "^www", Replace: "nodes"}}},
				{Type: model.URLRewrite, Rewrites: []model.Rewrite{{Regex: "^/nodes", Replace: ""}}},
			},
		},
		{
			Conditions: []model.Condition{{Field: model.Method, Values: []string{"PUT", "GET"}}, {Field: model.SourceIP, Values: []string{"192.0.2.0/24"}}},
			Action:     model.Action{FixedResponse: &model.FixedResponse{StatusCode: "403", ContentType: "text/plain"}},
		},
	}
	for n := range rules {
		rules[n].Key, rules[n].Listener, rules[n].Priority = model.RuleKey(443, rules[n].Conditions), model.ListenerKey(443), int32(n+1)
		rules[n].Tags = tagged("443:" + string(rune('1'+n)))
	}
	return model.Stack{
		ID: id,
		SecurityGroups: []model.SecurityGroup{{Key: model.SecurityGroupKey, Name: "any-name", Description: "any", VPC: testVPC, Tags: tagged(model.SecurityGroupResource), Ingress: []model.Permission{
			from(func(p *model.Permission) { p.CIDR = "0.0.0.0/0" }), from(func(p *model.Permission) { p.CIDR6 = "::/0" }),
			from(func(p *model.Permission) { p.PrefixList = "pl-0123456789abcdef0" }),
		}}},
		TargetGroups: []model.TargetGroup{cart, pay, nodes},
		LoadBalancer: &model.LoadBalancer{
			Key: model.LoadBalancerKey, Name: "any-name", Scheme: model.InternetFacing, IPAddressType: "dualstack", Subnets: []string{"subnet-0000000000000000a", "subnet-0000000000000000b"},
			SecurityGroups: []model.Key{model.SecurityGroupKey}, Attributes: map[string]string{"idle_timeout.timeout_seconds": "90"}, Tags: tagged(model.LoadBalancerResource),
		},
		Listeners: []model.Listener{{
			Key: model.ListenerKey(443), Port: 443, Protocol: "HTTPS", Certificate: i.certificates[1], SNI: i.certificates, SSLPolicy: "ELBSecurityPolicy-TLS13-1-2-2021-06",
			Attributes: map[string]string{"routing.http.response.server.enabled": "false"}, Tags: tagged("443"),
			Default: model.Action{Redirect: &model.Redirect{Protocol: "HTTPS", Host: "www.example.com", StatusCode: "HTTP_301"}},
		}},
		Rules: rules,
	}
}

// newIncumbent is a local AWS that the incumbent has worked in.
func newIncumbent(t *testing.T) (*incumbent, *localaws.Cloud) {
	t.Helper()
	local := newOfflineAWS(t, localaws.Config{Throttling: "off"})
	i := &incumbent{administrator: newAdministrator(t, local), certificates: serverCertificates(t, local, "one", "two")}
	i.securityGroups()
	i.groups()
	i.loadBalancer()
	i.listeners()
	i.rules()
	return i, local
}

func observedSteps(t *testing.T, c *cloud.Cloud, want model.Stack) []plan.Step {
	t.Helper()
	have, err := c.Observe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return plan.Steps(want, have, plan.Options{})
}

// Who takes a cluster over from the incumbent changes nothing.
func TestTakingOverChangesNothing(t *testing.T) {
	t.Parallel()
	i, local := newIncumbent(t)
	c := newOfflineCloud(t, cloud.Config{Cluster: "prod", BudgetShare: 1, Unlimited: true}, local)
	if steps := observedSteps(t, c, i.wanted()); len(steps) > 0 {
		t.Errorf("it would:\n%s", plan.Print(steps))
	}
}

// A rule that authenticates is seen with where it forwards to, is kept by whoever wants what
// is there, and is never sent.
func TestARuleThatAuthenticatesIsKept(t *testing.T) {
	t.Parallel()
	i, local := newIncumbent(t)
	_, err := i.elb.ModifyRule(t.Context(), &elbv2.ModifyRuleInput{RuleArn: new(i.ruleARNs()[1]), Actions: []elbv2types.Action{
		{Type: "authenticate-oidc", Order: new(int32(1)), AuthenticateOidcConfig: &elbv2types.AuthenticateOidcActionConfig{
			Issuer: new("https://id.example.com"), AuthorizationEndpoint: new("https://id.example.com/a"), TokenEndpoint: new("https://id.example.com/t"),
			UserInfoEndpoint: new("https://id.example.com/u"), ClientId: new("web"), ClientSecret: new("hidden"),
		}},
		{Type: "forward", Order: new(int32(2)), TargetGroupArn: &i.nodes},
	}})
	i.check(err)
	c := newOfflineCloud(t, cloud.Config{Cluster: "prod", BudgetShare: 1, Unlimited: true}, local)
	want := i.wanted()
	have, err := c.Observe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	action := have.Rules[1].Action
	if len(action.Forward) != 1 || action.Forward[0].TargetGroup != want.TargetGroups[2].Key || action.Unknown == "" {
		t.Fatalf("it is seen as %+v", action)
	}
	want.Rules[1].Action = action
	if steps := observedSteps(t, c, want); len(steps) > 0 {
		t.Errorf("who wants to keep it would:\n%s", plan.Print(steps))
	}
	err = c.Apply(t.Context(), id, plan.Step{Verb: plan.Modify, Kind: "rule", Key: want.Rules[1].Key, Action: plan.ModifyRule{Rule: want.Rules[1].Key, Want: want.Rules[1]}})
	if err == nil || cloud.KindOf(err) != cloud.Bug {
		t.Errorf("sending it: %v, want a bug", err)
	}
}
