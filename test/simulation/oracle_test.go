package simulation

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/localaws/elbv2"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// The invariants. Each has a number that failures and planted bugs name.
const (
	openedInVain      = 1 // a gate is True only if every claim behind it was found healthy for this very Pod, or for a documented reason
	promiseBroken     = 2 // in a rolling update the targets that serve and answer never fall below what the strategy promises; no request is lost
	stuck             = 3 // without faults, no Pod waits longer than its target needs, plus a bound
	closedInVain      = 4 // a Pod that was available never becomes unready while its containers are ready
	foreignOrLeftOver = 5 // nothing that is not owned is changed, and in the end nothing is left
)

// violation is the first broken promise of a run.
type violation struct {
	invariant int
	text      string
}

// oracle knows the truth, and compares with it what the controller does: at every change of a Pod, and, for what
// happens in the data plane, five times a second.
type oracle struct {
	world *world
	stop  chan struct{}
	done  chan struct{}

	mu         sync.Mutex
	broken     *violation
	foreign    []string                // ARNs and ids that the controller may not change
	lent       []string                // ARNs of target groups of which it may change the targets
	claims     map[string]*claim       // as they are now, by owner
	proven     map[proof]time.Time     // when a Pod's own target was healthy
	labels     map[types.UID]string    // of Pods, as they were last
	moved      map[types.UID]time.Time // when these changed
	late       map[types.UID]lateness
	full       map[string]bool               // workload and group: all of its targets have served
	registered map[string]map[types.UID]bool // Pods by target group
	answered   map[string]bool               // target groups in which somebody has answered
	served     map[string]bool               // target groups in which somebody has to answer
	answering  map[string]int                // targets that serve and answer, by workload and group
	paused     map[string]time.Time          // until when nothing is promised of a workload
	excuse     map[string]excuse
}

// proof names a Pod at its address in a target group.
type proof struct {
	group, address string
	pod            types.UID
}

// lateness is since when a Pod waits for the controller alone, and what for.
type lateness struct {
	since time.Time
	what  string
}

// excuse is how many targets of a workload may be missing until when.
type excuse struct {
	missing int
	until   time.Time
}

const look = 200 * time.Millisecond

func newOracle(w *world) *oracle {
	o := &oracle{
		world: w, stop: make(chan struct{}), done: make(chan struct{}), claims: map[string]*claim{}, proven: map[proof]time.Time{},
		labels: map[types.UID]string{}, moved: map[types.UID]time.Time{}, late: map[types.UID]lateness{}, full: map[string]bool{}, registered: map[string]map[types.UID]bool{}, answered: map[string]bool{}, served: map[string]bool{}, paused: map[string]time.Time{}, excuse: map[string]excuse{},
	}
	w.kube.hooks = append(w.kube.hooks, o.hear)
	go o.run()
	return o
}

func (o *oracle) run() {
	defer close(o.done)
	ticker := time.NewTicker(look)
	defer ticker.Stop()
	for {
		select {
		case <-o.stop:
			return
		case <-ticker.C:
			o.look()
		}
	}
}

func (o *oracle) close() {
	close(o.stop)
	<-o.done
}

// fail notes a broken promise; the first one counts. The caller holds the oracle's lock.
func (o *oracle) fail(invariant int, format string, values ...any) {
	if o.broken == nil {
		o.broken = &violation{invariant, fmt.Sprintf(format, values...)}
		o.world.timeline.note("ORACLE", "invariant %d is broken: %s", invariant, o.broken.text)
	}
}

func (o *oracle) verdict() *violation {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.broken
}

// hear is told of every change, under the lock of the API server.
func (o *oracle) hear(c change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch c.kind {
	case "Ingress", "Service", "TargetGroupBinding":
		o.refresh()
	case "Pod":
		if c.after == nil {
			delete(o.late, c.before.GetUID())
			return
		}
		pod := c.after.(*corev1.Pod)
		if labels := fmt.Sprint(pod.Labels); o.labels[pod.UID] != labels {
			o.labels[pod.UID], o.moved[pod.UID] = labels, time.Now()
		}
		if c.before != nil {
			o.gates(c.before.(*corev1.Pod), pod)
		}
	}
}

// refresh finds the claims anew, and remembers since when each is there.
func (o *oracle) refresh() {
	before := o.claims
	o.claims = map[string]*claim{}
	for _, c := range findClaims(o.world.kube) {
		c.since = time.Now()
		if known := before[c.owner]; known != nil {
			if fmt.Sprint(known.selector) == fmt.Sprint(c.selector) && known.missing == c.missing {
				c.since = known.since
			}
			c.moved = known.moved
			if known.group != c.group && known.group != "" {
				c.moved = time.Now()
			}
		}
		o.claims[c.owner] = c
	}
	for key := range o.full {
		_, group, _ := strings.Cut(key, " ")
		if !o.claimed(group) {
			delete(o.full, key) // the group may come back, empty
			delete(o.answered, group)
		}
	}
}

func (o *oracle) claimed(group string) bool {
	for _, c := range o.claims {
		if c.group == group {
			return true
		}
	}
	return false
}

// settled are the claims of a Pod that a controller knows which is not further behind than it may be.
func (o *oracle) settled(pod *corev1.Pod) []*claim {
	tolerance := o.world.tolerance()
	if time.Since(o.moved[pod.UID]) < tolerance && time.Since(o.moved[pod.UID]) < time.Since(pod.CreationTimestamp.Time)-time.Second {
		return nil
	}
	var out []*claim
	for _, c := range o.claims {
		if c.selects(pod) && time.Since(c.since) > tolerance && time.Since(c.moved) > tolerance {
			out = append(out, c)
		}
	}
	return out
}

