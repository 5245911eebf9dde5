package demo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

const gatePrefix = "target-health."

// PodTimeline is a new Pod's way to traffic; all but CreatedAt are seconds after it, and null for
// what did not happen.
type PodTimeline struct {
	Name            string    `json:"name"`
	CreatedAt       time.Time `json:"createdAt"`
	ContainersReady *float64  `json:"containersReady"`
	Registered      *float64  `json:"registered"`
	Healthy         *float64  `json:"healthy"`
	Ready           *float64  `json:"ready"`
}

// timelines watches the new Pods of one side: their conditions as they are reported, their targets
// as they are seen about once a second.
type timelines struct {
	mu   sync.Mutex
	old  map[types.UID]bool // were there before the rollout
	pods map[types.UID]*podTimes
}

type podTimes struct {
	name            string
	address         string
	created         time.Time
	containersReady time.Time
	registered      time.Time
	unhealthy       time.Time // last seen not to be healthy
	healthy         time.Time
	ready           time.Time
	gates           map[corev1.PodConditionType]*gateTimes
}

// gateTimes are the first time that a gate was seen False, and True after that.
type gateTimes struct {
	closed, opened time.Time
	early          bool // True was the first that was seen
}

func newTimelines(before []corev1.Pod) *timelines {
	t := &timelines{old: map[types.UID]bool{}, pods: map[types.UID]*podTimes{}}
	for _, pod := range before {
		t.old[pod.UID] = true
	}
	return t
}

// see takes a Pod as it is now.
func (t *timelines) see(now time.Time, pod *corev1.Pod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.old[pod.UID] {
		return
	}
	times := t.pods[pod.UID]
	if times == nil {
		times = &podTimes{name: pod.Name, created: now, gates: map[corev1.PodConditionType]*gateTimes{}}
		t.pods[pod.UID] = times
	}
	times.address = cmp.Or(pod.Status.PodIP, times.address)
	for _, gate := range pod.Spec.ReadinessGates {
		if strings.HasPrefix(string(gate.ConditionType), gatePrefix) && times.gates[gate.ConditionType] == nil {
			times.gates[gate.ConditionType] = &gateTimes{}
		}
	}
	for _, condition := range pod.Status.Conditions {
		times.condition(now, condition)
	}
}

func (p *podTimes) condition(now time.Time, condition corev1.PodCondition) {
	isTrue := condition.Status == corev1.ConditionTrue
	switch gate := p.gates[condition.Type]; {
	case condition.Type == corev1.ContainersReady && isTrue:
		first(&p.containersReady, now)
	case condition.Type == corev1.PodReady && isTrue:
		first(&p.ready, now)
	case gate != nil && condition.Status == corev1.ConditionFalse:
		first(&gate.closed, now)
	case gate != nil && isTrue && gate.closed.IsZero():
		gate.early = true
	case gate != nil && isTrue:
		first(&gate.opened, now)
	}
}

func first(at *time.Time, now time.Time) {
	if at.IsZero() {
		*at = now
	}
}

// targetState is a target's state in AWS: initial, healthy, unhealthy, draining, unused.
type targetState struct {
	address string
	state   string
}

// targets takes the states of all targets, asked for at asked and answered at now.
func (t *timelines) targets(asked, now time.Time, states []targetState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pod := range t.pods {
		i := slices.IndexFunc(states, func(s targetState) bool { return s.address == pod.address })
		if pod.address == "" || i < 0 || states[i].state == "draining" {
			continue
		}
		first(&pod.registered, now)
		if states[i].state == "healthy" {
			first(&pod.healthy, now)
		} else if pod.healthy.IsZero() {
			pod.unhealthy = asked
		}
	}
}

// waiting tells whether some new Pod's target is not known to be healthy yet.
func (t *timelines) waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pod := range t.pods {
		if pod.healthy.IsZero() && !pod.containersReady.IsZero() {
			return true
		}
	}
	return false
}

// counts are for the progress line.
func (t *timelines) counts() (pods, ready int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, pod := range t.pods {
		if !pod.ready.IsZero() {
			ready++
		}
	}
	return len(t.pods), ready
}

// report lists the Pods by creation, and what went wrong with their gates.
func (t *timelines) report() (pods []PodTimeline, problems []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	order := make([]*podTimes, 0, len(t.pods))
	for _, pod := range t.pods {
		order = append(order, pod)
	}
	slices.SortFunc(order, func(a, b *podTimes) int {
		return cmp.Or(a.created.Compare(b.created), strings.Compare(a.name, b.name))
	})
	for _, pod := range order {
		pods = append(pods, PodTimeline{
			Name: pod.name, CreatedAt: pod.created.UTC().Truncate(time.Millisecond),
			ContainersReady: pod.since(pod.containersReady), Registered: pod.since(pod.registered),
			Healthy: pod.since(pod.healthyAt()), Ready: pod.since(pod.ready),
		})
		problems = append(problems, pod.problems()...)
	}
	if len(pods) == 0 {
		problems = append(problems, "no new Pod was seen during the rollout")
	}
	return pods, problems
}

func (p *podTimes) since(at time.Time) *float64 {
	if at.IsZero() {
		return nil
	}
	return new(round(at.Sub(p.created)))
}

// healthyAt is the time when the target was first seen healthy, or earlier: it became healthy after
// we last saw it otherwise, and before its Pod was ready, if that lies between.
func (p *podTimes) healthyAt() time.Time {
	if p.ready.After(p.unhealthy) && p.ready.Before(p.healthy) {
		return p.ready
	}
	return p.healthy
}

// problems says whether the gates did what they are for.
func (p *podTimes) problems() []string {
	var problems []string
	say := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf("Pod %s: ", p.name)+fmt.Sprintf(format, args...))
	}
	if len(p.gates) == 0 {
		say("it has no readiness gate %s…; is its namespace labelled %s=enabled?", gatePrefix, injectLabel)
	}
	for name, gate := range p.gates {
		switch {
		case gate.early:
			say("gate %s was True without ever having been False", name)
		case gate.closed.IsZero():
			say("gate %s was never set", name)
		case gate.opened.IsZero():
			say("gate %s went False but never True", name)
		}
	}
	if !p.ready.IsZero() && (p.healthy.IsZero() || p.ready.Before(p.unhealthy)) {
		say("it was Ready while AWS did not call its target healthy")
	}
	slices.Sort(problems)
	return problems
}
