package e2e

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/lab/spawn"
)

// adoption is how long a gate waits at least whose target is taken for one of an earlier Pod:
// two intervals of the health check and its timeout.
const adoption = 35 * time.Second

// Somebody else makes the load balancer and fills its target group. Beside it, observe measures
// what is lost without gates, and gates-only closes the gap; neither changes anything in AWS.
func TestModesBesideAnotherController(t *testing.T) {
	t.Parallel()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	s := newSceneIn(t, startLab(t, append(flags, "--controller=false", withoutStreamedLists)...))
	account := accountOf(t, s.lab)
	full := startController(t, s.lab)
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "15"`))
	s.apply(strings.Replace(rolled, "readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}", "", 1))
	s.eventually("four Pods are Ready", func() bool { return s.ready("app=web") == 4 })
	s.eventually("all targets are healthy", func() bool { return healthy(account.states(s.hostname("web"))) == 4 })
	s.kubectl("wait", "--for=condition=Ready", "targetgroupbindings.elbv2.k8s.aws", "--all", "--timeout=10s")

	observer := startController(t, s.lab, "--mode=observe")
	s.roll(account)
	s.eventually("observe has measured four Pods", func() bool { return observer.metric("sluice_ready_before_healthy_seconds_count") == 4 })
	if seconds := observer.metric("sluice_ready_before_healthy_seconds_sum"); seconds < 4 {
		t.Errorf("the four Pods were Ready %.1f s before they were healthy, all together; without a gate each takes a second at least", seconds)
	}
	observer.stop()
	full.stop()

	group, binding := s.binding()
	fill(t, s, account, group)
	startController(t, s.lab, "--mode=gates-only")
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	s.roll(account)
	for _, pod := range s.pods("app=web") {
		if len(pod.Spec.ReadinessGates) != 1 {
			t.Errorf("Pod %s has %d gates, want one", pod.Name, len(pod.Spec.ReadinessGates))
			continue
		}
		gate := condition(pod, pod.Spec.ReadinessGates[0].ConditionType)
		if gate.Status != corev1.ConditionTrue || gate.Reason != "Healthy" {
			t.Errorf("the gate of Pod %s is %s for %s (%s)", pod.Name, gate.Status, gate.Reason, gate.Message)
		}
		if waited := gate.LastTransitionTime.Sub(condition(pod, corev1.ContainersReady).LastTransitionTime.Time); waited > adoption {
			t.Errorf("the gate of Pod %s took %s: the registration was not seen to be its own", pod.Name, waited)
		}
	}
	if _, after := s.binding(); after != binding {
		t.Error("the binding, which is somebody else's, was changed")
	}

	t.Log("and the list of gates follows what is claimed")
	gates := func() string {
		return s.kubectl("get", "readinessgatesets.sluice.dev", "-o", "jsonpath={.items[*].spec.gates[*].conditionType}")
	}
	s.apply(ingressFor("more", "/more", "web"))
	s.eventually("there is a gate more", func() bool { return strings.Contains(gates(), "more") })
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject-")
	s.eventually("nothing is injected any more", func() bool { return gates() == "" })
}

// roll replaces all Pods and returns when the new ones are Ready and their targets healthy. Where
// a Pod is Ready behind a gate of ours, its target must be healthy.
func (s *scene) roll(account *account) {
	s.t.Helper()
	old := map[string]bool{}
	for _, pod := range s.pods("app=web") {
		old[pod.Name] = true
	}
	s.kubectl("rollout", "restart", "deployment/web")
	s.eventually("the old Pods are gone, and the new ones Ready", func() bool {
		pods, gone := s.pods("app=web"), true
		states := account.states(s.hostname("web")) // after the Pods: healthy then is healthy now
		for _, pod := range pods {
			gone = gone && !old[pod.Name]
			ready := condition(pod, corev1.PodReady).Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil
			if ready && len(pod.Spec.ReadinessGates) > 0 && states[pod.Status.PodIP] != "healthy" {
				s.t.Errorf("Pod %s is Ready, and its target %q", pod.Name, states[pod.Status.PodIP])
			}
		}
		return gone && s.ready("app=web") == 4 && healthy(states) == 4
	})
}

func healthy(states map[string]string) (n int) {
	for _, state := range states {
		if state == "healthy" {
			n++
		}
	}
	return n
}

// binding is the target group of the only binding, and the object's version.
func (s *scene) binding() (group, version string) {
	s.t.Helper()
	out := strings.Fields(s.kubectl("get", "targetgroupbindings.elbv2.k8s.aws", "-o", "jsonpath={.items[0].spec.targetGroupARN} {.items[0].metadata.resourceVersion}"))
	if len(out) != 2 {
		s.t.Fatalf("the namespace has no binding: %q", out)
	}
	return out[0], out[1]
}

// fill registers ready Pods, a second late, and takes out those that end, until the test ends.
func fill(t *testing.T, s *scene, account *account, group string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		known := map[string]bool{}
		for ; ctx.Err() == nil; time.Sleep(time.Second) {
			pods, err := s.client.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
			if err != nil {
				continue
			}
			wanted := map[string]bool{}
			for _, pod := range pods.Items {
				if pod.DeletionTimestamp == nil && condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue {
					wanted[pod.Status.PodIP] = true
				}
			}
			target := func(ip string) []elbv2types.TargetDescription {
				return []elbv2types.TargetDescription{{Id: aws.String(ip), Port: aws.Int32(8080)}}
			}
			for ip := range wanted {
				if !known[ip] {
					_, err = account.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: target(ip)})
				}
			}
			for ip := range known {
				if !wanted[ip] {
					_, err = account.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: &group, Targets: target(ip)})
				}
			}
			if err == nil {
				known = wanted
			}
		}
	}()
}

// process is a controller that the test runs.
type process struct {
	t       *testing.T
	command *exec.Cmd
	metrics string // host:port
	ended   bool
}

// startController runs the controller of a lab that does not, with more flags.
func startController(t *testing.T, lab *spawn.Lab, flags ...string) *process {
	t.Helper()
	p := &process{t: t, metrics: freeAddress(t)}
	probes := freeAddress(t)
	p.command = exec.Command("sh", append([]string{lab.Dir.ControllerScript(), "--metrics-bind-addr=" + p.metrics, "--health-probe-bind-addr=" + probes}, flags...)...)
	log, err := os.Create(filepath.Join(t.TempDir(), "controller.log"))
	if err != nil {
		t.Fatal(err)
	}
	p.command.Stdout, p.command.Stderr = log, log
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.stop()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("controller %s wrote\n%s", flags, text)
		}
	})
	eventually(t, "the controller is ready", func() bool {
		response, err := http.Get("http://" + probes + "/readyz")
		if err != nil {
			return false
		}
		response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return p
}

func (p *process) stop() {
	if p.ended {
		return
	}
	p.ended = true
	_ = p.command.Process.Signal(syscall.SIGTERM)
	_ = p.command.Wait()
}

// metric is the value of a metric without labels; 0 where it is not there.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	response, err := http.Get("http://" + p.metrics + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if text, found := strings.CutPrefix(lines.Text(), name+" "); found {
			value, err := strconv.ParseFloat(text, 64)
			if err != nil {
				p.t.Fatal(fmt.Errorf("metric %s: %w", name, err))
			}
			return value
		}
	}
	return 0
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
