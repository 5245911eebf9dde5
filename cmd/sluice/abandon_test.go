package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-lb/sluice/internal/diagnose"
)

func TestStartAbandonsNothingUnlessTold(t *testing.T) {
	t.Parallel()
	served := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "tcp", Finalizers: []string{"service.k8s.aws/resources"}}}
	gateway := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
		"metadata": map[string]any{"namespace": "shop", "name": "edge", "finalizers": []any{"gateway.k8s.aws/nlb"}},
	}}
	other := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}
	const start = "aws-load-balancer-controller keeps load balancers that Sluice does not serve, and their targets would be registered by nobody: "
	for _, test := range []struct {
		name     string
		services []runtime.Object
		gateways []*unstructured.Unstructured
		told     []string
		want     string
	}{
		{name: "nothing", services: []runtime.Object{other}},
		{
			name: "a_service", services: []runtime.Object{served, other},
			want: start + "services (shop/tcp); start with --abandon=services if that is meant; see kubectl sluice preflight",
		},
		{name: "a_service_as_told", services: []runtime.Object{served}, told: []string{"services"}},
		{
			name: "a_gateway_not_told", services: []runtime.Object{served}, gateways: []*unstructured.Unstructured{gateway}, told: []string{"services"},
			want: start + "gateways (shop/edge); start with --abandon=gateways if that is meant; see kubectl sluice preflight",
		},
		{name: "both_as_told", services: []runtime.Object{served}, gateways: []*unstructured.Unstructured{gateway}, told: []string{"services", "gateways"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			resource := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}
			untyped := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), map[schema.GroupVersionResource]string{resource: "GatewayList"})
			for _, gateway := range test.gateways { // the fake would take its plural for "gatewaies"
				if _, err := untyped.Resource(resource).Namespace(gateway.GetNamespace()).Create(t.Context(), gateway.DeepCopy(), metav1.CreateOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			err := abandonNothing(t.Context(), fake.NewClientset(test.services...), untyped, test.told)
			if got := text(err); got != test.want {
				t.Errorf("want %q\n got %q", test.want, got)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestPreflightKnowsOurFlags: what preflight takes for a flag of Sluice's is one.
func TestPreflightKnowsOurFlags(t *testing.T) {
	t.Parallel()
	for _, name := range diagnose.ControllerFlags {
		if _, err := parse([]string{"--" + name}); err != nil && strings.Contains(err.Error(), "unknown flag") {
			t.Errorf("--%s: %v", name, err)
		}
	}
}
