package retire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/internal/readiness"
)

const (
	// writers bounds how many Pods are patched side by side.
	writers = 20
	// page is how many Pods are listed by one request: a large cluster's do not fit into one.
	page = 500
)

// openAll opens the closed gates of all Pods that are there now, and counts the Pods.
func openAll(ctx context.Context, client kubernetes.Interface, namespace string) (int, error) {
	opened := 0
	for options := (metav1.ListOptions{Limit: page}); ; {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return opened, fmt.Errorf("listing Pods: %w", err)
		}
		n, err := openEach(ctx, client, pods.Items)
		opened += n
		if err != nil || pods.Continue == "" {
			return opened, err
		}
		options.Continue = pods.Continue
	}
}

func openEach(ctx context.Context, client kubernetes.Interface, pods []corev1.Pod) (int, error) {
	var work sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	opened, slots := 0, make(chan struct{}, writers)
	for i := range pods {
		pod := &pods[i]
		body := opening(pod, time.Now())
		if body == nil {
			continue
		}
		slots <- struct{}{}
		work.Go(func() {
			defer func() { <-slots }()
			_, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, body, metav1.PatchOptions{}, "status")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				opened++
			case !apierrors.IsNotFound(err) && !apierrors.IsConflict(err): // it has gone meanwhile
				failures = append(failures, fmt.Errorf("opening the gates of Pod %s/%s: %w", pod.Namespace, pod.Name, err))
			}
		})
	}
	work.Wait()
	return opened, errors.Join(failures...)
}

// opening is the patch that opens a Pod's closed gates; nil: it has none.
func opening(pod *corev1.Pod, now time.Time) []byte {
	var conditions []corev1.PodCondition
	for _, gate := range readiness.PodOf(pod).Gates {
		if gate.Status != corev1.ConditionTrue {
			conditions = append(conditions, corev1.PodCondition{
				Type: corev1.PodConditionType(gate.Type), Status: corev1.ConditionTrue, Reason: readiness.Retired,
				Message: "opened because Sluice was retired", LastTransitionTime: metav1.NewTime(now),
			})
		}
	}
	if len(conditions) == 0 {
		return nil
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": pod.UID}, "status": map[string]any{"conditions": conditions}})
	if err != nil {
		panic("conditions are plain data and always marshal: " + err.Error())
	}
	return body
}
