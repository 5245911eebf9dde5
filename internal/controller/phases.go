package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// phaseSeconds tells where the time of a start went. The last two together are exact; the
// moment between them lies between two questions to AWS, and own counts from the first.
var phaseSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name: "sluice_gate_phase_seconds",
	Help: "Seconds of a Pod's start until its gate opened because its targets were healthy: containers (created to ready), registration (to registered), " +
		"loadbalancer (to the last answer that was not healthy yet), own (to open: what Sluice adds, at most).",
	Buckets: []float64{.1, .25, .5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640},
}, []string{"phase"})

// observePhases is told of each verdict.
func observePhases(pod readiness.Pod, evidence []readiness.Evidence, verdict readiness.Verdict, now time.Time) {
	if !opensHealthy(verdict) {
		return
	}
	for phase, took := range phasesOf(pod, evidence, now) {
		phaseSeconds.WithLabelValues(phase).Observe(took.Seconds())
	}
}

// phasesOf is where the time went of a Pod whose gate opens now; nothing where that is not known.
func phasesOf(pod readiness.Pod, evidence []readiness.Evidence, now time.Time) map[string]time.Duration {
	last := lastHealthy(pod, evidence)
	if last == nil {
		return nil
	}
	told := last.NotYet
	if told.Before(last.Since) {
		told = last.HealthySince // the first question was answered with healthy
	}
	return map[string]time.Duration{
		"containers": max(0, pod.Since.Sub(pod.Created)), "registration": max(0, last.Since.Sub(pod.Since)),
		"loadbalancer": max(0, told.Sub(last.Since)), "own": max(0, now.Sub(told)),
	}
}

// lastHealthy is the target of the Pod that became healthy last; nil: none is its own.
func lastHealthy(pod readiness.Pod, evidence []readiness.Evidence) (last *health.Target) {
	for _, e := range evidence {
		if t := e.Target; t != nil && t.Pod == pod.UID && !t.Adopted && (last == nil || t.HealthySince.After(last.HealthySince)) {
			last = t
		}
	}
	return last
}

// opensHealthy reports whether a gate opens because the targets are healthy.
func opensHealthy(verdict readiness.Verdict) bool {
	for _, change := range verdict.Changes {
		if change.Flips && change.Status == corev1.ConditionTrue && change.Reason == readiness.Healthy {
			return true
		}
	}
	return false
}
