package admission_test

import (
	"encoding/json"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/test/admissioncases"
)

const cases = "../../config/testdata/admission"

// The table of the policies holds for the webhook too, whichever of its two parts is asked
// first, and asking again changes nothing.
func TestPodsBecomeWhatThePoliciesMakeOfThem(t *testing.T) {
	t.Parallel()
	for _, c := range admissioncases.Load(t, cases) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: c.Namespace.Labels, Annotations: c.Namespace.Annotations}}
			gates := func(pod *corev1.Pod) *corev1.Pod { return patched(t, pod, admission.Gates(pod, namespace, c.Gates)) }
			drain := func(pod *corev1.Pod) *corev1.Pod { return patched(t, pod, admission.Drain(pod, namespace)) }
			first := withLateSidecar(drain(gates(withDefaults(&c.Pod))))
			second := drain(gates(first))
			if diff := cmp.Diff(c.Want, admissioncases.OutcomeOf(second), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("it made something else of the Pod (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(second, drain(gates(second))); diff != "" {
				t.Errorf("asking again changes the Pod (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(second, gates(drain(withLateSidecar(gates(drain(withDefaults(&c.Pod))))))); diff != "" {
				t.Errorf("the order matters (-gates first +drain first):\n%s", diff)
			}
		})
	}
}

// withDefaults does what the API server does before admission.
func withDefaults(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	if pod.Spec.TerminationGracePeriodSeconds == nil {
		pod.Spec.TerminationGracePeriodSeconds = new(int64(30))
	}
	if *pod.Spec.TerminationGracePeriodSeconds < 0 {
		pod.Spec.TerminationGracePeriodSeconds = new(int64(1))
	}
	return pod
}

// withLateSidecar is somebody else's mutation: config/testdata/admission-extra.
func withLateSidecar(pod *corev1.Pod) *corev1.Pod {
	if _, asks := pod.Annotations["example.com/add-proxy"]; !asks {
		return pod
	}
	pod = pod.DeepCopy()
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "proxy", Image: "proxy"})
	return pod
}

// patched applies the patch between two Pods to the first, as the API server would, and
// wants the second.
func patched(t *testing.T, before, after *corev1.Pod) *corev1.Pod {
	t.Helper()
	document, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	operations, err := json.Marshal(admission.Patch(before, after))
	if err != nil {
		t.Fatal(err)
	}
	patch, err := jsonpatch.DecodePatch(operations)
	if err != nil {
		t.Fatal(err)
	}
	if len(patch) > 0 {
		if document, err = patch.Apply(document); err != nil {
			t.Fatalf("applying %s: %v", operations, err)
		}
	}
	var got corev1.Pod
	if err := json.Unmarshal(document, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(after, &got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the patch makes another Pod (-want +got):\n%s", diff)
	}
	return &got
}

// An API server that does not correct a negative grace period would reject the Pod for a sleep
// that is longer.
func TestNegativeGraceCoversTheSleep(t *testing.T) {
	t.Parallel()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{admission.DrainKey: "auto"}},
		Spec:       corev1.PodSpec{TerminationGracePeriodSeconds: new(int64(-5)), Containers: []corev1.Container{{Name: "web"}}},
	}
	if got := admission.Drain(pod, &corev1.Namespace{}); *got.Spec.TerminationGracePeriodSeconds != 20 {
		t.Errorf("the grace period is %d, want 20", *got.Spec.TerminationGracePeriodSeconds)
	}
}
