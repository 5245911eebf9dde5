package simulation

import (
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// kubelet is the kubelets of all nodes, and the scheduler.
type kubelet struct {
	cluster *cluster

	mu         sync.Mutex
	containers map[types.UID]*container
	free       map[string][]string // addresses by node, the one that was used last at the end
	hosts      map[string]string   // the nodes' own addresses
	joined     int                 // nodes that there have been
	cordoned   map[string]bool
	inherits   string          // the node whose last address the next Pod gets
	failing    map[string]bool // workloads of which every check fails now
}

func newKubelet(c *cluster) *kubelet {
	return &kubelet{
		cluster: c, containers: map[types.UID]*container{}, free: map[string][]string{}, hosts: map[string]string{}, cordoned: map[string]bool{}, failing: map[string]bool{},
	}
}

// sync does what a Pod's state asks for.
func (k *kubelet) sync(namespace, name string, uid types.UID) {
	pod := get[*corev1.Pod](k.cluster.kube, namespace, name)
	if pod == nil || pod.UID != uid {
		k.forget(uid)
		return
	}
	k.mu.Lock()
	c := k.containers[uid]
	if c == nil {
		c = k.cluster.newContainer(pod)
		k.containers[uid] = c
	}
	ending := pod.DeletionTimestamp != nil && !c.ending
	c.ending = c.ending || pod.DeletionTimestamp != nil
	k.mu.Unlock()
	switch {
	case c.node == "" && c.ending:
		k.cluster.drop("Pod", keyOf(pod), uid)
		return
	case c.node == "":
		k.schedule(c)
	case ending:
		k.end(c, pod)
	}
	k.report(c)
}

// schedule gives a Pod a node and an address, and starts its container.
func (k *kubelet) schedule(c *container) {
	again := func() { k.sync(c.pod.Namespace, c.pod.Name, c.uid) }
	k.mu.Lock()
	if !k.place(c) {
		k.mu.Unlock()
		k.cluster.after(2*time.Second, again)
		return
	}
	k.mu.Unlock()
	edit(k.cluster.kube, c.pod.Namespace, c.pod.Name, false, func(p *corev1.Pod) { p.Spec.NodeName = c.node })
	k.cluster.after(c.life.start, func() { k.step(c, func() { c.running = true }) })
	k.cluster.after(c.life.start+c.life.ready, func() { k.step(c, func() { c.ready = c.running }) })
	k.cluster.after(c.life.start+c.life.ready+c.life.healthy, func() { k.step(c, func() { c.healthy = c.running && !c.life.never }) })
}

// place finds a node and an address for a Pod, if there is one. The caller holds the lock.
func (k *kubelet) place(c *container) bool {
	var open []string
	for _, node := range slices.Sorted(maps.Keys(k.free)) {
		// The Pods of DaemonSets bear nodes that nobody else may go to.
		if c.onlyOn == node || c.onlyOn == "" && !k.cordoned[node] && len(k.free[node]) > 0 {
			open = append(open, node)
		}
	}
	if len(open) == 0 {
		return false
	}
	c.node = pick(k.cluster.dice, open, "node", c.pod)
	inherits := slices.Contains(open, k.inherits)
	if inherits {
		c.node, k.inherits = k.inherits, ""
	}
	if c.hostNetwork {
		c.address = k.hosts[c.node]
		return true
	}
	addresses, at := k.free[c.node], 0
	if len(addresses) == 0 {
		return false
	}
	if inherits || k.cluster.dice.chance(0.5, "again", c.pod) {
		at = len(addresses) - 1 // the address of the Pod that went last
	}
	c.address = addresses[at]
	k.free[c.node] = slices.Delete(addresses, at, at+1)
	return true
}

// step changes a container's state, and reports it.
func (k *kubelet) step(c *container, change func()) {
	k.mu.Lock()
	if !c.stopped {
		change()
	}
	k.mu.Unlock()
	k.report(c)
}

// report writes a Pod's status.
func (k *kubelet) report(c *container) {
	k.mu.Lock()
	silent := c.silent
	k.mu.Unlock()
	if silent {
		return
	}
	edit(k.cluster.kube, c.pod.Namespace, c.pod.Name, true, func(p *corev1.Pod) {
		if p.UID != c.uid {
			return
		}
		k.mu.Lock()
		ready, running := c.ready && !c.stopped && !c.blip, c.running
		k.mu.Unlock()
		p.Status.Phase = corev1.PodPending
		if running {
			p.Status.Phase = corev1.PodRunning
			p.Status.PodIP, p.Status.PodIPs = c.address, []corev1.PodIP{{IP: c.address}}
		}
		setCondition(p, corev1.ContainersReady, ready)
		for _, gate := range p.Spec.ReadinessGates {
			ready = ready && conditionIs(p, gate.ConditionType, corev1.ConditionTrue)
		}
		setCondition(p, corev1.PodReady, ready)
	})
}

// end is graceful: the preStop sleep, the signal, and the container's own time to stop.
func (k *kubelet) end(c *container, pod *corev1.Pod) {
	sleep := time.Duration(0)
	if hook := pod.Spec.Containers[0].Lifecycle; hook != nil && hook.PreStop != nil {
		sleep = time.Duration(hook.PreStop.Sleep.Seconds) * time.Second
	}
	k.cluster.timeline.note("kubelet", "Pod %s %s is ending, sleeps %s", c.pod.Name, c.address, sleep)
	k.cluster.after(sleep, func() { k.stop(c, sleep > 0) })
	k.cluster.after(sleep+c.life.stop, func() { k.cluster.drop("Pod", c.pod, c.uid) })
}

// stop is the moment from which a container answers nobody.
func (k *kubelet) stop(c *container, drained bool) {
	k.mu.Lock()
	c.stopped, c.drained = true, drained
	k.mu.Unlock()
	k.cluster.timeline.note("kubelet", "Pod %s %s has stopped", c.pod.Name, c.address)
	k.report(c)
}

// bequeath has the next Pod that is scheduled get the address of this one.
func (k *kubelet) bequeath(pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.inherits = pod.Spec.NodeName
}

// kill ends a Pod without any grace, and gives its address to the next one.
func (k *kubelet) kill(pod *corev1.Pod) {
	k.forget(pod.UID)
	k.bequeath(pod)
	k.cluster.drop("Pod", keyOf(pod), pod.UID)
}

// forget gives the address of a Pod that is gone to the next one.
func (k *kubelet) forget(uid types.UID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	c := k.containers[uid]
	if c == nil {
		return
	}
	c.stopped = true
	delete(k.containers, uid)
	if _, there := k.free[c.node]; there && !c.hostNetwork {
		k.free[c.node] = append(k.free[c.node], c.address)
	}
}

// fail makes every check of a workload fail, or ends that: the load balancer notices at once, the readiness
// probes after their threshold.
func (k *kubelet) fail(app string, failing bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.failing[app] = failing
	for _, uid := range slices.Sorted(maps.Keys(k.containers)) {
		c := k.containers[uid]
		if c.app != app {
			continue
		}
		notice := k.cluster.dice.between(time.Second, 6*time.Second, "blip", c.pod, failing)
		k.cluster.after(notice, func() {
			k.mu.Lock()
			c.blip = k.failing[app] && failing
			k.mu.Unlock()
			k.report(c)
		})
	}
}

func (k *kubelet) cordon(node string, cordoned bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.cordoned[node] = cordoned
}
