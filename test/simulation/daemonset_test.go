package simulation

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

// syncDaemon is a DaemonSet: one Pod a node, and in a rollout so many missing as may be unavailable. A node gets its new Pod
// when the old one is gone.
func (w *workload) syncDaemon(c *cluster) {
	nodes := c.kubelet.nodes()
	on := map[string]*corev1.Pod{}
	for _, pod := range w.pods(c) {
		on[pod.Spec.NodeSelector[hostLabel]] = pod
	}
	w.replicas = len(nodes)
	missing, complete := 0, true
	for _, node := range nodes {
		pod := on[node]
		if pod == nil {
			w.made++
			w.create(c, fmt.Sprintf("%s-%s-%d", w.name, node, w.made), w.version, node)
		}
		if pod == nil || pod.DeletionTimestamp != nil || !w.isAvailable(c, pod) {
			missing++
		}
		complete = complete && pod != nil && pod.Labels["version"] == w.version
	}
	w.settled(complete && missing == 0)
	for _, node := range nodes {
		pod := on[node]
		if pod == nil || pod.DeletionTimestamp != nil || pod.Labels["version"] == w.version {
			continue
		}
		available := w.isAvailable(c, pod)
		if available && missing >= max(1, w.unavailable) {
			continue
		}
		if available {
			missing++
		}
		_ = c.remove("Pod", keyOf(pod), pod.UID)
	}
}

const hostLabel = "kubernetes.io/hostname"
