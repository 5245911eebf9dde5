package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
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
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// podController opens and closes gates.
type podController struct {
	*view
	book    *health.Book
	watcher *health.Watcher
	events  Events
	writer  readiness.Writer
	echoes  *echoes // of what was written
	bell    bell

	mu      sync.Mutex
	waiting map[types.NamespacedName][]health.Wait
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
		c.await(request.NamespacedName, nil)
		c.echoes.forget(request.NamespacedName)
		return ctrl.Result{}, nil
	}
	now := time.Now()
	c.echoes.complete(pod, now)
	subject := readiness.PodOf(pod)
	subject.MinReady = c.minReady(ctx, pod)
	verdict := readiness.Decide(now, subject, c.evidence(ctx, pod), readiness.Settings{ClaimDeadline: c.config.ClaimDeadline})
	c.await(request.NamespacedName, verdict.Waits)
	if err := c.writer.Write(ctx, pod, verdict.Changes, now); err != nil {
		return outcome(ctx, client.IgnoreNotFound(err))
	}
	c.echoes.written(pod, verdict.Changes, now)
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

// minReady is how long the workload wants a Pod to be Ready before it counts as available.
func (c *podController) minReady(ctx context.Context, pod *corev1.Pod) time.Duration {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return 0
	}
	name := types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}
	var seconds int32
	switch owner.Kind {
	case "ReplicaSet":
		var object appsv1.ReplicaSet
		if c.Get(ctx, name, &object) == nil {
			seconds = object.Spec.MinReadySeconds
		}
	case "StatefulSet":
		var object appsv1.StatefulSet
		if c.Get(ctx, name, &object) == nil {
			seconds = object.Spec.MinReadySeconds
		}
	case "DaemonSet":
		var object appsv1.DaemonSet
		if c.Get(ctx, name, &object) == nil {
			seconds = object.Spec.MinReadySeconds
		}
	}
	return time.Duration(seconds) * time.Second
}

// failing are AWS's reasons that a person has to look into; others pass by themselves.
var failing = map[string]bool{"Target.ResponseCodeMismatch": true, "Target.Timeout": true, "Target.FailedHealthChecks": true, "Target.IpUnusable": true}

// evidence is what is known of a Pod under each claim that wants it.
func (c *podController) evidence(ctx context.Context, pod *corev1.Pod) []readiness.Evidence {
	var out []readiness.Evidence
	for _, claim := range c.claims(ctx, pod.Namespace) {
		if !claim.Unresolved && !claim.Selects(pod.Labels) {
			continue
		}
		evidence := readiness.Evidence{Claim: claim.Claim}
		if claim.binding != nil {
			c.locate(ctx, &evidence, claim.binding, pod)
		}
		out = append(out, evidence)
	}
	return out
}

func (c *podController) locate(ctx context.Context, evidence *readiness.Evidence, binding *v1beta1.TargetGroupBinding, pod *corev1.Pod) {
	evidence.Unread = !c.book.Known(evidence.TargetGroup)
	endpoints, _ := c.endpoints(ctx, binding)
	for _, endpoint := range endpoints {
		if endpoint.UID != pod.UID {
			continue
		}
		evidence.Address = endpoint.Address
		evidence.SlowStart = c.book.SlowStart(evidence.TargetGroup)
		evidence.Adoption = c.book.TimeToUnhealthy(evidence.TargetGroup)
		if target, ok := c.book.Target(evidence.TargetGroup, endpoint.Address); ok {
			evidence.Target = &target
		}
		return
	}
}

// await tells the watcher what a Pod waits for, and remembers it for waitingFor.
func (c *podController) await(name types.NamespacedName, waits []health.Wait) {
	c.mu.Lock()
	if c.waiting == nil {
		c.waiting = map[types.NamespacedName][]health.Wait{}
	}
	same := slices.Equal(c.waiting[name], waits)
	if len(waits) == 0 {
		delete(c.waiting, name)
	} else {
		c.waiting[name] = waits
	}
	c.mu.Unlock()
	if !same {
		c.watcher.Await(name.String(), waits)
	}
}

func (c *podController) waitingFor(group string) []types.NamespacedName {
	c.mu.Lock()
	defer c.mu.Unlock()
	var names []types.NamespacedName
	for name, waits := range c.waiting {
		if slices.ContainsFunc(waits, func(w health.Wait) bool { return w.Group == group }) {
			names = append(names, name)
		}
	}
	return names
}
