package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

// action is something that people do to a workload.
type action struct {
	name string
	do   func(w *world, n int, on *workload)
}

// actions, those first that a rollout is part of.
var actions = []action{
	{"rolls a version out", (*world).update},
	{"rolls a version out", (*world).update},
	{"restarts the controller in a rollout", (*world).restartInRollout},
	{"rolls a version out that is never healthy", (*world).neverHealthy},
	{"rolls a version out that sickens", (*world).sickens},
	{"replaces the target group in a rollout", (*world).replaceGroup},
	{"scales", (*world).scale},
	{"doubles", (*world).double},
	{"adds an Ingress", (*world).addIngress},
	{"adds a TargetGroupBinding", (*world).addBinding},
	{"takes a load balancer away", (*world).removeClaim},
	{"takes a Pod out by its label", (*world).changeLabel},
	{"deletes a Pod", (*world).deletePod},
	{"gives the address of a Pod that died to the next", (*world).reuseAddress},
	{"drains a node", (*world).drainNode},
	{"replaces a node", (*world).replaceNode},
	{"kills a node", (*world).killNode},
	{"lets all checks fail for ten seconds", (*world).failAll},
	{"lets all checks fail for ten seconds", (*world).failAll},
	{"deletes the Service and makes it anew", (*world).remakeService},
	{"makes the Ingress wrong, and right again", (*world).breakIngress},
	{"switches the selector to other Pods", (*world).switchSelector},
}

// only are the actions of a name.
func only(all []action, name string) []action {
	return slices.DeleteFunc(slices.Clone(all), func(a action) bool { return !strings.Contains(a.name, name) })
}

// act draws an action, lets it happen, and waits for a while.
func (w *world) act(n int) {
	chosen := pick(w.dice, w.actions, "action", n)
	on := pick(w.dice, w.cluster.everyWorkload(), "on", n)
	if w.dice.chance(0.6, "fault", n) {
		w.disturb(n)
	}
	w.timeline.note("user", "%s (%s)", chosen.name, on.name)
	chosen.do(w, n, on)
	if w.dice.chance(0.5, "settles", n) {
		w.settle(5 * time.Minute)
	} else {
		w.pass(w.dice.between(0, 2*time.Minute, "waits", n))
	}
}

// pass lets time pass, unless all is over.
func (w *world) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && w.oracle.verdict() == nil; {
		time.Sleep(min(time.Second, time.Until(end)))
	}
}

// calmDown waits as somebody does who deletes nothing while AWS has trouble.
func (w *world) calmDown() {
	for w.oracle.verdict() == nil && !w.calmFor(time.Minute) {
		w.pass(time.Second)
	}
}

// change changes a workload while nobody acts on it.
func (w *world) change(on *workload, how func()) {
	w.cluster.acting.Lock()
	how()
	on.sync(w.cluster)
	w.cluster.acting.Unlock()
}

func (w *world) rollOut(on *workload, version string, wrong flaw, minReady time.Duration) {
	w.timeline.note("user", "rolls %s out to %s", version, on.name)
	w.change(on, func() { on.version, on.flaws[version], on.minReady = version, wrong, minReady })
}

func (w *world) update(n int, on *workload) {
	version := fmt.Sprintf("v%d", n+2)
	if len(on.ports) > 0 { // its Service names the port
		w.cluster.acting.Lock()
		on.ports[version] = pick(w.dice, []int{8080, 9090}, "port of", version)
		w.cluster.acting.Unlock()
	}
	w.rollOut(on, version, flaw{}, on.minReady)
}

func (w *world) restartInRollout(n int, on *workload) {
	w.update(n, on)
	w.pass(w.dice.between(0, 40*time.Second, "restart", n))
	w.restart(n)
}

// neverHealthy is noticed by somebody after a while.
func (w *world) neverHealthy(n int, on *workload) {
	w.rollOut(on, fmt.Sprintf("bad%d", n+2), flaw{never: true}, on.minReady)
	w.pass(w.dice.between(20*time.Second, 2*time.Minute, "never healthy", n))
	w.rollBack(n, on, on.minReady)
}

