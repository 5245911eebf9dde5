package cloud_test

import (
	stdcmp "cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

func TestMain(m *testing.M) {
	for key, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		os.Setenv(key, value)
	}
	debug.SetGCPercent(400)      // many small worlds come and go
	os.Unsetenv("AWS_CA_BUNDLE") // reading it is most of what a new client costs
	os.Exit(m.Run())
}

const testVPC = "vpc-0123456789abcdef0"

// testNetwork is a VPC of three zones, of which two have subnets for load balancers.
var testNetwork = func() localaws.Seed {
	role := map[string]string{"kubernetes.io/role/internal-elb": "1", "kubernetes.io/role/elb": "1"}
	return localaws.Seed{
		VPCs: []localaws.VPC{{ID: testVPC, CIDR: "10.0.0.0/16", IPv6CIDR: "2001:db8:1::/56"}},
		Subnets: []localaws.Subnet{
			{ID: "subnet-0000000000000000a", VPCID: testVPC, CIDR: "10.0.0.0/20", IPv6CIDR: "2001:db8:1:0::/64", Zone: "us-west-2a", Tags: role},
			{ID: "subnet-0000000000000000b", VPCID: testVPC, CIDR: "10.0.16.0/20", IPv6CIDR: "2001:db8:1:1::/64", Zone: "us-west-2b", Tags: role},
			{ID: "subnet-0000000000000000c", VPCID: testVPC, CIDR: "10.0.32.0/20", IPv6CIDR: "2001:db8:1:2::/64", Zone: "us-west-2c"},
		},
	}
}()

// speed is how many times as fast a local AWS is as AWS.
const speed = 200

// newAWS starts a local AWS with a VPC of two zones.
func newAWS(t *testing.T, addresses string) *localaws.Cloud {
	t.Helper()
	aws, err := localaws.Start(t.Context(), localaws.Config{Throttling: "off", Speed: speed, Addresses: netip.MustParsePrefix(addresses)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = aws.Close() })
	if err := aws.Seed(testNetwork); err != nil {
		t.Fatal(err)
	}
	return aws
}

// newCloud is a controller's view of it; a new one is a controller after a restart.
func newCloud(t *testing.T, aws *localaws.Cloud) *cloud.Cloud {
	t.Helper()
	c, err := cloud.New(t.Context(), cloud.Config{Cluster: "prod", Region: "us-west-2", VPC: testVPC, BudgetShare: 1, Endpoint: aws.URL(), Unlimited: true})
	if err != nil {
		t.Fatal(err)
	}
	return c.Hasten(speed)
}

// TestPlansConverge walks one stack through random states. From each, applying the
// plan must reach the model, as AWS shows it to a controller that has just started,
// and a second plan must be empty. Now and then the controller dies between two steps.
// In the end nothing is left.
func TestPlansConverge(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			w := &walk{T: t, random: rand.New(rand.NewPCG(seed, 1)), aws: newAWS(t, fmt.Sprintf("127.%d.0.0/16", 2+seed))}
			w.cloud = newCloud(t, w.aws)
			w.finery = finery{certificates: serverCertificates(t, w.aws, "one", "two", "three")}
			newStranger(t, w.aws.URL()).securityGroup()
			for range 6 {
				w.reach(w.stack())
			}
			w.reach(model.Stack{ID: id})
		})
	}
}

// TestPlansConvergeUnderFaults walks as TestPlansConverge does, while AWS loses answers,
// fails and throttles. Nothing is made twice, and nothing is left in the end.
func TestPlansConvergeUnderFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed-%d", seed), func(t *testing.T) {
			t.Parallel()
			w := &walk{T: t, random: rand.New(rand.NewPCG(seed, 2)), aws: newAWS(t, fmt.Sprintf("127.%d.0.0/16", 34+seed))}
			w.cloud = newCloud(t, w.aws)
			w.finery = finery{certificates: serverCertificates(t, w.aws, "one", "two", "three")}
			newStranger(t, w.aws.URL()).securityGroup()
			for range 5 {
				want := w.stack()
				w.trouble()
				w.reach(want)
			}
			w.trouble()
			w.reach(model.Stack{ID: id})
		})
	}
}

