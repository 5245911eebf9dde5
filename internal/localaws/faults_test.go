package localaws_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

// fault adds a rule that has to be right.
func (c *cloud) fault(rule fault.Rule) {
	c.Helper()
	if _, err := c.Faults().Add(rule); err != nil {
		c.Fatal(err)
	}
}

// describe is an HTTP status and an error code of a harmless call, or "0 ok".
func (c *cloud) describe() (int, string) {
	_, err := c.elb.DescribeLoadBalancers(c.Context(), &elbv2.DescribeLoadBalancersInput{})
	status := 0
	if failed, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		status = failed.HTTPStatusCode()
	}
	return status, codeOf(err)
}

func TestFaultsAnswerWithErrors(t *testing.T) {
	t.Parallel()
	type answer struct {
		Status int
		Code   string
	}
	for _, tt := range []struct {
		name string
		rule fault.Rule
		want answer
	}{
		{"throttled", fault.Rule{Service: "elbv2", Operation: "Describe*", Code: "ThrottlingException"}, answer{400, "ThrottlingException"}},
		{"down", fault.Rule{Code: "ServiceUnavailable"}, answer{503, "ServiceUnavailable"}},
		{"denied", fault.Rule{Operation: "DescribeLoadBalancers", Code: "AccessDenied"}, answer{403, "AccessDenied"}},
		{"bare-status", fault.Rule{Service: "elb*", Status: 500}, answer{500, "UnknownError"}},
		{"other-service", fault.Rule{Service: "ec2", Status: 500}, answer{0, "ok"}},
		{"other-operation", fault.Rule{Operation: "Create*", Status: 500}, answer{0, "ok"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := start(t, nil)
			c.fault(tt.rule)
			var got answer
			got.Status, got.Code = c.describe()
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLostAnswerTakesEffect(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.fault(fault.Rule{Service: "elbv2", Operation: "CreateTargetGroup", LoseAnswer: true, Count: 1})
	in := &elbv2.CreateTargetGroupInput{
		Name: aws.String("web"), Port: aws.Int32(80), Protocol: elbv2types.ProtocolEnumHttp, VpcId: aws.String("vpc-1"),
		TargetType: elbv2types.TargetTypeEnumIp,
	}
	if _, err := c.elb.CreateTargetGroup(t.Context(), in); !errors.Is(err, io.EOF) {
		t.Errorf("the answer was not lost: %v", err)
	}
	out := must(c.elb.DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{}))(c)
	if len(out.TargetGroups) != 1 {
		t.Errorf("there are %d target groups", len(out.TargetGroups))
	}
	must(c.elb.CreateTargetGroup(t.Context(), in))(c)
	want := []localaws.Call{
		{Service: "elbv2", Operation: "CreateTargetGroup", Result: "ok", Count: 1},
		{Service: "elbv2", Operation: "CreateTargetGroup", Result: "ok", Fault: "lost-answer", Count: 1},
		{Service: "elbv2", Operation: "DescribeTargetGroups", Result: "ok", Count: 1},
	}
	if diff := cmp.Diff(want, must(c.admin.Calls(t.Context(), false))(c)); diff != "" {
		t.Error(diff)
	}
}

func TestDelayComesBesideOtherFaults(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.fault(fault.Rule{Operation: "DescribeLoad*", Delay: 50 * time.Millisecond})
	c.fault(fault.Rule{Operation: "DescribeLoad*", Code: "InternalFailure"})
	begun := time.Now()
	if _, code := c.describe(); code != "InternalFailure" {
		t.Errorf("got %s", code)
	}
	if took := time.Since(begun); took < 50*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

func TestProbabilityIsSeeded(t *testing.T) {
	t.Parallel()
	run := func() (pattern string) {
		c := start(t, func(config *localaws.Config) { config.Random = 7 })
		c.fault(fault.Rule{Code: "ThrottlingException", Probability: 0.5})
		for range 40 {
			if _, code := c.describe(); code == "ok" {
				pattern += "."
			} else {
				pattern += "x"
			}
		}
		return pattern
	}
	first, second := run(), run()
	if first != second {
		t.Errorf("two runs differ: %s and %s", first, second)
	}
	if failed := len(first) - len(cutAll(first, 'x')); failed < 10 || failed > 30 {
		t.Errorf("%d of 40 calls failed", failed)
	}
}

func cutAll(s string, c byte) (rest []byte) {
	for i := range len(s) {
		if s[i] != c {
			rest = append(rest, s[i])
		}
	}
	return rest
}

func TestStaleAnswersComeFromThePast(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	target := c.server("one", nil).Listener.Addr().String()
	_, listener, group := c.serving(target)
	const ago = 200 * time.Millisecond
	c.fault(fault.Rule{Service: "elbv2", Operation: "Describe*", Stale: ago})
	begun := time.Now()
	rule := c.rule(listener, 7, fixed("200", "new"), pathIs("/new"))
	must(c.elb.AddTags(t.Context(), &elbv2.AddTagsInput{
		ResourceArns: []string{group}, Tags: []elbv2types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
	}))(c)
	c.deregister(group, target)
	type view struct {
		Health string
		Rules  int
		Tags   int
		Rule   string
	}
	look := func() view {
		rules := must(c.elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{ListenerArn: &listener}))(c)
		tags := must(c.elb.DescribeTags(t.Context(), &elbv2.DescribeTagsInput{ResourceArns: []string{group}}))(c)
		_, err := c.elb.DescribeRules(t.Context(), &elbv2.DescribeRulesInput{RuleArns: []string{rule}})
		return view{c.health(group, target), len(rules.Rules), len(tags.TagDescriptions[0].Tags), codeOf(err)}
	}
	if diff := cmp.Diff(view{"healthy", 1, 0, "RuleNotFound"}, look()); diff != "" {
		t.Error(diff)
	}
	eventually(c, "the present", look, view{"draining Target.DeregistrationInProgress", 2, 1, "ok"})
	if took := time.Since(begun); took < ago {
		t.Errorf("the change could be seen after %s", took)
	}
	c.Faults().Clear()
	must(c.elb.DeleteRule(t.Context(), &elbv2.DeleteRuleInput{RuleArn: &rule}))(c)
	if diff := cmp.Diff(view{"draining Target.DeregistrationInProgress", 1, 1, "RuleNotFound"}, look()); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	want := fault.Rule{Service: "ec2", Operation: "Describe*", Code: "RequestLimitExceeded", Probability: 1, Count: 2}
	added := must(c.admin.AddFault(t.Context(), want))(c)
	want.ID = "fault-1"
	if diff := cmp.Diff(want, added); diff != "" {
		t.Error(diff)
	}
	_, err := c.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	if codeOf(err) != "RequestLimitExceeded" {
		t.Error(err)
	}
	want.Met = 1
	if diff := cmp.Diff([]fault.Rule{want}, must(c.admin.Faults(t.Context()))(c)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]fault.Rule{want}, must(c.admin.ClearFaults(t.Context()))(c)); diff != "" {
		t.Error(diff)
	}
	must(c.ec2.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}))(c)
	_, err = c.admin.AddFault(t.Context(), fault.Rule{Code: "x", Status: 99})
	const complaint = "adding a fault: a fault is exactly one of a code, a status, a lost answer, a delay and a stale answer\n" +
		"status 99: it must be from 400 to 599"
	if err == nil || err.Error() != complaint {
		t.Errorf("got %v", err)
	}
}