// rollBack helps a StatefulSet along, which waits for a Pod that will never be ready.
func (w *world) rollBack(n int, on *workload, minReady time.Duration) {
	bad := on.version
	w.rollOut(on, fmt.Sprintf("good%d", n+2), flaw{}, minReady)
	if on.kind == statefulSet {
		for _, pod := range on.pods(w.cluster) {
			if pod.Labels["version"] == bad {
				w.oracle.begun(on.name, propagation)
				_ = w.kube.remove("Pod", keyOf(pod), pod.UID) // it may be going already
			}
		}
	}
}

// sickens ten seconds after its first success. It stops its own rollout if it has to be ready for longer than that, and
// than its load balancers need to notice.
func (w *world) sickens(n int, on *workload) {
	before := on.minReady
	if on.kind != deployment { // the Pods that are there would count as unavailable too
		w.change(on, func() { on.minReady = time.Minute })
		w.pass(time.Minute)
		w.settle(2 * time.Minute)
	}
	if !w.calmFor(0) { // nobody can ask in time
		w.oracle.excused(on.name, on.replicas, 10*time.Minute)
	}
	w.rollOut(on, fmt.Sprintf("sick%d", n+2), flaw{sickens: 10 * time.Second}, time.Minute)
	w.pass(w.dice.between(20*time.Second, 4*time.Minute, "sickens", n))
	w.rollBack(n, on, before)
}

// replaceGroup names the port of the backend otherwise, which is part of the target group's name.
func (w *world) replaceGroup(n int, on *workload) {
	if w.dice.chance(0.7, "in a rollout", n) {
		w.update(n, on)
		w.pass(w.dice.between(0, 30*time.Second, "replace", n))
	}
	edit(w.kube, shop, on.name, false, func(o *networkingv1.Ingress) {
		port := &o.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Port
		if port.Name == "" {
			*port = networkingv1.ServiceBackendPort{Name: "http"}
		} else {
			*port = networkingv1.ServiceBackendPort{Number: 80}
		}
		w.timeline.note("user", "names the port of Ingress %s %s%d", o.Name, port.Name, port.Number)
	})
}

func (w *world) scale(n int, on *workload) { w.resize(on, 1+w.dice.number(5, "scale", n)) }

// double is what a HorizontalPodAutoscaler does under load.
func (w *world) double(_ int, on *workload) { w.resize(on, min(2*on.replicas, 10)) }

func (w *world) resize(on *workload, replicas int) {
	if on.kind == daemonSet {
		return // it has as many as there are nodes
	}
	w.timeline.note("user", "scales %s from %d to %d", on.name, on.replicas, replicas)
	w.oracle.begun(on.name, propagation)
	w.change(on, func() { on.replicas = replicas })
}

func (w *world) addIngress(n int, on *workload) {
	w.create(w.ingress(fmt.Sprintf("%s-extra%d", on.name, n), on.name, pick(w.dice, []string{"80", "http", "admin"}, "port", n)))
}

func (w *world) addBinding(n int, on *workload) {
	w.create(w.lent(fmt.Sprintf("lent%d", n), on.name))
}

// removeClaim deletes what was added, or the Ingress itself for a while.
func (w *world) removeClaim(n int, on *workload) {
	w.oracle.begun(on.name, propagation)
	for _, o := range list[*networkingv1.Ingress](w.kube) {
		if len(o.Name) > len(on.name) && o.Name[:len(on.name)] == on.name || len(list[*networkingv1.Ingress](w.kube)) == 1 {
			w.timeline.note("user", "deletes Ingress %s", o.Name)
			_ = w.kube.remove("Ingress", keyOf(o), o.UID)
			return
		}
	}
	for _, o := range list[*v1beta1.TargetGroupBinding](w.kube) {
		if byHand(o) {
			w.timeline.note("user", "deletes TargetGroupBinding %s", o.Name)
			_ = w.kube.remove("TargetGroupBinding", keyOf(o), o.UID)
			return
		}
	}
}

func (w *world) anyPod(n int, on *workload) *corev1.Pod {
	if pods := on.pods(w.cluster); len(pods) > 0 {
		return pick(w.dice, pods, "pod", n)
	}
	return nil
}

