package simulation

import (
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

// disturb begins something that goes wrong by itself, and ends by itself.
func (w *world) disturb(n int) {
	d := w.dice
	for_ := d.between(20*time.Second, 2*time.Minute, "disturbance", n)
	rule := func(r fault.Rule) func() {
		return func() {
			r.For = for_
			w.fault(r)
		}
	}
	chosen := pick(d, []struct {
		name  string
		begin func()
	}{
		{"AWS throttles", rule(fault.Rule{Code: "ThrottlingException", Probability: 0.9})},
		{"AWS throttles everything", rule(fault.Rule{Code: "ThrottlingException"})},
		{"AWS fails", rule(fault.Rule{Status: 503, Probability: 0.5})},
		{"AWS is slow", rule(fault.Rule{Delay: d.between(time.Second, 14*time.Second, "slow", n), Probability: 0.5})},
		{"registrations take effect, but their answers get lost", rule(fault.Rule{Operation: "*registerTargets", LoseAnswer: true, Probability: 0.7})},
		{"registrations take effect, but their answers get lost", rule(fault.Rule{Operation: "RegisterTargets", LoseAnswer: true, Probability: 0.7})},
		{"answers get lost", rule(fault.Rule{LoseAnswer: true, Probability: 0.3})},
		{"DescribeTargetHealth is stale", rule(fault.Rule{Operation: "DescribeTargetHealth", Stale: d.between(2*time.Second, 12*time.Second, "stale", n)})},
		{"informers of Pods lag", func() { w.lagging("Pod", d.between(time.Second, 5*time.Second, "lag", n), for_) }},
		{"informers of EndpointSlices lag", func() { w.lagging("EndpointSlice", d.between(time.Second, 5*time.Second, "lag", n), for_) }},
		{"informers of TargetGroupBindings lag", func() { w.lagging("TargetGroupBinding", d.between(time.Second, 5*time.Second, "lag", n), for_) }},
		{"the API server fails", func() { w.failing(0.3, for_) }},
		{"the controller is away", func() { w.away(n, for_) }},
		{"the controller restarts", func() { w.restart(n) }},
		{"another replica takes over", func() { w.handOver() }},
	}, "disturb", n)
	w.timeline.note("fault", "%s for %s", chosen.name, for_.Round(time.Second))
	w.troubled(for_)
	chosen.begin()
}

// fault is one of ELBv2.
func (w *world) fault(rule fault.Rule) {
	rule.Service = "elbv2"
	if _, err := w.aws.Faults().Add(rule); err != nil {
		panic(err)
	}
}

func (w *world) lagging(kind string, lag, for_ time.Duration) {
	set := func(lag time.Duration) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.slow[kind] = lag
	}
	set(lag)
	w.cluster.after(for_, func() { set(0) })
}

func (w *world) failing(rough float64, for_ time.Duration) {
	set := func(rough float64) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.rough = rough
	}
	set(rough)
	w.cluster.after(for_, func() { set(0) })
}

// restart kills the leader; another one comes before the lease would have run out.
func (w *world) restart(n int) {
	w.kill()
	time.Sleep(w.dice.between(100*time.Millisecond, 5*time.Second, "outage", n))
	w.begin(w.newReplica())
}

// away is the same for long.
func (w *world) away(n int, for_ time.Duration) {
	w.kill()
	w.pass(for_)
	w.begin(w.newReplica())
	_ = n
}

// handOver is clean: a warm replica takes the lease when the leader lets it go.
func (w *world) handOver() {
	next := w.newReplica()
	w.pass(5 * time.Second)
	w.kill()
	time.Sleep(500 * time.Millisecond)
	w.begin(next)
}
