package diagnose

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// Traffic is what may send requests to a Pod: all of its namespace, but for the classes.
type Traffic struct {
	Services       []corev1.Service
	Ingresses      []networkingv1.Ingress
	IngressClasses []networkingv1.IngressClass
	// ClassParams that classes refer to.
	ClassParams []v1beta1.IngressClassParams
	// NamespaceLabels are those of the namespace.
	NamespaceLabels map[string]string
	Bindings        []v1beta1.TargetGroupBinding
}

func (t *Traffic) classes() ingress.Classes {
	classes := ingress.Classes{
		Flag: "alb", Classes: t.IngressClasses, Params: map[string]*v1beta1.IngressClassParams{},
		Labels: func(string) map[string]string { return t.NamespaceLabels },
	}
	for i := range t.ClassParams {
		classes.Params[t.ClassParams[i].Name] = &t.ClassParams[i]
	}
	return classes
}

// claimant is an Ingress or a binding that leads to the Pod.
type claimant struct {
	readiness.Claim
	// unserved is why it does not hold the Pod back; empty: it does.
	unserved string
	// ofIngress: it is a binding that the controller made for an Ingress.
	ofIngress bool
}

// claimants of a Pod, in the order in which they were gathered.
func claimants(s Snapshot) []claimant {
	if s.Traffic == nil {
		return nil
	}
	services := map[string]*corev1.Service{}
	for i := range s.Traffic.Services {
		service := &s.Traffic.Services[i]
		if (readiness.Claim{Selector: service.Spec.Selector}).Selects(s.Pod.Labels) {
			services[service.Name] = service
		}
	}
	var all []claimant
	for i := range s.Traffic.Ingresses {
		object := &s.Traffic.Ingresses[i]
		for _, backend := range ingress.Backends(object) {
			if service := services[backend.Service]; service != nil {
				all = append(all, ingressClaimant(s, object, service, backend))
			}
		}
	}
	for i := range s.Traffic.Bindings {
		if binding := &s.Traffic.Bindings[i]; services[binding.Spec.ServiceRef.Name] != nil {
			all = append(all, bindingClaimant(binding))
		}
	}
	return all
}

func ingressClaimant(s Snapshot, object *networkingv1.Ingress, service *corev1.Service, backend ingress.Backend) claimant {
	c := claimant{Claim: readiness.Claim{
		Owner:   model.Object{Kind: "Ingress", Namespace: object.Namespace, Name: object.Name},
		Backend: fmt.Sprintf("service %s port %s", backend.Service, backend.Port),
		Gates:   []readiness.ConditionType{readiness.ForIngress(object.Name, backend.Port), readiness.ForIngressService(object.Name, backend.Service, backend.Port)},
	}}
	class, ours := s.Traffic.classes().Of(object)
	switch kind := ingress.TargetType(object, class, service, ""); {
	case class.Problem != nil:
		c.unserved = class.Problem.Message
	case !ours:
		c.unserved = "its class is not one of Sluice's"
	case object.DeletionTimestamp != nil:
		c.unserved = "it is being deleted"
	case kind == string(v1beta1.TargetTypeInstance):
		c.unserved = "its targets are instances, not Pods (alb.ingress.kubernetes.io/target-type: instance)"
	case kind == "":
		c.unserved = "unless the controller runs with --default-target-type=ip: the Ingress does not say alb.ingress.kubernetes.io/target-type"
	}
	return c
}

func bindingClaimant(binding *v1beta1.TargetGroupBinding) claimant {
	c := claimant{Claim: readiness.Claim{
		Owner:       model.Object{Kind: "TargetGroupBinding", Namespace: binding.Namespace, Name: binding.Name},
		Backend:     fmt.Sprintf("service %s port %s", binding.Spec.ServiceRef.Name, binding.Spec.ServiceRef.Port.String()),
		Gates:       []readiness.ConditionType{readiness.ForBinding(binding.Name)},
		TargetGroup: binding.Spec.TargetGroupARN,
	}}
	for label := range binding.Labels {
		c.ofIngress = c.ofIngress || strings.HasPrefix(label, model.StackTag)
	}
	switch {
	case binding.DeletionTimestamp != nil:
		c.unserved = "it is being deleted"
	case binding.Spec.TargetType != nil && *binding.Spec.TargetType != v1beta1.TargetTypeIP:
		c.unserved = "its targets are instances, not Pods"
	}
	return c
}

// standsFor are the owners that a gate holds the Pod back for.
func standsFor(gate string, gates []Gate, all []claimant) []string {
	all = made(all)
	var has []readiness.Gate
	for _, g := range gates {
		has = append(has, readiness.Gate{Type: readiness.ConditionType(g.Type)})
	}
	var claims []readiness.Evidence
	for _, c := range all {
		if c.unserved == "" {
			claims = append(claims, readiness.Evidence{Claim: c.Claim})
		}
	}
	var owners []string
	for _, claim := range readiness.StandsFor(readiness.Gate{Type: readiness.ConditionType(gate)}, has, claims) {
		owner := fmt.Sprintf("%s, %s", claim.Owner, claim.Backend)
		if claim.TargetGroup != "" {
			owner += ", " + readiness.GroupName(claim.TargetGroup)
		}
		owners = append(owners, owner)
	}
	return owners
}

// made joins the claim of an Ingress with that of the binding that was made for it.
func made(all []claimant) []claimant {
	var out []claimant
	for _, c := range all {
		if c.ofIngress {
			continue
		}
		for _, b := range all {
			if b.ofIngress && b.Backend == c.Backend {
				c.Gates, c.TargetGroup = append(c.Gates, b.Gates...), b.TargetGroup
			}
		}
		out = append(out, c)
	}
	return out
}

// nobodyClaims tells of what leads to the Pod and does not hold it back.
func nobodyClaims(s Snapshot) []Finding {
	var findings []Finding
	for _, c := range made(claimants(s)) {
		if c.unserved == "" {
			return nil
		}
		findings = append(findings, Finding{What: fmt.Sprintf("%s leads to the Pod (%s), but does not hold it back: %s", c.Owner, c.Backend, c.unserved)})
	}
	if len(findings) == 0 && s.Traffic != nil {
		findings = []Finding{{What: "no Ingress and no TargetGroupBinding of the namespace leads to the Pod through a Service that selects it"}}
	}
	return findings
}
