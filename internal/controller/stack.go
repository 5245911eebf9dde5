package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// stackController makes the load balancer of a stack: of one Ingress, or of a group.
type stackController struct {
	*view
	records *records
	client  client.Client
	cloud   *cloud.Cloud
	book    *health.Book
	events  Events
	bell    bell
	// previews of a dry run.
	previews *previews
	// brake on deletions of load balancers.
	brake *brake
	// switches of traffic from one target group to another that are on their way.
	switches *switches
	// await replaces what somebody waits to hear of AWS.
	await func(who string, waits []health.Wait)
	// deleting are the bindings that this controller deletes now.
	deleting *deletions
	// shared holds a token while somebody makes or removes what all stacks share.
	shared chan struct{}
	// left are deleted Ingresses that need nothing shared any more; see sharedInUse. It
	// belongs to who holds the token.
	left map[types.UID]bool
	// rejected is told when an Ingress begins or ceases to have problems.
	rejected func(context.Context, *networkingv1.Ingress)
}

func (c *stackController) setup(manager ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))
	own := handler.EnqueueRequestsFromMapFunc(c.stacks)
	service := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return c.stacksOf(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{ingressesByBacked: o.GetName()})
	})
	class := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request { return c.stacksOf(ctx) })
	binding := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		id, ok := stackOfBinding(o.(*v1beta1.TargetGroupBinding))
		if !ok {
			return nil
		}
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: id.Namespace, Name: id.Name}}}
	})
	record := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		id, ok := stackOfRecord(o.GetName())
		if !ok {
			return nil
		}
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: id.Namespace, Name: id.Name}}}
	})
	namespace := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return c.stacksOf(ctx, client.InNamespace(o.GetName()))
	})
	return ctrl.NewControllerManagedBy(manager).Named("ingress").
		Watches(&networkingv1.Ingress{}, own, changed).
		Watches(&corev1.Service{}, service, changed).
		Watches(&networkingv1.IngressClass{}, class, changed).
		Watches(&v1beta1.IngressClassParams{}, class, changed).
		Watches(&corev1.Namespace{}, namespace, builder.WithPredicates(predicate.LabelChangedPredicate{})).
		Watches(&v1beta1.TargetGroupBinding{}, binding, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.LoadBalancer{}, record, builder.WithPredicates(confirmedNow)).
		WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{MaxConcurrentReconciles: c.config.IngressWorkers, RateLimiter: backOff()}).
		Complete(c)
}

func (c *stackController) stacksOf(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	var list networkingv1.IngressList
	if err := c.List(ctx, &list, options...); err != nil {
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, c.stacks(ctx, &list.Items[i])...)
	}
	return out
}

// Reconcile brings one stack in line. The request's name is the stack's ID: an Ingress,
// or, without a namespace, a group.
func (c *stackController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	id := model.StackID{Namespace: request.Namespace, Name: request.Name}
	m, err := c.membership(ctx, id)
	if err != nil {
		return outcome(ctx, err)
	}
	if wait := m.incomplete(time.Now()); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	if c.config.DryRun {
		return outcome(ctx, c.preview(ctx, id, m))
	}
	c.reportGroupless(ctx, id)
	c.holdMoving(ctx, id, &m)
	var recheck time.Duration
	switch {
	case len(m.members)+len(m.leaving) == 0 && len(m.moving) > 0:
		recheck = switchPace // what they have stays as it is
	case ingress.Planned(m.members):
		err = c.planOnly(ctx, id, m)
	case len(m.members) > 0:
		recheck, err = c.deploy(ctx, id, m)
	case len(m.leaving) > 0:
		err = c.remove(ctx, id, m)
	default:
		// One that was rejected from the start has nothing of its own, but it was reason
		// enough for what is shared, and has a record.
		err = errors.Join(c.releaseShared(ctx, nil), c.records.removeUnused(ctx, id))
	}
	switch {
	case err == nil:
	case isHeld(err):
		c.tell(ctx, id, m, reasonHeld, err, c.events.Held)
	case isOurs(err) && !m.expects(cloud.KindOf(err), time.Now()):
		c.tell(ctx, id, m, string(cloud.KindOf(err)), err, c.events.DeployFailed)
	}
	if err == nil {
		return ctrl.Result{RequeueAfter: recheck}, nil
	}
	return outcomeAfter(ctx, err, m.leavingFor(time.Now()))
}

// tell says on the Ingresses and on the stack's record what is in the way.
func (c *stackController) tell(ctx context.Context, id model.StackID, m membership, reason string, err error, event func(runtime.Object, error)) {
	for _, object := range m.all() {
		event(object, err)
	}
	if err := c.records.failed(ctx, id, reason, err); err != nil {
		log.FromContext(ctx).Error(err, "noting what is in the way")
	}
}

