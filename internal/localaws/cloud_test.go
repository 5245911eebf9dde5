package localaws_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// cloud is a running local AWS and clients of it.
type cloud struct {
	testing.TB
	*localaws.Cloud
	admin localaws.Admin
	elb   *elbv2.Client
	ec2   *ec2.Client
	sts   *sts.Client
}

// ranges gives each cloud of this test binary loopback addresses of its own.
var ranges atomic.Uint32

const testSpeed = 50

// The network that every cloud here is seeded with. Targets are test servers on 127.0.0.1, so the VPC holds that.
var testSeed = localaws.Seed{
	VPCs: []localaws.VPC{
		{ID: "vpc-1", CIDR: "127.0.0.0/16", Tags: map[string]string{"Name": "main"}},
		{ID: "vpc-2", CIDR: "10.2.0.0/16"},
	},
	Subnets: []localaws.Subnet{
		{ID: "subnet-a", VPCID: "vpc-1", CIDR: "127.0.0.0/20", Zone: "us-west-2a", Tags: map[string]string{"kubernetes.io/role/elb": "1"}},
		{ID: "subnet-b", VPCID: "vpc-1", CIDR: "127.0.16.0/20", Zone: "us-west-2b", Tags: map[string]string{"kubernetes.io/role/elb": "1"}},
		{ID: "subnet-c", VPCID: "vpc-1", CIDR: "127.0.32.0/20", Zone: "us-west-2c"},
		{ID: "subnet-a2", VPCID: "vpc-1", CIDR: "127.0.48.0/20", Zone: "us-west-2a"},
		{ID: "subnet-far", VPCID: "vpc-2", CIDR: "10.2.0.0/20", Zone: "us-west-2b"},
	},
	SecurityGroups: []localaws.SecurityGroup{
		{ID: "sg-1", VPCID: "vpc-1", Name: "cluster", Description: "the cluster's", Tags: map[string]string{"owner": "us"}},
		{ID: "sg-far", VPCID: "vpc-2", Name: "far", Description: "elsewhere"},
	},
	Instances: []localaws.Instance{{
		ID: "i-1", SubnetID: "subnet-a", PrivateIP: "127.0.0.1", PrivateDNSName: "ip-127-0-0-1.internal",
		SecurityGroups: []string{"sg-1"}, Prefixes: []string{"127.0.1.0/28"}, Tags: map[string]string{"Name": "node"},
	}},
}

// start runs a local AWS for one test: fast, without throttling unless the test wants it.
func start(tb testing.TB, change func(*localaws.Config)) *cloud {
	tb.Helper()
	config := localaws.Config{
		Addresses: netip.MustParsePrefix(fmt.Sprintf("127.%d.%d.0/24", 128+ranges.Add(1)%100, time.Now().UnixNano()/1000%256)), Throttling: "off",
		Speed: testSpeed, PortOffset: 18000,
	}
	if change != nil {
		change(&config)
	}
	running, err := localaws.Start(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := running.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := running.Seed(testSeed); err != nil {
		tb.Fatal(err)
	}
	sdk := aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(running.URL()),
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	return &cloud{
		TB: tb, Cloud: running, admin: localaws.Admin{URL: running.URL()},
		elb: elbv2.NewFromConfig(sdk), ec2: ec2.NewFromConfig(sdk), sts: sts.NewFromConfig(sdk),
	}
}

// must returns the answer of a call that has to succeed.
func must[Out any](answer Out, err error) func(*cloud) Out {
	return func(c *cloud) Out {
		c.Helper()
		if err != nil {
			c.Fatal(err)
		}
		return answer
	}
}

// codeOf is the error code of an answer, or "ok".
func codeOf(err error) string {
	if err == nil {
		return "ok"
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return err.Error()
}

func (c *cloud) loadBalancer(name string) elbv2types.LoadBalancer {
	c.Helper()
	out := must(c.elb.CreateLoadBalancer(c.Context(), &elbv2.CreateLoadBalancerInput{
		Name: &name, Subnets: []string{"subnet-a", "subnet-b"}, SecurityGroups: []string{"sg-1"},
	}))(c)
	return out.LoadBalancers[0]
}

func (c *cloud) targetGroup(name string, change func(*elbv2.CreateTargetGroupInput)) string {
	c.Helper()
	in := &elbv2.CreateTargetGroupInput{
		Name: &name, Protocol: elbv2types.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1"),
		TargetType: elbv2types.TargetTypeEnumIp, HealthCheckIntervalSeconds: aws.Int32(6), HealthCheckTimeoutSeconds: aws.Int32(2),
	}
	if change != nil {
		change(in)
	}
	return *must(c.elb.CreateTargetGroup(c.Context(), in))(c).TargetGroups[0].TargetGroupArn
}

func forwardTo(groups ...string) []elbv2types.Action {
	config := &elbv2types.ForwardActionConfig{}
	for _, g := range groups {
		config.TargetGroups = append(config.TargetGroups, elbv2types.TargetGroupTuple{TargetGroupArn: aws.String(g), Weight: aws.Int32(1)})
	}
	return []elbv2types.Action{{Type: elbv2types.ActionTypeEnumForward, ForwardConfig: config}}
}

func fixed(status, body string) []elbv2types.Action {
	return []elbv2types.Action{{
		Type:                elbv2types.ActionTypeEnumFixedResponse,
		FixedResponseConfig: &elbv2types.FixedResponseActionConfig{StatusCode: &status, MessageBody: &body, ContentType: aws.String("text/plain")},
	}}
}

func (c *cloud) listener(balancer string, port int32, actions []elbv2types.Action) string {
	c.Helper()
	out := must(c.elb.CreateListener(c.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: &balancer, Port: &port, Protocol: elbv2types.ProtocolEnumHttp, DefaultActions: actions,
	}))(c)
	return *out.Listeners[0].ListenerArn
}

func (c *cloud) rule(listener string, priority int32, actions []elbv2types.Action, conditions ...elbv2types.RuleCondition) string {
	c.Helper()
	out := must(c.elb.CreateRule(c.Context(), &elbv2.CreateRuleInput{
		ListenerArn: &listener, Priority: &priority, Actions: actions, Conditions: conditions,
	}))(c)
	return *out.Rules[0].RuleArn
}

func hostIs(values ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: aws.String("host-header"), HostHeaderConfig: &elbv2types.HostHeaderConditionConfig{Values: values}}
}

