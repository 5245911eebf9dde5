package node

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/lab/program"
)

// roles asks the API server for the Pod of a container: the runtime's interface tells neither the
// restart policy nor which containers are for initialization.
func roles(client kubernetes.Interface) func(ctx context.Context, namespace, pod, container string) program.Role {
	return func(ctx context.Context, namespace, pod, container string) program.Role {
		found, err := client.CoreV1().Pods(namespace).Get(ctx, pod, metav1.GetOptions{ResourceVersion: "0"})
		if err != nil {
			return program.Service // a static Pod, or one that has just gone
		}
		return roleOf(found.Spec, container)
	}
}

// roleOf is Task for what must come to an end: init containers that are no sidecars, and
// containers without ports in Pods that are not restarted for ever.
func roleOf(pod corev1.PodSpec, container string) program.Role {
	for _, c := range pod.InitContainers {
		if c.Name != container {
			continue
		}
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			return program.Service
		}
		return program.Task
	}
	for _, c := range pod.Containers {
		if c.Name == container && len(c.Ports) == 0 && pod.RestartPolicy != corev1.RestartPolicyAlways {
			return program.Task
		}
	}
	return program.Service
}
