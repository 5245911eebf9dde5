package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
	"github.com/sluice-lb/sluice/internal/targets"
)

// followController learns what somebody else registers: for which Pod an address counts,
// where this controller has not registered it. It reads AWS and writes nothing, and reads
// only while a Pod waits to hear of its target.
type followController struct {
	*view
	book *health.Book
	bell bell
	// concerned reports whether somebody waits to hear of a Pod's targets.
	concerned func(context.Context, *corev1.Pod) bool
	// checks is the health check of a group, for the time that adoption takes.
	checks func(ctx context.Context, group string) (map[string]model.HealthCheck, error)
	// await replaces what a binding waits to hear of AWS.
	await func(binding types.NamespacedName, waits []health.Wait)
	// learned is told of which Pods' targets more is known.
	learned func([]types.NamespacedName)

	mu sync.Mutex
	// free are addresses that AWS did not have when their Pods were ready already, so that
	// a registration which comes later can only be meant for them.
	free map[types.NamespacedName]map[model.TargetID]types.UID
}

func (c *followController) setup(manager ctrl.Manager) error {
	c.free = map[types.NamespacedName]map[model.TargetID]types.UID{}
	controlled := ctrl.NewControllerManagedBy(manager).Named("follow").
		For(&v1beta1.TargetGroupBinding{}, builder.WithPredicates(predicate.GenerationChangedPredicate{}))
	return c.watchEndpoints(controlled, c.book).
		WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: c.config.BindingWorkers, RateLimiter: backOff()}).
		Complete(c)
}

// Reconcile settles whose the targets of one binding are, as far as AWS has told, and asks
// for what it has not.
func (c *followController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var binding v1beta1.TargetGroupBinding
	if err := c.Get(ctx, request.NamespacedName, &binding); err != nil || !ipBinding(&binding) {
		c.forget(request.NamespacedName)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	finding := c.look(ctx, &binding)
	if err := c.settle(ctx, binding.Spec.TargetGroupARN, finding); err != nil {
		return outcome(ctx, err)
	}
	c.remember(request.NamespacedName, finding.free)
	c.await(request.NamespacedName, finding.waits)
	c.learned(podsOf(append(finding.own, finding.adopted...)))
	return ctrl.Result{RequeueAfter: finding.recheck}, nil
}

// following is what the endpoints of a binding look like beside what AWS has told.
type following struct {
	own     []targets.Endpoint           // registered for the Pod that has the address now
	adopted []targets.Endpoint           // registered, perhaps for a Pod before
	free    map[model.TargetID]types.UID // not registered yet
	waits   []health.Wait                // what has to be asked
	recheck time.Duration
}

// departure is for how long after its containers stopped being ready it is asked whether a
// Pod was taken out of its group. Controllers do so within seconds.
const departure = time.Minute

func (c *followController) look(ctx context.Context, binding *v1beta1.TargetGroupBinding) following {
	group, now := binding.Spec.TargetGroupARN, time.Now()
	out := following{free: map[model.TargetID]types.UID{}}
	endpoints := c.endpoints(ctx, binding)
	for _, endpoint := range endpoints {
		pod := c.pod(ctx, endpoint.Pod)
		if pod == nil || endpoint.Ending || !c.concerned(ctx, pod) {
			continue
		}
		target, there := c.book.Target(group, endpoint.Address)
		told := c.book.Told(group, endpoint.Since)
		wait := health.Wait{Group: group, Address: endpoint.Address, Since: endpoint.Since, Presence: true}
		switch {
		case !endpoint.Ready:
			if left := endpoint.Since.Add(departure).Sub(now); left > 0 && there && target.Pod == endpoint.UID && target.Registered() {
				out.waits = append(out.waits, wait)
				out.recheck = departure
			}
		case there && target.Registered() && target.Pod == endpoint.UID:
			// Its gate asks for itself.
		case !told:
			out.waits = append(out.waits, wait)
		case !there || !target.Registered():
			out.free[endpoint.Address] = endpoint.UID
			out.waits = append(out.waits, wait)
		case c.wasFree(nameOf(binding), endpoint) || readiness.Judging(pod) || target.State == model.Initial:
			out.own = append(out.own, endpoint)
		default:
			out.adopted = append(out.adopted, endpoint)
		}
	}
	return out
}

// settle writes down whose the registered addresses are.
func (c *followController) settle(ctx context.Context, group string, finding following) error {
	if len(finding.own) > 0 {
		c.book.Remembered(group, uids(finding.own))
	}
	if len(finding.adopted) == 0 {
		return nil
	}
	checks, err := c.checks(ctx, group)
	if err != nil {
		return fmt.Errorf("reading the health check of %s: %w", group, err)
	}
	if check, known := checks[group]; known {
		c.book.SetCheck(group, check)
	}
	c.book.Adopted(group, uids(finding.adopted), time.Now())
	return nil
}

func (c *followController) wasFree(binding types.NamespacedName, endpoint targets.Endpoint) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.free[binding][endpoint.Address] == endpoint.UID
}

func (c *followController) remember(binding types.NamespacedName, free map[model.TargetID]types.UID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.free[binding] = free
}

func (c *followController) forget(binding types.NamespacedName) {
	c.mu.Lock()
	delete(c.free, binding)
	c.mu.Unlock()
	c.await(binding, nil)
}