// trouble makes one call in four go wrong, until the stack has converged.
func (w *walk) trouble() {
	w.Helper()
	for _, rule := range []fault.Rule{
		{LoseAnswer: true, Probability: 0.1},
		{Status: http.StatusInternalServerError, Probability: 0.1},
		{Service: "elbv2", Code: "ThrottlingException", Probability: 0.05},
	} {
		if _, err := w.aws.Faults().Add(rule); err != nil {
			w.Fatal(err)
		}
	}
	w.troubled = true
}

var id = model.StackID{Namespace: shop, Name: "web"}

type walk struct {
	*testing.T
	random *rand.Rand
	aws    *localaws.Cloud
	cloud  *cloud.Cloud
	finery finery
	// troubled: calls fail on purpose, also those that read.
	troubled bool
}

// reach applies plans, as a controller that retries would, until one is done.
func (w *walk) reach(want model.Stack) {
	w.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !w.attempt(want) {
		if time.Now().After(deadline) {
			w.aws.Faults().Clear()
			steps, _ := w.plan(w.cloud, want)
			w.Fatalf("the stack does not converge; left to do:\n%s", plan.Print(steps))
		}
		time.Sleep(20 * time.Millisecond) // a controller's back-off: AWS calls something in use for a while
	}
	w.aws.Faults().Clear()
	w.troubled = false
	if drifts := w.drifts(); len(drifts) > 0 {
		w.Fatalf("nobody has changed anything, but a round finds:\n%s", strings.Join(drifts, "\n"))
	}
	fresh := newCloud(w.T, w.aws)
	steps, err := w.plan(fresh, want)
	if cloud.KindOf(err) == cloud.Transient { // a connection of the real network broke, as one does in a thousand
		steps, err = w.plan(fresh, want)
	}
	if err != nil || len(steps) > 0 {
		w.Fatalf("a second plan is not empty (%v):\n%s", err, plan.Print(steps))
	}
	have, err := fresh.Observe(w.Context(), want)
	if err != nil {
		w.Fatal(err)
	}
	want.Bindings = nil
	want.Sort()
	want.Rules = slices.Clone(want.Rules)
	for i := range want.Rules {
		want.Rules[i].Conditions = slices.Clone(want.Rules[i].Conditions)
		model.SortConditions(want.Rules[i].Conditions)
	}
	asSaid(want, &have.Stack)
	ignored := cmp.Options{
		cmpopts.EquateEmpty(), spelledOut, cmpopts.IgnoreFields(model.LoadBalancer{}, "Name", "Attributes"),
		cmpopts.IgnoreFields(model.Listener{}, "Attributes"), cmpopts.IgnoreFields(model.TargetGroup{}, "Name", "Port", "IPAddressType", "Attributes"),
	}
	if diff := cmp.Diff(want, have.Stack, ignored, cmpopts.SortSlices(func(a, b model.Key) bool { return a < b }), cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
		w.Fatalf("AWS has something else (-want +got):\n%s", diff)
	}
}

// spelledOut is an action as AWS tells it: a lone target group has the weight 1, and parts
// of a redirect that stay are placeholders.
var spelledOut = cmp.Transformer("spelledOut", func(a model.Action) model.Action {
	if len(a.Forward) == 1 {
		a.Forward = []model.WeightedTarget{{TargetGroup: a.Forward[0].TargetGroup}}
	}
	if a.Redirect != nil {
		a.Redirect = &model.Redirect{
			Protocol: stdcmp.Or(a.Redirect.Protocol, "#{protocol}"), Host: stdcmp.Or(a.Redirect.Host, "#{host}"), Port: stdcmp.Or(a.Redirect.Port, "#{port}"),
			Path: stdcmp.Or(a.Redirect.Path, "/#{path}"), Query: stdcmp.Or(a.Redirect.Query, "#{query}"), DropQuery: a.Redirect.DropQuery, StatusCode: a.Redirect.StatusCode,
		}
	}
	return a
})

