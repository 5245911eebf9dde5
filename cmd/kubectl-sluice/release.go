package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/internal/readiness"
)

const (
	// injectLabel is what asks for gates in a namespace; its value is "enabled".
	injectLabel = "elbv2.k8s.aws/pod-readiness-gate-inject"
	// writers bounds how many Pods are patched side by side.
	writers = 20
	// settled: the API server takes a moment to stop injecting, so Pods are looked at
	// until none with a closed gate has come for this long.
	settled = 3 * time.Second
)

// injecting are the policies whose bindings go with `release -A`. Draining stays: it holds
// nobody back.
var injecting = []string{"sluice-anticipating-gate", "sluice-own-gates"}

// releaseIn is release where the flags say; which must be said, for it holds nothing back.
func releaseIn(ctx context.Context, flags clientcmd.ClientConfig, named, everywhere bool, out io.Writer) error {
	if named == everywhere {
		return errors.New("release where? Write: kubectl sluice release -n NAMESPACE, or -A for all namespaces")
	}
	cluster, err := connect(flags)
	if err != nil {
		return err
	}
	if everywhere {
		cluster.namespace = metav1.NamespaceAll
	}
	return release(ctx, cluster.typed, cluster.namespace, out)
}

// release ends the work of Sluice's gates, in one namespace or in all, also where no
// controller runs any more: nothing injects them, and those that are closed are opened.
func release(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	if err := stopInjection(ctx, client, namespace, out); err != nil {
		return err
	}
	opened := 0
	for quiet := time.Now(); time.Since(quiet) < settled; {
		n, err := openAll(ctx, client, namespace)
		if err != nil {
			return err
		}
		if opened += n; n > 0 {
			quiet = time.Now()
			fmt.Fprintf(out, "opened the gates of %d Pods\n", opened)
		}
		select {
		case <-time.After(settled / 6):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	where := "namespace " + namespace
	if namespace == metav1.NamespaceAll {
		where = "any namespace"
	}
	_, err := fmt.Fprintf(out, "no Pod of %s is held back by a gate of Sluice\n", where)
	return err
}

// stopInjection takes the label off one namespace, or the bindings of the policies away.
func stopInjection(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	if namespace != metav1.NamespaceAll {
		patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:null}}}`, injectLabel)
		if _, err := client.CoreV1().Namespaces().Patch(ctx, namespace, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("taking the label %s off: %w", injectLabel, err)
		}
		_, err := fmt.Fprintf(out, "namespace %s has no label %s any more; to take it back: kubectl label namespace %s %s=enabled\n", namespace, injectLabel, namespace, injectLabel)
		return err
	}
	bindings := client.AdmissionregistrationV1().MutatingAdmissionPolicyBindings()
	for _, name := range injecting {
		err := bindings.Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting the binding of policy %s: %w", name, err)
		}
		if err == nil {
			fmt.Fprintf(out, "nothing is injected by policy %s any more; to take it back: apply the policies anew\n", name)
		}
	}
	return nil
}

// openAll opens the closed gates of all Pods that are there now, and counts the Pods.
func openAll(ctx context.Context, client kubernetes.Interface, namespace string) (int, error) {
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, err
	}
	var work sync.WaitGroup
	var mu sync.Mutex
	var failures []error
	opened, slots := 0, make(chan struct{}, writers)
	for i := range pods.Items {
		pod := &pods.Items[i]
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
				Message: "opened by kubectl sluice release", LastTransitionTime: metav1.NewTime(now),
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
