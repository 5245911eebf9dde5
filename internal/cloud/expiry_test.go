package cloud_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// When a certificate expires that a listener uses is told from the last list, of which a drift round makes one. One
// that no listener uses any more is not told.
func TestExpiryOfCertificatesInUseIsTold(t *testing.T) {
	t.Parallel()
	w := &walk{T: t, random: rand.New(rand.NewPCG(1, 1)), aws: newAWS(t, "127.47.0.0/16")}
	w.cloud = newCloud(t, w.aws)
	w.reach(w.build(secured(map[string]string{"certificate-arn": certificate(w, "one.example.com")})))
	w.cloud.ForgetExpiries()
	if left := w.expiries(); len(left) > 0 {
		t.Errorf("%v of a process that has not listed any", left)
	}
	w.drifts()
	left := w.expiries()
	if len(left) != 1 || left[0] < 24*time.Hour {
		t.Errorf("%v after a round, want one of months", left)
	}
	w.reach(w.build(secured(map[string]string{"listen-ports": `[{"HTTP": 80}]`})))
	if left := w.expiries(); len(left) > 0 {
		t.Errorf("%v when no listener has a certificate any more", left)
	}
}

// expiries are how long the certificates in use are still good for, as the metric tells it.
func (w *walk) expiries() (left []time.Duration) {
	w.Helper()
	registry := prometheus.NewPedanticRegistry()
	for _, collector := range w.cloud.Collectors() {
		registry.MustRegister(collector)
	}
	families, err := registry.Gather()
	if err != nil {
		w.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "sluice_certificate_expiry_timestamp_seconds" {
			for _, one := range family.GetMetric() {
				left = append(left, time.Until(time.Unix(int64(one.GetGauge().GetValue()), 0)))
			}
		}
	}
	return left
}
