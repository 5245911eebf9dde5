package controller

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/internal/cloud"
)

// How soon an error of each kind is followed by another try. Transient errors back off
// exponentially in the controller's queue, from firstBackOff to lastBackOff.
const (
	firstBackOff  = 5 * time.Millisecond
	lastBackOff   = 15 * time.Second
	afterConflict = 2 * time.Second
	// lastConflict bounds the time between tries for what AWS calls in use for long.
	lastConflict = 30 * time.Second
	afterDenied  = time.Minute
	afterBug     = 5 * time.Minute
	// afterHeld is when a held deletion is counted anew; a confirmation comes at once.
	afterHeld = time.Minute
)

// backOff is how a queue spaces the tries of what fails. controller-runtime's own grows to a
// quarter of an hour: Pods that came up in an outage of a minute would wait for as long again
// after its end.
func backOff() workqueue.TypedRateLimiter[reconcile.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstBackOff, lastBackOff)
}

// outcome says what follows an error. It and outcomeAfter are the only places that
// decide so.
func outcome(ctx context.Context, err error) (ctrl.Result, error) {
	return outcomeAfter(ctx, err, 0)
}

// outcomeAfter is outcome where something has been tried for this long: conflicts are
// then tried again after a quarter of it.
func outcomeAfter(ctx context.Context, err error, tried time.Duration) (ctrl.Result, error) {
	logger := log.FromContext(ctx)
	switch {
	case err == nil:
		return ctrl.Result{}, nil
	case isHeld(err):
		logger.Error(err, "a deletion is held")
		return ctrl.Result{RequeueAfter: afterHeld}, nil
	case apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err):
		// The cache was behind; the change that we collided with brings the next event.
		logger.V(1).Info("object has changed meanwhile", "error", err.Error())
		return ctrl.Result{RequeueAfter: 200 * time.Millisecond}, nil
	}
	switch cloud.KindOf(err) {
	case cloud.Throttled:
		logger.V(1).Info("throttled by AWS", "error", err.Error())
		return ctrl.Result{RequeueAfter: cloud.RetryAfter(err)}, nil
	case cloud.Conflict, cloud.Gone:
		logger.Info("AWS is not there yet", "error", err.Error())
		return ctrl.Result{RequeueAfter: min(lastConflict, max(afterConflict, tried/4))}, nil
	case cloud.Denied:
		logger.Error(err, "AWS denies a call")
		return ctrl.Result{RequeueAfter: afterDenied}, nil
	case cloud.Bug:
		if isOurs(err) {
			logger.Error(err, "AWS rejects what was built")
			return ctrl.Result{RequeueAfter: afterBug}, nil
		}
	case cloud.Transient:
	}
	return ctrl.Result{}, err
}

func isHeld(err error) bool {
	_, held := errors.AsType[heldError](err)
	return held
}

// isOurs tells an answer of AWS from errors of Kubernetes and of our own, which the
// queue's back-off serves well.
func isOurs(err error) bool {
	_, ok := asCloudError(err)
	return ok
}
