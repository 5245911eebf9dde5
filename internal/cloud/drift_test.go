package cloud_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/time/rate"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// drifts are what a round finds, as it prints the steps that would put it back.
func (w *walk) drifts() []string {
	w.Helper()
	w.cloud.Settle()
	var out []string
	err := w.cloud.Round(w.Context(), rate.NewLimiter(rate.Inf, 0), plan.Options{ExternalTags: []string{"external"}}, func(d cloud.Drift) {
		out = append(out, d.Stack.String()+": "+plan.Print(d.Steps))
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

// stranger changes things by hand.
type stranger struct {
	t   *testing.T
	elb *elbv2.Client
	ec2 *ec2.Client
}

func newStranger(t *testing.T, url string) stranger {
	t.Helper()
	key := credentials.NewStaticCredentialsProvider("AKIASTRANGER00000000", "not-a-secret", "")
	return stranger{
		t:   t,
		elb: elbv2.New(elbv2.Options{BaseEndpoint: &url, Region: "us-west-2", Credentials: key}),
		ec2: ec2.New(ec2.Options{BaseEndpoint: &url, Region: "us-west-2", Credentials: key}),
	}
}

func (s stranger) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s stranger) securityGroup() {
	s.t.Helper()
	_, err := s.ec2.CreateSecurityGroup(s.t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: awssdk.String(byHand), Description: awssdk.String("made by hand"), VpcId: awssdk.String(testVPC),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: awssdk.String("Name"), Value: awssdk.String(byHand)}}}},
	})
	s.must(err)
}

func (s stranger) listener(lb string) string {
	s.t.Helper()
	listeners, err := s.elb.DescribeListeners(s.t.Context(), &elbv2.DescribeListenersInput{LoadBalancerArn: &lb})
	s.must(err)
	return awssdk.ToString(listeners.Listeners[0].ListenerArn)
}

func (s stranger) rule(lb string) string {
	s.t.Helper()
	rules, err := s.elb.DescribeRules(s.t.Context(), &elbv2.DescribeRulesInput{ListenerArn: awssdk.String(s.listener(lb))})
	s.must(err)
	return awssdk.ToString(rules.Rules[0].RuleArn)
}

func TestRoundsFindWhatSomebodyElseHasChanged(t *testing.T) {
	t.Parallel()
	type ids = map[model.Key]string
	for i, test := range []struct {
		name   string
		change func(ctx context.Context, s stranger, have ids)
		want   string
	}{
		{"nothing", func(context.Context, stranger, ids) {}, ""},
		{"a-deleted-rule", func(ctx context.Context, s stranger, have ids) {
			_, err := s.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: awssdk.String(s.rule(have[model.LoadBalancerKey]))})
			s.must(err)
		}, "create rule"},
		{"a-rule-of-the-strangers", func(ctx context.Context, s stranger, have ids) {
			_, err := s.elb.CreateRule(ctx, &elbv2.CreateRuleInput{
				ListenerArn: awssdk.String(s.listener(have[model.LoadBalancerKey])), Priority: awssdk.Int32(77),
				Conditions: []elbv2types.RuleCondition{{Field: awssdk.String("path-pattern"), Values: []string{"/strange"}}},
				Actions:    []elbv2types.Action{{Type: elbv2types.ActionTypeEnumFixedResponse, FixedResponseConfig: &elbv2types.FixedResponseActionConfig{StatusCode: awssdk.String("404")}}},
			})
			s.must(err)
		}, "delete rule"},
		{"a-tag-that-is-gone", func(ctx context.Context, s stranger, have ids) {
			_, err := s.elb.RemoveTags(ctx, &elbv2.RemoveTagsInput{ResourceArns: []string{s.rule(have[model.LoadBalancerKey])}, TagKeys: []string{model.ResourceTag}})
			s.must(err)
		}, "rule"},
		{"a-tag-that-somebody-else-manages", func(ctx context.Context, s stranger, have ids) {
			_, err := s.elb.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: []string{have[model.LoadBalancerKey]}, Tags: []elbv2types.Tag{{Key: awssdk.String("external"), Value: awssdk.String("x")}}})
			s.must(err)
		}, ""},
		{"an-attribute", func(ctx context.Context, s stranger, have ids) {
			_, err := s.elb.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{
				LoadBalancerArn: awssdk.String(have[model.LoadBalancerKey]), Attributes: []elbv2types.LoadBalancerAttribute{{Key: awssdk.String("idle_timeout.timeout_seconds"), Value: awssdk.String("77")}},
			})
			s.must(err)
		}, "idle_timeout"},
		{"an-opened-port", func(ctx context.Context, s stranger, have ids) {
			_, err := s.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: awssdk.String(have["security-group/ManagedLBSecurityGroup"]), IpProtocol: awssdk.String("tcp"), FromPort: awssdk.Int32(22), ToPort: awssdk.Int32(22), CidrIp: awssdk.String("0.0.0.0/0"),
			})
			s.must(err)
		}, "security group"},
		{"a-load-balancer-that-is-gone", func(ctx context.Context, s stranger, have ids) {
			_, err := s.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: awssdk.String(have[model.LoadBalancerKey])})
			s.must(err)
		}, "create load balancer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := &walk{T: t, random: rand.New(rand.NewPCG(uint64(i), 3)), aws: newAWS(t, "127."+[]string{"60", "61", "62", "63", "65", "66", "67", "69"}[i]+".0.0/16")}
			w.cloud = newCloud(t, w.aws)
			want := w.simple()
			w.reach(want)
			have, err := w.cloud.Observe(t.Context(), want)
			if err != nil {
				t.Fatal(err)
			}
			test.change(t.Context(), newStranger(t, w.aws.URL()), have.IDs)
			got := w.drifts()
			if found := strings.Join(got, "\n"); !strings.Contains(found, test.want) || (test.want == "") != (found == "") {
				t.Fatalf("the round finds %q, want something about %q", found, test.want)
			}
			if test.want == "" {
				return
			}
			w.reach(want)
			if again := w.drifts(); len(again) > 0 {
				t.Errorf("when it is put back, the round finds %q", again)
			}
		})
	}
}

