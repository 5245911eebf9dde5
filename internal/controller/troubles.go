package controller

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// troubles are objects that are not as they should be, and why, as a metric. What is in
// order again, or gone, has no series.
type troubles struct {
	description *prometheus.Desc

	mu      sync.Mutex
	reasons map[string][]string // by name
}

func newTroubles(name, help, label string) *troubles {
	return &troubles{description: prometheus.NewDesc(name, help, []string{label, "reason"}, nil), reasons: map[string][]string{}}
}

// Both are of the process, as all metrics are.
var (
	stackTroubles = newTroubles("sluice_stack_error",
		"1 for each reason for which a stack is not as was asked for: what a condition of its LoadBalancer object says (kubectl get slb).", "stack")
	bindingTroubles = newTroubles("sluice_binding_error",
		"1 for a TargetGroupBinding (namespace/name) whose targets are not as they should be, by the reason of its condition.", "binding")
)

// set replaces what is wrong with an object; nothing: it is in order, or gone.
func (t *troubles) set(name string, reasons ...string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(reasons) == 0 {
		delete(t.reasons, name)
		return
	}
	t.reasons[name] = reasons
}

// reset forgets all: another replica tells of them now, or this one will see them anew.
func (t *troubles) reset() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.reasons)
}

// Describe is part of prometheus.Collector.
func (t *troubles) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- t.description }

// Collect is part of prometheus.Collector.
func (t *troubles) Collect(metrics chan<- prometheus.Metric) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, reasons := range t.reasons {
		for _, reason := range reasons {
			metrics <- prometheus.MustNewConstMetric(t.description, prometheus.GaugeValue, 1, name, reason)
		}
	}
}

// failures are the reasons of conditions that are not met. A switch that goes on is none.
func failures(conditions []metav1.Condition) []string {
	var out []string
	for _, condition := range conditions {
		if condition.Status == metav1.ConditionFalse && condition.Reason != reasonSwitching {
			out = append(out, condition.Reason)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
