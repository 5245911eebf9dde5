package controller

import (
	"context"
	"net/netip"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

const followedGroup = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/of-others/aaaa"

// followed is a controller that follows one group, of a Service with one Pod whose containers
// became ready, or stopped being so, ten seconds ago.
func followed(t *testing.T, ready corev1.ConditionStatus) (*followController, *v1beta1.TargetGroupBinding, time.Time) {
	t.Helper()
	since := time.Now().Add(-10 * time.Second).Truncate(time.Second)
	objects := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(objects); err != nil {
			t.Fatal(err)
		}
	}
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "web", Name: name} }
	pod := &corev1.Pod{ObjectMeta: meta("web-1"), Status: corev1.PodStatus{
		PodIP: "10.0.0.1", Conditions: []corev1.PodCondition{{Type: corev1.ContainersReady, Status: ready, LastTransitionTime: metav1.NewTime(since)}},
	}}
	pod.UID = "now"
	slice := &discoveryv1.EndpointSlice{ObjectMeta: meta("web-a"), AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new(""), Port: new(int32(8080))}}}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "web"}
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.0.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "web-1", UID: "now"}}}
	service := &corev1.Service{ObjectMeta: meta("web"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	binding := &v1beta1.TargetGroupBinding{ObjectMeta: meta("others"), Spec: v1beta1.TargetGroupBindingSpec{
		TargetGroupARN: followedGroup, TargetType: new(v1beta1.TargetTypeIP), ServiceRef: v1beta1.ServiceReference{Name: "web", Port: intstr.FromInt32(80)},
	}}
	reader := fake.NewClientBuilder().WithScheme(objects).WithObjects(pod, slice, service, binding).Build()
	return &followController{
		view: &view{Reader: reader, config: Config{Mode: GatesOnly}}, book: health.NewBook(),
		concerned: func(context.Context, *corev1.Pod) bool { return true },
		free:      map[types.NamespacedName]map[model.TargetID]types.UID{},
	}, binding, since
}

// A registration that somebody else made counts for a Pod only where AWS's answers prove it.
func TestWhoseRegistrationItIs(t *testing.T) {
	t.Parallel()
	address := model.TargetAt(netip.MustParseAddrPort("10.0.0.1:8080"))
	says := func(state model.HealthState) []model.TargetHealth {
		return []model.TargetHealth{{Address: address, State: state}}
	}
	type answer struct {
		after  time.Duration // the Pod's containers were ready; may be before
		health []model.TargetHealth
	}
	for _, test := range []struct {
		name                      string
		answers                   []answer // each is looked at before the next comes
		own, adopted, free, waits int
	}{
		{name: "nobody-has-asked-yet", waits: 1},
		{name: "an-answer-from-before-tells-nothing", answers: []answer{{-time.Second, nil}}, waits: 1},
		{name: "it-is-not-registered-yet", answers: []answer{{time.Second, nil}}, free: 1, waits: 1},
		{name: "what-comes-then-is-its-own", answers: []answer{{time.Second, nil}, {2 * time.Second, says(model.Healthy)}}, own: 1},
		{name: "what-is-in-its-first-checks-is-its-own", answers: []answer{{time.Second, says(model.Initial)}}, own: 1},
		{name: "what-was-healthy-already-may-be-of-another", answers: []answer{{time.Second, says(model.Healthy)}}, adopted: 1},
		{name: "what-was-absent-before-it-was-ready-too", answers: []answer{{-time.Second, nil}, {time.Second, says(model.Healthy)}}, adopted: 1},
		{name: "what-drains-cannot-be-its-own", answers: []answer{{time.Second, says(model.Draining)}}, free: 1, waits: 1},
		{name: "what-comes-after-that-is", answers: []answer{{time.Second, says(model.Draining)}, {2 * time.Second, says(model.Healthy)}}, own: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, binding, since := followed(t, corev1.ConditionTrue)
			finding := c.look(t.Context(), binding)
			for _, a := range test.answers {
				c.remember(nameOf(binding), finding.free)
				c.book.Answered(followedGroup, a.health, since.Add(a.after))
				finding = c.look(t.Context(), binding)
			}
			if len(finding.own) != test.own || len(finding.adopted) != test.adopted || len(finding.free) != test.free || len(finding.waits) != test.waits {
				t.Errorf("own %d, adopted %d, free %d, waits %d", len(finding.own), len(finding.adopted), len(finding.free), len(finding.waits))
			}
		})
	}
}

// A Pod that stops being ready is taken out by somebody else, and only AWS tells when.
func TestItIsAskedWhetherAnUnreadyPodWasTakenOut(t *testing.T) {
	t.Parallel()
	c, binding, since := followed(t, corev1.ConditionFalse)
	address := model.TargetAt(netip.MustParseAddrPort("10.0.0.1:8080"))
	c.book.Answered(followedGroup, []model.TargetHealth{{Address: address, State: model.Healthy}}, since.Add(-time.Minute))
	c.book.Remembered(followedGroup, map[model.TargetID]types.UID{address: "now"})
	if finding := c.look(t.Context(), binding); len(finding.waits) != 1 {
		t.Errorf("it waits for %d answers, want one", len(finding.waits))
	}
	c.book.Answered(followedGroup, []model.TargetHealth{{Address: address, State: model.Draining}}, time.Now())
	if finding := c.look(t.Context(), binding); len(finding.waits) != 0 {
		t.Error("it asks on although the target is on its way out")
	}
}
