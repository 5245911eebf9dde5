package e2e

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
)

const rolled = `
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: web}
	spec:
	  replicas: 4
	  selector: {matchLabels: {app: web}}
	  strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}
	  template:
	    metadata: {labels: {app: web}}
	    spec:
	      containers:
	      - name: web
	        image: sluice.lab/web
	        env: [{name: START_DELAY, value: 1s}, {name: ON_SIGTERM, value: stop}]
	        ports: [{name: http, containerPort: 8080}]
	        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
	`

// A controller that dies in the middle loses no request, and one that comes back to what it knows
// asks AWS for no details. The lab is the test's own: nobody else suffers from the kills.
func TestControllerComesAndGoes(t *testing.T) {
	t.Parallel()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	// Where no gate waits any more when the second controller comes, only a sample shows how targets are.
	s := newSceneIn(t, startLab(t, append(flags, "--controller-flag=--health-sample-interval=20s")...))
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled", "sluice.dev/drain=auto")
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", "alb.ingress.kubernetes.io/scheme: internet-facing", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`))
	s.apply(rolled)
	aws := accountOf(t, s.lab)
	s.eventually("four Pods are Ready", func() bool { return s.ready("app=web") == 4 })
	s.eventually("the Ingress is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })

	s.rollUnderLoad(aws.address(s.hostname("web")))
	s.expectRecord()
	s.expectQuietRestart(aws)
}

// rollUnderLoad kills the controller twice: when new Pods wait for their gates, and when old ones drain.
func (s *scene) rollUnderLoad(address string) {
	s.t.Helper()
	old := map[types.UID]bool{}
	for _, pod := range s.pods("app=web") {
		old[pod.UID] = true
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var load sync.WaitGroup
	var sent int
	var failed []error
	load.Go(func() { sent, failed = requests(ctx, address) })

	s.kubectl("rollout", "restart", "deployment/web")
	some := func(is func(corev1.Pod) bool) func() bool {
		return func() bool { return slices.ContainsFunc(s.pods("app=web"), is) }
	}
	s.eventually("a new Pod waits for its gate", some(func(pod corev1.Pod) bool {
		return !old[pod.UID] && condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue
	}))
	s.killController(syscall.SIGKILL)
	s.eventually("an old Pod drains", some(func(pod corev1.Pod) bool { return old[pod.UID] && pod.DeletionTimestamp != nil }))
	s.killController(syscall.SIGKILL)
	s.eventually("the old Pods are gone", func() bool {
		return !some(func(pod corev1.Pod) bool { return old[pod.UID] })() && s.ready("app=web") == 4
	})
	cancel()
	load.Wait()
	if len(failed) > 0 {
		s.t.Errorf("%d of %d requests failed, the first one with: %v", len(failed), sent, failed[0])
	}
	s.t.Logf("%d requests", sent)
}

// requests sends fifty a second until the context ends, whether or not earlier ones are answered.
func requests(ctx context.Context, address string) (sent int, failed []error) {
	tick := time.NewTicker(time.Second / 50)
	defer tick.Stop()
	var mu sync.Mutex
	var pending sync.WaitGroup
	for {
		select {
		case <-ctx.Done():
			pending.Wait()
			return sent, failed
		case <-tick.C:
		}
		sent++
		pending.Go(func() {
			if err := ask(context.WithoutCancel(ctx), address, "shop.example.com", "/"); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, err)
			}
		})
	}
}

// killController returns when the next controller runs.
func (s *scene) killController(how syscall.Signal) {
	s.t.Helper()
	before := controllerPID(s.lab)
	if err := syscall.Kill(before, how); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("another controller runs", func() bool {
		now := controllerPID(s.lab)
		return now != before && now != 0 && lives(now)
	})
}

// expectRecord looks at what people see of a load balancer.
func (s *scene) expectRecord() {
	s.t.Helper()
	name := "ingress." + s.namespace + ".web"
	var got v1alpha1.LoadBalancer
	s.eventually("the LoadBalancer object shows four healthy targets", func() bool {
		if err := json.Unmarshal([]byte(s.kubectl("get", "loadbalancers.sluice.dev", name, "-o", "json")), &got); err != nil {
			s.t.Fatal(err)
		}
		return got.Status.Targets == "4/4"
	})
	for _, c := range got.Status.Conditions {
		if c.Status != "True" {
			s.t.Errorf("condition %s is %s: %s", c.Type, c.Status, c.Message)
		}
	}
	status := got.Status
	if len(status.Conditions) != 2 || status.Type != "application" || status.Scheme != "internet-facing" || status.State != "active" ||
		status.DNSName != s.hostname("web") || strings.Join(status.Hosts, " ") != "shop.example.com" || status.LastError != "" {
		s.t.Errorf("status %+v", status)
	}
	table := s.kubectl("get", "slb", name)
	for _, want := range []string{"TYPE", "SCHEME", "STATE", "DNS-NAME", "HOSTS", "HEALTHY", "ACCEPTED", "PROGRAMMED", s.hostname("web"), "4/4"} {
		if !strings.Contains(table, want) {
			s.t.Errorf("kubectl get slb shows no %s:\n%s", want, table)
		}
	}
}

// expectQuietRestart restarts a controller whose work is done.
func (s *scene) expectQuietRestart(aws *account) {
	s.t.Helper()
	s.awaitQuiet(aws)
	if _, err := run(s.t, "aws", "calls", "--dir="+string(s.lab.Dir), "--reset", "-o", "json"); err != nil {
		s.t.Fatal(err)
	}
	s.killController(syscall.SIGTERM)
	s.eventually("the new controller has looked at AWS", func() bool { return aws.calls()["DescribeLoadBalancers"] > 0 })
	s.awaitQuiet(aws)
	calls := aws.calls()
	for operation, n := range calls {
		if !strings.HasPrefix(operation, "Describe") || operation == "DescribeListeners" || operation == "DescribeRules" {
			s.t.Errorf("a restart costs %d× %s", n, operation)
		}
	}
	s.t.Logf("a restart costs %v", calls)
}

// awaitQuiet returns when AWS has heard nothing for a while but questions about health.
func (s *scene) awaitQuiet(aws *account) {
	s.t.Helper()
	last, since := -1, time.Now()
	s.eventually("AWS hears nothing new", func() bool {
		n := 0
		for operation, count := range aws.calls() {
			if operation != "DescribeTargetHealth" {
				n += count
			}
		}
		if n != last {
			last, since = n, time.Now()
		}
		return time.Since(since) > 4*time.Second
	})
}
