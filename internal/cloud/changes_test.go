package cloud_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

var unlimited = cloud.Config{Cluster: "prod", BudgetShare: 1, Unlimited: true}

// Each change of what the incumbent has left is seen, is made in these steps, and is then
// there for a controller that has just started.
func TestEachChangeIsMade(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(i *incumbent, want *model.Stack)
		steps  []string
	}{
		{"a-certificate-less", func(i *incumbent, want *model.Stack) { want.Listeners[0].SNI = i.certificates[1:] }, []string{
			"listener listener/443: SNI certificates differ: - arn:aws:iam::123456789012:server-certificate/one",
		}},
		{"another-default-certificate", func(i *incumbent, want *model.Stack) { want.Listeners[0].Certificate = i.certificates[0] }, []string{
			"listener listener/443: certificate or TLS policy differ",
		}},
		{"another-policy", func(_ *incumbent, want *model.Stack) { want.Listeners[0].SSLPolicy = "ELBSecurityPolicy-2016-08" }, []string{
			"listener listener/443: certificate or TLS policy differ",
		}},
		{"no-policy-is-any", func(_ *incumbent, want *model.Stack) { want.Listeners[0].SSLPolicy = "" }, nil},
		{"a-listener-attribute", func(_ *incumbent, want *model.Stack) {
			want.Listeners[0].Attributes = map[string]string{"routing.http.response.server.enabled": "true"}
		}, []string{"listener listener/443: attributes differ: routing.http.response.server.enabled=true"}},
		{"another-default-action", func(_ *incumbent, want *model.Stack) { want.Listeners[0].Default.Redirect.Query = "moved" }, []string{
			"listener listener/443: protocol or default action differ",
		}},
		{"another-weight", func(_ *incumbent, want *model.Stack) { want.Rules[0].Action.Forward[0].Weight = new(int32(0)) }, []string{
			"rule listener/443 priority 1: conditions or actions differ",
		}},
		{"another-stickiness", func(_ *incumbent, want *model.Stack) { want.Rules[0].Action.Stickiness = &model.Stickiness{} }, []string{
			"rule listener/443 priority 1: conditions or actions differ",
		}},
		{"no-stickiness-is-any", func(_ *incumbent, want *model.Stack) { want.Rules[0].Action.Stickiness = nil }, nil},
		{"values-in-another-order", func(_ *incumbent, want *model.Stack) {
			want.Rules[0].Conditions[0].Values = []string{"blue", "red"}
			want.Rules[0].Key = model.RuleKey(443, want.Rules[0].Conditions)
		}, []string{"rule listener/443 priority 1: conditions or actions differ"}},
		{"a-transform-less", func(_ *incumbent, want *model.Stack) { want.Rules[1].Transforms = want.Rules[1].Transforms[:1] }, []string{
			"rule listener/443 priority 2: transforms differ",
		}},
		{"no-transforms", func(_ *incumbent, want *model.Stack) { want.Rules[1].Transforms = nil }, []string{
			"rule listener/443 priority 2: transforms differ",
		}},
		{"a-redirect-instead", func(_ *incumbent, want *model.Stack) {
			want.Rules[2].Action = model.Action{Redirect: &model.Redirect{Port: "8443", StatusCode: "HTTP_302"}}
		}, []string{"rule listener/443 priority 3: conditions or actions differ"}},
		{"a-security-group-of-ones-own", func(i *incumbent, want *model.Stack) {
			want.SecurityGroups = nil
			want.LoadBalancer.SecurityGroups = []model.Key{model.Key(i.securityGroup("mine", testVPC, nil))}
		}, []string{
			"load balancer k8s-shop-web-0123456789: security groups are [security-group/ManagedLBSecurityGroup], wanted [sg-",
			"security group k8s-shop-web-0123456789: is no longer wanted",
		}},
		{"addresses-of-version-4-alone", func(_ *incumbent, want *model.Stack) {
			want.LoadBalancer.IPAddressType = "ipv4" // which it can be when no rule sends to IPv6 targets any more
			want.Rules[0].Action = model.Action{Forward: []model.WeightedTarget{{TargetGroup: want.TargetGroups[0].Key}}}
			want.TargetGroups = slices.Delete(want.TargetGroups, 1, 2)
		}, []string{
			"rule listener/443 priority 1: conditions or actions differ",
			"load balancer k8s-shop-web-0123456789: IP address type is dualstack, wanted ipv4",
			"target group k8s-shop-pay-0123456789: is no longer wanted",
		}},
		{"without-tls", func(_ *incumbent, want *model.Stack) {
			l := &want.Listeners[0]
			l.Protocol, l.Certificate, l.SNI, l.SSLPolicy, l.Default.Redirect.Protocol = "HTTP", "", nil, "", "HTTP"
		}, []string{"listener listener/443: protocol or default action and certificate or TLS policy differ"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			i, local := newIncumbent(t)
			want := i.wanted()
			test.change(i, &want)
			c := newOfflineCloud(t, unlimited, local)
			steps := observedSteps(t, c, want)
			if len(steps) != len(test.steps) {
				t.Fatalf("the steps are:\n%s", plan.Print(steps))
			}
			for n, step := range steps {
				if !strings.Contains(step.String(), test.steps[n]) {
					t.Errorf("step %d is %q, want %q", n, step, test.steps[n])
				}
			}
			converge(t, c, want)
			if again := observedSteps(t, c, want); len(again) > 0 {
				t.Errorf("a second plan:\n%s", plan.Print(again))
			}
			if again := observedSteps(t, newOfflineCloud(t, unlimited, local), want); len(again) > 0 {
				t.Errorf("who starts now would:\n%s", plan.Print(again))
			}
		})
	}
}

