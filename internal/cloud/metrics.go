package cloud

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_cloud_calls_total",
		Help: "Calls to AWS by service, operation, result (ok or the error code) and what that means (kind: ok, throttled, transient, conflict, denied, gone or bug).",
	}, []string{"service", "operation", "result", "kind"})
	callSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_cloud_call_seconds",
		Help:    "Time until AWS answered, by service and operation.",
		Buckets: []float64{.01, .03, .1, .3, 1, 3, 10},
	}, []string{"service", "operation"})
)

// Collectors are the metrics of this room that all clouds share; see [Budget.Collect] for
// those of one.
func Collectors() []prometheus.Collector { return []prometheus.Collector{calls, callSeconds} }

// Collectors are the metrics of one cloud: what is left of its budget, and when the
// certificates of its listeners expire.
func (c *Cloud) Collectors() []prometheus.Collector {
	all := []prometheus.Collector{expiryCollector{c}}
	if c.budget != nil {
		all = append(all, c.budget)
	}
	return all
}

var (
	budgetLeft = prometheus.NewDesc("sluice_cloud_budget_tokens",
		"Calls that may be made at once, by bucket of the account's rates (\"Request throttling\", Elastic Load Balancing API).", []string{"bucket"}, nil)
	budgetRate = prometheus.NewDesc("sluice_cloud_budget_rate",
		"Calls a second that are used of a bucket at most: less than the share where AWS has throttled lately.", []string{"bucket"}, nil)
	budgetWaiting = prometheus.NewDesc("sluice_cloud_budget_waiting_calls", "Calls that wait for the budget now.", nil, nil)
)

// Describe is part of prometheus.Collector.
func (b *Budget) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- budgetLeft
	descriptions <- budgetRate
	descriptions <- budgetWaiting
}

// Collect says what is left of each bucket.
func (b *Budget) Collect(metrics chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	for name, bucket := range b.buckets {
		bucket.fill(now)
		metrics <- prometheus.MustNewConstMetric(budgetLeft, prometheus.GaugeValue, max(0, bucket.tokens), name)
		metrics <- prometheus.MustNewConstMetric(budgetRate, prometheus.GaugeValue, bucket.refill*bucket.pace.scale, name)
	}
	metrics <- prometheus.MustNewConstMetric(budgetWaiting, prometheus.GaugeValue, float64(len(b.waiting)))
}

func count(service, operation string, err error, took time.Duration) {
	result, kind := "ok", "ok"
	if err != nil {
		result, kind = "error", string(KindOf(err))
		if e, ok := errors.AsType[*Error](err); ok {
			result = e.Code
		}
	}
	calls.WithLabelValues(service, operation, result, kind).Inc()
	callSeconds.WithLabelValues(service, operation).Observe(took.Seconds())
}
