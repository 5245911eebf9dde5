package ingress_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/internal/build/ingress"
)

// Services and target groups that an Ingress names itself, and in actions that it points at:
// gates, watches and look-ups are made of these before anything is built.
func TestWhatAnIngressNames(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/names.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var object networkingv1.Ingress
	if err := yaml.UnmarshalStrict(text, &object); err != nil {
		t.Fatal(err)
	}
	const split, canary = "metadata.annotations[alb.ingress.kubernetes.io/actions.split]", "metadata.annotations[alb.ingress.kubernetes.io/actions.canary]"
	if diff := cmp.Diff([]ingress.Backend{
		{Service: "web", Port: "80", Field: "spec.rules[0].http.paths[0].backend.service"},
		{Service: "cart", Port: "http", Field: split},
		{Service: "cart", Port: "80", Field: split},
		{Service: "pay", Port: "443", Field: canary},
	}, ingress.Backends(&object)); diff != "" {
		t.Errorf("backends (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"new", "old"}, ingress.TargetGroupNames(&object)); diff != "" {
		t.Errorf("names of target groups (-want +got):\n%s", diff)
	}
}