// TestFaultsOfTheJSONProtocol: the error must come in the dialect of the service.
func TestFaultsOfTheJSONProtocol(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.fault(fault.Rule{Service: "acm", Operation: "List*", Code: "ThrottlingException"})
	client := acm.New(acm.Options{
		Region: "us-west-2", BaseEndpoint: aws.String(c.URL()), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer: aws.NopRetryer{},
	})
	if _, err := client.ListCertificates(t.Context(), &acm.ListCertificatesInput{}); codeOf(err) != "ThrottlingException" {
		t.Error(err)
	}
	c.Faults().Clear()
	must(client.ListCertificates(t.Context(), &acm.ListCertificatesInput{}))(c)
}

func TestFaultOfTheThirdCall(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.fault(fault.Rule{Service: "elbv2", Code: "InternalFailure", Skip: 2, Count: 1})
	var got []string
	for range 4 {
		_, code := c.describe()
		got = append(got, code)
	}
	if diff := cmp.Diff([]string{"ok", "ok", "InternalFailure", "ok"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFaultsEnd(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	c.fault(fault.Rule{Status: http.StatusBadGateway, For: 30 * time.Millisecond})
	if status, _ := c.describe(); status != http.StatusBadGateway {
		t.Errorf("got %d", status)
	}
	eventually(c, "the end of the fault", func() int { status, _ := c.describe(); return status }, 0)
	if rules := c.Faults().List(); len(rules) != 0 {
		t.Errorf("there still is %v", rules)
	}
}