func pathIs(values ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: aws.String("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{Values: values}}
}

// targetOf is a server's address as a target.
func targetOf(c *cloud, address string) elbv2types.TargetDescription {
	c.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		c.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		c.Fatal(err)
	}
	return elbv2types.TargetDescription{Id: &host, Port: aws.Int32(int32(number))}
}

func (c *cloud) register(group string, addresses ...string) {
	c.Helper()
	in := &elbv2.RegisterTargetsInput{TargetGroupArn: &group}
	for _, a := range addresses {
		in.Targets = append(in.Targets, targetOf(c, a))
	}
	must(c.elb.RegisterTargets(c.Context(), in))(c)
}

func (c *cloud) deregister(group, address string) {
	c.Helper()
	must(c.elb.DeregisterTargets(c.Context(), &elbv2.DeregisterTargetsInput{
		TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{targetOf(c, address)},
	}))(c)
}

// health is "state" or "state reason" of one target.
func (c *cloud) health(group, address string) string {
	c.Helper()
	out := must(c.elb.DescribeTargetHealth(c.Context(), &elbv2.DescribeTargetHealthInput{
		TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{targetOf(c, address)},
	}))(c)
	h := out.TargetHealthDescriptions[0].TargetHealth
	if h.Reason == "" {
		return string(h.State)
	}
	return string(h.State) + " " + string(h.Reason)
}

// eventually waits until get gives want.
func eventually[V comparable](c *cloud, what string, get func() V, want V) {
	c.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got := get()
		if got == want {
			return
		}
		if time.Now().After(deadline) {
			c.Fatalf("%s is %v, want %v", what, got, want)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// address waits until a listener can be reached, and says where.
func (c *cloud) address(dnsName string, port int) string {
	c.Helper()
	var found string
	eventually(c, "the listener's address", func() bool {
		addresses, err := c.admin.Addresses(c.Context())
		if err != nil {
			c.Fatal(err)
		}
		for _, a := range addresses {
			if a.DNSName == dnsName && a.Port == port {
				found = a.Address
			}
		}
		return found != ""
	}, true)
	return found
}

// server is a target that answers with its name, or as handle says.
func (c *cloud) server(name string, handle http.HandlerFunc) *httptest.Server {
	c.Helper()
	if handle == nil {
		handle = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) }
	}
	s := httptest.NewServer(handle)
	c.Cleanup(s.Close)
	return s
}

// response is what the tests compare of an HTTP answer.
type response struct {
	Status int
	Body   string
}

func get(ctx context.Context, client *http.Client, address, host, path string) (response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return response{}, err
	}
	request.Host = host
	answer, err := client.Do(request)
	if err != nil {
		return response{}, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return response{Status: answer.StatusCode, Body: string(body)}, err
}

// get makes a request that has to be answered, with whatever status.
func (c *cloud) get(address, host, path string) response {
	c.Helper()
	return must(get(c.Context(), http.DefaultClient, address, host, path))(c)
}
