package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/internal/health"
)

// drainWatch looks at the end of each Pod that asked to be drained, and tells when its
// containers did not outlast its targets. It changes nothing: by then it is too late.
type drainWatch struct {
	namespaces client.Reader
	book       *health.Book
	events     Events

	mu sync.Mutex
	// judged are Pods that have been told of.
	judged map[types.UID]bool
}

func newDrainWatch(namespaces client.Reader, book *health.Book, events Events) *drainWatch {
	return &drainWatch{namespaces: namespaces, book: book, events: events, judged: map[types.UID]bool{}}
}

// setup has it told of what happens to Pods at once: what has happened to one is seen in the
// order of events, and a queue keeps only names. On a standby, whose book is empty, it finds
// nothing to judge.
func (w *drainWatch) setup(manager ctrl.Manager) error {
	type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]
	return ctrl.NewControllerManagedBy(manager).Named("drain").
		Watches(&corev1.Pod{}, handler.Funcs{
			UpdateFunc: func(ctx context.Context, e event.UpdateEvent, _ queue) {
				if pod := e.ObjectNew.(*corev1.Pod); pod.DeletionTimestamp != nil {
					w.look(ctx, pod, time.Time{})
				}
			},
			DeleteFunc: func(ctx context.Context, e event.DeleteEvent, _ queue) {
				pod := e.Object.(*corev1.Pod)
				w.look(ctx, pod, time.Now())
				w.forget(pod.UID)
			},
		}).
		Complete(reconcile.Func(func(context.Context, reconcile.Request) (reconcile.Result, error) { return reconcile.Result{}, nil }))
}

// look judges the end of a Pod once it has come: gone is when the object went, or zero.
func (w *drainWatch) look(ctx context.Context, pod *corev1.Pod, gone time.Time) {
	var namespace corev1.Namespace
	if err := w.namespaces.Get(ctx, types.NamespacedName{Name: pod.Namespace}, &namespace); err != nil {
		return
	}
	asked := admission.DrainOf(pod, &namespace)
	if asked == 0 || w.isJudged(pod.UID) || gone.IsZero() && firstEnd(pod, toldToEnd(pod)).IsZero() {
		return // before anything has ended nobody needs to go through all targets
	}
	reason, why := cutShort(pod, asked, w.book.TargetsOf(pod.UID), gone)
	if reason == "" {
		return
	}
	w.mu.Lock()
	w.judged[pod.UID] = true
	w.mu.Unlock()
	drainsCutShort.WithLabelValues(pod.Namespace, reason).Inc()
	w.events.DrainCutShort(pod, why)
	log.FromContext(ctx).WithName("drain").Info("a drain was cut short", "pod", nameOf(pod).String(), "reason", reason, "why", why)
}

func (w *drainWatch) isJudged(pod types.UID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.judged[pod]
}

func (w *drainWatch) forget(pod types.UID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.judged, pod)
}

// Why a drain was cut short.
const (
	cutByGrace     = "grace-period"
	cutByContainer = "container-ended"
	cutByLateness  = "late"
	cutByForce     = "forced"
)

// propagation is how long after a deregistration a load balancer may still send requests:
// what the sleeps of docs/design/drain.md leave for it.
func propagation(asked time.Duration) time.Duration {
	const nlb, alb = 120 * time.Second, 10 * time.Second
	if asked > nlb {
		return nlb
	}
	return alb
}

// cutShort says why a Pod's containers ended before its load balancers had let go of it;
// nothing: they did not, or not yet.
//
//	the first container ended     | its targets were
//	-                             | still registered, or taken out less than propagation ago
//	and the Pod went with it      | forced
//	after a shorter grace period  | grace-period
//	before the sleep was over     | container-ended
//	when it was told to           | late
func cutShort(pod *corev1.Pod, asked time.Duration, left []health.Target, gone time.Time) (reason, why string) {
	told := toldToEnd(pod)
	ended := firstEnd(pod, told)
	forced := ended.IsZero() && !gone.IsZero()
	if forced {
		ended = gone
	}
	if ended.IsZero() || !early(ended, asked, left) {
		return "", ""
	}
	const slack = 2 * time.Second // Kubernetes tells both times in whole seconds
	switch grace := pod.DeletionGracePeriodSeconds; {
	case forced:
		return cutByForce, "the Pod was deleted by force, or its node went, while a load balancer still sent it requests"
	case grace != nil && time.Duration(*grace)*time.Second < asked:
		return cutByGrace, fmt.Sprintf("the Pod was given %d s to end, and its drain takes %s: raise terminationGracePeriodSeconds, or what deletes it should not shorten it", *grace, asked)
	case ended.Sub(told) < asked-slack:
		return cutByContainer, fmt.Sprintf("a container ended %s after the Pod was deleted, and its drain takes %s: lengthen its own preStop, or take that away", ended.Sub(told).Round(time.Second), asked)
	}
	return cutByLateness, fmt.Sprintf("its targets were taken out too late for a drain of %s: Sluice was down, or AWS throttled or denied the call", asked)
}

// early reports whether a target may still have got requests when a container ended.
func early(ended time.Time, asked time.Duration, left []health.Target) bool {
	for _, target := range left {
		if target.Registered() || !target.Deregistered.IsZero() && ended.Sub(target.Deregistered) < propagation(asked)-time.Second {
			return true
		}
	}
	return false
}

// toldToEnd is when a Pod's deletion was asked for; its timestamp is the end of the grace period.
func toldToEnd(pod *corev1.Pod) time.Time {
	if pod.DeletionTimestamp == nil {
		return time.Time{}
	}
	told := pod.DeletionTimestamp.Time
	if grace := pod.DeletionGracePeriodSeconds; grace != nil {
		told = told.Add(-time.Duration(*grace) * time.Second)
	}
	return told
}

// firstEnd is when the first of a Pod's containers ended, of those that had not before.
func firstEnd(pod *corev1.Pod, told time.Time) (first time.Time) {
	for _, status := range pod.Status.ContainerStatuses {
		ended := status.State.Terminated
		if ended == nil || ended.FinishedAt.Time.Before(told) {
			continue
		}
		if first.IsZero() || ended.FinishedAt.Time.Before(first) {
			first = ended.FinishedAt.Time
		}
	}
	return first
}
