package controller

import (
	"context"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// observeController measures what it costs that a Pod has no gate: how long it was Ready
// before its load balancers found it healthy. It decides as if the Pod had a gate, and
// writes nothing.
type observeController struct {
	*witness
	waits *waits
	bell  bell
	// started, in whole seconds, as Kubernetes tells times: Pods that were ready before are not
	// measured, nobody saw when they became healthy.
	started time.Time

	mu       sync.Mutex
	measures map[types.NamespacedName]measure
}

// measure is how far one Pod has been measured.
type measure struct {
	pod types.UID
	// healthy is when a gate would have opened; zero: not yet.
	healthy time.Time
	done    bool
}

// observed is for how long it is waited for a Pod's targets to be healthy. What takes
// longer, or has no targets, is not measured.
const observed = 15 * time.Minute

func newObserver(witness *witness, waits *waits) *observeController {
	return &observeController{witness: witness, waits: waits, started: time.Now().Truncate(time.Second), measures: map[types.NamespacedName]measure{}}
}

func (c *observeController) setup(manager ctrl.Manager) error {
	looked := predicate.NewPredicateFuncs(func(o client.Object) bool { return c.config.Mode == Observe || !readiness.HasGate(o.(*corev1.Pod)) })
	return ctrl.NewControllerManagedBy(manager).Named("observe").
		For(&corev1.Pod{}, builder.WithPredicates(looked)).
		WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: podWorkers, RateLimiter: backOff()}).
		Complete(c)
}

// concerned reports whether somebody waits to hear of a Pod's targets.
func (c *observeController) concerned(ctx context.Context, pod *corev1.Pod) bool {
	subject := readiness.PodOf(pod)
	if subject.Ending || !subject.ContainersReady || subject.Since.Before(c.started) || !c.subjectTo(ctx, pod) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.measures[nameOf(pod)]
	return known.pod != pod.UID || !known.done
}

// subjectTo: where nothing is injected, every Pod is looked at. Else only those that have no
// gate although their namespace asks for them: they should be few, and questions are dear.
func (c *observeController) subjectTo(ctx context.Context, pod *corev1.Pod) bool {
	if c.config.Mode == Observe {
		return true
	}
	var namespace corev1.Namespace
	if readiness.HasGate(pod) || c.Get(ctx, types.NamespacedName{Name: pod.Namespace}, &namespace) != nil {
		return false
	}
	return namespace.Labels[readiness.InjectLabel] == "enabled" && pod.Labels[readiness.GateLabel] != "off"
}

// Reconcile looks at one Pod until its targets are healthy and it is Ready.
func (c *observeController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	pod := c.pod(ctx, request.NamespacedName)
	if pod == nil || !c.concerned(ctx, pod) {
		c.waits.replace(request.NamespacedName, nil)
		if pod == nil {
			c.forget(request.NamespacedName)
		}
		return ctrl.Result{}, nil
	}
	now, subject, known := time.Now(), c.subject(ctx, pod), c.known(pod)
	if known.healthy.IsZero() {
		verdict := c.decide(ctx, now, pod, subject)
		switch {
		case opensHealthy(verdict): // one that opens because nobody claims the Pod measures nothing
			known.healthy = now
		case now.Sub(subject.Since) < observed:
			c.waits.replace(request.NamespacedName, verdict.Waits)
			return ctrl.Result{RequeueAfter: verdict.Recheck}, nil
		default:
			known.done = true
		}
	}
	c.waits.replace(request.NamespacedName, nil)
	if !known.done && !subject.ReadySince.IsZero() {
		c.record(ctx, pod, subject.ReadySince, known.healthy)
		known.done = true
	}
	c.note(pod, known)
	return ctrl.Result{}, nil
}

// decide is the decision about a gate that the Pod does not have.
func (c *observeController) decide(ctx context.Context, now time.Time, pod *corev1.Pod, subject readiness.Pod) readiness.Verdict {
	subject.Gates = []readiness.Gate{{Type: readiness.Anticipating}}
	return readiness.Decide(now, subject, c.evidence(ctx, pod), readiness.Settings{ClaimDeadline: c.config.ClaimDeadline})
}

func (c *observeController) record(ctx context.Context, pod *corev1.Pod, ready, healthy time.Time) {
	early := max(0, healthy.Sub(ready))
	readyBeforeHealthy.Observe(early.Seconds())
	healthyBeforeReady.Observe(max(0, ready.Sub(healthy)).Seconds())
	if early > time.Second { // Kubernetes tells the time of Ready in whole seconds
		podsReadyBeforeHealthy.WithLabelValues(pod.Namespace).Inc()
		log.FromContext(ctx).Info("the Pod was Ready before its load balancers found it healthy", "pod", nameOf(pod), "seconds", early.Seconds())
	}
}

func (c *observeController) known(pod *corev1.Pod) measure {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.measures[nameOf(pod)]; known.pod == pod.UID {
		return known
	}
	return measure{pod: pod.UID}
}

func (c *observeController) note(pod *corev1.Pod, m measure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.measures[nameOf(pod)] = m
}

func (c *observeController) forget(pod types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.measures, pod)
}
