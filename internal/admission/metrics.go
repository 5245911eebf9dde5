package admission

import "github.com/prometheus/client_golang/prometheus"

// Outcomes of an answer.
const (
	// changed: the Pod got what it was asked about.
	changed = "changed"
	// unchanged: nothing was to be done.
	unchanged = "unchanged"
	// degraded: the list of gates could not be read; counted beside the outcome itself.
	degraded = "degraded"
	// failed: the Pod was allowed as it is, because something went wrong.
	failed = "failed"
)

var answers = prometheus.NewCounterVec(prometheus.CounterOpts{
	Name: "sluice_admission_answers_total",
	Help: "Answers to the API server about new Pods, by what was asked about and outcome.",
}, []string{"about", "outcome"})

var certificateExpiry = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "sluice_admission_certificate_expiry_timestamp_seconds",
	Help: "When the certificate that the webhook serves with expires, in seconds since 1970.",
})

// Collectors are the metrics of this room.
func Collectors() []prometheus.Collector { return []prometheus.Collector{answers, certificateExpiry} }
