package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// what a cluster of the incumbent's has beside the load balancers. Its Pods are none: a controller of this tree, which
// leaves the same behind in AWS, stands for it.
const incumbents = `
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: %[1]s, labels: {app.kubernetes.io/name: %[1]s}}
	spec:
	  replicas: 0
	  selector: {matchLabels: {app.kubernetes.io/name: %[1]s}}
	  template:
	    metadata: {labels: {app.kubernetes.io/name: %[1]s}}
	    spec: {containers: [{name: controller, image: sluice.lab/web, args: [%[2]s]}]}
`

const incumbentWebhook = `
	apiVersion: admissionregistration.k8s.io/v1
	kind: %[1]sWebhookConfiguration
	metadata: {name: aws-load-balancer-webhook}
	webhooks:
	- name: %[2]s.elbv2.k8s.aws
	  admissionReviewVersions: [v1]
	  sideEffects: None
	  clientConfig: {service: {namespace: kube-system, name: aws-load-balancer-webhook-service, path: /hook}}
	  rules: [{apiGroups: [networking.k8s.io], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [ingresses]}]
`

// The page's commands lead there and back, in the middle of a rollout, without a change in AWS
// and with somebody who answers all the while.
func TestSwitchingAsThePageSays(t *testing.T) {
	t.Parallel()
	if _, err := theController(); err != nil {
		t.Fatal(err)
	}
	binary, _ := theController()
	s := newSceneIn(t, startLab(t, "--controller=false", "--controller-binary="+binary, "--controller-flag=--aws-budget-share=1"))
	a := accountOf(t, s.lab)
	kill := runController(t, s.lab)
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled", "sluice.dev/drain=auto")
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`) + "---" + three['D'])
	s.eventually("the load balancer serves", func() bool { return a.servesHost(s.hostname("web"), "shop.example.com", "/") })
	for _, name := range []string{"aws-load-balancer-controller", "sluice"} {
		s.kubectl("apply", "--namespace=kube-system", "-f", s.file(fmt.Sprintf(incumbents, name, `"`+strings.Join(shape(t, s.lab), `", "`)+`"`)))
	}
	for kind, hook := range map[string]string{"Mutating": "mingress", "Validating": "vingress"} {
		s.apply(fmt.Sprintf(incumbentWebhook, kind, hook))
	}
	before := a.possessions()
	serves := func() bool { return a.servesHost(s.hostname("web"), "shop.example.com", "/") }

	reads := newReaderOf(t, s.lab)
	page := pageCommands(t, "../../docs/switching.md")
	for _, step := range page {
		switch step.command {
		case "kubectl -n kube-system scale deployment aws-load-balancer-controller --replicas=0":
			s.kubectl("set", "env", "deployment/web", "ROUND=there")
			kill()
		case "kubectl -n kube-system scale deployment sluice --replicas=2":
			kill = runController(t, s.lab)
		case "kubectl -n kube-system scale deployment sluice --replicas=0":
			s.kubectl("set", "env", "deployment/web", "ROUND=back")
			kill()
		case "kubectl -n kube-system scale deployment aws-load-balancer-controller --replicas=2":
			kill = runController(t, s.lab)
		case "kubectl sluice release -A":
			s.eventually("those that wait are registered", func() bool { return len(a.states(s.hostname("web"))) > 2 || s.ready("app=web") == 2 })
		case "kubectl delete --ignore-not-found -f config/policies/ -f config/validation/ -f config/rbac/":
			kill() // it has the rights that are taken away here; the other controller has its own
		}
		reads.follow(step)
		if !serves() {
			t.Fatalf("after %s nobody answers", step.command)
		}
		switch step.command {
		case "kubectl -n kube-system scale deployment sluice --replicas=2":
			s.kubectl("rollout", "status", "deployment/web", "--timeout=80s")
			s.eventually("the leader has looked at everything", func() bool { _, code := s.plugin("plan", "--all"); return code == 0 })
		case "kubectl sluice release -A": // and after this nobody waits
			s.kubectl("rollout", "status", "deployment/web", "--timeout=80s")
		}
		if after := a.possessions(); !slices.Equal(before, after) {
			t.Fatalf("%s has changed AWS from\n%s\nto\n%s", step.command, strings.Join(before, "\n"), strings.Join(after, "\n"))
		}
	}
	if len(page) < 12 {
		t.Errorf("the page has %d commands", len(page))
	}
}
