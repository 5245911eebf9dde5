package simulation

import (
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/localaws/elbv2"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// look compares the data plane with what was promised.
func (o *oracle) look() {
	w := o.world
	pods := list[*corev1.Pod](w.kube)
	targets := w.aws.Targets()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.prove(targets)
	o.promises(pods, targets)
	o.losses(targets)
	before := o.registered
	o.registered = map[string]map[types.UID]bool{}
	for _, c := range o.claims {
		o.lastTargets(c, before[c.group], pods, targets)
	}
	for _, pod := range pods {
		o.waits(pod, targets)
	}
}

// lastTargets finds a target group that has lost its last targets although their Pods live on.
func (o *oracle) lastTargets(c *claim, before map[types.UID]bool, pods []*corev1.Pod, targets []elbv2.RegisteredTarget) {
	registered, lost := map[types.UID]bool{}, ""
	for _, pod := range pods {
		if !c.selects(pod) || pod.DeletionTimestamp != nil || conditionIs(pod, corev1.DisruptionTarget, corev1.ConditionTrue) {
			continue
		}
		address := c.address(pod)
		in := func(t elbv2.RegisteredTarget) bool {
			return t.Group == c.group && t.State != "draining" && t.Address.String() == address
		}
		switch {
		case slices.ContainsFunc(targets, in):
			registered[pod.UID] = true
		case before[pod.UID]:
			lost = pod.Name
		}
	}
	if lost != "" && len(registered) == 0 && time.Since(c.since) > drainCalm && o.world.calmFor(drainCalm/2) {
		o.fail(promiseBroken, "%s has lost its last targets, but Pod %s lives on", groupName(c.group), lost)
	}
	o.registered[c.group] = registered
}

// promises counts the targets of each workload that serve and answer.
func (o *oracle) promises(pods []*corev1.Pod, targets []elbv2.RegisteredTarget) {
	k := o.world.cluster.kubelet
	answering := map[string]int{} // by workload and group
	staying := map[string]int{}   // of those, who is not draining
	serving := map[string]bool{}  // by group and Pod
	k.mu.Lock()
	for _, t := range targets {
		if c := k.at(t.Address.Addr().String()); c != nil && t.Serving && k.answers(c) {
			answering[c.app+" "+t.Group]++
			answering[t.Group]++
			o.answered[t.Group] = true
			if t.State != "draining" {
				staying[c.app+" "+t.Group]++
			}
			serving[t.Group+" "+string(c.uid)] = true
		}
	}
	k.mu.Unlock()
	o.answering = answering
	for _, c := range o.claims {
		w := o.world.cluster.workload(c.selector["app"])
		if w == nil || c.group == "" {
			continue
		}
		if o.served[c.group] && answering[c.group] == 0 {
			o.fail(promiseBroken, "nobody serves and answers in %s while its Service is pointed at other Pods", groupName(c.group))
		}
		key := w.name + " " + c.group
		have := answering[key]
		if staying[key] >= w.replicas && readyOf(w.name, pods) >= w.replicas && time.Now().After(o.paused[w.name]) && (o.full[key] || o.world.calmFor(propagation)) {
			o.full[key] = true
		}
		promised := w.replicas - w.unavailable
		if w.kind != deployment {
			promised = w.replicas - max(1, w.unavailable)
		}
		if excused := o.excuse[w.name]; time.Now().Before(excused.until) {
			promised -= excused.missing
		}
		for _, pod := range pods {
			// A gate that opened before the claim came never closes for it, though the address may still have to drain.
			if pod.Labels["app"] == w.name && pod.DeletionTimestamp == nil && openedUnclaimed(pod) && !serving[c.group+" "+string(pod.UID)] {
				promised--
			}
		}
		if o.full[key] && have < promised {
			o.fail(promiseBroken, "%d targets of %s serve and answer in %s, promised are %d", have, w.name, groupName(c.group), promised)
		}
	}
}

// readyOf counts the Pods of a workload that are Ready. Who is not, because another of its groups has not taken it back
// yet, may be taken away at any time: no strategy counts on it.
func readyOf(workload string, pods []*corev1.Pod) (n int) {
	for _, pod := range pods {
		condition := conditionOf(pod, corev1.PodReady)
		if pod.Labels["app"] == workload && pod.DeletionTimestamp == nil && condition != nil && condition.Status == corev1.ConditionTrue {
			n++
		}
	}
	return n
}

// answers reports whether a workload answers in all groups that promise to keep somebody answering.
func (o *oracle) answers(workload string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for group := range o.served {
		if o.answering[workload+" "+group] == 0 {
			return false
		}
	}
	return true
}

// excused allows some targets of a workload to be missing for a while.
func (o *oracle) excused(workload string, missing int, d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.excuse[workload] = excuse{missing, time.Now().Add(d)}
}

// propagation is how long it takes until the data plane knows of a deregistration, informers included.
const propagation = 15 * time.Second

// openedUnclaimed Pods were Ready before a load balancer claimed them: no gate of theirs is for it, or was.
func openedUnclaimed(pod *corev1.Pod) bool {
	return len(pod.Spec.ReadinessGates) == 0 || slices.ContainsFunc(pod.Spec.ReadinessGates, func(g corev1.PodReadinessGate) bool {
		condition := conditionOf(pod, g.ConditionType)
		return condition != nil && condition.Reason == readiness.NoLoadBalancer
	})
}

// keeps expects somebody to answer in the target groups of a workload, whoever it is, until keepsNoMore.
func (o *oracle) keeps(workload string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.claims {
		if c.selector["app"] == workload && o.answered[c.group] {
			o.served[c.group] = true
		}
	}
}

func (o *oracle) keepsNoMore() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.served)
}

