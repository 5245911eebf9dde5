package readiness_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

func TestGateNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		got  readiness.ConditionType
		want readiness.ConditionType
	}{
		{"ingress-and-port-number", readiness.ForIngress("web", "80"), "target-health.alb.ingress.k8s.aws/web_80"},
		{"ingress-and-port-name", readiness.ForIngress("web", "http"), "target-health.alb.ingress.k8s.aws/web_http"},
		{"ingress-service-and-port", readiness.ForIngressService("web", "cart", "80"), "target-health.alb.ingress.k8s.aws/web_cart_80"},
		{"binding", readiness.ForBinding("k8s-shop-web-1"), "target-health.elbv2.k8s.aws/k8s-shop-web-1"},
		{"sixty-three-characters-fit", readiness.ForBinding(strings.Repeat("a", 63)), readiness.ConditionType("target-health.elbv2.k8s.aws/" + strings.Repeat("a", 63))},
		{
			// The ten digits are: printf 'a%.0s' {1..64} | sha256sum | cut -c-10
			"sixty-four-do-not", readiness.ForBinding(strings.Repeat("a", 64)),
			readiness.ConditionType("target-health.elbv2.k8s.aws/" + strings.Repeat("a", 52) + "-ffe054fe7a"),
		},
		{
			"the-port-counts-too", readiness.ForIngress(strings.Repeat("a", 61), "80"),
			readiness.ConditionType("target-health.alb.ingress.k8s.aws/" + strings.Repeat("a", 52) + "-8393542ef4"),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.got != test.want {
				t.Errorf("got %s, want %s", test.got, test.want)
			}
			if _, suffix, _ := strings.Cut(string(test.got), "/"); len(suffix) > 63 {
				t.Errorf("%s has %d characters after the slash; Kubernetes allows 63", test.got, len(suffix))
			}
		})
	}
}

func TestPodOf(t *testing.T) {
	t.Parallel()
	at := metav1.NewTime(ready)
	for _, test := range []struct {
		name string
		pod  corev1.Pod
		want readiness.Pod
	}{
		{name: "a-new-pod-has-nothing-yet", pod: corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: pod}}, want: readiness.Pod{UID: pod}},
		{
			name: "gates-are-by-hand-unless-admission-noted-them",
			pod: corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{UID: pod, CreationTimestamp: at, Annotations: map[string]string{readiness.InjectedAnnotation: string(webGate) + "," + string(readiness.Anticipating)}},
				Spec:       corev1.PodSpec{ReadinessGates: gatesOf(webGate, apiGate, readiness.Anticipating)},
			},
			want: readiness.Pod{UID: pod, Created: ready, Gates: []readiness.Gate{gate(webGate), byHand(apiGate), gate(readiness.Anticipating)}},
		},
		{
			name: "foreign-gates-and-duplicates-are-left-out",
			pod: corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{UID: pod, Annotations: map[string]string{readiness.InjectedAnnotation: string(webGate)}},
				Spec:       corev1.PodSpec{ReadinessGates: gatesOf("example.com/warm", webGate, webGate)},
			},
			want: readiness.Pod{UID: pod, Gates: []readiness.Gate{gate(webGate)}},
		},
		{
			name: "conditions-belong-to-their-gates",
			pod: corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{UID: pod, Annotations: map[string]string{readiness.InjectedAnnotation: string(webGate)}},
				Spec:       corev1.PodSpec{ReadinessGates: gatesOf(webGate)},
				Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
					{Type: corev1.PodConditionType(apiGate), Status: corev1.ConditionTrue},
					{Type: corev1.PodConditionType(webGate), Status: corev1.ConditionFalse, Reason: "Target.Timeout", Message: "it says nothing"},
					{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: at},
				}},
			},
			want: readiness.Pod{UID: pod, Gates: []readiness.Gate{shut(webGate, "Target.Timeout", "it says nothing")}, ContainersReady: true, Since: ready},
		},
		{
			name: "deletion-is-the-end",
			pod:  corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: pod, DeletionTimestamp: &at}},
			want: readiness.Pod{UID: pod, Ending: true},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, readiness.PodOf(&test.pod)); diff != "" {
				t.Errorf("Pod (-want +got):\n%s", diff)
			}
		})
	}
}

func gatesOf(types ...readiness.ConditionType) []corev1.PodReadinessGate {
	var out []corev1.PodReadinessGate
	for _, t := range types {
		out = append(out, corev1.PodReadinessGate{ConditionType: corev1.PodConditionType(t)})
	}
	return out
}

// After a restart a condition of this very Pod tells that the registration that is
// found is its own: every reason that is written only after a registration of its own.
func TestJudging(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]bool{
		"Healthy": true, "Elb.RegistrationInProgress": true, "Elb.InitialHealthChecking": true, "Target.Timeout": true, "Target.FailedHealthChecks": true, "Target.NotInUse": true,
		"Target.DeregistrationInProgress": false, // an address of the Pod before
		"AddressAdopted":                  false,
		"RegistrationPending":             true, "TargetGroupPending": false, "ContainersNotReady": false, "NoLoadBalancer": false, "ClaimRejected": false, "ClaimDeadline": false,
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{
				Spec:   corev1.PodSpec{ReadinessGates: gatesOf("example.com/warm", webGate)},
				Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodConditionType(webGate), Reason: reason}}},
			}
			if got := readiness.Judging(pod); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	foreign := &corev1.Pod{
		Spec:   corev1.PodSpec{ReadinessGates: gatesOf("example.com/warm")},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: "example.com/warm", Reason: "Healthy"}}},
	}
	if readiness.Judging(foreign) {
		t.Error("the condition of somebody else's gate says nothing of a registration")
	}
}