// reportGroupless tells about an Ingress whose group name is none: it is in no stack.
func (c *stackController) reportGroupless(ctx context.Context, id model.StackID) {
	var object networkingv1.Ingress
	if id.Namespace == "" || c.Get(ctx, client.ObjectKey{Namespace: id.Namespace, Name: id.Name}, &object) != nil {
		return
	}
	class, ours := c.class(ctx, &object)
	_, err := ingress.Group(&object, class)
	if finding, ok := errors.AsType[annotations.Finding](err); ok && ours && object.DeletionTimestamp == nil {
		c.report(ctx, &object, []model.Problem{{
			Object: model.Object{Kind: "Ingress", Namespace: object.Namespace, Name: object.Name},
			Field:  fmt.Sprintf("metadata.annotations[%s]", finding.Key), Reason: "FailedLoadGroupID", Message: finding.Message, Remedy: finding.Remedy,
		}})
	}
}

// deploy builds, plans and applies. It says when to look again for what AWS lacks.
func (c *stackController) deploy(ctx context.Context, id model.StackID, m membership) (time.Duration, error) {
	if err := c.clearPlans(ctx, m); err != nil {
		return 0, err
	}
	result, err := c.build(ctx, id, m)
	if err != nil {
		return 0, err
	}
	recheck := recheckAfter(result.Problems)
	served := c.reportAll(ctx, m, result)
	if err := c.records.accepted(ctx, id, result.Problems); err != nil {
		return 0, err
	}
	if result.Stack == nil {
		return recheck, nil // what there is stays as it is
	}
	// Those that are rejected too: when all others have left, theirs is what is left.
	for _, member := range m.members {
		if err := c.setFinalizer(ctx, member.Ingress, ingress.Finalizer(id), true); err != nil {
			return 0, err
		}
	}
	reached, err := c.converge(ctx, *result.Stack)
	if err != nil {
		return 0, err
	}
	for _, key := range reached.abrupt {
		for _, object := range served {
			c.events.SwitchedAtOnce(object, key)
		}
	}
	for _, object := range served {
		if err := c.setStatus(ctx, object, reached.dnsName, *result.Stack); err != nil {
			return 0, err
		}
		if reached.steps > 0 {
			c.events.Reconciled(object, reached.steps)
		}
	}
	if reached.steps > 0 {
		log.FromContext(ctx).Info("stack is up to date", "stack", id.String(), "changes", reached.steps)
	}
	if len(m.moving) > 0 {
		recheck = switchPace
	}
	return cmp.Or(reached.recheck, recheck), c.letGo(ctx, id, m)
}

// letGo takes the finalizer from those who have left the stack.
func (c *stackController) letGo(ctx context.Context, id model.StackID, m membership) error {
	for _, object := range m.leaving {
		if err := c.setFinalizer(ctx, object, ingress.Finalizer(id), false); err != nil {
			return err
		}
		c.rejections.set(nameOf(object), nil)
	}
	return nil
}

// reportAll tells people about problems, and returns the Ingresses that are served.
func (c *stackController) reportAll(ctx context.Context, m membership, result ingress.Result) []*networkingv1.Ingress {
	var served []*networkingv1.Ingress
	for _, member := range m.members {
		object := model.Object{Kind: "Ingress", Namespace: member.Ingress.Namespace, Name: member.Ingress.Name}
		var own []model.Problem
		for _, problem := range result.Problems {
			if problem.Takes() == object {
				own = append(own, problem)
			}
		}
		c.report(ctx, member.Ingress, own)
		if !result.Rejected(object) {
			served = append(served, member.Ingress)
		}
	}
	return served
}

// report tells people about the problems of an Ingress, on the object that each is about.
func (c *stackController) report(ctx context.Context, object *networkingv1.Ingress, problems []model.Problem) {
	var rejecting []string
	for _, problem := range problems {
		if !problem.Warning {
			rejecting = append(rejecting, problem.String())
		}
		if service := c.service(ctx, problem.Object.Namespace, problem.Object.Name); problem.Object.Kind == "Service" && service != nil {
			c.events.Problem(service, problem)
		}
		c.events.Problem(object, problem)
	}
	if c.rejections.set(nameOf(object), rejecting) {
		if len(rejecting) > 0 {
			log.FromContext(ctx).Info("ingress is rejected", "ingress", nameOf(object).String(), "problems", strings.Join(rejecting, "; "))
		}
		c.rejected(ctx, object)
	}
}