// changeLabel takes a Pod out of its Service, as people do who want to look at it in peace, and deletes it later.
func (w *world) changeLabel(n int, on *workload) {
	pod := w.anyPod(n, on)
	if pod == nil {
		return
	}
	w.oracle.begun(on.name, propagation)
	w.timeline.note("user", "takes %s out", pod.Name)
	edit(w.kube, shop, pod.Name, false, func(p *corev1.Pod) { p.Labels["tier"] = "none" })
	w.pass(w.dice.between(0, 90*time.Second, "out", n))
	w.oracle.begun(on.name, propagation)
	_ = w.kube.remove("Pod", keyOf(pod), pod.UID)
}

func (w *world) deletePod(n int, on *workload) {
	if pod := w.anyPod(n, on); pod != nil {
		w.oracle.begun(on.name, propagation)
		_ = w.kube.remove("Pod", keyOf(pod), pod.UID)
	}
}

// reuseAddress kills a Pod while AWS takes no deregistration, and has the next one use its address, which is still healthy.
func (w *world) reuseAddress(n int, on *workload) {
	pod := w.anyPod(n, on)
	if pod == nil || pod.Spec.NodeName == "" {
		return
	}
	w.timeline.note("user", "kills %s", pod.Name)
	w.oracle.begun(on.name, propagation)
	d := w.dice.between(5*time.Second, 40*time.Second, "reuse", n)
	w.troubled(d)
	w.fault(fault.Rule{Operation: "*registerTargets", Code: "ThrottlingException", For: d})
	w.cluster.kubelet.kill(pod)
}

// drainNode takes a node out of service for a while.
func (w *world) drainNode(n int, _ *workload) {
	node := pick(w.dice, w.cluster.kubelet.nodes(), "drain", n)
	w.drain(node)
	w.cluster.kubelet.cordon(node, false)
}

// drain evicts the Pods of a node one after the other, each when its workload can spare one. It leaves those of DaemonSets,
// as kubectl does, and reports whether that is all that is left.
func (w *world) drain(node string) bool {
	w.timeline.note("user", "drains %s", node)
	w.cluster.kubelet.cordon(node, true)
	for _, workload := range w.cluster.everyWorkload() {
		w.oracle.excused(workload.name, 1, 15*time.Minute)
	}
	for range 90 {
		if w.pass(2 * time.Second); w.oracle.verdict() != nil || !w.evict(node) {
			return true
		}
	}
	return false // somebody's address drains for long, and his PodDisruptionBudget spares nobody meanwhile
}

// replaceNode does what an autoscaler does: another node joins, the old one is drained, and leaves.
func (w *world) replaceNode(n int, _ *workload) {
	if w.cluster.kubelet.hasMore() {
		w.replace(pick(w.dice, w.cluster.kubelet.nodes(), "replace node", n))
	}
}

func (w *world) replace(node string) {
	w.timeline.note("user", "replaces %s", node)
	w.grow()
	w.pass(30 * time.Second)
	if !w.drain(node) {
		w.cluster.kubelet.cordon(node, false)
		return
	}
	w.pass(time.Minute) // whoever was evicted last still sleeps
	w.daemonsMiss()
	w.cluster.after(0, func() { w.cluster.kubelet.leave(node) })
	w.pass(5 * time.Second)
}

func (w *world) grow() {
	w.daemonsMiss()
	w.cluster.after(0, func() { w.cluster.kubelet.join() })
}

// daemonsMiss: a DaemonSet is complete anew when its nodes have changed.
func (w *world) daemonsMiss() {
	for _, workload := range w.cluster.everyWorkload() {
		if workload.kind == daemonSet {
			w.oracle.begun(workload.name, time.Minute)
		}
	}
}

// killNode ends a node and all that is on it without a word; a minute later the cluster is told that its instance is gone.
func (w *world) killNode(n int, _ *workload) {
	if w.cluster.kubelet.hasMore() {
		w.lose(pick(w.dice, w.cluster.kubelet.nodes(), "kill node", n))
	}
}

func (w *world) lose(node string) {
	w.timeline.note("user", "%s dies", node)
	for _, workload := range w.cluster.everyWorkload() {
		w.oracle.begun(workload.name, 3*time.Minute)
	}
	w.cluster.kubelet.die(node)
	w.pass(time.Minute)
	w.grow()
	w.cluster.after(0, func() { w.cluster.kubelet.leave(node) })
	w.pass(5 * time.Second)
}

