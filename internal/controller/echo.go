package controller

import (
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// echoes are the gates that were written and that the cache does not show yet. A decision
// on the cache alone would write them a second time; worse, it would take a gate for closed
// that has just been opened, and keep it so for a claim that comes that moment.
type echoes struct {
	mu   sync.Mutex
	pods map[types.NamespacedName]echo
}

type echo struct {
	pod        types.UID
	conditions []corev1.PodCondition
	until      time.Time
}

// echoLasts bounds how long the cache is not believed: somebody else may have changed a
// condition before the cache came to see ours.
const echoLasts = 30 * time.Second

// written notes the gates of a Pod that have just been written; the Pod is as the API
// server answered.
func (e *echoes) written(pod *corev1.Pod, changes []readiness.GateChange, now time.Time) {
	if len(changes) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known := e.pods[nameOf(pod)]
	if known.pod != pod.UID {
		known = echo{pod: pod.UID}
	}
	for _, change := range changes {
		of := func(c corev1.PodCondition) bool { return string(c.Type) == string(change.Type) }
		known.conditions = slices.DeleteFunc(known.conditions, of)
		if at := slices.IndexFunc(pod.Status.Conditions, of); at >= 0 {
			known.conditions = append(known.conditions, pod.Status.Conditions[at])
		}
	}
	known.until = now.Add(echoLasts)
	if e.pods == nil {
		e.pods = map[types.NamespacedName]echo{}
	}
	e.pods[nameOf(pod)] = known
}

// complete puts into a Pod from the cache what the cache does not show yet.
func (e *echoes) complete(pod *corev1.Pod, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.pods[nameOf(pod)]
	if !ok {
		return
	}
	shown := !slices.ContainsFunc(known.conditions, func(c corev1.PodCondition) bool { return !slices.ContainsFunc(pod.Status.Conditions, sameGate(c)) })
	if known.pod != pod.UID || shown || now.After(known.until) {
		delete(e.pods, nameOf(pod))
		return
	}
	for _, condition := range known.conditions {
		pod.Status.Conditions = slices.DeleteFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == condition.Type })
		pod.Status.Conditions = append(pod.Status.Conditions, condition)
	}
}

func (e *echoes) forget(pod types.NamespacedName) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.pods, pod)
}

func sameGate(a corev1.PodCondition) func(corev1.PodCondition) bool {
	return func(b corev1.PodCondition) bool {
		return a.Type == b.Type && a.Status == b.Status && a.Reason == b.Reason && a.Message == b.Message
	}
}
