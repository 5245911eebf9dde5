package controller

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// waitingPods are the Pods whose containers are ready and that a gate holds back, as a
// metric: how many of each workload for each reason, and how long the longest has waited.
type waitingPods struct {
	mu   sync.Mutex
	pods map[types.NamespacedName]waitingPod
}

type waitingPod struct {
	workload string
	reason   string
	since    time.Time
}

// waitingLabels: the Pods' namespace is not called "namespace", which is what most
// configurations of Prometheus call that of the process which is scraped.
var waitingLabels = []string{"workload_namespace", "workload", "reason"}

var (
	waitingCount = prometheus.NewDesc("sluice_waiting_pods",
		"Pods whose containers are ready and that a readiness gate holds back, by workload (deployment/web) and the reason of the gate's condition. "+
			"The 200 that wait longest are named; what is more is counted as the workload \"others\".", waitingLabels, nil)
	waitingOldest = prometheus.NewDesc("sluice_waiting_pods_oldest_seconds",
		"How long the containers of that Pod have been ready that waits longest, of those that sluice_waiting_pods counts.", waitingLabels, nil)
)

// mostWaiting bounds the series: where all gates of a big cluster are closed, nobody needs a
// series for each of its workloads.
const mostWaiting = 200

// waitingNow is of the process, as all metrics are.
var waitingNow = &waitingPods{pods: map[types.NamespacedName]waitingPod{}}

// note says what holds a Pod back after a verdict: the first of its gates that is closed.
func (w *waitingPods) note(name types.NamespacedName, workload string, pod readiness.Pod, verdict readiness.Verdict) {
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
			w.pods[name] = waitingPod{workload: workload, reason: gate.Reason, since: pod.Since}
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

// waitingSeries is what is told of the Pods of one workload that wait for one reason.
type waitingSeries struct {
	namespace, workload, reason string
	count                       int
	since                       time.Time
}

func (s *waitingSeries) add(count int, since time.Time) {
	if s.count == 0 || since.Before(s.since) {
		s.since = since
	}
	s.count += count
}

// series of all that wait, those that wait longest first, and at most that many.
func (w *waitingPods) series(most int) []*waitingSeries {
	w.mu.Lock()
	defer w.mu.Unlock()
	byKey := map[waitingSeries]*waitingSeries{}
	for name, pod := range w.pods {
		key := waitingSeries{namespace: name.Namespace, workload: pod.workload, reason: pod.reason}
		if byKey[key] == nil {
			byKey[key] = new(key)
		}
		byKey[key].add(1, pod.since)
	}
	all := slices.SortedFunc(maps.Values(byKey), func(a, b *waitingSeries) int {
		return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.workload, b.workload), cmp.Compare(a.reason, b.reason))
	})
	if len(all) <= most {
		return all
	}
	others := &waitingSeries{workload: "others"}
	for _, one := range all[most:] {
		others.add(one.count, one.since)
	}
	return append(all[:most], others)
}

// Describe is part of prometheus.Collector.
func (w *waitingPods) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- waitingCount
	descriptions <- waitingOldest
}

// Collect counts at the time of the scrape, so that ages are right.
func (w *waitingPods) Collect(metrics chan<- prometheus.Metric) {
	for _, s := range w.series(mostWaiting) {
		metrics <- prometheus.MustNewConstMetric(waitingCount, prometheus.GaugeValue, float64(s.count), s.namespace, s.workload, s.reason)
		metrics <- prometheus.MustNewConstMetric(waitingOldest, prometheus.GaugeValue, time.Since(s.since).Seconds(), s.namespace, s.workload, s.reason)
	}
}
