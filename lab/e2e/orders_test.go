package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/lab/spawn"
)

const (
	ownGate          = "target-health.alb.ingress.k8s.aws/web_80"
	anticipatingGate = "target-health.sluice.dev/load-balancers"
)

// three are a Deployment, a Service and an Ingress, by their first letters.
var three = map[rune]string{
	'D': `
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 2
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      containers:
	      - name: web
	        image: sluice.lab/web
	        env: [{name: START_DELAY, value: 6s}]
	        ports: [{name: http, containerPort: 8080}]
	        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
	`,
	'S': `
	apiVersion: v1
	kind: Service
	metadata: {name: web}
	spec:
	  selector: {app: web}
	  ports: [{port: 80, targetPort: http}]
	`,
	'I': strings.Replace(ingress, "annotations:", "annotations:\n	    alb.ingress.kubernetes.io/healthcheck-interval-seconds: \"6\"", 1),
}

// bothModes runs a test in a lab with policies and in one with the webhook, side by side. AWS
// takes all calls: what is looked at here is the order of things, not how many there are.
func bothModes(t *testing.T, test func(t *testing.T, flags []string)) {
	t.Helper()
	t.Parallel()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"policies", "webhook"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, []string{"--injection=" + mode, "--controller-binary=" + binary, "--throttling=off", "--controller-flag=--aws-budget-share=20"})
		})
	}
}

// Whoever comes last, Pods get a gate, it opens for the right reason, and nothing is left in the end.
//
// Pods that are created after Ingress and Service have the gate of that name, others the
// anticipating one. Both wait for AWS if the Ingress was there before the containers were ready.
func TestEveryOrderOfThree(t *testing.T) {
	bothModes(t, func(t *testing.T, flags []string) {
		lab := startLab(t, flags...)
		before := accountOf(t, lab).possessions()
		t.Run("order", func(t *testing.T) {
			for _, order := range []string{"DSI", "DIS", "SDI", "IDS", "SID", "ISD"} {
				for pace, expect := range map[string]func(*scene, string){"at-once": (*scene).expectGatesAtOnce, "one-by-one": (*scene).expectGatesOneByOne} {
					t.Run(order+"-"+pace, func(t *testing.T) {
						t.Parallel()
						expect(newGatedScene(t, lab), order)
					})
				}
			}
			t.Run("Helm", func(t *testing.T) {
				t.Parallel()
				s := newGatedScene(t, lab)
				s.apply(helms())
				s.expectOpen(either, "Healthy")
			})
		})
		aws, left := accountOf(t, lab), []string{}
		t.Cleanup(func() { t.Logf("AWS before and after (-before +after):\n%s", cmp.Diff(before, left)) })
		eventually(t, "AWS has what it had before", func() bool {
			left = aws.possessions()
			return slices.Equal(before, left)
		})
	})
}

// Pods get their gates while the controller is dead, and it opens them when it is back: the own
// gate where it had seen the claim before, else the anticipating one.
func TestEveryOrderWithoutAController(t *testing.T) {
	bothModes(t, func(t *testing.T, flags []string) {
		lab := startLab(t, append(flags, "--controller=false")...)
		kill := runController(t, lab)
		known := newGatedScene(t, lab)
		known.apply(three['S'] + "---" + three['I'])
		known.eventually("admission knows the claim", known.claimIsKnown)
		kill()

		wanted := map[*scene]string{known: ownGate}
		for _, order := range []string{"DSI", "DIS", "SDI", "IDS", "SID", "ISD", "Helm"} {
			s := newGatedSceneNamed(t, lab, order)
			wanted[s] = anticipatingGate
			if order == "Helm" {
				s.apply(helms())
				continue
			}
			for _, letter := range order {
				s.apply(three[letter])
			}
		}
		known.apply(three['D'])
		for s, gate := range wanted {
			s.eventually("both Pods wait for a controller", func() bool { return s.waiting([]string{gate}) == 2 })
		}
		runController(t, lab)
		for s, gate := range wanted {
			s.expectOpen([]string{gate}, "Healthy")
		}
	})
}

// either gate is right where whether the claim was known in time is a matter of moments.
var either = []string{anticipatingGate, ownGate}

