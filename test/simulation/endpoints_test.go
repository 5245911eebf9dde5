package simulation

import (
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// syncEndpoints writes one EndpointSlice for each Service of a namespace.
func (c *cluster) syncEndpoints(namespace string) {
	pods := list[*corev1.Pod](c.kube)
	services := map[string]bool{}
	for _, service := range list[*corev1.Service](c.kube) {
		if service.Namespace == namespace && len(service.Spec.Selector) > 0 {
			services[service.Name] = true
			c.writeSlice(service, pods)
		}
	}
	for _, slice := range list[*discoveryv1.EndpointSlice](c.kube) {
		if slice.Namespace == namespace && !services[slice.Labels[discoveryv1.LabelServiceName]] {
			c.drop("EndpointSlice", keyOf(slice), slice.UID)
		}
	}
}

func (c *cluster) writeSlice(service *corev1.Service, pods []*corev1.Pod) {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name + "-slice", Labels: map[string]string{discoveryv1.LabelServiceName: service.Name}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, port := range service.Spec.Ports {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: new(port.Name), Port: new(port.TargetPort.IntVal), Protocol: new(corev1.ProtocolTCP)})
	}
	for _, pod := range pods {
		if pod.Namespace != service.Namespace || pod.Status.PodIP == "" || pod.Status.Phase == corev1.PodFailed || !(readiness.Claim{Selector: service.Spec.Selector}).Selects(pod.Labels) {
			continue
		}
		serving, ending := isReady(pod), pod.DeletionTimestamp != nil
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{pod.Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: new(serving && !ending), Serving: new(serving), Terminating: new(ending)},
			NodeName:   new(pod.Spec.NodeName),
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name, UID: pod.UID},
		})
	}
	if get[*discoveryv1.EndpointSlice](c.kube, slice.Namespace, slice.Name) == nil {
		_ = c.create(slice) // the namespace may be going
		return
	}
	edit(c.kube, slice.Namespace, slice.Name, false, func(o *discoveryv1.EndpointSlice) { o.Ports, o.Endpoints = slice.Ports, slice.Endpoints })
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
