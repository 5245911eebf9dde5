package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The page's commands, in a cluster in which somebody else makes the load balancer and registers the Pods.
func TestTryingAsThePageSays(t *testing.T) {
	t.Parallel()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	lab := startLab(t, "--bare", "--controller-binary="+binary, "--first-check-least=4s", "--first-check-most=6s")
	s, a := newSceneNamed(t, lab, "shop"), accountOf(t, lab)
	s.kubectl("apply", "-f", "../../config/crd")
	s.kubectl("apply", "-f", "../../config/ingressclass")
	stop := s.somebodyElse()
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`))
	s.apply(strings.Replace(rolled, "readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}", "", 1))
	s.eventually("all targets are healthy", func() bool { return healthy(a.states(s.hostname("web"))) == 4 })
	before := a.possessions()

	reads := newReaderOf(t, lab)
	reads.follow(step{command: "CLUSTER=lab REGION=us-west-2 IMAGE=registry.example.com/sluice VPC=$LAB_VPC"})
	for _, step := range pageCommands(t, "../../docs/trying.md") {
		if strings.HasPrefix(step.command, "helm upgrade") && strings.HasSuffix(step.command, "mode=gates-only") {
			stop() // it would open gates, too
			group, _ := s.binding()
			fill(t, s, a, group)
		}
		if strings.HasPrefix(step.command, "kubectl -n kube-system logs") {
			s.eventually("all targets are healthy", func() bool { return healthy(a.states(s.hostname("web"))) == 4 })
			s.eventually("what was measured is logged", func() bool {
				return strings.Contains(s.kubectl(strings.Fields(strings.Split(step.command, "|")[0])[1:]...), "was Ready before")
			})
		}
		reads.follow(step)
		if strings.HasPrefix(step.command, "kubectl -n shop get pods") {
			for _, pod := range s.pods("app=web") {
				if pod.DeletionTimestamp == nil && len(pod.Spec.ReadinessGates) == 0 {
					t.Errorf("Pod %s has no gate", pod.Name)
				}
			}
		}
	}
	if after := a.possessions(); strings.Join(before, "\n") != strings.Join(after, "\n") {
		t.Errorf("AWS was changed from\n%s\nto\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
}

// somebodyElse makes load balancers and registers Pods, as an administrator outside of the cluster.
func (s *scene) somebodyElse() (stop func()) {
	s.t.Helper()
	binary, err := theController()
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.Command("sh", "-c", `. "$1" && exec "$2" --kubeconfig="$3" --cluster-name=lab --aws-region=us-west-2 --aws-vpc-id="$LAB_VPC" --default-target-type=ip --aws-budget-share=1 --metrics-bind-addr=0 --health-probe-bind-addr="$4"`,
		"sh", s.lab.Dir.AWSEnv(), binary, s.lab.Dir.Kubeconfig(), freeAddress(s.t))
	log, err := os.CreateTemp(s.t.TempDir(), "somebody-else")
	if err != nil {
		s.t.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &process{t: s.t, command: command}
	s.t.Cleanup(p.stop)
	return p.stop
}