// mayDelete asks the brake before a load balancer goes. Nothing of the plan is done
// while it says no.
func (c *stackController) mayDelete(ctx context.Context, id model.StackID, steps []plan.Step) error {
	name := types.NamespacedName{Namespace: id.Namespace, Name: id.Name}
	deletes := func(s plan.Step) bool { _, ok := s.Action.(plan.DeleteLoadBalancer); return ok }
	if !slices.ContainsFunc(steps, deletes) || c.records.confirmed(ctx, id) {
		c.brake.forget(name)
		return nil
	}
	remedy := fmt.Sprintf("kubectl annotate loadbalancers.sluice.dev %s %s=true", recordName(id), confirmDeletion)
	return c.brake.pass(name, c.goingStacks(ctx), remedy, time.Now())
}

// known is what the inventory says of a stack, with its bindings: no call but the first.
func (c *stackController) known(ctx context.Context, id model.StackID) (model.Observed, error) {
	have, err := c.cloud.Known(ctx, id)
	if err != nil {
		return have, err
	}
	return c.withBindings(ctx, have), nil
}

// observe is what AWS has, with the bindings that Kubernetes has.
func (c *stackController) observe(ctx context.Context, want model.Stack) (model.Observed, error) {
	have, err := c.cloud.Observe(ctx, want)
	if err != nil {
		return have, err
	}
	return c.withBindings(ctx, have), nil
}

func (c *stackController) withBindings(ctx context.Context, have model.Observed) model.Observed {
	have.Bindings = build.ObservedBindings(c.bindings(ctx, client.MatchingLabels(ingress.BindingLabels(have.ID))), have.IDs)
	have.Sort()
	return have
}

// remove takes away all that a stack without members has, and what is shared when it is
// the last. Only then the finalizers go.
func (c *stackController) remove(ctx context.Context, id model.StackID, m membership) error {
	for _, object := range m.leaving {
		if err := protected(object); err != nil {
			c.events.DeployFailed(object, err)
			return nil // until the annotation changes
		}
	}
	if _, err := c.converge(ctx, model.Stack{ID: id}); err != nil {
		return err
	}
	c.switches.forget(id)
	if err := c.releaseShared(ctx, m.leaving); err != nil {
		return err
	}
	if err := c.records.remove(ctx, id); err != nil {
		return err
	}
	log.FromContext(ctx).Info("stack is gone", "stack", id.String())
	return c.letGo(ctx, id, m)
}

// protected: an Ingress that asks for deletion protection keeps its load balancer when
// it is deleted, as with the incumbent.
func protected(object *networkingv1.Ingress) error {
	if object.DeletionTimestamp == nil {
		return nil
	}
	// What cannot be read was never applied, and protects nothing.
	attributes, _ := annotations.New(object.Annotations, nil).StringMap("load-balancer-attributes")
	if on, _ := strconv.ParseBool(attributes["deletion_protection.enabled"]); on {
		return fmt.Errorf("%s holds deletion_protection.enabled=true: the load balancer is kept; set it to false to let the Ingress go",
			annotations.Prefix+"load-balancer-attributes")
	}
	return nil
}

func (c *stackController) setFinalizer(ctx context.Context, object *networkingv1.Ingress, finalizer string, wanted bool) error {
	before := object.DeepCopy()
	changed := false
	if wanted {
		changed = controllerutil.AddFinalizer(object, finalizer)
	} else {
		changed = controllerutil.RemoveFinalizer(object, finalizer)
	}
	if !changed {
		return nil
	}
	err := c.client.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if !wanted {
		err = client.IgnoreNotFound(err)
	}
	if err != nil { // without its finalizer, what is made for an Ingress that has just gone would stay for ever
		return fmt.Errorf("writing the finalizer of Ingress %s: %w", nameOf(object), err)
	}
	return nil
}

// setStatus leaves the protocol of ports empty, as the incumbent does.
func (c *stackController) setStatus(ctx context.Context, object *networkingv1.Ingress, dnsName string, stack model.Stack) error {
	var ports []networkingv1.IngressPortStatus
	for _, listener := range stack.Listeners {
		ports = append(ports, networkingv1.IngressPortStatus{Port: listener.Port})
	}
	want := []networkingv1.IngressLoadBalancerIngress{{Hostname: strings.ToLower(dnsName), Ports: ports}}
	if dnsName == "" || equality.Semantic.DeepEqual(object.Status.LoadBalancer.Ingress, want) {
		return nil
	}
	before := object.DeepCopy()
	object.Status.LoadBalancer.Ingress = want
	if err := c.client.Status().Patch(ctx, object, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("writing the status of Ingress %s: %w", nameOf(object), err)
	}
	return nil
}
