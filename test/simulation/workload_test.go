package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const shop = "shop" // the namespace of everything that users make

// The kinds of objects that own Pods; a ReplicaSet is one of a Deployment.
const (
	deployment  = "ReplicaSet"
	statefulSet = "StatefulSet"
	daemonSet   = "DaemonSet"
)

// workload is a Deployment, a StatefulSet or a DaemonSet with its controller.
type workload struct {
	name               string
	kind               string
	hostNetwork        bool
	ports              map[string]int // number of the port called http by version; 8080 where there is none
	replicas           int
	surge, unavailable int
	minReady           time.Duration
	patience           map[string]time.Duration // minReady by version, as each ReplicaSet has its own
	version            string
	flaws              map[string]flaw // by version
	labels             map[string]string
	want               map[string]int // Pods of each version: the sizes of the ReplicaSets
	made               int
	gone               bool
	steadyAt           time.Time
}

// flaw is what is wrong with a version.
type flaw struct {
	never   bool
	sickens time.Duration
	quorum  int    // how many Pods have to run before one is healthy
	fails   string // the path of a health check that it never passes
}

func (w *workload) life(d dice, pod types.NamespacedName, version string) life {
	wrong := w.flaws[version]
	return life{
		start:   d.between(300*time.Millisecond, 3*time.Second, "start", pod),
		ready:   d.between(100*time.Millisecond, 5*time.Second, "ready", pod),
		healthy: d.between(0, 4*time.Second, "healthy", pod),
		stop:    d.between(100*time.Millisecond, 3*time.Second, "stop", pod),
		never:   wrong.never, sickens: wrong.sickens, quorum: wrong.quorum, fails: wrong.fails,
	}
}

func (w *workload) pods(c *cluster) []*corev1.Pod {
	return slices.DeleteFunc(list[*corev1.Pod](c.kube), func(p *corev1.Pod) bool { return p.Labels["app"] != w.name })
}

// minReadyOf a Pod of this version is what its ReplicaSet says; the others have one for all.
func (w *workload) minReadyOf(version string) time.Duration {
	if w.kind != deployment {
		return w.minReady
	}
	return w.patience[version]
}

func (w *workload) sync(c *cluster) {
	w.own(c)
	if namespace := get[*corev1.Namespace](c.kube, "", shop); namespace == nil || namespace.DeletionTimestamp != nil {
		w.gone = true
	}
	switch {
	case w.gone:
		for _, pod := range w.pods(c) {
			_ = c.remove("Pod", keyOf(pod), pod.UID)
		}
	case w.kind == statefulSet:
		w.syncStateful(c)
	case w.kind == daemonSet:
		w.syncDaemon(c)
	default:
		w.syncRolling(c)
	}
}

// syncRolling is a Deployment's rolling update: the arithmetic of the deployment controller.
func (w *workload) syncRolling(c *cluster) {
	active := slices.DeleteFunc(w.pods(c), func(p *corev1.Pod) bool { return p.DeletionTimestamp != nil })
	available := map[string]int{}
	total, old := 0, 0
	for _, pod := range active {
		if w.isAvailable(c, pod) {
			available[pod.Labels["version"]]++
		}
	}
	for version, size := range w.want {
		total += size
		if version != w.version {
			old += size
		}
	}
	// The new ones come up …
	if room := w.replicas + w.surge - total; w.want[w.version] < w.replicas && room > 0 {
		w.want[w.version] += min(room, w.replicas-w.want[w.version])
	}
	if w.want[w.version] > w.replicas {
		w.want[w.version] = w.replicas
	}
	// … and the old ones go: first those that do no good, then as many as may be missing.
	minimum := w.replicas - w.unavailable
	spare := total - minimum - (w.want[w.version] - min(w.want[w.version], available[w.version]))
	if old > 0 && spare > 0 {
		spare = w.shrink(spare, func(version string) int { return w.want[version] - available[version] })
		all := 0
		for _, n := range available {
			all += n
		}
		w.shrink(min(spare, all-minimum), func(version string) int { return w.want[version] })
	}
	for _, version := range w.versions() {
		w.resize(c, version, active)
	}
	w.settled(len(w.want) == 1 && available[w.version] == w.replicas && len(active) == w.replicas)
}

// count is how many Pods of a version are there to stay.
func (w *workload) count(c *cluster, version string) (n int) {
	for _, pod := range w.pods(c) {
		if pod.Labels["version"] == version && pod.DeletionTimestamp == nil {
			n++
		}
	}
	return n
}

func (w *workload) settled(is bool) {
	switch {
	case !is:
		w.steadyAt = time.Time{}
	case w.steadyAt.IsZero():
		w.steadyAt = time.Now()
	}
}

func (w *workload) versions() []string {
	var all []string
	for version := range w.want {
		all = append(all, version)
	}
	slices.Sort(all)
	return all
}

// shrink takes up to n Pods from older versions, and returns what is left of n.
func (w *workload) shrink(n int, most func(version string) int) int {
	for _, version := range w.versions() {
		if version == w.version || n <= 0 {
			continue
		}
		less := max(0, min(n, most(version), w.want[version]))
		w.want[version] -= less
		n -= less
	}
	return n
}

