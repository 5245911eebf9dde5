package controller

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/targets"
)

// backend is what a binding's Service port has behind it.
type backend struct {
	endpoints []targets.Endpoint
	// missing says that there is no such Service or port; empty: there is.
	missing string
	// wrong says why the Service cannot serve such a binding; empty: it can.
	wrong string
	// strangers are nodes that would be targets, were they EC2 instances.
	strangers []string
}

// endpoints of a binding; none where its Service, or the port, is missing or wrong.
func (v *view) endpoints(ctx context.Context, binding *v1beta1.TargetGroupBinding) []targets.Endpoint {
	return v.backend(ctx, binding).endpoints
}

func (v *view) backend(ctx context.Context, binding *v1beta1.TargetGroupBinding) backend {
	reference := binding.Spec.ServiceRef
	service := v.service(ctx, binding.Namespace, reference.Name)
	if service == nil {
		return backend{missing: fmt.Sprintf("Service %s does not exist", reference.Name)}
	}
	port, ok := ingress.ServicePort(service, reference.Port.String())
	switch {
	case !ok:
		return backend{missing: fmt.Sprintf("Service %s has no port %s", reference.Name, reference.Port.String())}
	case instanceBinding(binding):
		return v.nodePort(ctx, binding, service, port)
	}
	return backend{endpoints: v.podEndpoints(ctx, binding, service, port)}
}

func (v *view) podEndpoints(ctx context.Context, binding *v1beta1.TargetGroupBinding, service *corev1.Service, port corev1.ServicePort) []targets.Endpoint {
	var list discoveryv1.EndpointSliceList
	if err := v.List(ctx, &list, client.InNamespace(binding.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service.Name}); err != nil {
		return nil // the cache does not fail once it has synced
	}
	family := discoveryv1.AddressTypeIPv4
	if binding.Spec.IPAddressType != nil && *binding.Spec.IPAddressType == v1beta1.TargetGroupIPv6 {
		family = discoveryv1.AddressTypeIPv6
	}
	var slices_ targets.Slices
	for i := range list.Items {
		slices_ = append(slices_, &list.Items[i])
	}
	return targets.Endpoints(port.Name, family, slices_, func(name types.NamespacedName) *corev1.Pod { return v.pod(ctx, name) })
}

// nodePort is the backend of a binding whose targets are nodes.
func (v *view) nodePort(ctx context.Context, binding *v1beta1.TargetGroupBinding, service *corev1.Service, port corev1.ServicePort) backend {
	if port.NodePort == 0 {
		return backend{wrong: fmt.Sprintf("Service %s is of type %s, so no node answers for it: targets of type instance need type NodePort or LoadBalancer", service.Name, service.Spec.Type)}
	}
	selector := labels.Everything()
	if binding.Spec.NodeSelector != nil {
		var err error
		if selector, err = metav1.LabelSelectorAsSelector(binding.Spec.NodeSelector); err != nil {
			return backend{wrong: fmt.Sprintf("spec.nodeSelector: %s", err)}
		}
	}
	var list corev1.NodeList
	if err := v.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return backend{wrong: "the nodes are not known yet"} // the cache does not fail once it has synced
	}
	var nodes []*corev1.Node
	for i := range list.Items {
		nodes = append(nodes, &list.Items[i])
	}
	endpoints, strangers := targets.Nodes(port.NodePort, selector, nodes)
	return backend{endpoints: endpoints, strangers: strangers}
}

// nodeRuns reports whether the node of an instance is there and is to stay.
func (v *view) nodeRuns(ctx context.Context, instance string) bool {
	var list corev1.NodeList
	if err := v.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return false
	}
	for i := range list.Items {
		node := &list.Items[i]
		if id, _ := targets.Instance(node); id == instance {
			return node.DeletionTimestamp == nil && !targets.Leaving(node)
		}
	}
	return false
}

// condition of a binding whose targets are as they should be.
func (b backend) condition(binding *v1beta1.TargetGroupBinding) metav1.Condition {
	switch {
	case b.missing != "":
		return notReady(bindingNoBackend, b.missing)
	case !instanceBinding(binding):
		return isReady("the ready Pods of the Service are registered")
	case len(b.strangers) > 0:
		return isReady("the ready nodes are registered, but for those that are no EC2 instances: " + strings.Join(b.strangers, ", "))
	}
	return isReady("the ready nodes are registered")
}

func instanceBinding(binding *v1beta1.TargetGroupBinding) bool {
	return binding.Spec.TargetType != nil && *binding.Spec.TargetType == v1beta1.TargetTypeInstance
}