// converge plans and applies as a controller would, until nothing is left to do.
func converge(t *testing.T, c *cloud.Cloud, want model.Stack) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) { // what AWS calls in use is so for a while
		steps := observedSteps(t, c, want)
		if len(steps) == 0 {
			return
		}
		for _, step := range steps {
			if err = c.Apply(t.Context(), want.ID, step); err != nil {
				if cloud.KindOf(err) != cloud.Conflict {
					t.Fatal(err)
				}
				break
			}
		}
	}
	t.Fatalf("it does not converge: %v", err)
}

// A load balancer that is full can be changed: once AWS has refused a rule or a certificate,
// others make room first.
func TestAFullLoadBalancerCanBeChanged(t *testing.T) {
	t.Parallel()
	local := newOfflineAWS(t, localaws.Config{Throttling: "off", Quotas: map[string]int{
		"elbv2/rules-per-load-balancer": 4, "elbv2/certificates-per-load-balancer": 2,
	}})
	certificates := serverCertificates(t, local, "one", "two", "three", "four")
	c := newOfflineCloud(t, unlimited, local)
	converge(t, c, full(certificates[:2], "/a", 4))
	want := full(certificates[2:], "/b", 1)
	converge(t, c, want)
	if again := observedSteps(t, newOfflineCloud(t, unlimited, local), want); len(again) > 0 {
		t.Errorf("who starts now would:\n%s", plan.Print(again))
	}
	last := observedSteps(t, c, full(certificates, "/b", 1))
	var err error
	for _, step := range last {
		if err = c.Apply(t.Context(), id, step); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "TooManyCertificates") {
		t.Errorf("where nothing can make room, the error is %v", err)
	}
}

// full has four rules on two listeners, so many of them on the first.
func full(certificates []string, path string, first int) model.Stack {
	out := model.Stack{ID: id, LoadBalancer: &model.LoadBalancer{
		Key: model.LoadBalancerKey, Name: "k8s-full", Scheme: model.Internal, IPAddressType: "ipv4",
		Subnets: []string{"subnet-0000000000000000a", "subnet-0000000000000000b"}, Tags: tagged(model.LoadBalancerResource),
		SecurityGroups: []model.Key{model.SecurityGroupKey},
	}}
	out.SecurityGroups = []model.SecurityGroup{{Key: model.SecurityGroupKey, Name: "full", Description: "of a load balancer", VPC: testVPC, Tags: tagged(model.SecurityGroupResource)}}
	answer := model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: "text/plain"}}
	for _, port := range []int32{443, 8443} {
		out.Listeners = append(out.Listeners, model.Listener{
			Key: model.ListenerKey(port), Port: port, Protocol: "HTTPS", Certificate: certificates[0], Default: answer, Tags: tagged(fmt.Sprint(port)),
		})
	}
	out.Listeners[0].SNI = slices.Sorted(slices.Values(certificates))
	for n := range int32(4) {
		listener := out.Listeners[0]
		if int(n) >= first {
			listener = out.Listeners[1]
		}
		conditions := []model.Condition{{Field: model.PathPattern, Values: []string{fmt.Sprint(path, n)}}}
		out.Rules = append(out.Rules, model.Rule{
			Key: model.RuleKey(listener.Port, conditions), Listener: listener.Key, Priority: n + 1, Conditions: conditions, Action: answer, Tags: tagged("rule"),
		})
	}
	return out
}

