package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
	"github.com/sluice-lb/sluice/internal/targets"
)

// bindingFinalizer is the incumbent's.
const bindingFinalizer = "elbv2.k8s.aws/resources"

// bindingController keeps the targets of a target group.
type bindingController struct {
	*view
	client client.Client
	cloud  *cloud.Cloud
	book   *health.Book
	events Events
	bell   bell
	live   client.Reader // asks the API server, not the cache
	// brake on deletions of bindings by people.
	brake *brake
	// deleting are the bindings that a plan deletes now.
	deleting *deletions
	holds    *holds
	// own are the targets of shared groups that are this cluster's.
	own *ownTargets
	// lookups of target groups that are not there, or do not fit.
	lookups  *lookups
	changes  *changes
	zoned    *zoned
	previews *previews // of a dry run
	// epoch of leadership; see epoch.go.
	epoch func(context.Context) string
	// registered is told which Pods' targets have changed.
	registered func([]types.NamespacedName)
	// changed is told which group has other targets than before.
	changed func(ctx context.Context, group string)
	// await replaces what a binding waits to hear of AWS.
	await func(binding types.NamespacedName, waits []health.Wait)
	// needs is told what a binding wants opened; nil when the binding goes.
	needs func(binding types.NamespacedName, needs []need)
}

func (c *bindingController) setup(manager ctrl.Manager) error {
	controlled := ctrl.NewControllerManagedBy(manager).Named("targetGroupBinding").
		For(&v1beta1.TargetGroupBinding{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, confirmedNow)))
	return c.watchNodes(c.watchEndpoints(controlled, c.book)).
		WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: c.config.BindingWorkers, RateLimiter: backOff()}).
		Complete(c)
}

