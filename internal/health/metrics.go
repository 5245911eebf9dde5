package health

import "github.com/prometheus/client_golang/prometheus"

var waiting = prometheus.NewGauge(prometheus.GaugeOpts{
	Name: "sluice_health_waiting_targets",
	Help: "Targets that hold a readiness gate closed until AWS calls them healthy.",
})

// Collectors are the metrics of this room.
func Collectors() []prometheus.Collector { return []prometheus.Collector{waiting} }
