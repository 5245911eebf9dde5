package readiness_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// FuzzPodOf: whatever stands in a Pod's annotations and gates, each of our gates is taken once,
// and no wish is negative. What cannot be read is complained of by its name.
func FuzzPodOf(f *testing.F) {
	for _, seed := range [][5]string{
		{"15s", "wait", "1h", "target-health.sluice.dev/load-balancers", "target-health.sluice.dev/load-balancers"},
		{"-1s", "", "soon", "target-health.alb.ingress.k8s.aws/web_80,target-health.elbv2.k8s.aws/web", "target-health.alb.ingress.k8s.aws/web_80"},
		{"", "no", "9223372036854775807h", ",,", "example.com/door"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3], seed[4])
	}
	f.Fuzz(func(t *testing.T, healthyFor, slowStart, expects, injected, gate string) {
		annotations := map[string]string{
			readiness.HealthyForAnnotation: healthyFor, readiness.SlowStartAnnotation: slowStart,
			readiness.ExpectAnnotation: expects, readiness.InjectedAnnotation: injected,
		}
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}}
		for _, one := range append(strings.Split(injected, ","), gate, gate) {
			pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: corev1.PodConditionType(one)})
		}
		got := readiness.PodOf(pod)
		seen := map[readiness.ConditionType]bool{}
		for _, one := range got.Gates {
			if seen[one.Type] || !readiness.IsGate(string(one.Type)) {
				t.Errorf("gates %v", got.Gates)
			}
			seen[one.Type] = true
		}
		if expected := readiness.ExpectsFor(annotations, nil); got.HealthyFor < 0 || expected < 0 {
			t.Errorf("healthy for %s, expects for %s", got.HealthyFor, expected)
		}
		if _, err := time.ParseDuration(healthyFor); err != nil && !strings.Contains(readiness.Complaint(pod), readiness.HealthyForAnnotation) {
			t.Errorf("%q is not complained of: %q", healthyFor, readiness.Complaint(pod))
		}
	})
}
