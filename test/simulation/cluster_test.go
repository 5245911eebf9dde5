package simulation

import (
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// cluster is everything of Kubernetes besides the API server: the controllers of workloads and of
// EndpointSlices, and the kubelets. They see the API server's state without delay, and take their time to act.
type cluster struct {
	*kube
	dice     dice
	timeline *timeline

	acting    sync.Mutex // one of them acts at a time
	mu        sync.Mutex // guards what follows
	pending   map[string]bool
	turns     map[string]int
	closed    bool
	workloads map[string]*workload
	kubelet   *kubelet
}

func newCluster(k *kube, d dice, t *timeline) *cluster {
	c := &cluster{kube: k, dice: d, timeline: t, pending: map[string]bool{}, turns: map[string]int{}, workloads: map[string]*workload{}}
	c.kubelet = newKubelet(c)
	k.hooks = append(k.hooks, c.hear)
	return c
}

// soon runs something once after a delay that is drawn; asked for again before, it is the same.
func (c *cluster) soon(name string, low, high time.Duration, run func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pending[name] {
		return
	}
	c.pending[name] = true
	c.turns[name]++
	c.start(name, c.dice.between(low, high, name, c.turns[name]), run)
}

// start is after for who holds the lock.
func (c *cluster) start(name string, delay time.Duration, run func()) {
	time.AfterFunc(delay, func() {
		c.mu.Lock()
		delete(c.pending, name)
		closed := c.closed
		c.mu.Unlock()
		if closed {
			return
		}
		c.acting.Lock()
		defer c.acting.Unlock()
		run()
	})
}

// after runs something after a delay.
func (c *cluster) after(delay time.Duration, run func()) { c.start("", delay, run) }

func (c *cluster) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.acting.Lock() // whoever acts has done so
	defer c.acting.Unlock()
}

// hear says who has to look at a change. It is called under the lock of the API server.
func (c *cluster) hear(happened change) {
	switch o := happened.object().(type) {
	case *corev1.Pod:
		c.soon("kubelet/"+string(o.UID), 5*time.Millisecond, 60*time.Millisecond, func() { c.kubelet.sync(o.Namespace, o.Name, o.UID) })
		if w := c.workload(o.Labels["app"]); w != nil {
			c.soon("workload/"+w.name, 20*time.Millisecond, 200*time.Millisecond, func() { w.sync(c) })
		}
		c.soon("endpoints/"+o.Namespace, 20*time.Millisecond, 300*time.Millisecond, func() { c.syncEndpoints(o.Namespace) })
	case *corev1.Service:
		c.soon("endpoints/"+o.Namespace, 20*time.Millisecond, 300*time.Millisecond, func() { c.syncEndpoints(o.Namespace) })
	case *corev1.Namespace:
		c.soon("namespace/"+o.Name, 100*time.Millisecond, time.Second, func() { c.syncNamespace(o.Name) })
	}
}

func (c *cluster) workload(name string) *workload {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.workloads[name]
}

func (c *cluster) add(w *workload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workloads[w.name] = w
}

func (c *cluster) everyWorkload() []*workload {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*workload
	for _, name := range slices.Sorted(maps.Keys(c.workloads)) {
		all = append(all, c.workloads[name])
	}
	return all
}

// syncNamespace deletes everything in a namespace that is going, and then the namespace.
func (c *cluster) syncNamespace(name string) {
	namespace := get[*corev1.Namespace](c.kube, "", name)
	if namespace == nil || namespace.DeletionTimestamp == nil {
		return
	}
	left := 0
	for _, kind := range c.kinds() {
		for _, o := range c.all(kind) {
			if o.GetNamespace() == name {
				left++
				_ = c.remove(kind, keyOf(o), o.GetUID()) // it may have gone meanwhile
			}
		}
	}
	if left == 0 {
		c.drop("Namespace", keyOf(namespace), namespace.UID)
		return
	}
	c.soon("namespace/"+name, time.Second, 3*time.Second, func() { c.syncNamespace(name) })
}
