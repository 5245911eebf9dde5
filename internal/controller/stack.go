package controller

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/equality"
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
	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// ingressFinalizer is the incumbent's, for Ingresses that are alone in their group.
const ingressFinalizer = "ingress.k8s.aws/resources"

// stackController makes the load balancer of an Ingress.
type stackController struct {
	*view
	client client.Client
	cloud  *cloud.Cloud
	book   *health.Book
	events Events
	// shared holds a token while somebody makes or removes what all stacks share.
	shared chan struct{}
	// rejected is told when an Ingress begins or ceases to have problems.
	rejected func(context.Context, *networkingv1.Ingress)
}

func (c *stackController) setup(manager ctrl.Manager) error {
	changed := builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))
	service := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, o client.Object) []reconcile.Request {
		return c.ingresses(ctx, client.InNamespace(o.GetNamespace()), client.MatchingFields{ingressesByBacked: o.GetName()})
	})
	class := handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request { return c.ingresses(ctx) })
	binding := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		id, ok := stackOfBinding(o.(*v1beta1.TargetGroupBinding))
		if !ok {
			return nil
		}
		return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: id.Namespace, Name: id.Name}}}
	})
	return ctrl.NewControllerManagedBy(manager).Named("ingress").
		For(&networkingv1.Ingress{}, changed).
		Watches(&corev1.Service{}, service, changed).
		Watches(&networkingv1.IngressClass{}, class, changed).
		Watches(&v1beta1.TargetGroupBinding{}, binding, changed).
		WithOptions(controller.Options{MaxConcurrentReconciles: c.config.IngressWorkers}).
		Complete(c)
}

func (c *stackController) ingresses(ctx context.Context, options ...client.ListOption) []reconcile.Request {
	var list networkingv1.IngressList
	if err := c.List(ctx, &list, options...); err != nil {
		return nil
	}
	var out []reconcile.Request
	for i := range list.Items {
		out = append(out, reconcile.Request{NamespacedName: nameOf(&list.Items[i])})
	}
	return out
}

// Reconcile brings the stack of one Ingress in line.
func (c *stackController) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var object networkingv1.Ingress
	if err := c.Get(ctx, request.NamespacedName, &object); err != nil {
		c.rejections.set(request.NamespacedName, nil)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	class, ours := c.class(ctx, &object)
	if object.DeletionTimestamp != nil || !ours {
		if !controllerutil.ContainsFinalizer(&object, ingressFinalizer) {
			return ctrl.Result{}, nil
		}
		return c.result(ctx, &object, c.remove(ctx, &object))
	}
	if wait := c.incomplete(ctx, &object); wait > 0 {
		return ctrl.Result{RequeueAfter: wait}, nil
	}
	return c.result(ctx, &object, c.deploy(ctx, &object, class))
}

// settling is how long a new Ingress waits for Services that are applied along with it
// in any order. It saves AWS a rule that answers 503, and people a false warning.
const settling = 3 * time.Second

// incomplete is how long to wait for the Services of a new Ingress; 0: not at all.
func (c *stackController) incomplete(ctx context.Context, object *networkingv1.Ingress) time.Duration {
	services := c.services(ctx, object)
	lacking := func(b ingress.Backend) bool { return services[b.Service] == nil }
	if !slices.ContainsFunc(ingress.Backends(object), lacking) {
		return 0
	}
	return time.Until(object.CreationTimestamp.Add(settling))
}

func (c *stackController) result(ctx context.Context, object *networkingv1.Ingress, err error) (ctrl.Result, error) {
	if err != nil && isOurs(err) && !expected(object, cloud.KindOf(err), time.Now()) {
		c.events.DeployFailed(object, err)
	}
	return outcome(ctx, err)
}

// lingering is how long AWS may call a security group in use after its load balancer
// has gone: users report minutes (aws-load-balancer-controller issue 4272).
const lingering = 3 * time.Minute

// expected reports errors that nobody need hear of: AWS is only slow.
func expected(object *networkingv1.Ingress, kind cloud.Kind, now time.Time) bool {
	removing := object.DeletionTimestamp != nil && now.Sub(object.DeletionTimestamp.Time) < lingering
	return kind == cloud.Throttled || kind == cloud.Conflict && removing
}

// deploy builds, plans and applies.
func (c *stackController) deploy(ctx context.Context, object *networkingv1.Ingress, class *networkingv1.IngressClass) error {
	result, err := c.build(ctx, object, class)
	if err != nil {
		return err
	}
	c.report(ctx, object, result.Problems)
	if result.Stack == nil {
		return nil // what there is stays as it is
	}
	if err := c.setFinalizer(ctx, object, true); err != nil {
		return err
	}
	steps, dnsName, err := c.converge(ctx, *result.Stack)
	if err != nil {
		return err
	}
	if err := c.setStatus(ctx, object, dnsName, *result.Stack); err != nil {
		return err
	}
	if steps > 0 {
		log.FromContext(ctx).Info("stack is up to date", "stack", result.Stack.ID.String(), "changes", steps)
		c.events.Reconciled(object, steps)
	}
	return nil
}

