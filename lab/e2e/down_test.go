package e2e

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// The page's commands, in the middle of a rollout that begins when no replica is left.
func TestSluiceIsDownAsThePageSays(t *testing.T) {
	t.Parallel()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	lab := startLab(t, "--bare", "--controller-binary="+binary)
	a := accountOf(t, lab)
	reads := newReaderOf(t, lab)
	reads.follow(step{command: "helm install sluice charts/sluice --namespace kube-system --set image.repository=registry.example.com/sluice,clusterName=lab,region=us-west-2,vpcId=$LAB_VPC,awsBudgetShare=1"})
	reads.follow(step{command: "kubectl -n kube-system rollout status deployment/sluice --timeout=90s"})
	s := &scene{t: t, lab: lab, namespace: "shop", client: clientOf(t, lab)}
	reads.follow(step{command: "kubectl apply -f examples/single-ingress/shop.yaml"})
	reads.follow(step{command: "kubectl -n shop rollout status deployment/shop --timeout=3m"})
	serves := func() bool { return a.servesHost(s.hostname("shop"), "shop.example.com", "/") }
	s.eventually("the load balancer serves", serves)

	s.kubectl("-n", "kube-system", "scale", "deployment", "sluice", "--replicas=0")
	s.kubectl("-n", "kube-system", "wait", "--for=delete", "pod", "-l", "app.kubernetes.io/name=sluice", "--timeout=60s")
	s.kubectl("set", "env", "deployment/shop", "RELEASE=2")
	s.eventually("a new Pod waits", func() bool { return s.heldBack() == 1 })
	for _, step := range pageCommands(t, "../../docs/sluice-is-down.md") {
		out := reads.follow(step)
		if strings.HasPrefix(step.command, "kubectl sluice why") && !strings.Contains(out, "closed") {
			t.Errorf("why does not say that a gate is closed:\n%s", out)
		}
		if !serves() {
			t.Fatalf("after %s nobody answers", step.command)
		}
	}
	s.kubectl("rollout", "restart", "deployment/shop")
	s.kubectl("rollout", "status", "deployment/shop", "--timeout=90s")
	for _, pod := range s.pods("app=shop") {
		if pod.DeletionTimestamp == nil && len(pod.Spec.ReadinessGates) == 0 {
			t.Errorf("after the page Pod %s has no gate", pod.Name)
		}
	}
}

// heldBack counts the Pods whose containers are ready and that are not.
func (s *scene) heldBack() (n int) {
	s.t.Helper()
	for _, pod := range s.pods("app=shop") {
		if condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue && condition(pod, corev1.PodReady).Status != corev1.ConditionTrue {
			n++
		}
	}
	return n
}