// AWS does not know everywhere at once of a listener that it has made. That is a conflict,
// which waiting ends, and nothing that was known is forgotten.
func TestAListenerThatIsNotKnownEverywhereYet(t *testing.T) {
	t.Parallel()
	local := newOfflineAWS(t, localaws.Config{Throttling: "off"})
	certificates := serverCertificates(t, local, "one")
	if _, err := local.Faults().Add(fault.Rule{Service: "elbv2", Operation: "*L*Certificates", Code: "ListenerNotFound", Count: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := local.Faults().Add(fault.Rule{Service: "elbv2", Operation: "CreateRule", Code: "ListenerNotFound", Count: 2}); err != nil {
		t.Fatal(err)
	}
	w := &wire{aws: local}
	c := newOfflineCloud(t, unlimited, local).Through(w)
	want := full(certificates, "/a", 2)
	converge(t, c, want)
	got := map[string]int{}
	for action, n := range calls(w) {
		if strings.HasPrefix(action, "Describe") || strings.HasSuffix(action, "Listener") || strings.HasSuffix(action, "Certificates") {
			got[action] = n
		}
	}
	// What is there is listed once, in the beginning.
	if diff := cmp.Diff(map[string]int{
		"DescribeLoadBalancers": 1, "DescribeTargetGroups": 1, "DescribeSecurityGroups": 1, "CreateListener": 2, "AddListenerCertificates": 2,
	}, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// calls are how often each operation was called.
func calls(w *wire) map[string]int {
	out := map[string]int{}
	for _, call := range w.history {
		form, err := url.ParseQuery(call)
		if err == nil && form.Has("Action") {
			out[form.Get("Action")]++
		}
	}
	return out
}

// Only what can differ is read: certificates of listeners that have some, and attributes of
// what is to have some.
func TestReadingInDepthAsksForWhatCanDiffer(t *testing.T) {
	t.Parallel()
	i, local := newIncumbent(t)
	want := i.wanted()
	plain := want
	plain.Listeners = slices.Clone(want.Listeners)
	plain.Listeners[0].Attributes, plain.LoadBalancer = nil, new(*want.LoadBalancer)
	plain.LoadBalancer.Attributes = nil
	in := map[string]int{
		"DescribeLoadBalancers": 1, "DescribeTargetGroups": 1, "DescribeSecurityGroups": 1, "DescribeTags": 3,
		"DescribeListeners": 1, "DescribeListenerCertificates": 1, "DescribeRules": 1, "DescribeTargetGroupAttributes": 1,
	}
	all := maps.Clone(in)
	all["DescribeListenerAttributes"], all["DescribeLoadBalancerAttributes"] = 1, 1
	for name, test := range map[string]struct {
		want  model.Stack
		calls map[string]int
	}{"with-attributes": {want, all}, "without": {plain, in}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &wire{aws: local}
			c := newOfflineCloud(t, unlimited, local).Through(w)
			if steps := observedSteps(t, c, test.want); len(steps) > 0 {
				t.Errorf("it would:\n%s", plan.Print(steps))
			}
			observedSteps(t, c, test.want)
			if diff := cmp.Diff(test.calls, calls(w)); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
}

// A record that names what is there spares the reading in depth, also of what listeners have.
func TestARecordIsBelievedOfListeners(t *testing.T) {
	t.Parallel()
	i, local := newIncumbent(t)
	want := i.wanted()
	have, err := newOfflineCloud(t, unlimited, local).Observe(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{aws: local}
	c := newOfflineCloud(t, unlimited, local).Through(w)
	if err := c.Trust(t.Context(), want, have.IDs); err != nil {
		t.Fatal(err)
	}
	if steps := observedSteps(t, c, want); len(steps) > 0 {
		t.Errorf("it would:\n%s", plan.Print(steps))
	}
	if diff := cmp.Diff(map[string]int{"DescribeLoadBalancers": 1, "DescribeTargetGroups": 1, "DescribeSecurityGroups": 1, "DescribeTags": 2}, calls(w)); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
