package admission_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/admission"
)

// FuzzPod: a Pod of any form, in a namespace that asks for anything, comes out whole: what it
// was given stays, and a second time changes nothing.
func FuzzPod(f *testing.F) {
	for _, seed := range []string{
		`{"spec":{"containers":[{"name":"web"}]}}`,
		`{"metadata":{"annotations":{"sluice.dev/drain":"auto"},"labels":{"app":"web","sluice.dev/readiness-gate":"on"}},"spec":{"terminationGracePeriodSeconds":-1,"containers":[{"name":"web","lifecycle":{"preStop":{"exec":{}}}}]}}`,
		`{"metadata":{"ownerReferences":[{"kind":"Job","apiVersion":"batch/v1","controller":true}]},"spec":{"readinessGates":[{"conditionType":"target-health.sluice.dev/load-balancers"}]}}`,
		`{"metadata":{"annotations":{"sluice.dev/injected-drain":"20","sluice.dev/injected-gates":",,"}},"spec":{"terminationGracePeriodSeconds":9223372036854775807}}`,
	} {
		f.Add([]byte(seed), "nlb", "web")
	}
	f.Fuzz(func(t *testing.T, text []byte, drain, app string) {
		var pod corev1.Pod
		if json.Unmarshal(text, &pod) != nil {
			return
		}
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled", admission.DrainKey: drain}}}
		entries := []v1alpha1.Gate{{ConditionType: "target-health.alb.ingress.k8s.aws/web_80", Selector: map[string]string{"app": app}}}
		given := pod.DeepCopy()
		once := admission.Drain(admission.Gates(&pod, namespace, entries), namespace)
		if diff := cmp.Diff(given, &pod); diff != "" {
			t.Fatalf("the Pod that was given is changed (-want +got):\n%s", diff)
		}
		if grace := once.Spec.TerminationGracePeriodSeconds; grace != nil && given.Spec.TerminationGracePeriodSeconds != nil && *grace < *given.Spec.TerminationGracePeriodSeconds {
			t.Errorf("the grace period shrinks to %d", *grace)
		}
		twice := admission.Drain(admission.Gates(once, namespace, entries), namespace)
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Errorf("a second time (-once +twice):\n%s", diff)
		}
		admission.Patch(&pod, once)
	})
}
