package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/program"
)

const ingress = `
	apiVersion: networking.k8s.io/v1
	kind: Ingress
	metadata:
	  name: web
	  annotations:
	    alb.ingress.kubernetes.io/scheme: internet-facing
	    alb.ingress.kubernetes.io/target-type: ip
	spec:
	  ingressClassName: alb
	  rules:
	  - http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`

func TestIngressLeadsToALoadBalancerThatServes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	s.apply(deployment + "---" + ingress)
	s.eventually("three Pods are Ready", func() bool { return s.ready("app=web") == 3 })
	for _, pod := range s.pods("app=web") {
		if len(pod.Spec.ReadinessGates) == 0 {
			t.Errorf("Pod %s has no readiness gate", pod.Name)
		}
		for _, gate := range pod.Spec.ReadinessGates {
			if condition(pod, gate.ConditionType).Status != corev1.ConditionTrue {
				t.Errorf("Pod %s is Ready behind a closed gate %s", pod.Name, gate.ConditionType)
			}
		}
	}

	var name string
	s.eventually("the Ingress has a load balancer", func() bool {
		name = s.kubectl("get", "ingress", "web", "-o", "jsonpath={.status.loadBalancer.ingress[0].hostname}")
		return name != ""
	})
	dir := "--dir=" + string(s.lab.Dir)
	s.eventually("it can be reached", func() bool { _, err := run(t, "aws", "address", dir, name+":80"); return err == nil })
	s.eventually("a request gets through, whatever the case of the name", func() bool {
		out, err := run(t, "curl", "-sS", "http://"+strings.ToUpper(name)+"/cart", dir, "-H", "X-Shop: 1")
		var echo program.Echo
		return err == nil && json.Unmarshal([]byte(out), &echo) == nil && echo.Path == "/cart" && echo.Headers.Get("X-Shop") == "1"
	})

	out, err := run(t, "aws", "calls", dir, "-o", "json")
	if err != nil {
		t.Fatal(err)
	}
	var calls []localaws.Call
	if err := json.Unmarshal([]byte(out), &calls); err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(calls, func(c localaws.Call) bool { return c.Operation == "CreateLoadBalancer" && c.Result == "ok" }) {
		t.Errorf("no CreateLoadBalancer among the calls: %s", out)
	}

	s.kubectl("delete", "ingress", "web", "--timeout=60s")
	s.eventually("the load balancer is gone", func() bool { _, err := run(t, "aws", "address", dir, name+":80"); return err != nil })
}
