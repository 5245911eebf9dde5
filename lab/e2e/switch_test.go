package e2e

import (
	"context"
	"strings"
	"sync"
	"testing"
)

// An Ingress joins a group of its own will, under load: its old load balancer serves on until the new one does, and goes
// then. (Clients follow by DNS, which a lab has not: whoever still asks the old one then is not counted.)
func TestSwitchToAnotherGroup(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	aws := accountOf(t, s.lab)
	scheme := "alb.ingress.kubernetes.io/scheme: internet-facing"
	s.apply(deployment)
	s.apply(ingressFor("web", "/", "web", scheme))
	s.eventually("the Ingress is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })
	before := s.hostname("web")
	old := aws.address(before)

	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var load sync.WaitGroup
	var sent int
	var failed []error
	load.Go(func() { sent, failed = requests(ctx, old) })
	s.apply(ingressFor("web", "/", "web", scheme, "alb.ingress.kubernetes.io/group.name: "+s.namespace))
	s.eventually("the new load balancer serves", func() bool {
		return s.hostname("web") != before && aws.servesHost(s.hostname("web"), "shop.example.com", "/")
	})
	cancel()
	load.Wait()
	if len(failed) > 0 {
		t.Errorf("%d of %d requests to the old load balancer failed before the new one served, the first with: %v", len(failed), sent, failed[0])
	}
	s.eventually("the old one is gone", func() bool { return aws.address(before) == "" })
	s.eventually("its finalizer is gone", func() bool {
		return s.kubectl("get", "ingress", "web", "-o", "jsonpath={.metadata.finalizers[*]}") == "group.ingress.k8s.aws/"+s.namespace
	})
	s.kubectl("delete", "ingress", "web", "--timeout=60s")
}

// A rule moves to another Service and back: another target group each time, and nobody notices.
func TestSwitchToAnotherServiceAndBack(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	aws := accountOf(t, s.lab)
	annotations := []string{"alb.ingress.kubernetes.io/scheme: internet-facing", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "5"`, `alb.ingress.kubernetes.io/healthcheck-timeout-seconds: "2"`}
	s.apply(deployment + "---" + strings.ReplaceAll(deployment, "name: web}", "name: other}"))
	s.apply(ingressFor("web", "/", "web", annotations...))
	s.eventually("the Ingress is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })

	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	var load sync.WaitGroup
	var sent int
	var failed []error
	load.Go(func() { sent, failed = requests(ctx, aws.address(s.hostname("web"))) })
	groupOf := func(service string) string {
		return s.kubectl("get", "targetgroupbindings", "-o", "jsonpath={.items[?(@.spec.serviceRef.name==\""+service+"\")].spec.targetGroupARN}")
	}
	first := groupOf("web")
	s.apply(ingressFor("web", "/", "other", annotations...))
	s.eventually("only the other Service has a target group", func() bool { return groupOf("other") != "" && groupOf("web") == "" })
	s.apply(ingressFor("web", "/", "web", annotations...))
	s.eventually("and back", func() bool { return groupOf("other") == "" && groupOf("web") != "" })
	if groupOf("web") == first {
		t.Error("the target group that went is back")
	}
	cancel()
	load.Wait()
	if len(failed) > 0 {
		t.Errorf("%d of %d requests failed, the first with: %v", len(failed), sent, failed[0])
	}
	t.Logf("%d requests", sent)
	s.kubectl("delete", "ingress", "web", "--timeout=60s")
}
