package readiness

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/targets"
)

const (
	// InjectedAnnotation is where admission notes which gates it added.
	InjectedAnnotation = "sluice.dev/injected-gates"
	// GateLabel on a Pod asks for a gate where it would get none ("on"), or for none ("off").
	GateLabel = "sluice.dev/readiness-gate"
	// HealthyForAnnotation on a Pod, a duration such as "15s", lets its gates open only when
	// its targets have been healthy for that long.
	HealthyForAnnotation = "sluice.dev/healthy-for"
	// ExpectAnnotation on a Pod or its namespace, a duration, lets the gates of a Pod that nobody
	// claims wait for a first load balancer. The Pod's own goes first.
	ExpectAnnotation = "sluice.dev/expect-load-balancer"
	// SlowStartAnnotation on a Pod, with the value "wait", lets its gates open only when its
	// targets have come through the slow start of their groups.
	SlowStartAnnotation = "sluice.dev/slow-start"
)

// HasGate reports whether a Pod has a gate of ours.
func HasGate(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Spec.ReadinessGates, func(g corev1.PodReadinessGate) bool { return IsGate(string(g.ConditionType)) })
}

// PodOf is a Pod as Decide takes it.
func PodOf(pod *corev1.Pod) Pod {
	ready, since := targets.ContainersReady(pod)
	out := Pod{UID: pod.UID, Created: pod.CreationTimestamp.Time, ContainersReady: ready, Since: since, Ending: targets.Ending(pod)}
	if condition := conditionOf(pod, corev1.PodReady); condition != nil && condition.Status == corev1.ConditionTrue {
		out.ReadySince = condition.LastTransitionTime.Time
	}
	out.HealthyFor, out.AwaitsSlowStart, _ = patienceOf(pod)
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

// Complaint says what is wrong with a Pod's annotations about its gates, and what holds
// instead; empty: nothing is.
func Complaint(pod *corev1.Pod) string {
	_, _, complaint := patienceOf(pod)
	if complaint == "" {
		_, _, complaint = durationOf(pod.Annotations, ExpectAnnotation, "the gates do not wait for a load balancer")
	}
	return complaint
}

// ExpectsFor is how long a Pod's gates wait for a first load balancer, as its own
// annotations ask, or else those of its namespace.
func ExpectsFor(pod, namespace map[string]string) time.Duration {
	if asked, ok, _ := durationOf(pod, ExpectAnnotation, ""); ok {
		return asked
	}
	asked, _, _ := durationOf(namespace, ExpectAnnotation, "")
	return asked
}

func patienceOf(pod *corev1.Pod) (healthyFor time.Duration, slowStart bool, complaint string) {
	healthyFor, _, complaint = durationOf(pod.Annotations, HealthyForAnnotation, "the gates open as soon as the targets are healthy")
	switch text, ok := pod.Annotations[SlowStartAnnotation]; {
	case text == "wait":
		slowStart = true
	case ok && complaint == "":
		complaint = fmt.Sprintf("metadata.annotations[%s] is %q: write wait, or leave it out; the gates do not wait for slow start", SlowStartAnnotation, text)
	}
	return healthyFor, slowStart, complaint
}

// durationOf reads an annotation; what cannot be read counts as not there, and the
// complaint says so, and what holds instead.
func durationOf(annotations map[string]string, key, instead string) (d time.Duration, ok bool, complaint string) {
	text, ok := annotations[key]
	if !ok {
		return 0, false, ""
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, false, fmt.Sprintf("metadata.annotations[%s] is %q, which is no duration: write one such as 15s; %s", key, text, instead)
	}
	return d, true, ""
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
