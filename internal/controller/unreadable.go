package controller

import (
	"context"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
)

// backends of an Ingress. While an action of it cannot be read, those that it has bindings for
// count as well: their target groups are kept, and new Pods behind them receive requests as
// soon as they are Ready.
func (v *view) backends(ctx context.Context, object *networkingv1.Ingress, class ingress.Class, bindings []v1beta1.TargetGroupBinding) []ingress.Backend {
	out := ingress.Backends(object)
	if !ingress.Unreadable(object) {
		return out
	}
	for i := range bindings {
		ref := bindings[i].Spec.ServiceRef
		backend := ingress.Backend{Service: ref.Name, Port: ref.Port.String()}
		if !slices.ContainsFunc(out, backend.Same) && v.madeFor(object, class, v.service(ctx, object.Namespace, ref.Name), backend, &bindings[i]) {
			out = append(out, backend)
		}
	}
	return out
}
