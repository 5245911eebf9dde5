package controller

import (
	"context"
	"slices"
	"strings"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

// holdMoving finds, among those who have left a stack, the Ingresses that belong to another one
// now and cannot be served by it yet: what they have here stays until then, for five minutes at
// most where nothing is wrong with them. (Clients follow only when DNS does, but from then on at least they are served.)
func (c *stackController) holdMoving(ctx context.Context, id model.StackID, m *membership) {
	var waits []health.Wait
	var groups []string
	now, movers := time.Now(), map[types.UID]bool{}
	m.leaving = slices.DeleteFunc(m.leaving, func(object *networkingv1.Ingress) bool {
		class, ours := c.class(ctx, object)
		to, err := ingress.Group(object, class)
		if object.DeletionTimestamp != nil || !ours || err != nil {
			return false
		}
		movers[object.UID] = true
		awaited, asked, arrived := c.arrived(ctx, object, class, to)
		late := c.switches.movingFor(id, object.UID, now) >= switchPatience
		if arrived || late && !c.stranded(object) {
			return false
		}
		waits, groups = append(waits, awaited...), append(groups, asked...)
		m.moving = append(m.moving, ingress.Member{Ingress: object, Class: class, Services: c.services(ctx, object), Moving: true})
		return true
	})
	c.switches.movers(id, movers)
	c.hear(errand{id, moving}, groups, waits)
}

// stranded: the other stack does not take the Ingress, for a mistake in it or because it is only
// planned. A mistake costs nobody a request, however long it takes to mend it.
func (c *stackController) stranded(object *networkingv1.Ingress) bool {
	return ingress.AsksForPlan(object) || c.rejections.of(nameOf(object)) != ""
}

// arrived reports whether the load balancer of a stack serves an Ingress, and else what has to be
// heard of AWS for that.
func (c *stackController) arrived(ctx context.Context, object *networkingv1.Ingress, class ingress.Class, to model.StackID) (waits []health.Wait, groups []string, arrived bool) {
	var record v1alpha1.LoadBalancer
	if c.Get(ctx, types.NamespacedName{Name: recordName(to)}, &record) != nil || !pointsAt(object, record.Status.DNSName) {
		return nil, nil, false
	}
	arrived = true
	bindings := c.bindings(ctx, client.InNamespace(object.Namespace), client.MatchingLabels(ingress.BindingLabels(to)))
	for _, backend := range ingress.Backends(object) {
		service := c.service(ctx, object.Namespace, backend.Service)
		binding := c.bindingFor(ctx, object, class, service, backend, bindings)
		if service == nil || binding == nil {
			arrived = arrived && service == nil
			continue
		}
		missing := c.unhealthy(ctx, binding)
		if len(missing) > 0 {
			arrived = false
			waits, groups = append(waits, missing...), append(groups, binding.Spec.TargetGroupARN)
		}
	}
	return waits, groups, arrived
}

// pointsAt: the Ingress tells its clients of this load balancer.
func pointsAt(object *networkingv1.Ingress, dnsName string) bool {
	return slices.ContainsFunc(object.Status.LoadBalancer.Ingress, func(i networkingv1.IngressLoadBalancerIngress) bool {
		return dnsName != "" && i.Hostname == strings.ToLower(dnsName)
	})
}

// unhealthy are the ready endpoints of a binding that are not healthy yet.
func (c *stackController) unhealthy(ctx context.Context, binding *v1beta1.TargetGroupBinding) []health.Wait {
	var waits []health.Wait
	arn := binding.Spec.TargetGroupARN
	for _, endpoint := range serving(c.endpoints(ctx, binding)) {
		if target, _ := c.book.Target(arn, endpoint.Address); target.State != model.Healthy {
			waits = append(waits, health.Wait{Group: arn, Address: endpoint.Address, Since: target.Since})
		}
	}
	return waits
}

// serving are the endpoints that could serve.
func serving(endpoints []targets.Endpoint) []targets.Endpoint {
	return slices.DeleteFunc(endpoints, func(e targets.Endpoint) bool { return !e.Ready || e.Ending })
}
