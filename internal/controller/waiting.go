package controller

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// waitingPods are the Pods whose containers are ready and that a gate holds back, as a
// metric: how many for each reason, and how long the longest has waited.
type waitingPods struct {
	mu   sync.Mutex
	pods map[types.NamespacedName]waitingPod
}

type waitingPod struct {
	reason string
	since  time.Time
}

var (
	waitingCount = prometheus.NewDesc("sluice_waiting_pods",
		"Pods whose containers are ready and that a readiness gate holds back, by the reason of its condition.", []string{"reason"}, nil)
	waitingOldest = prometheus.NewDesc("sluice_waiting_pods_oldest_seconds",
		"How long the containers of the longest waiting of these Pods have been ready, by reason.", []string{"reason"}, nil)
)

// waitingNow is of the process, as all metrics are.
var waitingNow = &waitingPods{pods: map[types.NamespacedName]waitingPod{}}

// note says what holds a Pod back after a verdict: the first of its gates that is closed.
func (w *waitingPods) note(name types.NamespacedName, pod readiness.Pod, verdict readiness.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pods, name)
	if !pod.ContainersReady || pod.Ending {
		return
	}
	for _, gate := range pod.Gates {
		for _, change := range verdict.Changes {
			if change.Type == gate.Type {
				gate = change.Gate
			}
		}
		if gate.Status != corev1.ConditionTrue {
			w.pods[name] = waitingPod{reason: gate.Reason, since: pod.Since}
			return
		}
	}
}

func (w *waitingPods) forget(name types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.pods, name)
}

// reset forgets all: others keep the gates from now on, or these are seen anew.
func (w *waitingPods) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.pods)
}

// Describe is part of prometheus.Collector.
func (w *waitingPods) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- waitingCount
	descriptions <- waitingOldest
}

// Collect counts at the time of the scrape, so that ages are right.
func (w *waitingPods) Collect(metrics chan<- prometheus.Metric) {
	w.mu.Lock()
	defer w.mu.Unlock()
	count, oldest := map[string]int{}, map[string]time.Duration{}
	for _, pod := range w.pods {
		count[pod.reason]++
		oldest[pod.reason] = max(oldest[pod.reason], time.Since(pod.since))
	}
	for reason, n := range count {
		metrics <- prometheus.MustNewConstMetric(waitingCount, prometheus.GaugeValue, float64(n), reason)
		metrics <- prometheus.MustNewConstMetric(waitingOldest, prometheus.GaugeValue, oldest[reason].Seconds(), reason)
	}
}