// resize is the ReplicaSet of one version.
func (w *workload) resize(c *cluster, version string, active []*corev1.Pod) {
	own := slices.DeleteFunc(slices.Clone(active), func(p *corev1.Pod) bool { return p.Labels["version"] != version })
	for range w.want[version] - len(own) {
		w.made++
		w.create(c, fmt.Sprintf("%s-%s-%d", w.name, version, w.made), version, "")
	}
	// Those that are not ready go first, then the youngest.
	slices.SortFunc(own, func(a, b *corev1.Pod) int {
		return cmp.Or(cmp.Compare(order(a), order(b)), b.CreationTimestamp.Compare(a.CreationTimestamp.Time), compareNames(a, b))
	})
	for i := range len(own) - w.want[version] {
		_ = c.remove("Pod", keyOf(own[i]), own[i].UID)
	}
	if version != w.version && w.want[version] == 0 && len(own) == 0 {
		delete(w.want, version)
	}
}

func order(p *corev1.Pod) int {
	if isReady(p) {
		return 1
	}
	return 0
}

// isAvailable: ready for long enough. Otherwise it is looked at again.
func (w *workload) isAvailable(c *cluster, pod *corev1.Pod) bool {
	condition := conditionOf(pod, corev1.PodReady)
	if condition == nil || condition.Status != corev1.ConditionTrue {
		return false
	}
	left := time.Until(condition.LastTransitionTime.Add(w.minReadyOf(pod.Labels["version"])))
	if left > 0 {
		c.soon("available/"+string(pod.UID), left, left+10*time.Millisecond, func() { w.sync(c) })
	}
	return left <= 0
}

// syncStateful is a StatefulSet with OrderedReady: one Pod at a time, up in order, down and anew in the other.
func (w *workload) syncStateful(c *cluster) {
	pods := w.pods(c)
	find := func(name string) *corev1.Pod {
		at := slices.IndexFunc(pods, func(p *corev1.Pod) bool { return p.Name == name })
		if at < 0 {
			return nil
		}
		return pods[at]
	}
	name := func(i int) string { return fmt.Sprintf("%s-%d", w.name, i) }
	w.settled(false)
	for i := range w.replicas {
		pod := find(name(i))
		if pod == nil {
			w.create(c, name(i), w.version, "")
			return
		}
		if pod.DeletionTimestamp != nil || !w.isAvailable(c, pod) {
			return
		}
	}
	for _, pod := range pods {
		if number := w.ordinal(pod); number >= w.replicas {
			_ = c.remove("Pod", keyOf(pod), pod.UID)
			return
		}
	}
	for i := range w.replicas {
		if pod := find(name(w.replicas - 1 - i)); pod.Labels["version"] != w.version {
			_ = c.remove("Pod", keyOf(pod), pod.UID)
			return
		}
	}
	w.settled(true)
}

func (w *workload) ordinal(pod *corev1.Pod) (number int) {
	_, _ = fmt.Sscanf(pod.Name[len(w.name)+1:], "%d", &number)
	return number
}

// create makes a Pod, on one node alone where that is named.
func (w *workload) create(c *cluster, name, version, node string) {
	labels := map[string]string{"app": w.name, "version": version}
	maps.Copy(labels, w.labels)
	var only map[string]string
	if node != "" {
		only = map[string]string{hostLabel: node}
	}
	_ = c.kube.create(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: shop, Name: name, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: w.kind, Name: w.owner(version), UID: "owner", Controller: new(true)}},
		},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: "web", Ports: []corev1.ContainerPort{
				{Name: "http", ContainerPort: int32(cmp.Or(w.ports[version], 8080))}, {Name: "admin", ContainerPort: 8081},
			}}},
			HostNetwork: w.hostNetwork, NodeSelector: only, TerminationGracePeriodSeconds: new(int64(30)),
		},
	}) // the namespace may be going
}

// owner is the name of the object that owns the Pods of a version.
func (w *workload) owner(version string) string {
	if w.kind != deployment {
		return w.name
	}
	return w.name + "-" + version
}

// own sees to it that the object which owns Pods says how long they have to be ready.
func (w *workload) own(c *cluster) {
	if known, ok := w.patience[w.version]; ok && known == w.minReady {
		return
	}
	if w.patience == nil {
		w.patience = map[string]time.Duration{}
	}
	w.patience[w.version] = w.minReady
	seconds, name := int32(w.minReady/time.Second), w.owner(w.version)
	meta := metav1.ObjectMeta{Namespace: shop, Name: name}
	switch w.kind {
	case statefulSet:
		_ = c.kube.create(&appsv1.StatefulSet{ObjectMeta: meta}) // or it is there
		edit(c.kube, shop, name, false, func(o *appsv1.StatefulSet) { o.Spec.MinReadySeconds = seconds })
	case daemonSet:
		_ = c.kube.create(&appsv1.DaemonSet{ObjectMeta: meta}) // or it is there
		edit(c.kube, shop, name, false, func(o *appsv1.DaemonSet) { o.Spec.MinReadySeconds = seconds })
	default:
		_ = c.kube.create(&appsv1.ReplicaSet{ObjectMeta: meta}) // or it is there
		edit(c.kube, shop, name, false, func(o *appsv1.ReplicaSet) { o.Spec.MinReadySeconds = seconds })
	}
}
