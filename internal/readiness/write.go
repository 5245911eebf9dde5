package readiness

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Writer writes conditions to Pods.
type Writer struct {
	Status client.SubResourceWriter
}

// Write patches the changed conditions of a Pod in one request, with the Pod's UID as
// precondition: a Pod of the same name that has replaced it answers with a conflict.
// It updates the Pod given, so that what follows sees what was written.
func (w Writer) Write(ctx context.Context, pod *corev1.Pod, changes []GateChange, now time.Time) error {
	if len(changes) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": pod.UID},
		"status":   map[string]any{"conditions": conditions(pod, changes, now)},
	})
	if err != nil {
		return fmt.Errorf("writing the conditions of Pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	if err := w.Status.Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, body)); err != nil {
		return fmt.Errorf("writing the conditions of Pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}

// conditions: the transition time moves only when the status does.
func conditions(pod *corev1.Pod, changes []GateChange, now time.Time) []corev1.PodCondition {
	var list []corev1.PodCondition
	for _, change := range changes {
		condition := corev1.PodCondition{
			Type: corev1.PodConditionType(change.Type), Status: change.Status, Reason: change.Reason, Message: change.Message,
			LastTransitionTime: metav1.NewTime(now),
		}
		if old := conditionOf(pod, condition.Type); old != nil && !change.Flips {
			condition.LastTransitionTime = old.LastTransitionTime
		}
		list = append(list, condition)
	}
	return list
}
