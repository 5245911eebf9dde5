package e2e

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const deployment = `
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 3
	  selector: {matchLabels: {app: web}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      initContainers: [{name: prepare, image: example.com/prepare}]
	      containers:
	      - name: web
	        image: example.com/web:1.2.3
	        ports: [{name: http, containerPort: 8080}]
	        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
	---
	apiVersion: v1
	kind: Service
	metadata: {name: web}
	spec:
	  selector: {app: web}
	  ports: [{port: 80, targetPort: http}]
`

func TestAnyDeploymentServesAnEcho(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(deployment)
	s.eventually("three Pods are Ready", func() bool { return s.ready("app=web") == 3 })

	pod := s.pods("app=web")[0]
	echo, err := get("http://" + pod.Status.PodIP + ":8080/cart")
	if err != nil {
		t.Fatal(err)
	}
	if echo.Pod != pod.Name || echo.Path != "/cart" || echo.Node != pod.Spec.NodeName {
		t.Errorf("echo of Pod %s: %+v", pod.Name, echo)
	}
	s.eventually("the Service's EndpointSlice has the Pods", func() bool {
		return len(strings.Fields(s.kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=web", "-o", "jsonpath={.items[*].endpoints[*].addresses[0]}"))) == 3
	})
	if log := s.kubectl("logs", pod.Name); !strings.Contains(log, "listening on "+pod.Status.PodIP) {
		t.Errorf("log: %s", log)
	}
	if out := s.kubectl("exec", pod.Name, "--", "echo", "hello"); out != "hello\n" {
		t.Errorf("exec: %q", out)
	}
}

func TestJobComesToItsEnd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(`
	apiVersion: batch/v1
	kind: Job
	metadata: {name: migrate}
	spec:
	  template:
	    spec:
	      restartPolicy: Never
	      containers: [{name: migrate, image: example.com/migrate}]
	`)
	s.kubectl("wait", "--for=condition=complete", "job/migrate", "--timeout=60s")
}

func TestReadinessGateHoldsAPod(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(`
	apiVersion: v1
	kind: Pod
	metadata: {name: gated, labels: {app: gated}}
	spec:
	  readinessGates: [{conditionType: example.com/door}]
	  containers:
	  - name: web
	    image: sluice.lab/web
	    ports: [{containerPort: 8080}]
	`)
	pod := func() corev1.Pod { return s.pods("app=gated")[0] }
	s.eventually("the containers are ready", func() bool {
		return condition(pod(), corev1.ContainersReady).Status == corev1.ConditionTrue
	})
	if got := condition(pod(), corev1.PodReady); got.Status != corev1.ConditionFalse || got.Reason != "ReadinessGatesNotReady" {
		t.Errorf("Ready is %s for reason %q", got.Status, got.Reason)
	}
	s.kubectl("patch", "pod", "gated", "--subresource=status", "-p", `{"status":{"conditions":[{"type":"example.com/door","status":"True"}]}}`)
	s.eventually("the Pod is Ready", func() bool { return s.ready("app=gated") == 1 })
}

func TestPreStopSleepHoldsTermination(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(`
	apiVersion: v1
	kind: Pod
	metadata: {name: leaving, labels: {app: leaving}}
	spec:
	  terminationGracePeriodSeconds: 30
	  containers:
	  - name: web
	    image: sluice.lab/web
	    env: [{name: ON_SIGTERM, value: stop}]
	    ports: [{containerPort: 8080}]
	    lifecycle: {preStop: {sleep: {seconds: 4}}}
	`)
	s.eventually("the Pod is Ready", func() bool { return s.ready("app=leaving") == 1 })
	url := "http://" + s.pods("app=leaving")[0].Status.PodIP + ":8080/"
	s.kubectl("delete", "pod", "leaving", "--wait=false")
	deleted := time.Now()
	for time.Since(deleted) < 3*time.Second {
		if _, err := get(url); err != nil {
			t.Fatalf("%s after its deletion: %v", time.Since(deleted), err)
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.eventually("it answers no more", func() bool { _, err := get(url); return err != nil })
	if held := time.Since(deleted); held > 15*time.Second {
		t.Errorf("it was held for %s", held)
	}
	s.eventually("the Pod is gone", func() bool { return len(s.pods("app=leaving")) == 0 })
}
