package controller

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/readiness"
	"github.com/sluice-lb/sluice/internal/targets"
)

// What is decided on a Pod from the cache is what would be decided on the whole one.
func TestSlimPodDecidesAsTheWholeOne(t *testing.T) {
	t.Parallel()
	now := metav1.NewTime(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	always := corev1.ContainerRestartPolicyAlways
	full := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "web-1", UID: "uid-1", ResourceVersion: "7", CreationTimestamp: now, DeletionTimestamp: &now, DeletionGracePeriodSeconds: new(int64(50)),
			Labels:          map[string]string{"app": "web", readiness.GateLabel: "off"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web", Controller: new(true)}},
			Annotations: map[string]string{
				readiness.InjectedAnnotation: "target-health.sluice.dev/load-balancers", readiness.HealthyForAnnotation: "15s",
				readiness.SlowStartAnnotation: "wait", readiness.ExpectAnnotation: "soon", "checksum/config": "0123",
				interfaceAnnotation: `[{"eniId":"eni-1","privateIp":"10.0.0.1"}]`,
			},
		},
		Spec: corev1.PodSpec{
			NodeName:       "node-1",
			ReadinessGates: []corev1.PodReadinessGate{{ConditionType: "target-health.sluice.dev/load-balancers"}, {ConditionType: "example.com/other"}},
			Containers:     []corev1.Container{{Name: "web", Image: "web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}, {Name: "log", Image: "log"}},
			InitContainers: []corev1.Container{{Name: "proxy", RestartPolicy: &always, Ports: []corev1.ContainerPort{{Name: "proxy", ContainerPort: 15001}}}},
			Volumes:        []corev1.Volume{{Name: "cache"}},
		},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.1", PodIPs: []corev1.PodIP{{IP: "10.0.0.1"}, {IP: "2001:db8::1"}},
			Conditions: []corev1.PodCondition{
				{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: now},
				{Type: "target-health.sluice.dev/load-balancers", Status: corev1.ConditionTrue, Reason: "Healthy", Message: "healthy"},
			},
			ContainerStatuses: []corev1.ContainerStatus{
				{Name: "log", Ready: true},
				{Name: "web", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, FinishedAt: now}}},
			},
		},
	}
	slim := slimPod(full)
	if slim.Spec.Volumes != nil || len(slim.Status.ContainerStatuses) != 1 || slim.Annotations["checksum/config"] != "" {
		t.Errorf("what nobody reads is kept: %+v", slim)
	}
	port := func(name string) *v1beta1.Networking {
		return &v1beta1.Networking{Ingress: []v1beta1.NetworkingIngressRule{{
			From:  []v1beta1.NetworkingPeer{{SecurityGroup: &v1beta1.SecurityGroup{GroupID: "sg-1"}}},
			Ports: []v1beta1.NetworkingPort{{Port: new(intstr.FromString(name))}},
		}}}
	}
	for name, decide := range map[string]func(*corev1.Pod) any{
		"identity":  func(p *corev1.Pod) any { return []any{nameOf(p), p.UID, p.ResourceVersion} },
		"gates":     func(p *corev1.Pod) any { return readiness.PodOf(p) },
		"judging":   func(p *corev1.Pod) any { return readiness.Judging(p) },
		"complaint": func(p *corev1.Pod) any { return readiness.Complaint(p) },
		"ending":    func(p *corev1.Pod) any { return targets.Ending(p) },
		"selected":  func(p *corev1.Pod) any { return labels.Set(p.Labels) },
		"told":      func(p *corev1.Pod) any { return toldToEnd(p) },
		"ended":     func(p *corev1.Pod) any { return firstEnd(p, now.Add(-time.Minute)) },
		"owner":     func(p *corev1.Pod) any { return metav1.GetControllerOf(p) },
		"node":      func(p *corev1.Pod) any { return p.Spec.NodeName },
		"interface": func(p *corev1.Pod) any { return ownInterface(p, netip.MustParseAddr("10.0.0.1")) },
		"addresses": func(p *corev1.Pod) any { return p.Status.PodIPs },
		"port":      func(p *corev1.Pod) any { return targets.Needs(port("http"), p) },
		"sidecar":   func(p *corev1.Pod) any { return targets.Needs(port("proxy"), p) },
	} {
		if diff := cmp.Diff(decide(full), decide(slim)); diff != "" {
			t.Errorf("%s (-whole +slim):\n%s", name, diff)
		}
	}
}
