package controller

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Slimmed are the kinds of which the caches keep only what is read here. They are the many, or
// the large, and none of them is ever written from the cache: of Pods only conditions are
// patched. Whoever comes to read another field must keep it here; it is empty otherwise.
func Slimmed() map[client.Object]cache.ByObject {
	return map[client.Object]cache.ByObject{
		&corev1.Pod{}: {Transform: slim}, &corev1.Node{}: {Transform: slim},
		&appsv1.ReplicaSet{}: {Transform: slim}, &appsv1.StatefulSet{}: {Transform: slim}, &appsv1.DaemonSet{}: {Transform: slim},
	}
}

func slim(o any) (any, error) {
	switch full := o.(type) {
	case *corev1.Pod:
		return slimPod(full), nil
	case *corev1.Node:
		return slimNode(full), nil
	case *appsv1.ReplicaSet:
		return &appsv1.ReplicaSet{ObjectMeta: identity(full.ObjectMeta), Spec: appsv1.ReplicaSetSpec{MinReadySeconds: full.Spec.MinReadySeconds}}, nil
	case *appsv1.StatefulSet:
		return &appsv1.StatefulSet{ObjectMeta: identity(full.ObjectMeta), Spec: appsv1.StatefulSetSpec{MinReadySeconds: full.Spec.MinReadySeconds}}, nil
	case *appsv1.DaemonSet:
		return &appsv1.DaemonSet{ObjectMeta: identity(full.ObjectMeta), Spec: appsv1.DaemonSetSpec{MinReadySeconds: full.Spec.MinReadySeconds}}, nil
	}
	return o, nil // the last state of what is deleted
}

func identity(m metav1.ObjectMeta) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, UID: m.UID, ResourceVersion: m.ResourceVersion}
}

func slimPod(full *corev1.Pod) *corev1.Pod {
	pod := &corev1.Pod{
		ObjectMeta: identity(full.ObjectMeta),
		Spec:       corev1.PodSpec{NodeName: full.Spec.NodeName, ReadinessGates: full.Spec.ReadinessGates, Containers: withPorts(full.Spec.Containers), InitContainers: withPorts(full.Spec.InitContainers)},
		Status:     corev1.PodStatus{Phase: full.Status.Phase, Conditions: full.Status.Conditions, PodIP: full.Status.PodIP, PodIPs: full.Status.PodIPs, ContainerStatuses: ended(full.Status.ContainerStatuses)},
	}
	pod.Labels, pod.OwnerReferences = full.Labels, full.OwnerReferences
	pod.CreationTimestamp, pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = full.CreationTimestamp, full.DeletionTimestamp, full.DeletionGracePeriodSeconds
	for key, value := range full.Annotations {
		if strings.HasPrefix(key, "sluice.dev/") || key == interfaceAnnotation {
			metav1.SetMetaDataAnnotation(&pod.ObjectMeta, key, value)
		}
	}
	return pod
}

// withPorts keeps what a port's name is looked up in.
func withPorts(full []corev1.Container) []corev1.Container {
	var slim []corev1.Container
	for _, container := range full {
		if len(container.Ports) > 0 {
			slim = append(slim, corev1.Container{Name: container.Name, Ports: container.Ports, RestartPolicy: container.RestartPolicy})
		}
	}
	return slim
}

// ended keeps when containers ended.
func ended(full []corev1.ContainerStatus) []corev1.ContainerStatus {
	var slim []corev1.ContainerStatus
	for _, status := range full {
		if over := status.State.Terminated; over != nil {
			slim = append(slim, corev1.ContainerStatus{Name: status.Name, State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: over.FinishedAt}}})
		}
	}
	return slim
}

// slimNode leaves out images, which are most of a node.
func slimNode(full *corev1.Node) *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: identity(full.ObjectMeta),
		Spec:       corev1.NodeSpec{ProviderID: full.Spec.ProviderID, Taints: full.Spec.Taints, Unschedulable: full.Spec.Unschedulable},
		Status:     corev1.NodeStatus{Conditions: full.Status.Conditions, Addresses: full.Status.Addresses},
	}
	node.Labels, node.CreationTimestamp, node.DeletionTimestamp = full.Labels, full.CreationTimestamp, full.DeletionTimestamp
	return node
}
