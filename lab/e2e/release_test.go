package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// No controller runs, and Pods have gates all the same: the policies outlive it.
func TestReleaseLetsPodsGoWithoutAController(t *testing.T) {
	t.Parallel()
	plugin := filepath.Join(t.TempDir(), "kubectl-sluice")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", plugin, "github.com/sluice-lb/sluice/cmd/kubectl-sluice").CombinedOutput(); err != nil {
		t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	s := newSceneIn(t, startLab(t, "--controller=false"))
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	s.apply(deployment)
	s.eventually("three Pods wait behind gates that nobody opens", func() bool {
		waiting := 0
		for _, pod := range s.pods("app=web") {
			if len(pod.Spec.ReadinessGates) > 0 && condition(pod, "ContainersReady").Status == "True" {
				waiting++
			}
		}
		return waiting == 3 && s.ready("app=web") == 0
	})
	release := exec.CommandContext(t.Context(), plugin, "release", "-n", s.namespace)
	release.Env = append(os.Environ(), "KUBECONFIG="+s.lab.Dir.Kubeconfig())
	if out, err := release.CombinedOutput(); err != nil {
		t.Fatalf("releasing: %v\n%s", err, out)
	}
	s.eventually("they are Ready", func() bool { return s.ready("app=web") == 3 })
	s.kubectl("scale", "deployment", "web", "--replicas=5")
	s.eventually("and so are those that come later", func() bool { return s.ready("app=web") == 5 })
}
