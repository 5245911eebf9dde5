package main

import (
	"runtime"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sluice-lb/sluice/internal/version"
)

// buildInfo is always 1. Its labels tell which build answers a scrape, and which of the
// two commands that serve metrics.
var buildInfo = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "sluice_build_info",
	Help: "1, with the version of Sluice, that of Go, and which component this is (controller or webhook).",
}, []string{"version", "goversion", "component"})

func noteBuild(component string) {
	buildInfo.WithLabelValues(version.String(), runtime.Version(), component).Set(1)
}
