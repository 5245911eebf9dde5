package controller

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/readiness"
	"github.com/sluice-lb/sluice/internal/targets"
)

var gateSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
	Name:    "sluice_readiness_gate_seconds",
	Help:    "Time from containers ready to gate open, by the reason it opened for.",
	Buckets: []float64{.1, .5, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640},
}, []string{"reason"})

var readyBeforeHealthy = prometheus.NewHistogram(prometheus.HistogramOpts{
	Name:    "sluice_ready_before_healthy_seconds",
	Help:    "How long Pods without a gate were Ready before their load balancers found them healthy: the time in which a rolling update may lose requests.",
	Buckets: []float64{0, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640},
})

var podsReadyBeforeHealthy = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "sluice_pods_ready_before_healthy_total",
	Help: "Pods without a gate that were Ready for more than a second before their load balancers found them healthy, by namespace.",
}, []string{"workload_namespace"})

var drainsCutShort = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "sluice_drains_cut_short_total",
	Help: "Pods that asked to be drained and whose first container ended before their load balancers had let go of them, by namespace and why " +
		"(grace-period, container-ended, late or forced).",
}, []string{"workload_namespace", "reason"})

var healthyBeforeReady = prometheus.NewHistogram(prometheus.HistogramOpts{
	Name:    "sluice_healthy_before_ready_seconds",
	Help:    "How long Pods whose gates somebody else keeps, or that have none, were found healthy before they were Ready.",
	Buckets: []float64{0, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640},
})

var heldDeletions = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "sluice_held_deletions",
	Help: "Deletions that the brake holds until somebody confirms them, by what is to be deleted.",
}, []string{"kind"})

var heldTargets = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "sluice_held_targets",
	Help: "Targets that stay registered although no endpoint stands for them any more.",
})

var driftsFound = prometheus.NewCounter(prometheus.CounterOpts{
	Name: "sluice_drifts_found_total",
	Help: "Stacks of which somebody else had changed something in AWS.",
})

var injection = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "sluice_injection",
	Help: "Whether new Pods get readiness gates in this way (1) or not (0); one of both is enough.",
}, []string{"by"})

var namespacesWithoutInjection = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "sluice_namespaces_without_injection",
	Help: "Namespaces that ask for readiness gates while nothing gives them to their Pods.",
})

var podsWithoutGate = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "sluice_pods_without_gate",
	Help: "Pods of namespaces that ask for readiness gates that have none, while new Pods like them would get one.",
}, []string{"workload_namespace"})

// Collectors are the metrics of this room.
func Collectors() []prometheus.Collector {
	return []prometheus.Collector{
		leading, gateSeconds, phaseSeconds, waitingNow, podsWithoutGate, readyBeforeHealthy, podsReadyBeforeHealthy, healthyBeforeReady,
		drainsCutShort, stackTroubles, bindingTroubles, heldDeletions, heldTargets, driftsFound, injection, namespacesWithoutInjection,
	}
}

// resetMetrics forgets what only who acts can know. The process outlives its lease: what it
// told while it had that would stand beside what its successor tells, for ever.
func resetMetrics() {
	waitingNow.reset()
	stackTroubles.reset()
	bindingTroubles.reset()
	leading.Reset()
	heldDeletions.Reset()
	heldTargets.Set(0)
	injection.Reset()
	namespacesWithoutInjection.Set(0)
	podsWithoutGate.Reset()
}

func observeGate(pod *corev1.Pod, change readiness.GateChange, now time.Time) {
	if _, since := targets.ContainersReady(pod); change.Flips && change.Status == corev1.ConditionTrue {
		gateSeconds.WithLabelValues(change.Reason).Observe(now.Sub(since).Seconds())
	}
}