// evict asks for the first Pod on a node to go, and reports whether there is one.
func (w *world) evict(node string) bool {
	left := false
	for _, pod := range list[*corev1.Pod](w.kube) {
		on, ready := w.cluster.workload(pod.Labels["app"]), 0
		if pod.Spec.NodeName != node || pod.DeletionTimestamp != nil || on.kind == daemonSet {
			continue
		}
		left = true
		for _, other := range on.pods(w.cluster) {
			if isReady(other) && other.DeletionTimestamp == nil {
				ready++
			}
		}
		if isReady(pod) && ready-1 < on.replicas-1 {
			continue // its PodDisruptionBudget forbids it
		}
		edit(w.kube, shop, pod.Name, true, func(p *corev1.Pod) { setCondition(p, corev1.DisruptionTarget, true) })
		_ = w.kube.remove("Pod", keyOf(pod), pod.UID)
		break
	}
	return left
}

// failAll fails every check of a workload for ten seconds. It must not lose its last targets by that.
func (w *world) failAll(_ int, on *workload) {
	w.oracle.begun(on.name, time.Minute)
	w.cluster.kubelet.fail(on.name, true)
	w.pass(10 * time.Second)
	w.oracle.begun(on.name, time.Minute) // it serves again with whom it has; who was deregistered comes back later
	w.cluster.kubelet.fail(on.name, false)
}

func (w *world) remakeService(n int, on *workload) {
	old := get[*corev1.Service](w.kube, shop, on.name)
	if old == nil {
		return
	}
	served := old.Spec.Selector["app"]
	w.oracle.begun(served, propagation)
	w.timeline.note("user", "deletes Service %s", on.name)
	_ = w.kube.remove("Service", keyOf(old), old.UID)
	w.pass(w.dice.between(0, 20*time.Second, "service", n))
	w.oracle.begun(served, propagation)
	made := service(on.name, old.Spec.Selector)
	made.Spec.Ports = old.Spec.Ports
	w.create(made)
}

func (w *world) breakIngress(n int, on *workload) {
	scheme := func(value string) {
		edit(w.kube, shop, on.name, false, func(o *networkingv1.Ingress) { o.Annotations[annotation+"scheme"] = value })
	}
	scheme("sideways")
	if w.dice.chance(0.5, "in a rollout", n) {
		w.update(n, on)
	}
	w.pass(w.dice.between(0, 90*time.Second, "wrong", n))
	scheme("internal")
}

// switchSelector is blue/green: another workload comes up beside, and the Service is pointed at it when it is ready. The
// old Pods serve until the new ones do.
func (w *world) switchSelector(n int, on *workload) {
	green := &workload{
		name: fmt.Sprintf("%s-green%d", on.name, n), kind: deployment, replicas: on.replicas, surge: 1, version: "v1", flaws: map[string]flaw{}, want: map[string]int{},
		labels: map[string]string{"tier": "web"},
	}
	service := get[*corev1.Service](w.kube, shop, on.name)
	if service == nil || service.Spec.Selector["app"] != on.name {
		return
	}
	w.cluster.acting.Lock()
	w.cluster.add(green)
	green.sync(w.cluster)
	w.cluster.acting.Unlock()
	w.settle(5 * time.Minute)
	w.timeline.note("user", "points Service %s at %s", on.name, green.name)
	w.oracle.begun(on.name, propagation)
	w.oracle.keeps(on.name)
	defer w.oracle.keepsNoMore()
	edit(w.kube, shop, on.name, false, func(s *corev1.Service) { s.Spec.Selector = map[string]string{"app": green.name, "tier": "web"} })
	w.pass(w.dice.between(30*time.Second, 3*time.Minute, "switch", n))
	w.calmDown()
	// Whoever looks keeps the old until the new answer: their addresses may still be draining.
	for range 30 {
		if w.oracle.answers(green.name) {
			break
		}
		w.pass(10 * time.Second)
	}
	w.change(on, func() { on.gone = true })
	w.pass(30 * time.Second)
}