// gates looks at what was written to a Pod.
func (o *oracle) gates(before, after *corev1.Pod) {
	for _, gate := range after.Spec.ReadinessGates {
		was, is := conditionOf(before, gate.ConditionType), conditionOf(after, gate.ConditionType)
		wasOpen := was != nil && was.Status == corev1.ConditionTrue
		isOpen := is != nil && is.Status == corev1.ConditionTrue
		if is != nil && (was == nil || was.Status != is.Status || was.Reason != is.Reason) {
			o.world.timeline.note("gate", "Pod %s %s %s: %s %s (%s)", after.Name, after.Status.PodIP, gate.ConditionType, is.Status, is.Reason, is.Message)
		}
		switch {
		case isOpen && !wasOpen:
			o.opened(after, is)
		case wasOpen && !isOpen && conditionIs(after, corev1.ContainersReady, corev1.ConditionTrue) && o.wasAvailable(before):
			if since := conditionOf(after, corev1.ContainersReady).LastTransitionTime; time.Since(since.Time) > o.world.tolerance()+time.Second {
				o.fail(closedInVain, "Pod %s was available and its containers are ready, but its gate %s was closed: %s", after.Name, gate.ConditionType, is.Message)
			}
		}
	}
}

func (o *oracle) wasAvailable(pod *corev1.Pod) bool {
	condition := conditionOf(pod, corev1.PodReady)
	w := o.world.cluster.workload(pod.Labels["app"])
	return condition != nil && condition.Status == corev1.ConditionTrue && w != nil && time.Since(condition.LastTransitionTime.Time) > w.minReadyOf(pod.Labels["version"])
}

// opened judges the opening of a gate by its reason.
func (o *oracle) opened(pod *corev1.Pod, gate *corev1.PodCondition) {
	var behind []*claim
	for _, c := range o.settled(pod) {
		if c.holds(pod, gate.Type) {
			behind = append(behind, c)
		}
	}
	switch gate.Reason {
	case readiness.Healthy:
		o.prove(o.world.aws.Targets())
		for _, c := range behind {
			if _, ok := o.proven[proof{c.group, c.address(pod), pod.UID}]; !ok {
				o.fail(openedInVain, "gate %s of Pod %s is open as healthy, but %s in %s was never healthy for this Pod (%s)", gate.Type, pod.Name, c.address(pod), groupName(c.group), c.owner)
			}
		}
	case readiness.NoLoadBalancer:
		for _, c := range behind {
			o.fail(openedInVain, "gate %s of Pod %s is open because no load balancer claims it, but %s has for %s", gate.Type, pod.Name, c.owner, time.Since(c.since))
		}
	case readiness.ClaimDeadline:
		if since := conditionOf(pod, corev1.ContainersReady).LastTransitionTime; time.Since(since.Time) < 10*time.Minute {
			o.fail(openedInVain, "gate %s of Pod %s is open for a deadline that is not over", gate.Type, pod.Name)
		}
	default:
		o.fail(openedInVain, "gate %s of Pod %s is open with the unknown reason %s", gate.Type, pod.Name, gate.Reason)
	}
}

// prove notes which Pods are healthy by their own answers. The caller holds the oracle's lock.
func (o *oracle) prove(targets []elbv2.RegisteredTarget) {
	k := o.world.cluster.kubelet
	k.mu.Lock()
	defer k.mu.Unlock()
	there := map[proof]bool{}
	for _, t := range targets {
		c := k.at(t.Address.Addr().String())
		if c == nil || t.State == "draining" {
			continue
		}
		p := proof{t.Group, t.Address.String(), c.uid}
		there[p] = true
		if answered := c.answered[o.pathOf(t.Group)]; t.State == "healthy" && !answered.IsZero() {
			o.proven[p] = time.Now()
		}
	}
	for p := range o.proven {
		if !there[p] {
			delete(o.proven, p) // the next registration proves itself
		}
	}
}

func (o *oracle) pathOf(group string) string {
	for _, c := range o.claims {
		if c.group == group {
			return c.path
		}
	}
	return ""
}

// called is told of every call to AWS.
func (o *oracle) called(operation string, form url.Values) {
	if strings.HasPrefix(operation, "Describe") {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, values := range form {
		if slices.Contains(o.lent, values[0]) && operation != "RegisterTargets" && operation != "DeregisterTargets" {
			o.fail(foreignOrLeftOver, "%s names %s %s, of which only the targets are the controller's", operation, key, values[0])
		}
		if slices.Contains(o.foreign, values[0]) && !(operation == "AuthorizeSecurityGroupIngress" || operation == "RevokeSecurityGroupIngress") {
			o.fail(foreignOrLeftOver, "%s names %s %s, which belongs to somebody else", operation, key, values[0])
		}
	}
}

// without leaves out what was there before, or belongs to somebody else.
func (o *oracle) without(found []string) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(found, func(id string) bool { return slices.Contains(o.foreign, id) || slices.Contains(o.lent, id) })
}

// disown says that something in AWS belongs to somebody else.
func (o *oracle) disown(ids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.foreign = append(o.foreign, ids...)
}

// lend says that somebody else's target group takes targets from the controller.
func (o *oracle) lend(group string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lent = append(o.lent, group)
}
