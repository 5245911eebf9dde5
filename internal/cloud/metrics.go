package cloud

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	calls = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sluice_cloud_calls_total",
		Help: "Calls to AWS by service, operation and result (ok or the error code).",
	}, []string{"service", "operation", "result"})
	callSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "sluice_cloud_call_seconds",
		Help:    "Time until AWS answered, by service and operation.",
		Buckets: []float64{.01, .03, .1, .3, 1, 3, 10},
	}, []string{"service", "operation"})
)

// Collectors are the metrics of this room.
func Collectors() []prometheus.Collector { return []prometheus.Collector{calls, callSeconds} }

func count(service, operation string, err error, took time.Duration) {
	result := "ok"
	if err != nil {
		result = "error"
		if e, ok := errors.AsType[*Error](err); ok {
			result = e.Code
		}
	}
	calls.WithLabelValues(service, operation, result).Inc()
	callSeconds.WithLabelValues(service, operation).Observe(took.Seconds())
}
