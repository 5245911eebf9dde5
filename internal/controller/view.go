package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// view answers questions about the cluster from the informers' caches: no call.
type view struct {
	client.Reader
	config     Config
	rejections *rejections
}

// Field indexes of the caches.
const (
	bindingsByService = "spec.serviceRef.name"
	bindingsByGroup   = "spec.targetGroupARN"
	ingressesByBacked = "backend.service.name"
	ingressesByGroup  = "group"
	ingressesByClass  = "class"
	ingressesByFinal  = "metadata.finalizers"
	podsByAddress     = "status.podIPs"
)

// indexes of the caches, by which lists are narrowed.
var indexes = []struct {
	object client.Object
	field  string
	values client.IndexerFunc
}{
	{&v1beta1.TargetGroupBinding{}, bindingsByService, func(o client.Object) []string {
		return []string{o.(*v1beta1.TargetGroupBinding).Spec.ServiceRef.Name}
	}},
	{&v1beta1.TargetGroupBinding{}, bindingsByGroup, func(o client.Object) []string {
		return []string{o.(*v1beta1.TargetGroupBinding).Spec.TargetGroupARN}
	}},
	{&networkingv1.Ingress{}, ingressesByBacked, func(o client.Object) []string {
		var names []string
		for _, backend := range ingress.Backends(o.(*networkingv1.Ingress)) {
			names = append(names, backend.Service)
		}
		return names
	}},
	{&networkingv1.Ingress{}, ingressesByGroup, func(o client.Object) []string {
		// What the class says is not known here; see inGroup.
		id, err := ingress.Group(o.(*networkingv1.Ingress), ingress.Class{})
		if err != nil {
			return nil
		}
		return []string{id.String()}
	}},
	{&networkingv1.Ingress{}, ingressesByClass, func(o client.Object) []string {
		if name := o.(*networkingv1.Ingress).Spec.IngressClassName; name != nil {
			return []string{*name}
		}
		return []string{""}
	}},
	{&corev1.Pod{}, podsByAddress, func(o client.Object) []string {
		var addresses []string
		for _, ip := range o.(*corev1.Pod).Status.PodIPs {
			addresses = append(addresses, ip.IP)
		}
		return addresses
	}},
	{&networkingv1.Ingress{}, ingressesByFinal, func(o client.Object) []string { return o.GetFinalizers() }},
}

func (v *view) index(ctx context.Context, manager ctrl.Manager) error {
	for _, index := range indexes {
		if err := manager.GetFieldIndexer().IndexField(ctx, index.object, index.field, index.values); err != nil {
			return fmt.Errorf("indexing %T by %s: %w", index.object, index.field, err)
		}
	}
	return nil
}

// service is nil when it does not exist.
func (v *view) service(ctx context.Context, namespace, name string) *corev1.Service {
	var service corev1.Service
	if err := v.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, &service); err != nil {
		return nil
	}
	return &service
}

// services of an Ingress, by name.
func (v *view) services(ctx context.Context, object *networkingv1.Ingress) map[string]*corev1.Service {
	out := map[string]*corev1.Service{}
	for _, backend := range ingress.Backends(object) {
		if service := v.service(ctx, object.Namespace, backend.Service); service != nil {
			out[backend.Service] = service
		}
	}
	return out
}

// pod is nil when it does not exist. It is the cache's own, to be read only: bindings look at
// all of their Pods each time that one of them changes.
func (v *view) pod(ctx context.Context, name types.NamespacedName) *corev1.Pod {
	var pod corev1.Pod
	if err := v.Get(ctx, name, &pod, client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	return &pod
}

func (v *view) bindings(ctx context.Context, options ...client.ListOption) []v1beta1.TargetGroupBinding {
	var list v1beta1.TargetGroupBindingList
	if err := v.List(ctx, &list, options...); err != nil {
		return nil
	}
	return list.Items
}

func (v *view) bindingsOfGroup(ctx context.Context, arn string) []types.NamespacedName {
	var names []types.NamespacedName
	for _, binding := range v.bindings(ctx, client.MatchingFields{bindingsByGroup: arn}) {
		names = append(names, nameOf(&binding))
	}
	return names
}

// bindingsOfPod are the bindings whose Service selects a Pod with these labels.
func (v *view) bindingsOfPod(ctx context.Context, namespace string, labels map[string]string) []types.NamespacedName {
	var names []types.NamespacedName
	for _, binding := range v.bindings(ctx, client.InNamespace(namespace)) {
		service := v.service(ctx, namespace, binding.Spec.ServiceRef.Name)
		if service != nil && (readiness.Claim{Selector: service.Spec.Selector}).Selects(labels) {
			names = append(names, nameOf(&binding))
		}
	}
	return names
}

// closedPods are the Pods of a namespace that have a gate which is not open.
func (v *view) closedPods(ctx context.Context, namespace string) []types.NamespacedName {
	var pods corev1.PodList
	if err := v.List(ctx, &pods, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil
	}
	var names []types.NamespacedName
	for i := range pods.Items {
		if hasClosedGate(&pods.Items[i]) {
			names = append(names, nameOf(&pods.Items[i]))
		}
	}
	return names
}

// closedPodsIn are the Pods that an EndpointSlice names, with a gate which is not open.
func (v *view) closedPodsIn(ctx context.Context, slice *discoveryv1.EndpointSlice) []types.NamespacedName {
	var names []types.NamespacedName
	for _, endpoint := range slice.Endpoints {
		if endpoint.TargetRef == nil || endpoint.TargetRef.Kind != "Pod" {
			continue
		}
		name := types.NamespacedName{Namespace: slice.Namespace, Name: endpoint.TargetRef.Name}
		if pod := v.pod(ctx, name); pod != nil && hasClosedGate(pod) {
			names = append(names, name)
		}
	}
	return names
}

func hasClosedGate(pod *corev1.Pod) bool {
	return slices.ContainsFunc(readiness.PodOf(pod).Gates, func(g readiness.Gate) bool { return g.Status != corev1.ConditionTrue })
}

// rejections remember which Ingresses are not served, and why.
type rejections struct {
	mu   sync.Mutex
	text map[types.NamespacedName]string
}

func newRejections() *rejections { return &rejections{text: map[types.NamespacedName]string{}} }

// set notes the problems of an Ingress; none clears them. It reports a change.
func (r *rejections) set(name types.NamespacedName, problems []string) bool {
	text := strings.Join(problems, "; ")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.text[name] == text {
		return false
	}
	if text == "" {
		delete(r.text, name)
	} else {
		r.text[name] = text
	}
	return true
}

func (r *rejections) of(name types.NamespacedName) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text[name]
}