// asSaid leaves out of what AWS has what is not said and therefore stays as it was.
func asSaid(want model.Stack, have *model.Stack) {
	for i, listener := range want.Listeners {
		if i < len(have.Listeners) && listener.SSLPolicy == "" {
			have.Listeners[i].SSLPolicy = ""
		}
		if i < len(have.Listeners) && listener.Default.Stickiness == nil {
			have.Listeners[i].Default.Stickiness = nil
		}
	}
	for i, rule := range want.Rules {
		if i < len(have.Rules) && rule.Action.Stickiness == nil {
			have.Rules[i].Action.Stickiness = nil
		}
	}
}

// attempt runs one plan; in one of five the controller dies on the way.
func (w *walk) attempt(want model.Stack) bool {
	steps, err := w.plan(w.cloud, want)
	if err != nil {
		if !w.troubled {
			w.Fatal(err)
		}
		return false
	}
	dies := -1
	if len(steps) > 1 && w.random.IntN(5) == 0 {
		dies = w.random.IntN(len(steps))
	}
	for i, step := range steps {
		if i == dies {
			w.cloud = newCloud(w.T, w.aws)
			return false
		}
		if err := w.cloud.Apply(w.Context(), want.ID, step); err != nil {
			if kind := cloud.KindOf(err); kind != cloud.Conflict && !w.troubled {
				w.Fatalf("applying %q: %v", step, err)
			}
			return false
		}
	}
	return true
}

// plan leaves out bindings: they live in Kubernetes.
func (w *walk) plan(c *cloud.Cloud, want model.Stack) ([]plan.Step, error) {
	want.Bindings = nil
	have, err := c.Observe(w.Context(), want)
	if err != nil {
		return nil, err
	}
	return plan.Steps(want, have, plan.Options{}), nil
}

// stack is the model of a random Ingress.
func (w *walk) stack() model.Stack {
	w.Helper()
	object := scenes{w.random}.ingress(id.Name)
	out := w.build(object)
	w.finery.seed = w.random.Uint64()
	w.finery.dress(&out, func(model.Key) bool { return false })
	return out
}

// simple is a stack that has one of everything.
func (w *walk) simple() model.Stack {
	w.Helper()
	path := networkingv1.HTTPIngressPath{Path: "/", PathType: new(networkingv1.PathTypePrefix), Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "cart", Port: networkingv1.ServiceBackendPort{Number: 80}}}}
	object := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: id.Namespace, Name: id.Name, Annotations: map[string]string{
		"alb.ingress.kubernetes.io/load-balancer-attributes": "idle_timeout.timeout_seconds=90",
	}}}
	object.Spec.Rules = []networkingv1.IngressRule{{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{path}}}}}
	return w.build(object)
}

func (w *walk) build(object *networkingv1.Ingress) model.Stack {
	w.Helper()
	network, err := w.cloud.Network(w.Context(), false)
	if err != nil {
		w.Fatal(err)
	}
	if network.SecurityGroups, err = w.cloud.SecurityGroups(w.Context(), false); err != nil {
		w.Fatal(err)
	}
	have, err := w.cloud.Observe(w.Context(), model.Stack{ID: id})
	if err != nil {
		w.Fatal(err)
	}
	result := ingress.Stack(ingress.Snapshot{
		Config:  build.Config{Cluster: "prod", DefaultScheme: model.Internal, DefaultTargetType: "ip"},
		Network: network, BackendSecurityGroup: w.shared(), Have: have, ID: id,
		Members: []ingress.Member{{Ingress: object, Services: services}},
	})
	if result.Stack == nil {
		w.Fatalf("rejected: %v", result.Problems)
	}
	return *result.Stack
}

// shared is the id of the backend security group, made on first use.
func (w *walk) shared() string {
	w.Helper()
	want := build.Config{Cluster: "prod"}.Shared(testVPC)
	steps, err := w.plan(w.cloud, want)
	if err != nil {
		w.Fatal(err)
	}
	for _, step := range steps {
		if err := w.cloud.Apply(w.Context(), want.ID, step); err != nil {
			w.Fatal(err)
		}
	}
	have, err := w.cloud.Observe(w.Context(), want)
	if err != nil {
		w.Fatal(err)
	}
	return have.IDs[model.BackendSecurityGroupKey]
}