// Reconcile brings the targets of one binding in line.
func (c *bindingController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var binding v1beta1.TargetGroupBinding
	if err := c.Get(ctx, request.NamespacedName, &binding); err != nil {
		if !c.config.DryRun { // which keeps nothing in mind
			c.forget(request.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if c.config.DryRun {
		return outcome(ctx, c.previewTargets(ctx, &binding))
	}
	if binding.DeletionTimestamp != nil {
		return c.result(ctx, &binding, 0, c.release(ctx, &binding))
	}
	if recheck, wrong, err := c.admit(ctx, &binding); wrong || err != nil {
		return c.result(ctx, &binding, recheck, err)
	}
	if err := c.setFinalizer(ctx, &binding, true); err != nil {
		return outcome(ctx, err)
	}
	recheck, err := c.converge(ctx, &binding)
	return c.result(ctx, &binding, recheck, err)
}

func (c *bindingController) result(ctx context.Context, binding *v1beta1.TargetGroupBinding, recheck time.Duration, err error) (ctrl.Result, error) {
	if err == nil {
		return ctrl.Result{RequeueAfter: recheck}, nil
	}
	if wrong, ok := errors.AsType[wrongError](err); ok {
		err = c.refuse(ctx, binding, wrong.message)
		return ctrl.Result{RequeueAfter: lookAgain}, err
	}
	if isHeld(err) {
		c.events.Held(binding, err)
	}
	ending := binding.DeletionTimestamp != nil
	if kind := cloud.KindOf(err); isOurs(err) && kind != cloud.Throttled {
		if ending {
			c.events.CleanupFailed(binding, err)
		} else {
			c.events.BindingFailed(binding, err)
		}
		if kind == cloud.Gone {
			c.book.Close(binding.Spec.TargetGroupARN, time.Now())
		}
	}
	if condition, lasting := conditionAfter(err); lasting {
		if ending && !isHeld(err) {
			condition.Reason = bindingCleanup
		}
		err = errors.Join(err, c.setCondition(ctx, binding, condition))
	}
	return outcome(ctx, err)
}

// converge deregisters first: those requests are the ones that would be lost.
func (c *bindingController) converge(ctx context.Context, binding *v1beta1.TargetGroupBinding) (time.Duration, error) {
	group := binding.Spec.TargetGroupARN
	behind := c.backend(ctx, binding)
	if behind.wrong != "" {
		return 0, c.refuse(ctx, binding, behind.wrong)
	}
	if err := c.readOwn(ctx, binding); err != nil {
		return 0, err
	}
	if err := c.learn(ctx, binding); err != nil {
		return 0, err
	}
	if err := c.settleOwn(ctx, binding); err != nil {
		return 0, err
	}
	changes := c.plan(ctx, binding)
	c.note(group, changes)
	c.noteHeld(binding, changes)
	c.await(nameOf(binding), c.waits(group, changes))
	if len(changes.Deregister) > 0 {
		if err := c.begin(ctx, binding, nil); err != nil {
			return 0, err
		}
	}
	leaving := c.deregister(ctx, binding)
	coming := c.register(ctx, binding)
	c.openRules(ctx, binding)
	if err := errors.Join(leaving, coming); err != nil {
		return 0, err
	}
	if err := errors.Join(c.remember(ctx, binding), c.settleOwn(ctx, binding), unconfirm(ctx, c.client, binding, confirmDeregistration)); err != nil {
		return 0, err
	}
	return changes.Recheck, c.converged(ctx, binding, behind)
}

// waits are the addresses that a group needs to hear of. AWS tells only when asked that
// a draining address, which a ready Pod has, is gone and can be registered; whether one is
// registered at all; and that those are healthy for whom others are held.
func (c *bindingController) waits(group string, changes targets.Changes) []health.Wait {
	addresses := slices.Clone(changes.Successors)
	for _, endpoint := range changes.Locked {
		addresses = append(addresses, endpoint.Address)
	}
	var waits []health.Wait
	for _, endpoint := range changes.Doubted {
		waits = append(waits, health.Wait{Group: group, Address: endpoint.Address, Since: endpoint.Since, Presence: true})
	}
	for _, address := range addresses {
		if target, ok := c.book.Target(group, address); ok {
			waits = append(waits, health.Wait{Group: group, Address: address, Since: target.Since})
		}
	}
	return waits
}

// learn asks once which targets a group has, so that none is registered over.
func (c *bindingController) learn(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	group := binding.Spec.TargetGroupARN
	if c.book.Known(group) {
		return nil
	}
	// Pods that were looked at before have been told that nobody knows; now somebody does.
	defer func() {
		endpoints := c.endpoints(ctx, binding)
		c.registered(podsOf(endpoints))
	}()
	if c.remembered(ctx, binding) {
		return nil
	}
	if err := c.read(ctx, group); err != nil {
		return err
	}
	own := c.interrupted(ctx, binding)
	maps.DeleteFunc(own, func(address model.TargetID, _ types.UID) bool {
		target, found := c.book.Target(group, address)
		return !found || !target.Registered()
	})
	if len(own) > 0 {
		c.book.Remembered(group, own)
	}
	return nil
}

// read asks AWS for a group's targets, now and before all others.
func (c *bindingController) read(ctx context.Context, group string) error {
	asked := time.Now()
	answer, err := c.cloud.As(c.roleFor(ctx, group)).TargetHealth(ctx, cloud.Registration, group)
	if err != nil {
		return fmt.Errorf("reading the targets of %s: %w", group, err)
	}
	c.book.Answered(group, answer, asked)
	return nil
}

// plan compares endpoints and registrations as they are now.
func (c *bindingController) plan(ctx context.Context, binding *v1beta1.TargetGroupBinding) targets.Changes {
	endpoints := c.endpoints(ctx, binding)
	for i := range endpoints {
		if pod := c.pod(ctx, endpoints[i].Pod); pod != nil {
			endpoints[i].Judging = readiness.Judging(pod)
		}
	}
	c.book.Seen(binding.Spec.TargetGroupARN, uids(endpoints))
	registrations := map[model.TargetID]targets.Registration{}
	for address, target := range c.known(binding, endpoints) {
		// Whether its Pod runs matters only of an address that no endpoint has.
		orphan := !has(endpoints, address)
		registrations[address] = targets.Registration{
			Pod: target.Pod, Draining: !target.Registered(), Doubtful: target.Doubtful, Health: target.State, Seen: target.Seen,
			Running: orphan && target.Registered() && c.runs(ctx, address, target.Pod),
		}
	}
	now := time.Now()
	return targets.Plan(now, endpoints, registrations, targets.Settings{
		UnreadyGrace: c.config.UnreadyGrace, LargestShare: c.config.BrakeTargets, HeldFor: c.holds.lasts(nameOf(binding), now), Confirmed: confirmed(binding, confirmDeregistration),
	})
}

// note writes down whose the registered addresses are.
func (c *bindingController) note(group string, changes targets.Changes) {
	if len(changes.Remember) > 0 {
		c.book.Remembered(group, uids(changes.Remember))
	}
	if len(changes.Adopt) > 0 {
		c.book.Adopted(group, uids(changes.Adopt), time.Now())
		c.book.Seen(group, uids(changes.Adopt))
	}
	c.registered(podsOf(append(changes.Remember, changes.Adopt...)))
}

func (c *bindingController) setFinalizer(ctx context.Context, binding *v1beta1.TargetGroupBinding, wanted bool) error {
	before := binding.DeepCopy()
	changed := false
	if wanted {
		changed = controllerutil.AddFinalizer(binding, bindingFinalizer)
	} else {
		changed = controllerutil.RemoveFinalizer(binding, bindingFinalizer)
	}
	if !changed {
		return nil
	}
	err := c.client.Patch(ctx, binding, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if !wanted {
		err = client.IgnoreNotFound(err)
	}
	if err != nil { // without its finalizer, the targets of a binding that has just gone would stay for ever
		return fmt.Errorf("writing the finalizer of TargetGroupBinding %s: %w", nameOf(binding), err)
	}
	return nil
}