// begun forgets that a workload was complete: after a while, and when no trouble delays deregistrations any more, it has
// to become so anew before anything is promised of it.
func (o *oracle) begun(workload string, d time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.paused[workload] = time.Now().Add(d)
	for key := range o.full {
		if strings.HasPrefix(key, workload+" ") {
			delete(o.full, key)
		}
	}
}

// drainCalm is for how long nothing may have been wrong before a drained Pod that still gets requests is held against the
// controller: its preStop sleep, and the time that trouble needs to pass.
const drainCalm = 60 * time.Second

// losses finds requests that go to containers which have slept, and stopped.
func (o *oracle) losses(targets []elbv2.RegisteredTarget) {
	if !o.world.calmFor(drainCalm) {
		return
	}
	k := o.world.cluster.kubelet
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range targets {
		if c := k.at(t.Address.Addr().String()); c != nil && t.Serving && c.stopped && c.drained {
			o.fail(promiseBroken, "Pod %s has stopped after its sleep, and %s still sends requests to %s", c.pod.Name, t.Name, t.Address)
		}
	}
}

// patience is the stated bound of invariant 3: how long a Pod may wait for nothing but the controller. Questions about a
// target that fails for long come fifteen seconds apart, and an adopted address must outlast the Pod before it.
const patience = 90 * time.Second

// waits finds Pods that are held up by the controller alone.
func (o *oracle) waits(pod *corev1.Pod, targets []elbv2.RegisteredTarget) {
	what := o.waitsFor(pod, targets)
	if what == "" || !o.world.calmFor(30*time.Second) {
		delete(o.late, pod.UID)
		return
	}
	if o.late[pod.UID].what != what {
		o.late[pod.UID] = lateness{time.Now(), what}
	}
	if waited := time.Since(o.late[pod.UID].since); waited > patience {
		o.fail(stuck, "Pod %s waits for %s to %s", pod.Name, waited.Round(time.Second), what)
	}
}

// waitsFor is what the controller has to do before a Pod can be Ready and served; empty: it is, or AWS or the containers
// come first.
func (o *oracle) waitsFor(pod *corev1.Pod, targets []elbv2.RegisteredTarget) string {
	if pod.DeletionTimestamp != nil || conditionIs(pod, corev1.DisruptionTarget, corev1.ConditionTrue) || !conditionIs(pod, corev1.ContainersReady, corev1.ConditionTrue) {
		return ""
	}
	for _, c := range o.claims {
		if !c.selects(pod) {
			continue
		}
		if c.group == "" {
			return "have a target group for " + c.owner
		}
		at := slices.IndexFunc(targets, func(t elbv2.RegisteredTarget) bool { return t.Group == c.group && t.Address.String() == c.address(pod) })
		switch {
		case at < 0:
			return "be registered for " + c.owner
		case targets[at].State == "draining":
			return ""
		}
		if _, ok := o.proven[proof{c.group, c.address(pod), pod.UID}]; !ok || targets[at].State != "healthy" {
			return ""
		}
	}
	closed := func(g corev1.PodReadinessGate) bool { return !conditionIs(pod, g.ConditionType, corev1.ConditionTrue) }
	if !slices.ContainsFunc(pod.Spec.ReadinessGates, closed) {
		return ""
	}
	return "have its gates opened"
}

// leftOver finds what should be gone in the end.
func (o *oracle) leftOver() {
	w := o.world
	var left []string
	for _, kind := range w.kube.kinds() {
		for _, object := range w.kube.all(kind) {
			if object.GetNamespace() == shop || kind == "LoadBalancer" {
				left = append(left, kind+" "+keyOf(object).String())
			}
		}
	}
	left = append(left, w.owned()...)
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(left) > 0 {
		o.fail(foreignOrLeftOver, "what is left in the end: %s", strings.Join(left, ", "))
	}
}
