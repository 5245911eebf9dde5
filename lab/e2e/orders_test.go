package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
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

// Whoever comes last, Pods get a gate, it opens for the right reason, and nothing is left in the end.
//
// Pods that are created after Ingress and Service have the gate of that name, others the
// anticipating one. Both wait for AWS if the Ingress was there before the containers were ready.
func TestEveryOrderOfThree(t *testing.T) {
	t.Parallel()
	lab := startLabWithController(t)
	before := accountOf(t, lab).possessions()
	t.Run("order", func(t *testing.T) {
		for order, gate := range map[string]string{
			"DSI": anticipatingGate, "DIS": anticipatingGate, "SDI": anticipatingGate, "IDS": anticipatingGate, "SID": ownGate, "ISD": ownGate,
		} {
			t.Run(order, func(t *testing.T) {
				t.Parallel()
				s := newSceneIn(t, lab)
				s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
				s.expectGates(order, gate)
				s.kubectl("delete", "ingress", "web", "--timeout=80s")
			})
		}
	})
	aws, left := accountOf(t, lab), []string{}
	t.Cleanup(func() { t.Logf("AWS before and after (-before +after):\n%s", cmp.Diff(before, left)) })
	eventually(t, "AWS has what it had before", func() bool {
		left = aws.possessions()
		return slices.Equal(before, left)
	})
}

func (s *scene) expectGates(order, gate string) {
	s.t.Helper()
	reason := "Healthy"
	for i, letter := range order {
		switch {
		case letter == 'D' && i == 2:
			s.eventually("admission knows the claim", func() bool { return strings.Contains(s.kubectl("get", "readinessgatesets", "-o", "yaml"), ownGate) })
		case letter == 'I' && order[0] == 'D' && i == 2: // the one where containers are ready before
			reason = "NoLoadBalancer"
			s.eventually("the Pods are Ready without an Ingress", func() bool { return s.ready("app=web") == 2 })
		}
		s.apply(three[letter])
	}
	aws := accountOf(s.t, s.lab)
	s.eventually("both Pods are Ready", func() bool {
		open := 0
		for _, pod := range s.pods("app=web") {
			s.expectGate(aws, pod, gate, reason)
			if condition(pod, corev1.PodReady).Status == corev1.ConditionTrue {
				open++
			}
		}
		return open == 2
	})
	s.eventually("the Ingress has a load balancer", func() bool { return s.hostname("web") != "" })
}

// expectGate asks AWS after it has seen the gate: whoever is healthy stays so here.
func (s *scene) expectGate(aws *account, pod corev1.Pod, gate, reason string) {
	s.t.Helper()
	if gates := pod.Spec.ReadinessGates; len(gates) != 1 || string(gates[0].ConditionType) != gate {
		s.t.Fatalf("Pod %s has gates %v, want %s", pod.Name, gates, gate)
	}
	c := condition(pod, corev1.PodConditionType(gate))
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
