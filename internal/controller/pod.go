package controller

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// podController opens and closes gates.
type podController struct {
	*witness
	waits  *waits
	events Events
	writer readiness.Writer
	echoes echoes // of what was written
	bell   bell
}

func (c *podController) setup(manager ctrl.Manager) error {
	gated := predicate.NewPredicateFuncs(func(o client.Object) bool { return readiness.HasGate(o.(*corev1.Pod)) })
	namespace := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return requests(c.closedPods(ctx, o.GetNamespace()))
	})
	// A Pod that is registered already waits for nothing but to be named again when its
	// Service was deleted and made anew.
	named := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return requests(c.closedPodsIn(ctx, o.(*discoveryv1.EndpointSlice)))
	})
	return ctrl.NewControllerManagedBy(manager).Named("pod").
		For(&corev1.Pod{}, builder.WithPredicates(gated)).
		Watches(&networkingv1.Ingress{}, namespace, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1beta1.TargetGroupBinding{}, namespace, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&corev1.Service{}, namespace).
		Watches(&discoveryv1.EndpointSlice{}, named).
		WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: podWorkers, RateLimiter: backOff()}).
		Complete(c)
}

func requests(names []types.NamespacedName) []reconcile.Request {
	var out []reconcile.Request
	for _, name := range names {
		out = append(out, reconcile.Request{NamespacedName: name})
	}
	return out
}

// Reconcile decides about one Pod's gates, writes what has changed, and sees to it
// that AWS is asked about the targets that hold them.
func (c *podController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	pod := c.pod(ctx, request.NamespacedName)
	if pod == nil {
		c.waits.replace(request.NamespacedName, nil)
		c.echoes.forget(request.NamespacedName)
		waitingNow.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}
	pod, now := pod.DeepCopy(), time.Now()
	c.echoes.complete(pod, now)
	subject, evidence := c.subject(ctx, pod), c.evidence(ctx, pod)
	verdict := readiness.Decide(now, subject, evidence, readiness.Settings{ClaimDeadline: c.config.ClaimDeadline})
	c.waits.replace(request.NamespacedName, verdict.Waits)
	if err := c.writer.Write(ctx, pod, verdict.Changes, now); err != nil {
		return outcome(ctx, client.IgnoreNotFound(err))
	}
	c.echoes.written(pod, verdict.Changes, now)
	waitingNow.note(request.NamespacedName, workloadOf(pod), subject, verdict)
	observePhases(subject, evidence, verdict, time.Now())
	if complaint := readiness.Complaint(pod); complaint != "" && isFirst(verdict) {
		c.events.BadAnnotation(pod, complaint)
	}
	for _, change := range verdict.Changes {
		observeGate(pod, change, now)
		switch {
		case change.Flips && change.Status == corev1.ConditionTrue:
			c.events.GateOpened(pod, change)
		case failing[change.Reason]:
			c.events.TargetWaits(pod, change)
		}
	}
	return ctrl.Result{RequeueAfter: verdict.Recheck}, nil
}

// isFirst reports whether a verdict is the first about its Pod.
func isFirst(verdict readiness.Verdict) bool {
	return slices.ContainsFunc(verdict.Changes, func(change readiness.GateChange) bool { return change.Before == "" })
}

// failing are AWS's reasons that a person has to look into; others pass by themselves.
var failing = map[string]bool{"Target.ResponseCodeMismatch": true, "Target.Timeout": true, "Target.FailedHealthChecks": true, "Target.IpUnusable": true}
