package demo

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	toolswatch "k8s.io/client-go/tools/watch"
)

// restart does what `kubectl rollout restart` does.
func restart(ctx context.Context, client kubernetes.Interface, deployment types.NamespacedName, now time.Time) error {
	patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, now.Format(time.RFC3339))
	_, err := client.AppsV1().Deployments(deployment.Namespace).Patch(ctx, deployment.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		return fmt.Errorf("restarting Deployment %s: %w", deployment, err)
	}
	return nil
}

// rolledOut says what is missing until a rollout is complete and the old Pods are gone; "" when
// nothing is.
func rolledOut(ctx context.Context, client kubernetes.Interface, s side, old map[types.UID]bool) (string, error) {
	deployment, err := client.AppsV1().Deployments(s.deployment.Namespace).Get(ctx, s.deployment.Name, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	if missing := incomplete(deployment); missing != "" {
		return missing, nil
	}
	pods, err := podsOf(ctx, client, s)
	if err != nil {
		return "", err
	}
	left := 0
	for _, pod := range pods {
		if old[pod.UID] {
			left++
		}
	}
	if left > 0 {
		return fmt.Sprintf("%d old Pods of Deployment %s are still there", left, s.deployment), nil
	}
	return "", nil
}

// incomplete says what a Deployment lacks of what its spec wants, in the way of `kubectl rollout status`.
func incomplete(deployment *appsv1.Deployment) string {
	want := int32(1)
	if deployment.Spec.Replicas != nil {
		want = *deployment.Spec.Replicas
	}
	status := deployment.Status
	switch {
	case status.ObservedGeneration < deployment.Generation:
		return "the Deployment has not been looked at yet"
	case status.UpdatedReplicas < want, status.AvailableReplicas < want, status.Replicas > want:
		return fmt.Sprintf("Deployment %s/%s: %d of %d new Pods are available, %d old ones are left",
			deployment.Namespace, deployment.Name, min(status.UpdatedReplicas, status.AvailableReplicas), want, status.Replicas-status.UpdatedReplicas)
	}
	return ""
}

func podsOf(ctx context.Context, client kubernetes.Interface, s side) ([]corev1.Pod, error) {
	pods, err := client.CoreV1().Pods(s.deployment.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(s.selector)})
	if err != nil {
		return nil, fmt.Errorf("listing the Pods of Deployment %s: %w", s.deployment, err)
	}
	return pods.Items, nil
}

// watchPods hands every change of the side's Pods to see, from the given resource version on.
func watchPods(ctx context.Context, client kubernetes.Interface, s side, see func(*corev1.Pod)) error {
	selector := metav1.FormatLabelSelector(s.selector)
	pods := client.CoreV1().Pods(s.deployment.Namespace)
	list, err := pods.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return fmt.Errorf("listing the Pods of Deployment %s: %w", s.deployment, err)
	}
	watcher, err := toolswatch.NewRetryWatcherWithContext(ctx, list.ResourceVersion, &cache.ListWatch{
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = selector
			return pods.Watch(ctx, options)
		},
	})
	if err != nil {
		return fmt.Errorf("watching the Pods of Deployment %s: %w", s.deployment, err)
	}
	go func() {
		for event := range watcher.ResultChan() {
			if pod, ok := event.Object.(*corev1.Pod); ok && event.Type != watch.Deleted {
				see(pod)
			}
		}
	}()
	return nil
}
