package controller

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

const ipTargets = "ip"

// boundClaim is a claim, and the binding that it is bound by.
type boundClaim struct {
	readiness.Claim
	binding *v1beta1.TargetGroupBinding // nil while the claim is foreseen
}

// claims of a namespace: every ip backend of its Ingresses, and every binding with ip
// targets that belongs to no Ingress. A binding that the controller made for an
// Ingress backend is that backend's claim, bound.
func (v *view) claims(ctx context.Context, namespace string) []boundClaim {
	var out []boundClaim
	bindings := v.bindings(ctx, client.InNamespace(namespace))
	var ingresses networkingv1.IngressList
	if err := v.List(ctx, &ingresses, client.InNamespace(namespace)); err != nil {
		return nil
	}
	classes := v.classes(ctx)
	for i := range ingresses.Items {
		object := &ingresses.Items[i]
		if class, ours := classes.Of(object); ours && object.DeletionTimestamp == nil {
			out = append(out, v.ingressClaims(ctx, object, class, bindings)...)
		}
	}
	for i := range bindings {
		if claim, ok := v.bindingClaim(ctx, &bindings[i]); ok {
			out = append(out, claim)
		}
	}
	return out
}

func (v *view) ingressClaims(ctx context.Context, object *networkingv1.Ingress, class ingress.Class, bindings []v1beta1.TargetGroupBinding) []boundClaim {
	var out []boundClaim
	for _, backend := range v.backends(ctx, object, class, bindings) {
		service := v.service(ctx, object.Namespace, backend.Service)
		if ingress.TargetType(object, class, service, v.config.Build.DefaultTargetType) != ipTargets {
			continue
		}
		claim := boundClaim{Claim: readiness.Claim{
			Owner:      model.Object{Kind: "Ingress", Namespace: object.Namespace, Name: object.Name},
			Backend:    fmt.Sprintf("service %s port %s", backend.Service, backend.Port),
			Gates:      []readiness.ConditionType{readiness.ForIngress(object.Name, backend.Port), readiness.ForIngressService(object.Name, backend.Service, backend.Port)},
			Since:      object.CreationTimestamp.Time,
			Problem:    v.rejections.of(nameOf(object)),
			Unresolved: service == nil,
		}}
		if service != nil {
			claim.Selector = service.Spec.Selector
		}
		if binding := v.bindingFor(ctx, object, class, service, backend, bindings); binding != nil {
			claim.bind(binding)
		} else if v.onlyPlanned(ctx, object, class) {
			continue // nobody makes its target group
		} else if name, ok := v.bindingName(object, class, service, backend); ok {
			claim.Gates = append(claim.Gates, readiness.ForBinding(name)) // it will have this name
		}
		out = append(out, claim)
	}
	return out
}

// bindingFor finds the binding that was made for a backend of an Ingress. Where several
// Ingresses of a group name one Service port, the name tells them apart. Where only one does,
// any name will do: a target group that survives the deletion of its Service serves the next
// one, and keeps the name that it has from the first.
func (v *view) bindingFor(ctx context.Context, object *networkingv1.Ingress, class ingress.Class, service *corev1.Service, backend ingress.Backend, bindings []v1beta1.TargetGroupBinding) *v1beta1.TargetGroupBinding {
	stack, err := ingress.Group(object, class)
	if err != nil {
		return nil
	}
	var found []*v1beta1.TargetGroupBinding
	for i := range bindings {
		binding := &bindings[i]
		if id, ok := stackOfBinding(binding); ok && id == stack && binding.DeletionTimestamp == nil &&
			binding.Spec.ServiceRef.Name == backend.Service && binding.Spec.ServiceRef.Port.String() == backend.Port {
			found = append(found, binding)
		}
	}
	for _, binding := range found {
		if v.madeFor(object, class, service, backend, binding) {
			return binding
		}
	}
	if len(found) == 1 && (stack.Namespace != "" || v.alone(ctx, stack, object, backend)) {
		return found[0]
	}
	return nil
}

