package simulation

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// syncEndpoints writes the EndpointSlices of each Service of a namespace that has a selector. Those of the others are made
// by hand.
func (c *cluster) syncEndpoints(namespace string) {
	pods := list[*corev1.Pod](c.kube)
	services := map[string]bool{}
	for _, service := range list[*corev1.Service](c.kube) {
		if service.Namespace != namespace {
			continue
		}
		services[service.Name] = true
		if len(service.Spec.Selector) > 0 {
			c.writeSlices(service, pods)
		}
	}
	for _, slice := range list[*discoveryv1.EndpointSlice](c.kube) {
		if slice.Namespace == namespace && !services[slice.Labels[discoveryv1.LabelServiceName]] {
			c.drop("EndpointSlice", keyOf(slice), slice.UID)
		}
	}
}

// writeSlices writes one EndpointSlice for all Pods in which the ports have the same numbers.
func (c *cluster) writeSlices(service *corev1.Service, pods []*corev1.Pod) {
	wanted := map[string]*discoveryv1.EndpointSlice{}
	for _, pod := range pods {
		if pod.Namespace != service.Namespace || pod.Status.PodIP == "" || pod.Status.Phase == corev1.PodFailed || !(readiness.Claim{Selector: service.Spec.Selector}).Selects(pod.Labels) {
			continue
		}
		name := service.Name + "-slice"
		var ports []discoveryv1.EndpointPort
		for _, port := range service.Spec.Ports {
			number := portIn(pod, port.TargetPort)
			ports = append(ports, discoveryv1.EndpointPort{Name: new(port.Name), Port: new(int32(number)), Protocol: new(corev1.ProtocolTCP)})
			name += fmt.Sprintf("-%d", number)
		}
		if wanted[name] == nil {
			wanted[name] = &discoveryv1.EndpointSlice{
				ObjectMeta:  metav1.ObjectMeta{Namespace: service.Namespace, Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: service.Name}},
				AddressType: discoveryv1.AddressTypeIPv4, Ports: ports,
			}
		}
		wanted[name].Endpoints = append(wanted[name].Endpoints, endpointOf(pod))
	}
	for _, slice := range list[*discoveryv1.EndpointSlice](c.kube) {
		if slice.Namespace == service.Namespace && slice.Labels[discoveryv1.LabelServiceName] == service.Name && wanted[slice.Name] == nil {
			edit(c.kube, slice.Namespace, slice.Name, false, func(o *discoveryv1.EndpointSlice) { o.Endpoints = nil })
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if get[*discoveryv1.EndpointSlice](c.kube, service.Namespace, name) == nil {
			_ = c.create(wanted[name]) // the namespace may be going
			continue
		}
		edit(c.kube, service.Namespace, name, false, func(o *discoveryv1.EndpointSlice) { o.Ports, o.Endpoints = wanted[name].Ports, wanted[name].Endpoints })
	}
}

func endpointOf(pod *corev1.Pod) discoveryv1.Endpoint {
	serving, ending := isReady(pod), pod.DeletionTimestamp != nil
	return discoveryv1.Endpoint{
		Addresses:  []string{pod.Status.PodIP},
		Conditions: discoveryv1.EndpointConditions{Ready: new(serving && !ending), Serving: new(serving), Terminating: new(ending)},
		NodeName:   new(pod.Spec.NodeName),
		TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
	}
}

// portIn is the number that a port has in a Pod.
func portIn(pod *corev1.Pod, port intstr.IntOrString) int {
	if port.Type == intstr.Int {
		return port.IntValue()
	}
	for _, one := range pod.Spec.Containers[0].Ports {
		if one.Name == port.StrVal {
			return int(one.ContainerPort)
		}
	}
	return 0
}

func isReady(pod *corev1.Pod) bool { return conditionIs(pod, corev1.PodReady, corev1.ConditionTrue) }

func conditionIs(pod *corev1.Pod, kind corev1.PodConditionType, status corev1.ConditionStatus) bool {
	condition := conditionOf(pod, kind)
	return condition != nil && condition.Status == status
}

func conditionOf(pod *corev1.Pod, kind corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == kind {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

func setCondition(pod *corev1.Pod, kind corev1.PodConditionType, value bool) {
	status := corev1.ConditionFalse
	if value {
		status = corev1.ConditionTrue
	}
	condition := conditionOf(pod, kind)
	if condition == nil {
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: kind})
		condition = &pod.Status.Conditions[len(pod.Status.Conditions)-1]
	}
	if condition.Status != status {
		condition.Status, condition.LastTransitionTime = status, now()
	}
}
