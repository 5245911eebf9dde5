package admission

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

const (
	anticipateAnnotation = "sluice.dev/anticipate"
)

// Gates returns the Pod with its readiness gates: one for each entry of the namespace's
// list that selects it, else the anticipating gate where the Pod may have it. A Pod that
// gets nothing is returned as it is; the given one is never changed.
func Gates(pod *corev1.Pod, namespace *corev1.Namespace, entries []v1alpha1.Gate) *corev1.Pod {
	if namespace.Labels[readiness.InjectLabel] != "enabled" || mirrors(pod) || pod.Labels[readiness.GateLabel] == "off" {
		return pod
	}
	if asksForGate(pod) || !ofJob(pod) {
		pod = withNamed(pod, entries)
	}
	if slices.ContainsFunc(gateTypes(pod), readiness.IsGate) || !anticipates(pod, namespace) {
		return pod
	}
	anticipating := string(readiness.Anticipating)
	return withGates(pod, append(gateTypes(pod), anticipating), []string{anticipating})
}

// withNamed puts the gates that entries name in the place of the anticipating one.
func withNamed(pod *corev1.Pod, entries []v1alpha1.Gate) *corev1.Pod {
	there := gateTypes(pod)
	kept := slices.DeleteFunc(slices.Clone(there), func(t string) bool { return t == string(readiness.Anticipating) })
	fits := false
	var added []string
	for _, entry := range entries {
		if !selects(entry, pod.Labels) {
			continue
		}
		fits = true
		if !slices.Contains(kept, entry.ConditionType) && !slices.Contains(added, entry.ConditionType) {
			added = append(added, entry.ConditionType)
		}
	}
	if len(added) == 0 && (!fits || len(kept) == len(there)) {
		return pod
	}
	noted := slices.DeleteFunc(strings.Split(pod.Annotations[readiness.InjectedAnnotation], ","), func(t string) bool {
		return !slices.Contains(kept, t)
	})
	return withGates(pod, append(kept, added...), append(noted, added...))
}

// selects reports whether an entry is meant for Pods with these labels. As with a Service,
// an empty selector is for none. A type that the API server would reject the Pod for is
// left out; the schema of the list refuses it, but may not have been applied.
func selects(entry v1alpha1.Gate, labels map[string]string) bool {
	for key, value := range entry.Selector {
		if has, ok := labels[key]; !ok || has != value {
			return false
		}
	}
	return len(entry.Selector) > 0 && len(validation.IsQualifiedName(entry.ConditionType)) == 0
}

// anticipates reports whether a Pod without gates gets one for what may come: it asks for
// it, or is one of several that serve, and its namespace does not say no.
func anticipates(pod *corev1.Pod, namespace *corev1.Namespace) bool {
	serves := ownedBy(pod, "apps/", "ReplicaSet") || ownedBy(pod, "apps/", "StatefulSet")
	return asksForGate(pod) || serves && namespace.Annotations[anticipateAnnotation] != "off"
}

func withGates(pod *corev1.Pod, types, noted []string) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Spec.ReadinessGates = nil
	for _, t := range types {
		pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: corev1.PodConditionType(t)})
	}
	annotate(pod, readiness.InjectedAnnotation, strings.Join(noted, ","))
	return pod
}

func gateTypes(pod *corev1.Pod) []string {
	types := make([]string, len(pod.Spec.ReadinessGates))
	for i, gate := range pod.Spec.ReadinessGates {
		types[i] = string(gate.ConditionType)
	}
	return types
}

func annotate(pod *corev1.Pod, key, value string) {
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[key] = value
}

func asksForGate(pod *corev1.Pod) bool { return pod.Labels[readiness.GateLabel] == "on" }

func ofJob(pod *corev1.Pod) bool { return ownedBy(pod, "batch/", "Job") }

func ownedBy(pod *corev1.Pod, group, kind string) bool {
	for _, owner := range pod.OwnerReferences {
		if owner.Kind == kind && strings.HasPrefix(owner.APIVersion, group) {
			return true
		}
	}
	return false
}

// mirrors reports whether the Pod is the image of a static Pod, which cannot be changed.
func mirrors(pod *corev1.Pod) bool {
	_, is := pod.Annotations[corev1.MirrorPodAnnotationKey]
	return is
}