// build takes the snapshot and builds. Where the network lacks something that an
// Ingress names, it is read once more before the user is told.
func (c *stackController) build(ctx context.Context, object *networkingv1.Ingress, class *networkingv1.IngressClass) (ingress.Result, error) {
	backend, err := c.ensureShared(ctx)
	if err != nil {
		return ingress.Result{}, err
	}
	have, err := c.cloud.Observe(ctx, model.Stack{ID: ingress.StackID(object)})
	if err != nil {
		return ingress.Result{}, err
	}
	snapshot := ingress.Snapshot{
		Config: c.config.Build, BackendSecurityGroup: backend, Existing: have.LoadBalancer, Ingress: object, Class: class, Services: c.services(ctx, object),
	}
	var result ingress.Result
	for _, fresh := range []bool{false, true} {
		if snapshot.Network, err = c.cloud.Network(ctx, fresh); err != nil {
			return ingress.Result{}, err
		}
		if result = ingress.Stack(snapshot); result.Stack != nil || !aboutSubnets(result.Problems) {
			break
		}
	}
	return result, nil
}

func aboutSubnets(problems []model.Problem) bool {
	for _, problem := range problems {
		if problem.Reason == "InvalidSubnet" || problem.Reason == "NoSubnets" {
			return true
		}
	}
	return false
}

// report tells people about problems, on the object that each is about.
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
			log.FromContext(ctx).Info("ingress is rejected", "problems", strings.Join(rejecting, "; "))
		}
		c.rejected(ctx, object)
	}
}

// converge makes AWS and the bindings what the stack says. It returns the number of
// steps and the load balancer's DNS name.
func (c *stackController) converge(ctx context.Context, want model.Stack) (int, string, error) {
	have, err := c.observe(ctx, want)
	if err != nil {
		return 0, "", err
	}
	steps := plan.Steps(want, have, plan.Options{ExternalTags: c.config.ExternalTags})
	if err := c.apply(ctx, want.ID, steps); err != nil {
		return 0, "", err
	}
	if len(steps) > 0 {
		if have, err = c.cloud.Observe(ctx, want); err != nil {
			return 0, "", err
		}
	}
	for _, group := range want.TargetGroups {
		c.book.SetCheck(have.IDs[group.Key], group.HealthCheck)
	}
	return len(steps), have.DNSName, nil
}

// observe is what AWS has, with the bindings that Kubernetes has.
func (c *stackController) observe(ctx context.Context, want model.Stack) (model.Observed, error) {
	have, err := c.cloud.Observe(ctx, want)
	if err != nil {
		return have, err
	}
	have.Bindings = observedBindings(c.bindings(ctx, client.MatchingLabels(ingress.BindingLabels(want.ID))), have.IDs)
	have.Sort()
	return have, nil
}

// remove takes away all that an Ingress has, and what is shared when it is the last.
// Only then the finalizer goes.
func (c *stackController) remove(ctx context.Context, object *networkingv1.Ingress) error {
	if object.DeletionTimestamp != nil {
		if err := protected(object); err != nil {
			c.events.DeployFailed(object, err)
			return nil // until the annotation changes
		}
	}
	if _, _, err := c.converge(ctx, model.Stack{ID: ingress.StackID(object)}); err != nil {
		return err
	}
	if err := c.releaseShared(ctx, object); err != nil {
		return err
	}
	if err := c.setFinalizer(ctx, object, false); err != nil {
		return err
	}
	log.FromContext(ctx).Info("stack is gone", "stack", ingress.StackID(object).String())
	return nil
}

// protected: an Ingress that asks for deletion protection keeps its load balancer when
// it is deleted, as with the incumbent.
func protected(object *networkingv1.Ingress) error {
	// What cannot be read was never applied, and protects nothing.
	attributes, _ := annotations.New(object.Annotations, nil).StringMap("load-balancer-attributes")
	if on, _ := strconv.ParseBool(attributes["deletion_protection.enabled"]); on {
		return fmt.Errorf("%s holds deletion_protection.enabled=true: the load balancer is kept; set it to false to let the Ingress go",
			annotations.Prefix+"load-balancer-attributes")
	}
	return nil
}

func (c *stackController) setFinalizer(ctx context.Context, object *networkingv1.Ingress, wanted bool) error {
	before := object.DeepCopy()
	changed := false
	if wanted {
		changed = controllerutil.AddFinalizer(object, ingressFinalizer)
	} else {
		changed = controllerutil.RemoveFinalizer(object, ingressFinalizer)
	}
	if !changed {
		return nil
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.client.Patch(ctx, object, patch); err != nil {
		return fmt.Errorf("writing the finalizer of Ingress %s: %w", nameOf(object), err)
	}
	return nil
}

func (c *stackController) setStatus(ctx context.Context, object *networkingv1.Ingress, dnsName string, stack model.Stack) error {
	var ports []networkingv1.IngressPortStatus
	for _, listener := range stack.Listeners {
		ports = append(ports, networkingv1.IngressPortStatus{Port: listener.Port, Protocol: corev1.ProtocolTCP})
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
