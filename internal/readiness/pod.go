package readiness

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/targets"
)

// InjectedAnnotation is where admission notes which gates it added.
const InjectedAnnotation = "sluice.dev/injected-gates"

// HasGate reports whether a Pod has a gate of ours.
func HasGate(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.ReadinessGates, func(g corev1.PodReadinessGate) bool { return IsGate(string(g.ConditionType)) })
}

// PodOf is a Pod as Decide takes it.
func PodOf(pod *corev1.Pod) Pod {
	ready, since := targets.ContainersReady(pod)
	out := Pod{UID: pod.UID, Created: pod.CreationTimestamp.Time, ContainersReady: ready, Since: since, Ending: targets.Ending(pod)}
	injected := strings.Split(pod.Annotations[InjectedAnnotation], ",")
	for _, gate := range pod.Spec.ReadinessGates {
		if !IsGate(string(gate.ConditionType)) {
			continue
		}
		g := Gate{Type: ConditionType(gate.ConditionType), ByHand: !slices.Contains(injected, string(gate.ConditionType))}
		if condition := conditionOf(pod, gate.ConditionType); condition != nil {
			g.Status, g.Reason, g.Message = condition.Status, condition.Reason, condition.Message
		}
		if !slices.ContainsFunc(out.Gates, func(h Gate) bool { return h.Type == g.Type }) {
			out.Gates = append(out.Gates, g)
		}
	}
	return out
}

// Judging reports whether a condition of the Pod shows that a registration found at its
// address is its own: it was being judged by AWS for this Pod, or the address was free
// when this Pod was about to be registered. Conditions belong to a UID, so who is
// registered for whom survives a restart.
func Judging(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.ReadinessGates, func(g corev1.PodReadinessGate) bool {
		condition := conditionOf(pod, g.ConditionType)
		if !IsGate(string(g.ConditionType)) || condition == nil {
			return false
		}
		return condition.Reason == Healthy || condition.Reason == RegistrationPending || strings.HasPrefix(condition.Reason, "Elb.") ||
			strings.HasPrefix(condition.Reason, "Target.") && condition.Reason != "Target.DeregistrationInProgress"
	})
}

func conditionOf(pod *corev1.Pod, conditionType corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == conditionType {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}
