package simulation

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

const (
	injectLabel = "elbv2.k8s.aws/pod-readiness-gate-inject"
	gateLabel   = "sluice.dev/readiness-gate"
	drainLabel  = "sluice.dev/drain"
	drainSleep  = 20 // seconds, of "auto"
)

// admission does what the policies in config/policies do to a Pod of a workload. The policies themselves are
// tested on a real API server (config/admission_test.go). It runs under the lock of the API server.
func admission(k *kube) func(client.Object) {
	return func(o client.Object) {
		pod, isPod := o.(*corev1.Pod)
		if !isPod {
			return
		}
		namespace := peek[*corev1.Namespace](k, "", pod.Namespace)
		if namespace.Labels[injectLabel] == "enabled" {
			inject(pod, peek[*v1alpha1.ReadinessGateSet](k, pod.Namespace, v1alpha1.ReadinessGateSetName))
		}
		if namespace.Labels[drainLabel] == "auto" {
			for i := range pod.Spec.Containers {
				pod.Spec.Containers[i].Lifecycle = &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: drainSleep}}}
			}
			pod.Spec.TerminationGracePeriodSeconds = new(int64(30 + drainSleep))
		}
	}
}

func inject(pod *corev1.Pod, set *v1alpha1.ReadinessGateSet) {
	wish := pod.Labels[gateLabel]
	if wish == "off" {
		return
	}
	gates := []string{}
	if set != nil {
		for _, gate := range set.Spec.Gates {
			fits := len(gate.Selector) > 0 && (readiness.Claim{Selector: gate.Selector}).Selects(pod.Labels)
			if fits && !slices.Contains(gates, gate.ConditionType) {
				gates = append(gates, gate.ConditionType)
			}
		}
	}
	if owner := metav1.GetControllerOf(pod); len(gates) == 0 && (wish == "on" || owner != nil && (owner.Kind == deployment || owner.Kind == statefulSet)) {
		gates = []string{string(readiness.Anticipating)}
	}
	for _, gate := range gates {
		pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: corev1.PodConditionType(gate)})
	}
	if len(gates) > 0 {
		pod.Annotations = map[string]string{readiness.InjectedAnnotation: strings.Join(gates, ",")}
	}
}