func TestInjection(t *testing.T) {
	t.Parallel()
	wanted := func(gate readiness.ConditionType, labels ...string) readiness.Claim {
		selector := map[string]string{}
		for _, label := range labels {
			key, value, _ := strings.Cut(label, "=")
			selector[key] = value
		}
		return readiness.Claim{Gates: []readiness.ConditionType{gate, "target-health.elbv2.k8s.aws/not-this-form"}, Selector: selector}
	}
	many := func(n int) (claims []readiness.Claim, gates []v1alpha1.Gate) {
		for i := range n {
			gate := readiness.ForIngress("web", string(rune('a'+i/10))+string(rune('0'+i%10)))
			claims = append(claims, wanted(gate, "app=web"))
			gates = append(gates, v1alpha1.Gate{ConditionType: string(gate), Selector: map[string]string{"app": "web"}})
		}
		return claims, gates
	}
	claims32, gates32 := many(32)
	claims33, _ := many(33)
	type result struct {
		Gates   []v1alpha1.Gate
		LeftOut int
	}
	for _, test := range []struct {
		name   string
		claims []readiness.Claim
		naming readiness.Naming
		want   result
	}{
		{name: "no-claim-no-gate"},
		{
			name: "a-binding-may-give-the-name", naming: readiness.ByBinding, claims: []readiness.Claim{wanted(webGate, "app=web")},
			want: result{Gates: []v1alpha1.Gate{{ConditionType: "target-health.elbv2.k8s.aws/not-this-form", Selector: map[string]string{"app": "web"}}}},
		},
		{
			name: "who-has-no-binding-yet-is-left-to-the-anticipating-gate", naming: readiness.ByBinding,
			claims: []readiness.Claim{{Gates: []readiness.ConditionType{webGate}, Selector: map[string]string{"app": "web"}}},
		},
		{
			name: "gates-are-in-order-of-their-names", claims: []readiness.Claim{wanted(webGate, "app=web"), wanted(apiGate, "app=api")},
			want: result{Gates: []v1alpha1.Gate{
				{ConditionType: string(apiGate), Selector: map[string]string{"app": "api"}}, {ConditionType: string(webGate), Selector: map[string]string{"app": "web"}},
			}},
		},
		{
			name: "one-gate-for-two-services", claims: []readiness.Claim{wanted(webGate, "app=web"), wanted(webGate, "app=api", "tier=front")},
			want: result{Gates: []v1alpha1.Gate{
				{ConditionType: string(webGate), Selector: map[string]string{"app": "api", "tier": "front"}}, {ConditionType: string(webGate), Selector: map[string]string{"app": "web"}},
			}},
		},
		{
			name: "two-paths-to-one-service-are-one-gate", claims: []readiness.Claim{wanted(webGate, "app=web", "a=b"), wanted(apiGate, "app=web"), wanted(webGate, "a=b", "app=web")},
			want: result{Gates: []v1alpha1.Gate{
				{ConditionType: string(apiGate), Selector: map[string]string{"app": "web"}}, {ConditionType: string(webGate), Selector: map[string]string{"app": "web", "a": "b"}},
			}},
		},
		{name: "a-service-without-selector-selects-no-pod", claims: []readiness.Claim{wanted(webGate)}},
		{name: "thirty-two-are-injected", claims: claims32, want: result{Gates: gates32}},
		{
			name: "thirty-three-are-not", claims: claims33,
			want: result{LeftOut: 33},
		},
		{name: "thirty-three-with-a-duplicate-are", claims: append(claims32, claims32[0]), want: result{Gates: gates32}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			gates, leftOut := readiness.Injection(test.claims, test.naming)
			if diff := cmp.Diff(test.want, result{gates, leftOut}); diff != "" {
				t.Errorf("injection (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClaimSelects(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"app": "web", "tier": "front", "empty": ""}
	for _, test := range []struct {
		name     string
		selector map[string]string
		want     bool
	}{
		{"an-empty-selector-selects-nothing", nil, false},
		{"all-labels-must-be-there", map[string]string{"app": "web", "tier": "front"}, true},
		{"one-that-differs-is-enough-to-miss", map[string]string{"app": "web", "tier": "back"}, false},
		{"an-absent-label-is-not-an-empty-one", map[string]string{"absent": ""}, false},
		{"an-empty-label-is", map[string]string{"empty": ""}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := (readiness.Claim{Selector: test.selector}).Selects(labels); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestExpectsFor(t *testing.T) {
	t.Parallel()
	says := func(text string) map[string]string { return map[string]string{readiness.ExpectAnnotation: text} }
	for _, test := range []struct {
		name           string
		pod, namespace map[string]string
		want           time.Duration
	}{
		{"nobody-says-anything", nil, nil, 0},
		{"the-namespace-does", nil, says("2m"), 2 * time.Minute},
		{"the-pod-goes-first", says("0s"), says("2m"), 0},
		{"what-cannot-be-read-is-not-there", says("soon"), says("2m"), 2 * time.Minute},
		{"nobody-waits-for-the-past", nil, says("-2m"), 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := readiness.ExpectsFor(test.pod, test.namespace); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
