package simulation

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// labels and annotations that people write.
const (
	injectLabel = readiness.InjectLabel
	gateLabel   = "sluice.dev/readiness-gate"
	drainLabel  = admission.DrainKey
)

// admit does to a new Pod what the policies in config/policies do, by the webhook's rules; one table of cases holds both
// to the same (config/testdata/admission). It runs under the lock of the API server.
func admit(k *kube) func(client.Object) {
	return func(o client.Object) {
		pod, isPod := o.(*corev1.Pod)
		if !isPod {
			return
		}
		namespace := peek[*corev1.Namespace](k, "", pod.Namespace)
		var gates []v1alpha1.Gate
		if set := peek[*v1alpha1.ReadinessGateSet](k, pod.Namespace, v1alpha1.ReadinessGateSetName); set != nil {
			gates = set.Spec.Gates
		}
		assign(o, admission.Drain(admission.Gates(pod, namespace, gates), namespace))
	}
}