// alone reports whether no other Ingress of a group names this Service port.
func (v *view) alone(ctx context.Context, stack model.StackID, object *networkingv1.Ingress, backend ingress.Backend) bool {
	classes := v.classes(ctx)
	list, err := v.inGroup(ctx, stack, classes, client.InNamespace(object.Namespace), client.UnsafeDisableDeepCopy)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(list, func(other networkingv1.Ingress) bool {
		class, _ := classes.Of(&other)
		group, err := ingress.Group(&other, class)
		return err == nil && group == stack && other.Name != object.Name && slices.ContainsFunc(ingress.Backends(&other), backend.Same)
	})
}

// onlyPlanned reports whether the stack of an Ingress is planned and not applied. The incumbent
// knows no such thing.
func (v *view) onlyPlanned(ctx context.Context, object *networkingv1.Ingress, class ingress.Class) bool {
	if v.config.Mode != Full {
		return false
	}
	stack, err := ingress.Group(object, class)
	if err != nil || stack.Namespace != "" {
		return ingress.AsksForPlan(object)
	}
	classes := v.classes(ctx)
	list, err := v.inGroup(ctx, stack, classes, client.UnsafeDisableDeepCopy)
	return err == nil && slices.ContainsFunc(list, func(other networkingv1.Ingress) bool {
		class, ours := classes.Of(&other)
		group, err := ingress.Group(&other, class)
		return ours && err == nil && group == stack && other.DeletionTimestamp == nil && ingress.AsksForPlan(&other)
	})
}

func (v *view) madeFor(object *networkingv1.Ingress, class ingress.Class, service *corev1.Service, backend ingress.Backend, binding *v1beta1.TargetGroupBinding) bool {
	name, ok := v.bindingName(object, class, service, backend)
	return ok && binding.Name == name
}

// bindingName is what the binding of an Ingress backend is called, whether or not it is there.
func (v *view) bindingName(object *networkingv1.Ingress, class ingress.Class, service *corev1.Service, backend ingress.Backend) (string, bool) {
	if service == nil {
		return "", false
	}
	port, ok := ingress.ServicePort(service, backend.Port)
	if !ok {
		return "", false
	}
	name := ingress.TargetGroupName(v.config.Build, object, class, service, port, backend.Port)
	return name, name != ""
}

// stackOfBinding is the Ingress stack that a binding was made for.
func stackOfBinding(binding *v1beta1.TargetGroupBinding) (model.StackID, bool) {
	if name := binding.Labels[model.StackTag]; name != "" {
		return model.StackID{Name: name}, true
	}
	id := model.StackID{Namespace: binding.Labels[model.StackTag+"-namespace"], Name: binding.Labels[model.StackTag+"-name"]}
	return id, id.Name != ""
}

func (v *view) bindingClaim(ctx context.Context, binding *v1beta1.TargetGroupBinding) (boundClaim, bool) {
	if _, made := stackOfBinding(binding); made || instanceBinding(binding) || binding.DeletionTimestamp != nil {
		return boundClaim{}, false
	}
	service := v.service(ctx, binding.Namespace, binding.Spec.ServiceRef.Name)
	claim := boundClaim{Claim: readiness.Claim{
		Owner:      model.Object{Kind: "TargetGroupBinding", Namespace: binding.Namespace, Name: binding.Name},
		Backend:    fmt.Sprintf("service %s port %s", binding.Spec.ServiceRef.Name, binding.Spec.ServiceRef.Port.String()),
		Since:      binding.CreationTimestamp.Time,
		Problem:    refusal(binding),
		Unresolved: service == nil,
	}}
	if service != nil {
		claim.Selector = service.Spec.Selector
	}
	if claim.Problem == "" && binding.Spec.TargetGroupARN != "" {
		claim.bind(binding)
	} else {
		claim.Gates = append(claim.Gates, readiness.ForBinding(binding.Name))
	}
	return claim, true
}

func (c *boundClaim) bind(binding *v1beta1.TargetGroupBinding) {
	c.binding = binding
	c.TargetGroup = binding.Spec.TargetGroupARN
	c.Gates = append(c.Gates, readiness.ForBinding(binding.Name))
}

func ipBinding(binding *v1beta1.TargetGroupBinding) bool {
	return binding.Spec.TargetGroupARN != "" && binding.Spec.TargetType != nil && *binding.Spec.TargetType == v1beta1.TargetTypeIP
}
