package node

import (
	"sync"

	"github.com/blang/semver/v4"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	"k8s.io/kubernetes/pkg/kubelet/metrics/collectors"
)

// afterFirstTracer calls a function when the kubelet first asks for a tracer.
//
// It is our way past /dev/kmsg, which only root may read. kubelet.NewMainKubelet
//  1. opens /dev/kmsg, unless Dependencies.Recorder is a fake one,
//  2. asks the tracer provider for a tracer,
//  3. takes over Dependencies.Recorder.
//
// So it gets a fake recorder, and the real one is put in its place at step 2.
type afterFirstTracer struct {
	trace.TracerProvider
	once sync.Once
	call func()
}

func (a *afterFirstTracer) Tracer(name string, options ...trace.TracerOption) trace.Tracer {
	a.once.Do(a.call)
	return a.TracerProvider.Tracer(name, options...)
}

// forgetCollectors lets another kubelet of this process register its collectors; the kubelet
// panics over a duplicate. Collectors are equal by what they describe, so empty ones will do.
func forgetCollectors() {
	version := semver.MustParse("1.37.0")
	for _, collector := range []metrics.StableCollector{
		collectors.NewVolumeStatsCollector(nil),
		collectors.NewLogMetricsCollector(nil),
		collectors.PodCertificateCollectorFor(nil),
	} {
		collector.Create(&version, collector)
		legacyregistry.Registerer().Unregister(collector)
		prometheus.DefaultRegisterer.Unregister(collector)
	}
}
