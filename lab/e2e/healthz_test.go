package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// The example as it stands in examples/, in the namespace of the test: two of the three containers matter, and each of
// those keeps the gate closed. The third may be as ill as it likes.
func TestCompositeHealth(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	text, err := os.ReadFile("../../examples/composite-health/shop.yaml")
	if err != nil {
		t.Fatal(err)
	}
	example := string(text)
	if !strings.Contains(example, "containerPort: 6379}]\n") || !strings.Contains(example, "ports: [{name: http, containerPort: 8080}]\n") {
		t.Fatal("the example has other ports than this test changes")
	}
	example = strings.NewReplacer("namespace: shop", "namespace: "+s.namespace, "  name: shop\n  labels:", "  name: "+s.namespace+"\n  labels:",
		// The shop's own readiness probe passes from the start; what the load balancer asks does not.
		"ports: [{name: http, containerPort: 8080}]\n", "env: [{name: PATHS, value: /ready=503}]\n          ports: [{name: http, containerPort: 8080}]\n",
		// The exporter is gone for good: nobody listens at its port.
		"ports: [{name: metrics, containerPort: 9090}]\n", "ports: [{name: metrics, containerPort: 9191}]\n",
	).Replace(example)
	s.apply(example)
	s.eventually("all containers are ready", func() bool { return s.containersReady("app=shop") == 2 })
	s.eventually("the load balancer finds them unhealthy", func() bool { return len(s.targetsIn("unhealthy", "app=shop")) == 2 })
	if ready := s.ready("app=shop"); ready != 0 {
		t.Errorf("%d Pods are Ready while a required check fails", ready)
	}

	pod := s.pods("app=shop")[0]
	answer := healthOf(t, pod)
	want := []string{"failing", "http://:8080/ready required failing", "tcp://:6379 required passing", "grpc://:9090 optional failing"}
	if !slices.Equal(answer, want) {
		t.Errorf("the endpoint says %q, want %q", answer, want)
	}

	t.Log("one Pod's shop becomes ready, its exporter is still ill")
	response, err := http.Post("http://"+pod.Status.PodIP+":8080/-/paths?path=/ready&answer=200", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	s.eventually("that Pod is Ready", func() bool { return s.ready("app=shop") == 1 })
	if healthy := s.targetsIn("healthy", "app=shop"); !slices.Equal(healthy, []string{pod.Status.PodIP}) {
		t.Errorf("healthy are %v, want %s only", healthy, pod.Status.PodIP)
	}
}

// containersReady counts the Pods whose containers are all ready.
func (s *scene) containersReady(labels string) int {
	s.t.Helper()
	n := 0
	for _, pod := range s.pods(labels) {
		if condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue {
			n++
		}
	}
	return n
}

// targetsIn are the addresses of Pods that AWS calls so.
func (s *scene) targetsIn(state, labels string) []string {
	s.t.Helper()
	endpoint, err := s.lab.Dir.AWSEndpoint()
	if err != nil {
		s.t.Fatal(err)
	}
	targets, err := localaws.Admin{URL: endpoint}.Targets(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	var found []string
	for _, pod := range s.pods(labels) {
		for _, target := range targets {
			if target.Address.Addr().String() == pod.Status.PodIP && target.State == state {
				found = append(found, pod.Status.PodIP)
			}
		}
	}
	return found
}

// healthOf asks the Pod's composite endpoint: the state of all, and then that of each check.
func healthOf(t *testing.T, pod corev1.Pod) []string {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get("http://" + pod.Status.PodIP + ":8089/healthz")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var report struct {
		State  string
		Checks []struct {
			Check, State string
			Required     bool
		}
	}
	if err := json.NewDecoder(response.Body).Decode(&report); err != nil {
		t.Fatal(err)
	}
	said := []string{report.State}
	for _, check := range report.Checks {
		said = append(said, fmt.Sprintf("%s %s %s", check.Check, map[bool]string{true: "required", false: "optional"}[check.Required], check.State))
	}
	return said
}
