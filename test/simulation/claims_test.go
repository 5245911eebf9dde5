package simulation

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// claim is a load balancer's wish for Pods, as the objects in the API server have it: found here without the
// code that is tested, from the same documents.
type claim struct {
	owner    string
	selector map[string]string
	missing  bool // the Service does not exist
	gates    []readiness.ConditionType
	group    string             // ARN; empty while there is none
	port     intstr.IntOrString // of its targets, as the Service says it
	path     string             // of its health check
	since    time.Time
	moved    time.Time // when the target group was replaced last
}

func (c *claim) selects(pod *corev1.Pod) bool {
	return !c.missing && (readiness.Claim{Selector: c.selector}).Selects(pod.Labels)
}

func (c *claim) address(pod *corev1.Pod) string {
	return fmt.Sprintf("%s:%d", pod.Status.PodIP, portIn(pod, c.port))
}

// holds reports whether the claim holds a Pod back through a gate: its own, or all if there is none.
func (c *claim) holds(pod *corev1.Pod, gate corev1.PodConditionType) bool {
	own := func(g corev1.PodConditionType) bool { return slices.Contains(c.gates, readiness.ConditionType(g)) }
	return own(gate) || !slices.ContainsFunc(pod.Spec.ReadinessGates, func(g corev1.PodReadinessGate) bool { return own(g.ConditionType) })
}

// findClaims lists the claims of the shop. The caller holds the lock of the API server.
func findClaims(k *kube) []*claim {
	var out []*claim
	bindings := peekAll[*v1beta1.TargetGroupBinding](k)
	for _, object := range peekAll[*networkingv1.Ingress](k) {
		if object.Spec.IngressClassName == nil || *object.Spec.IngressClassName != "alb" || object.DeletionTimestamp != nil {
			continue
		}
		for _, backend := range ingress.Backends(object) {
			made := &claim{
				owner: fmt.Sprintf("Ingress %s (%s:%s)", object.Name, backend.Service, backend.Port), path: object.Annotations[healthPath],
				gates: []readiness.ConditionType{readiness.ForIngress(object.Name, backend.Port), readiness.ForIngressService(object.Name, backend.Service, backend.Port)},
			}
			made.resolve(k, backend.Service, backend.Port)
			for _, fits := range []func(*kube, *v1beta1.TargetGroupBinding, *networkingv1.Ingress, ingress.Backend) bool{madeForAnother, madeFor} {
				for _, binding := range bindings {
					if fits(k, binding, object, backend) {
						made.bind(binding) // its own name counts more
					}
				}
			}
			out = append(out, made)
		}
	}
	for _, binding := range bindings {
		if binding.DeletionTimestamp == nil && byHand(binding) {
			made := &claim{owner: "TargetGroupBinding " + binding.Name, path: "/healthz/" + binding.Name}
			made.resolve(k, binding.Spec.ServiceRef.Name, binding.Spec.ServiceRef.Port.String())
			made.bind(binding)
			out = append(out, made)
		}
	}
	return out
}

func byHand(binding *v1beta1.TargetGroupBinding) bool {
	return binding.Labels[stackLabel] == "" && binding.Labels["ingress.k8s.aws/stack"] == ""
}

const (
	stackLabel = "ingress.k8s.aws/stack-name"
	groupLabel = "alb.ingress.kubernetes.io/group.name"
	healthPath = "alb.ingress.kubernetes.io/healthcheck-path"
)

// ofStack reports whether a binding belongs to the stack of an Ingress, and to this Service port.
func ofStack(binding *v1beta1.TargetGroupBinding, object *networkingv1.Ingress, backend ingress.Backend) bool {
	if binding.DeletionTimestamp != nil || binding.Spec.ServiceRef.Name != backend.Service || binding.Spec.ServiceRef.Port.String() != backend.Port {
		return false
	}
	if group := object.Annotations[groupLabel]; group != "" {
		return binding.Labels["ingress.k8s.aws/stack"] == group
	}
	return binding.Labels[stackLabel] == object.Name && binding.Labels["ingress.k8s.aws/stack-namespace"] == object.Namespace
}

// madeFor reports whether a binding was made for a backend of an Ingress. In a group, names tell whose it is of several
// Ingresses that name one Service port.
func madeFor(k *kube, binding *v1beta1.TargetGroupBinding, object *networkingv1.Ingress, backend ingress.Backend) bool {
	service := peek[*corev1.Service](k, shop, backend.Service)
	if !ofStack(binding, object, backend) || service == nil {
		return false
	}
	port, ok := ingress.ServicePort(service, backend.Port)
	return object.Annotations[groupLabel] == "" || ok && binding.Name == ingress.TargetGroupName(settings, object, ingress.Class{}, service, port, backend.Port)
}

// madeForAnother reports whether a binding that bears another name serves the only Ingress of a group that names the
// Service port: the name is that of a Service that there was before.
func madeForAnother(k *kube, binding *v1beta1.TargetGroupBinding, object *networkingv1.Ingress, backend ingress.Backend) bool {
	group := object.Annotations[groupLabel]
	return group != "" && ofStack(binding, object, backend) && !slices.ContainsFunc(peekAll[*networkingv1.Ingress](k), func(other *networkingv1.Ingress) bool {
		return other.Name != object.Name && other.Annotations[groupLabel] == group && slices.Contains(ingress.Backends(other), backend)
	})
}

func (c *claim) bind(binding *v1beta1.TargetGroupBinding) {
	c.group = binding.Spec.TargetGroupARN
	c.gates = append(c.gates, readiness.ForBinding(binding.Name))
}

func (c *claim) resolve(k *kube, name, port string) {
	service := peek[*corev1.Service](k, shop, name)
	if service == nil {
		c.missing = true
		return
	}
	c.selector = service.Spec.Selector
	if found, ok := ingress.ServicePort(service, port); ok {
		c.port = found.TargetPort
	}
}