func TestRoundsLookAtAllThatTheModelSays(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(i *incumbent) error
		want   string
	}{
		{"nothing", func(*incumbent) error { return nil }, ""},
		{"a-certificate", func(i *incumbent) error {
			_, err := i.elb.RemoveListenerCertificates(i.Context(), &elbv2.RemoveListenerCertificatesInput{ListenerArn: &i.listener, Certificates: []elbv2types.Certificate{{CertificateArn: &i.certificates[0]}}})
			return err
		}, "SNI certificates differ: + " + "arn:aws:iam::123456789012:server-certificate/one"},
		{"an-attribute-of-a-listener", func(i *incumbent) error {
			_, err := i.elb.ModifyListenerAttributes(i.Context(), &elbv2.ModifyListenerAttributesInput{
				ListenerArn: &i.listener, Attributes: []elbv2types.ListenerAttribute{{Key: awssdk.String("routing.http.response.server.enabled"), Value: awssdk.String("true")}},
			})
			return err
		}, "attributes differ: routing.http.response.server.enabled=false"},
		{"a-transform", func(i *incumbent) error {
			_, err := i.elb.ModifyRule(i.Context(), &elbv2.ModifyRuleInput{RuleArn: &i.ruleARNs()[1], ResetTransforms: awssdk.Bool(true)})
			return err
		}, "transforms differ"},
		{"the-ip-address-type", func(i *incumbent) error {
			_, err := i.elb.SetIpAddressType(i.Context(), &elbv2.SetIpAddressTypeInput{LoadBalancerArn: &i.lb, IpAddressType: "dualstack-without-public-ipv4"})
			return err
		}, "IP address type is dualstack-without-public-ipv4"},
		{"authentication", func(i *incumbent) error {
			_, err := i.elb.ModifyRule(i.Context(), &elbv2.ModifyRuleInput{RuleArn: &i.ruleARNs()[1], Actions: []elbv2types.Action{
				{Type: "jwt-validation", Order: awssdk.Int32(1), JwtValidationConfig: &elbv2types.JwtValidationActionConfig{Issuer: awssdk.String("https://id.example.com"), JwksEndpoint: awssdk.String("https://id.example.com/keys")}},
				{Type: "forward", Order: awssdk.Int32(2), TargetGroupArn: &i.nodes},
			}})
			return err
		}, "conditions or actions differ"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i, local := newIncumbent(t)
			w := &walk{T: t, cloud: newOfflineCloud(t, unlimited, local)}
			want := i.wanted()
			if steps := observedSteps(t, w.cloud, want); len(steps) > 0 {
				t.Fatalf("it would:\n%s", plan.Print(steps))
			}
			i.check(test.change(i))
			got := strings.Join(w.drifts(), "\n")
			if !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
				t.Fatalf("the round finds %q, want something about %q", got, test.want)
			}
			converge(t, w.cloud, want)
			if again := w.drifts(); len(again) > 0 {
				t.Errorf("when it is put back, the round finds %q", again)
			}
		})
	}
}

// What has lost our tag is not deleted, and in the next reading it is not there.
func TestWhatIsNotOursAnyMoreIsNotDeleted(t *testing.T) {
	t.Parallel()
	w := &walk{T: t, random: rand.New(rand.NewPCG(1, 4)), aws: newAWS(t, "127.68.0.0/16")}
	w.cloud = newCloud(t, w.aws)
	want := w.simple()
	w.reach(want)
	have, err := w.cloud.Observe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	s, lb := newStranger(t, w.aws.URL()), have.IDs[model.LoadBalancerKey]
	_, err = s.elb.RemoveTags(t.Context(), &elbv2.RemoveTagsInput{ResourceArns: []string{lb}, TagKeys: []string{model.ClusterTag}})
	s.must(err)

	w.cloud.Settle() // long after
	steps, err := w.plan(w.cloud, model.Stack{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	first := slices.IndexFunc(steps, func(step plan.Step) bool { _, ok := step.Action.(plan.DeleteLoadBalancer); return ok })
	err = w.cloud.Apply(t.Context(), id, steps[first])
	if err == nil || !strings.Contains(err.Error(), "is left alone") {
		t.Errorf("deleting it gives %v", err)
	}
	if steps, err = w.plan(w.cloud, model.Stack{ID: id}); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(steps, func(step plan.Step) bool { _, ok := step.Action.(plan.DeleteLoadBalancer); return ok }) {
		t.Errorf("it is deleted all the same:\n%s", plan.Print(steps))
	}
	if _, err := s.elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{lb}}); err != nil {
		t.Error(err)
	}
}
