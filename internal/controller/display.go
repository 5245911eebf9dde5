package controller

import (
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// displayController shows on the LoadBalancer object how many targets are healthy. It
// asks nobody: it shows the health book, and how old that is.
type displayController struct {
	*view
	records *records
	book    *health.Book
	bell    bell
}

// displayPace bounds how often one object is written: a rollout changes the numbers
// several times a second, and nobody reads that fast.
const displayPace = 5 * time.Second

func (c *displayController) setup(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).Named("display").WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{RateLimiter: backOff()}).Complete(c)
}

// ring asks for the stack that a target group belongs to.
func (c *displayController) ring(ctx context.Context, group string) {
	for _, binding := range c.bindings(ctx, client.MatchingFields{bindingsByGroup: group}) {
		if id, ok := stackOfBinding(&binding); ok {
			c.bell.ring(types.NamespacedName{Namespace: id.Namespace, Name: id.Name})
		}
	}
}

// Reconcile writes the numbers of one stack.
func (c *displayController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	id := model.StackID{Namespace: request.Namespace, Name: request.Name}
	var object v1alpha1.LoadBalancer
	if err := c.Get(ctx, types.NamespacedName{Name: recordName(id)}, &object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if asOf := object.Status.TargetsAsOf; asOf != nil && time.Since(asOf.Time) < displayPace {
		return ctrl.Result{RequeueAfter: displayPace}, nil
	}
	healthy, all, asOf := c.count(ctx, id)
	if asOf.IsZero() && all > 0 && object.Status.Targets != "" {
		return ctrl.Result{}, nil // after a restart, what was seen before is better than nothing
	}
	err := c.records.write(ctx, id, func(status *v1alpha1.LoadBalancerStatus) {
		status.Targets, status.TargetsAsOf = fmt.Sprintf("%d/%d", healthy, all), nil
		if !asOf.IsZero() {
			status.TargetsAsOf = new(metav1.NewTime(asOf.Truncate(time.Second)))
		}
		if healthy > 0 {
			status.State = "active"
		}
	})
	return outcome(ctx, err)
}

// count the targets of a stack, and when the group asked about longest ago was asked.
func (c *displayController) count(ctx context.Context, id model.StackID) (healthy, all int, asOf time.Time) {
	var asked []time.Time
	for _, binding := range c.bindings(ctx, client.MatchingLabels(ingress.BindingLabels(id))) {
		for _, target := range c.book.Targets(binding.Spec.TargetGroupARN) {
			if !target.Registered() {
				continue
			}
			all++
			if target.State == model.Healthy {
				healthy++
			}
			asked = append(asked, target.Asked)
		}
	}
	if len(asked) > 0 {
		asOf = slices.MinFunc(asked, time.Time.Compare) // zero while any was never asked about
	}
	return healthy, all, asOf
}
