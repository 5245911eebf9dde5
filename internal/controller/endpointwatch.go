package controller

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/targets"
)

// watchEndpoints has a controller of bindings look at each whose endpoints may have changed.
func (v *view) watchEndpoints(controlled *builder.Builder, book *health.Book) *builder.Builder {
	byService := func(ctx context.Context, namespace, service string) []reconcile.Request {
		var out []reconcile.Request
		for _, binding := range v.bindings(ctx, client.InNamespace(namespace), client.MatchingFields{bindingsByService: service}) {
			out = append(out, reconcile.Request{NamespacedName: nameOf(&binding)})
		}
		return out
	}
	slice := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return byService(ctx, o.GetNamespace(), o.GetLabels()[discoveryv1.LabelServiceName])
	})
	service := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return byService(ctx, o.GetNamespace(), o.GetName())
	})
	pod := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		names := v.bindingsOfPod(ctx, o.GetNamespace(), o.GetLabels())
		// Its Service may select it no more, while its target is held.
		for _, group := range book.GroupsOf(o.GetUID()) {
			names = append(names, v.bindingsOfGroup(ctx, group)...)
		}
		return requests(names)
	})
	return controlled.
		Watches(&discoveryv1.EndpointSlice{}, slice).
		Watches(&corev1.Service{}, service).
		Watches(&corev1.Pod{}, pod, builder.WithPredicates(servingChanged))
}

// watchNodes has it look at each binding whose targets are nodes when one of those changes.
func (v *view) watchNodes(controlled *builder.Builder) *builder.Builder {
	bindings := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		var out []reconcile.Request
		for _, binding := range v.bindings(ctx, client.UnsafeDisableDeepCopy) {
			if instanceBinding(&binding) {
				out = append(out, reconcile.Request{NamespacedName: nameOf(&binding)})
			}
		}
		return out
	})
	return controlled.Watches(&corev1.Node{}, bindings, builder.WithPredicates(nodeChanged))
}

// nodeChanged lets Node events through that can change which targets there are; heartbeats
// do not.
var nodeChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		return !targets.SameAsTarget(e.ObjectOld.(*corev1.Node), e.ObjectNew.(*corev1.Node))
	},
}

// servingChanged lets Pod events through that can change which targets there are: the
// Pod itself is fresher than the EndpointSlices that name it.
var servingChanged = predicate.Funcs{
	CreateFunc: func(e event.CreateEvent) bool { return false }, // the slice will say so
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.(*corev1.Pod), e.ObjectNew.(*corev1.Pod)
		wasReady, _ := targets.ContainersReady(before)
		isReady, _ := targets.ContainersReady(after)
		return wasReady != isReady || targets.Ending(before) != targets.Ending(after)
	},
	DeleteFunc: func(event.DeleteEvent) bool { return true },
}