// newGatedScene is a namespace that asks for gates. What it has in AWS goes with the test.
func newGatedScene(t *testing.T, lab *spawn.Lab) *scene {
	t.Helper()
	return newGatedSceneNamed(t, lab, "")
}

func newGatedSceneNamed(t *testing.T, lab *spawn.Lab, name string) *scene {
	t.Helper()
	s := newSceneNamed(t, lab, strings.TrimSuffix(t.Name()+"-"+name, "-"))
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	return s
}

// helms is what Helm sends, in its order of kinds.
func helms() string { return three['S'] + "---" + three['D'] + "---" + three['I'] }

// expectGatesAtOnce: the Ingress is there before the containers are ready.
func (s *scene) expectGatesAtOnce(order string) {
	s.t.Helper()
	for _, letter := range order {
		s.apply(three[letter])
	}
	s.expectOpen(either, "Healthy")
}

// expectGatesOneByOne: each comes when what came before has had its effect, at least ten seconds later.
func (s *scene) expectGatesOneByOne(order string) {
	s.t.Helper()
	const pace = 10 * time.Second
	gate, reason := anticipatingGate, "NoLoadBalancer"
	for i, letter := range order {
		if i > 0 {
			time.Sleep(pace)
		}
		if letter == 'D' && i == 2 {
			gate, reason = ownGate, "Healthy"
			s.eventually("admission knows the claim", s.claimIsKnown)
		}
		s.apply(three[letter])
		if letter == 'D' && i < 2 {
			s.eventually("the Pods are Ready while nothing claims them", func() bool { return s.ready("app=web") == 2 })
		}
	}
	s.expectOpen([]string{gate}, reason)
}

func (s *scene) claimIsKnown() bool {
	return strings.Contains(s.kubectl("get", "readinessgatesets", "-o", "yaml"), ownGate)
}

// waiting counts the Pods with one of the gates whose containers are ready, and that are not.
func (s *scene) waiting(gates []string) int {
	s.t.Helper()
	n := 0
	for _, pod := range s.pods("app=web") {
		s.gateOf(pod, gates)
		if condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue && condition(pod, corev1.PodReady).Status != corev1.ConditionTrue {
			n++
		}
	}
	return n
}

// expectOpen waits until both Pods are Ready and the load balancer is there; then the Ingress goes.
func (s *scene) expectOpen(gates []string, reason string) {
	s.t.Helper()
	aws := accountOf(s.t, s.lab)
	s.eventually("both Pods are Ready", func() bool {
		open := 0
		for _, pod := range s.pods("app=web") {
			s.expectGate(aws, pod, gates, reason)
			if condition(pod, corev1.PodReady).Status == corev1.ConditionTrue {
				open++
			}
		}
		return open == 2
	})
	s.eventually("the Ingress has a load balancer", func() bool { return s.hostname("web") != "" })
	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

// gateOf is the Pod's only gate, one of those.
func (s *scene) gateOf(pod corev1.Pod, gates []string) corev1.PodConditionType {
	s.t.Helper()
	if has := pod.Spec.ReadinessGates; len(has) != 1 || !slices.Contains(gates, string(has[0].ConditionType)) {
		s.t.Fatalf("Pod %s has gates %v, want one of %v", pod.Name, has, gates)
	}
	return pod.Spec.ReadinessGates[0].ConditionType
}

// expectGate asks AWS after it has seen the gate: whoever is healthy stays so here.
func (s *scene) expectGate(aws *account, pod corev1.Pod, gates []string, reason string) {
	s.t.Helper()
	gate := s.gateOf(pod, gates)
	c := condition(pod, gate)
	if c.Status != corev1.ConditionTrue {
		return
	}
	if c.Reason != reason {
		s.t.Errorf("the gate of Pod %s is open for reason %s, want %s: %s", pod.Name, c.Reason, reason, c.Message)
	}
	if state := aws.states(s.hostname("web"))[pod.Status.PodIP]; reason == "Healthy" && state != "healthy" {
		s.t.Errorf("the gate of Pod %s is open (%s), but its target is %q", pod.Name, c.Message, state)
	}
}
