package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// gateSetController keeps the list of gates that admission adds to new Pods.
type gateSetController struct {
	*view
	client client.Client
}

func (c *gateSetController) setup(manager ctrl.Manager) error {
	namespace := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: o.GetNamespace()}}}
	})
	all := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		var list corev1.NamespaceList
		if err := c.List(ctx, &list, client.MatchingLabels{readiness.InjectLabel: "enabled"}); err != nil {
			return nil
		}
		var out []reconcile.Request
		for i := range list.Items {
			out = append(out, reconcile.Request{NamespacedName: types.NamespacedName{Name: list.Items[i].Name}})
		}
		return out
	})
	changed := builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))
	return ctrl.NewControllerManagedBy(manager).Named("gateset").
		For(&corev1.Namespace{}, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&networkingv1.Ingress{}, namespace, changed).
		Watches(&corev1.Service{}, namespace, changed).
		Watches(&v1beta1.TargetGroupBinding{}, namespace, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.ReadinessGateSet{}, namespace, changed).
		Watches(&networkingv1.IngressClass{}, all, changed).
		Watches(&v1beta1.IngressClassParams{}, all, changed).
		WithOptions(controller.Options{RateLimiter: backOff()}).
		Complete(c)
}

// Reconcile writes what admission injects into one namespace.
func (c *gateSetController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var namespace corev1.Namespace
	if err := c.Get(ctx, request.NamespacedName, &namespace); err != nil || namespace.DeletionTimestamp != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if namespace.Labels[readiness.InjectLabel] != "enabled" {
		return outcome(ctx, c.drop(ctx, namespace.Name))
	}
	return outcome(ctx, c.write(ctx, namespace.Name))
}

func (c *gateSetController) write(ctx context.Context, namespace string) error {
	var claims []readiness.Claim
	for _, claim := range c.claims(ctx, namespace) {
		claims = append(claims, claim.Claim)
	}
	gates, leftOut := readiness.Injection(claims, c.config.GateNaming)
	object := &v1alpha1.ReadinessGateSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.ReadinessGateSetName}}
	err := c.Get(ctx, client.ObjectKeyFromObject(object), object)
	switch {
	case apierrors.IsNotFound(err):
		object.Spec.Gates = gates
		err = c.client.Create(ctx, object)
	case err == nil && !equality.Semantic.DeepEqual(object.Spec.Gates, gates):
		object.Spec.Gates = gates
		err = c.client.Update(ctx, object)
	}
	if err != nil {
		return fmt.Errorf("writing the ReadinessGateSet of namespace %s: %w", namespace, err)
	}
	want := v1alpha1.ReadinessGateSetStatus{ObservedGeneration: object.Generation, LeftOut: int32(leftOut)}
	if leftOut > 0 {
		want.Message = fmt.Sprintf("the namespace has %d gates to inject, more than %d, so its Pods get the anticipating gate alone", leftOut, v1alpha1.MaxGates)
	}
	if object.Status == want {
		return nil
	}
	object.Status = want
	if err := c.client.Status().Update(ctx, object); err != nil {
		return fmt.Errorf("writing the status of the ReadinessGateSet of namespace %s: %w", namespace, err)
	}
	return nil
}

func (c *gateSetController) drop(ctx context.Context, namespace string) error {
	object := &v1alpha1.ReadinessGateSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: v1alpha1.ReadinessGateSetName}}
	if err := c.Get(ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return client.IgnoreNotFound(err)
	}
	return client.IgnoreNotFound(c.client.Delete(ctx, object))
}
