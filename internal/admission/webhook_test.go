package admission_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/internal/readiness"
)

const (
	anticipating = "target-health.sluice.dev/load-balancers"
	named        = "target-health.alb.ingress.k8s.aws/shop_80"
)

var (
	shopPod = `{"metadata":{"name":"shop","labels":{"app":"shop"},"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"shop"}]},"spec":{"containers":[{"name":"web","image":"web"}]}}`

	unlabelled = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}
	labelled   = &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{readiness.InjectLabel: "enabled"}}}
	gateSet    = &v1alpha1.ReadinessGateSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: v1alpha1.ReadinessGateSetName},
		Spec:       v1alpha1.ReadinessGateSetSpec{Gates: []v1alpha1.Gate{{Selector: map[string]string{"app": "shop"}, ConditionType: named}}},
	}
)

// What the cache does not know yet is asked for, and nothing that goes wrong keeps a Pod
// from being created.
func TestGatesWebhookAllowsEveryPod(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cached, live client.Reader
		pod          string
		operation    admissionv1.Operation
		want         string // gate; empty: no patch
	}{
		"all-is-in-the-cache":        {cached: holding(t, labelled, gateSet), live: broken{}, pod: shopPod, want: named},
		"cache-knows-nothing":        {cached: holding(t), live: holding(t, labelled, gateSet), pod: shopPod, want: named},
		"cache-lacks-the-label":      {cached: holding(t, unlabelled, gateSet), live: holding(t, labelled), pod: shopPod, want: named},
		"cache-lacks-the-list":       {cached: holding(t, labelled), live: holding(t, gateSet), pod: shopPod, want: named},
		"there-is-no-list":           {cached: holding(t, labelled), live: holding(t), pod: shopPod, want: anticipating},
		"list-cannot-be-read":        {cached: holding(t, labelled), live: broken{}, pod: shopPod, want: anticipating},
		"there-is-no-namespace":      {cached: holding(t), live: holding(t), pod: shopPod},
		"namespace-cannot-be-read":   {cached: broken{}, live: broken{}, pod: shopPod},
		"reading-panics":             {cached: panicking{}, live: panicking{}, pod: shopPod},
		"namespace-does-not-ask":     {cached: holding(t, unlabelled, gateSet), live: holding(t, unlabelled), pod: shopPod},
		"not-a-pod":                  {cached: holding(t, labelled), live: holding(t), pod: `{"spec":{"containers":7}}`},
		"not-even-json":              {cached: holding(t, labelled), live: holding(t), pod: `{`},
		"nothing-at-all":             {cached: holding(t, labelled), live: holding(t)},
		"pod-is-there-already":       {cached: holding(t, labelled, gateSet), live: holding(t), pod: shopPod, operation: admissionv1.Update},
		"field-newer-than-our-types": {cached: holding(t, labelled, gateSet), live: broken{}, pod: `{"metadata":{"labels":{"app":"shop"}},"spec":{"fromTheFuture":{"a":1},"containers":[]}}`, want: named},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
				Namespace: "shop", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(c.pod)},
			}}
			if c.operation != "" {
				request.Operation = c.operation
			}
			response := admission.NewGatesWebhook(c.cached, c.live).Handle(t.Context(), request)
			if !response.Allowed {
				t.Fatalf("the Pod is rejected: %v", response.Result)
			}
			var paths []string
			for _, operation := range response.Patches {
				paths = append(paths, operation.Path)
			}
			if c.want == "" {
				if len(paths) > 0 {
					t.Errorf("the Pod is changed at %v", paths)
				}
				return
			}
			if diff := cmp.Diff([]string{"/metadata/annotations", "/spec/readinessGates"}, paths); diff != "" {
				t.Errorf("the patch touches other fields (-want +got):\n%s", diff)
			}
			value, err := json.Marshal(response.Patches[len(response.Patches)-1].Value)
			if err != nil {
				t.Fatal(err)
			}
			if want := `[{"conditionType":"` + c.want + `"}]`; string(value) != want {
				t.Errorf("the Pod gets %s, want %s", value, want)
			}
		})
	}
}

func TestDrainWebhookAsksForNoNamespaceWhereThePodSays(t *testing.T) {
	t.Parallel()
	pod := `{"metadata":{"annotations":{"sluice.dev/drain":"auto"}},"spec":{"containers":[{"name":"web","lifecycle":{"fromTheFuture":1}},{"name":"own","lifecycle":{"preStop":{"exec":{}}}}]}}`
	request := ctrladmission.Request{AdmissionRequest: admissionv1.AdmissionRequest{
		Namespace: "shop", Operation: admissionv1.Create, Object: runtime.RawExtension{Raw: []byte(pod)},
	}}
	response := admission.NewDrainWebhook(broken{}, broken{}).Handle(t.Context(), request)
	got, err := json.Marshal(response.Patches)
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"op":"add","path":"/metadata/annotations","value":{"sluice.dev/drain":"auto","sluice.dev/injected-drain":"20"}},` +
		`{"op":"add","path":"/spec/terminationGracePeriodSeconds","value":50},` +
		`{"op":"add","path":"/spec/containers/0/lifecycle/preStop","value":{"sleep":{"seconds":20}}}]`
	if diff := cmp.Diff(want, string(got)); diff != "" || !response.Allowed {
		t.Errorf("allowed: %v; patch (-want +got):\n%s", response.Allowed, diff)
	}
}

// An entry that would make the Pod invalid is left out; the schema of the list may not have
// been applied.
func TestWrongEntriesRejectNoPod(t *testing.T) {
	t.Parallel()
	var pod corev1.Pod
	if err := json.Unmarshal([]byte(shopPod), &pod); err != nil {
		t.Fatal(err)
	}
	long := "target-health.alb.ingress.k8s.aws/a-name-of-more-than-sixty-three-characters-which-nobody-accepts_80"
	got := admission.Gates(&pod, labelled, []v1alpha1.Gate{
		{Selector: map[string]string{"app": "shop"}, ConditionType: long},
		{Selector: map[string]string{"app": "shop"}, ConditionType: "target-health./"},
		{Selector: map[string]string{"app": "shop"}},
	})
	want := []corev1.PodReadinessGate{{ConditionType: anticipating}}
	if diff := cmp.Diff(want, got.Spec.ReadinessGates); diff != "" {
		t.Errorf("gates (-want +got):\n%s", diff)
	}
}

func holding(t *testing.T, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

// broken answers nothing.
type broken struct{ client.Reader }

func (broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("the API server does not answer")
}

type panicking struct{ client.Reader }

func (panicking) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	panic("a mistake of ours")
}
