package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// With the rights of its own service account, and in the middle of a rollout whose new Pods can
// never be healthy for their load balancer.
func TestRetireInTheMiddleOfARollout(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, startLabWithController(t))
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`))
	s.apply(rolled)
	s.eventually("four Pods are Ready", func() bool { return s.ready("app=web") == 4 })
	s.kubectl("annotate", "ingress", "web", "alb.ingress.kubernetes.io/healthcheck-path=/away")
	s.kubectl("set", "env", "deployment/web", "PATHS=/away=500")
	s.eventually("four new Pods wait behind their gates", func() bool {
		waiting := 0
		for _, pod := range s.pods("app=web") {
			if condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue && condition(pod, corev1.PodReady).Status != corev1.ConditionTrue {
				waiting++
			}
		}
		return waiting == 4
	})

	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := s.kubeconfigOf("sluice-retire")
	if out, err := exec.CommandContext(t.Context(), binary, "retire", "--kubeconfig="+kubeconfig).CombinedOutput(); err != nil {
		t.Fatalf("retiring: %v\n%s", err, out)
	}
	s.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	for _, pod := range s.pods("app=web") {
		if len(pod.Spec.ReadinessGates) == 0 {
			t.Errorf("Pod %s was made while gates were injected, and has none", pod.Name)
			continue
		}
		if gate := condition(pod, pod.Spec.ReadinessGates[0].ConditionType); pod.DeletionTimestamp == nil && gate.Reason != "Retired" {
			t.Errorf("the gate of Pod %s is open for %s", pod.Name, gate.Reason)
		}
	}
	s.kubectl("scale", "deployment", "web", "--replicas=6")
	s.eventually("Pods that come later are Ready", func() bool { return s.ready("app=web") == 6 })
}

// kubeconfigOf is a file with which somebody is a service account in kube-system.
func (s *scene) kubeconfigOf(account string) string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), account)
	admin := s.lab.Dir.Kubeconfig()
	copyFile(s.t, admin, file)
	token := s.kubectl("create", "token", account, "--namespace=kube-system")
	s.kubectl("config", "set-credentials", account, "--token="+token, "--kubeconfig="+file)
	s.kubectl("config", "set-context", "--current", "--user="+account, "--kubeconfig="+file)
	return file
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
