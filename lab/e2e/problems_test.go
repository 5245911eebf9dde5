package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// ingressFor is an Ingress with one path to one Service.
func ingressFor(name, path, service string, annotations ...string) string {
	return fmt.Sprintf(`
	apiVersion: networking.k8s.io/v1
	kind: Ingress
	metadata:
	  name: %s
	  annotations: {alb.ingress.kubernetes.io/target-type: ip, %s}
	spec:
	  ingressClassName: alb
	  rules:
	  - host: shop.example.com
	    http: {paths: [{path: %s, pathType: Exact, backend: {service: {name: %s, port: {number: 80}}}}]}
	`, name, strings.Join(annotations, ", "), path, service)
}

func TestMistakesAreToldOnTheIngress(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	field := func(annotation string) string {
		return "metadata.annotations[alb.ingress.kubernetes.io/" + annotation + "]"
	}
	cases := []struct{ name, annotation, service, field, value, remedy string }{
		{"typo", "alb.ingress.kubernetes.io/scheme: internet-facin", "web", field("scheme"), `"internet-facin"`, `write "internal" or "internet-facing"`},
		{"subnet", "alb.ingress.kubernetes.io/subnets: subnet-0123456789abcdef0", "web", field("subnets"), `"subnet-0123456789abcdef0"`, "name subnets of the cluster's VPC"},
		{"service", "alb.ingress.kubernetes.io/scheme: internal", "gone", "spec.rules[0].http.paths[0].backend.service.name", `"gone"`, "create the Service or correct the name"},
	}
	s.apply(three['S'])
	for _, c := range cases {
		s.apply(ingressFor(c.name, "/", c.service, c.annotation))
	}
	for _, c := range cases {
		s.eventually("there is a warning about Ingress "+c.name, func() bool { return s.warnings(c.name) != "" })
		got := s.warnings(c.name)
		for what, want := range map[string]string{"object": "Ingress " + s.namespace + "/" + c.name, "field": c.field, "value": c.value, "remedy": c.remedy} {
			if !strings.Contains(got, want) {
				t.Errorf("Ingress %s: the warning names no %s %q: %s", c.name, what, want, got)
			}
		}
	}
	s.kubectl("delete", "ingress", "--all", "--timeout=80s")
}

func TestBadIngressLeavesItsGroupAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	aws := accountOf(t, s.lab)
	group := "alb.ingress.kubernetes.io/group.name: " + s.namespace
	scheme := "alb.ingress.kubernetes.io/scheme: internet-facing"
	s.apply(deployment)
	for _, name := range []string{"a", "b", "c"} {
		s.apply(ingressFor(name, "/"+name, "web", group, scheme))
	}
	serves := func(path string) bool { return aws.servesHost(s.hostname("a"), "shop.example.com", path) }
	s.eventually("all three are served", func() bool { return serves("/a") && serves("/b") && serves("/c") })
	for _, name := range []string{"b", "c"} {
		if s.hostname(name) != s.hostname("a") {
			t.Errorf("Ingress %s has load balancer %q, the group has %q", name, s.hostname(name), s.hostname("a"))
		}
	}

	t.Log("b goes bad, and a changes")
	s.apply(ingressFor("b", "/b2", "web", group, scheme, "alb.ingress.kubernetes.io/healthcheck-interval-seconds: 15s"))
	s.eventually("there is a warning about b", func() bool { return strings.Contains(s.warnings("b"), `"15s"`) })
	s.apply(ingressFor("a", "/a2", "web", group, scheme))
	s.eventually("the change of a is served", func() bool { return serves("/a2") })
	for path, want := range map[string]bool{"/a": false, "/b": true, "/b2": false, "/c": true} {
		if got := serves(path); got != want {
			t.Errorf("%s is served: %t, want %t", path, got, want)
		}
	}
	record := "ingress-group." + s.namespace
	accepted := func() string {
		return s.kubectl("get", "slb", record, "-o", `jsonpath={.status.conditions[?(@.type=="Accepted")].status} {.status.conditions[?(@.type=="Accepted")].message}`)
	}
	s.eventually("the LoadBalancer says who is left out", func() bool {
		return strings.HasPrefix(accepted(), "False") && strings.Contains(accepted(), "Ingress "+s.namespace+"/b")
	})
	if text := s.warnings("a") + s.warnings("c"); text != "" {
		t.Errorf("the good ones are warned about: %s", text)
	}

	t.Log("b is mended")
	s.apply(ingressFor("b", "/b2", "web", group, scheme, "alb.ingress.kubernetes.io/healthcheck-interval-seconds: \"15\""))
	s.eventually("b is served as it says now", func() bool { return serves("/b2") && !serves("/b") })
	s.eventually("nobody is left out", func() bool { return strings.HasPrefix(accepted(), "True") })
	s.kubectl("delete", "ingress", "--all", "--timeout=80s")
}
