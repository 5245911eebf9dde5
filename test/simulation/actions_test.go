package simulation

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// action is something that happens to a workload. It returns how long to wait until the next.
type action struct {
	name string
	do   func(w *world, n int, on *workload)
}

var actions = []action{
	{"rolls a version out", func(w *world, n int, on *workload) { w.rollOut(on, fmt.Sprintf("v%d", n+2), flaw{}) }},
	{"restarts the controller in a rollout", func(w *world, n int, on *workload) {
		w.rollOut(on, fmt.Sprintf("v%d", n+2), flaw{})
		time.Sleep(w.dice.between(0, 40*time.Second, "restart", n))
		w.restart(n)
	}},
	{"scales", func(w *world, n int, on *workload) {
		w.scale(on, 1+w.dice.number(5, "scale", n))
	}},
}

// act draws an action, lets it happen, and waits for a while.
func (w *world) act(n int) {
	chosen := pick(w.dice, actions, "action", n)
	on := pick(w.dice, w.cluster.everyWorkload(), "on", n)
	w.timeline.note("user", "%s (%s)", chosen.name, on.name)
	chosen.do(w, n, on)
	if w.dice.chance(0.5, "settles", n) {
		w.settle(5 * time.Minute)
	} else {
		time.Sleep(w.dice.between(0, 2*time.Minute, "waits", n))
	}
}

// change changes a workload while nobody acts on it.
func (w *world) change(on *workload, how func()) {
	w.cluster.acting.Lock()
	how()
	on.sync(w.cluster)
	w.cluster.acting.Unlock()
}

func (w *world) rollOut(on *workload, version string, flaw flaw) {
	w.change(on, func() { on.rollOut(version, flaw) })
}

func (w *world) scale(on *workload, replicas int) {
	w.timeline.note("user", "scales %s from %d to %d", on.name, on.replicas, replicas)
	w.oracle.begun(on.name)
	w.change(on, func() { on.replicas = replicas })
}

// restart kills the leader; another one comes when the lease has run out, or a clean one soon.
func (w *world) restart(n int) {
	w.kill()
	time.Sleep(w.dice.between(100*time.Millisecond, 5*time.Second, "outage", n))
	if err := w.newLeader(); err != nil {
		panic(err)
	}
}

var _ = corev1.Pod{}
