package simulation

import (
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Nodes have few addresses for their Pods, so that these are used again soon. Zones go round.
const (
	zoneCount    = 3
	nodeCount    = 3 // at the beginning
	instances    = 9 // that there are for nodes
	nodeCapacity = 14
)

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

func instance(i int) string { return fmt.Sprintf("i-0123456789abcde%02d", i) }

// prefix is the first half of the addresses in the subnet of an instance.
func prefix(i int) string { return fmt.Sprintf("10.0.%d.", i%zoneCount+1) }

// block is where the instance's addresses for Pods begin, a /28.
func block(i int) int { return 16 * (1 + i/zoneCount) }

func hostAddress(i int) string { return prefix(i) + fmt.Sprint(5+i/zoneCount) }

// hasMore reports whether there is an instance left for another node.
func (k *kubelet) hasMore() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.joined < instances
}

// join makes a node of the next instance, and returns its name.
func (k *kubelet) join() string {
	k.mu.Lock()
	i := k.joined
	k.joined++
	name := nodeName(i)
	k.hosts[name] = hostAddress(i)
	for n := range nodeCapacity {
		k.free[name] = append(k.free[name], fmt.Sprint(prefix(i), block(i)+1+n))
	}
	k.mu.Unlock()
	_ = k.cluster.kube.create(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{ProviderID: "aws:///zone/" + instance(i)}})
	k.cluster.resync()
	return name
}

// leave takes a node away: what is still on it is lost.
func (k *kubelet) leave(name string) {
	k.mu.Lock()
	delete(k.free, name)
	k.mu.Unlock()
	if node := get[*corev1.Node](k.cluster.kube, "", name); node != nil {
		k.cluster.drop("Node", keyOf(node), node.UID)
	}
	for _, pod := range list[*corev1.Pod](k.cluster.kube) {
		if pod.Spec.NodeName == name {
			k.lose(pod)
		}
	}
	k.cluster.resync()
}

// lose is the collection of Pods whose node is gone.
func (k *kubelet) lose(pod *corev1.Pod) {
	edit(k.cluster.kube, pod.Namespace, pod.Name, true, func(p *corev1.Pod) { setCondition(p, corev1.DisruptionTarget, true) })
	k.cluster.after(time.Second, func() { k.cluster.drop("Pod", keyOf(pod), pod.UID) })
}

// die ends everything on a node at once, and nobody reports it: the node is marked after forty seconds.
func (k *kubelet) die(name string) {
	k.mu.Lock()
	for _, c := range k.containers {
		if c.node == name {
			c.stopped, c.silent = true, true
		}
	}
	k.cordoned[name] = true
	k.mu.Unlock()
	k.cluster.after(40*time.Second, func() {
		for _, pod := range list[*corev1.Pod](k.cluster.kube) {
			if pod.Spec.NodeName == name {
				edit(k.cluster.kube, pod.Namespace, pod.Name, true, func(p *corev1.Pod) { setCondition(p, corev1.PodReady, false) })
			}
		}
	})
}

// nodes that there are, by name.
func (k *kubelet) nodes() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.free))
}

// resync has every workload look at the nodes.
func (c *cluster) resync() {
	for _, w := range c.everyWorkload() {
		c.soon("workload/"+w.name, 20*time.Millisecond, 200*time.Millisecond, func() { w.sync(c) })
	}
}
