package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/internal/build/ingress"
)

const changed = `
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Service
  metadata: {name: web}
  spec: {selector: {app: web}, ports: [{port: 80}]}
- apiVersion: networking.k8s.io/v1
  kind: Ingress
  metadata: {name: web, annotations: {alb.ingress.kubernetes.io/scheme: internal}}
  spec: {ingressClassName: alb}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: a}}
`

func TestOverlay(t *testing.T) {
	t.Parallel()
	files, err := manifests([]string{"-"}, strings.NewReader(changed))
	if err != nil {
		t.Fatal(err)
	}
	o := objects{
		Services: []corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "1"},
			Spec:       corev1.ServiceSpec{ClusterIP: "10.0.0.1", Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080}}},
		}},
		Ingresses: []networkingv1.Ingress{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Finalizers: []string{"ingress.k8s.aws/resources"}}}},
	}
	touched, ignored, err := o.overlay(files, "shop")
	if err != nil {
		t.Fatal(err)
	}
	want := objects{
		Services: []corev1.Service{{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Service"}, ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", UID: "1"},
			Spec: corev1.ServiceSpec{
				Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.0.0.1", Selector: map[string]string{"app": "web"},
				Ports: []corev1.ServicePort{{Port: 80, NodePort: 30080, Protocol: corev1.ProtocolTCP, TargetPort: intstr.FromInt32(80)}},
			},
		}},
		Ingresses: []networkingv1.Ingress{{
			TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"},
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: "web", Finalizers: []string{"ingress.k8s.aws/resources"},
				Annotations: map[string]string{"alb.ingress.kubernetes.io/scheme": "internal"},
			},
			Spec: networkingv1.IngressSpec{IngressClassName: new("alb")},
		}},
		Namespaces: []corev1.Namespace{{
			TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
			ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{"team": "a", "kubernetes.io/metadata.name": "shop"}},
		}},
	}
	if diff := cmp.Diff(want, o); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[reference]bool{{"Service", "shop", "web"}: true, {"Ingress", "shop", "web"}: true, {"Namespace", "", "shop"}: true}, touched); diff != "" {
		t.Errorf("touched (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"Deployment web"}, ignored); diff != "" {
		t.Errorf("ignored (-want +got):\n%s", diff)
	}
}

func TestTouches(t *testing.T) {
	t.Parallel()
	object := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}, Spec: networkingv1.IngressSpec{
		DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "cart", Port: networkingv1.ServiceBackendPort{Number: 80}}},
	}}
	m := ingress.Membership{Members: []ingress.Member{{Ingress: object, Class: ingress.Class{Name: "alb"}}}}
	left := ingress.Membership{Leaving: []*networkingv1.Ingress{object}}
	for _, test := range []struct {
		name  string
		stack ingress.Membership
		by    reference
		want  bool
	}{
		{"the_ingress", m, reference{"Ingress", "shop", "web"}, true},
		{"another", m, reference{"Ingress", "other", "web"}, false},
		{"its_service", m, reference{"Service", "shop", "cart"}, true},
		{"its_class", m, reference{"IngressClass", "", "alb"}, true},
		{"its_namespace", m, reference{"Namespace", "", "shop"}, true},
		{"one_that_leaves", left, reference{"Ingress", "shop", "web"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := touches(test.stack, map[reference]bool{test.by: true}); got != test.want {
				t.Errorf("touched: %t", got)
			}
		})
	}
}

func TestManifests(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.yaml", "---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\n")
	write("b.json", `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "b"}}`)
	write("notes.txt", "not a manifest")
	found, err := manifests([]string{folder}, nil)
	if err != nil || len(found) != 2 || found[0].GetName() != "a" || found[1].GetName() != "b" {
		t.Errorf("found %v, %v", found, err)
	}
	write("c.yaml", "name: c")
	if _, err := manifests([]string{folder}, nil); err == nil || !strings.Contains(err.Error(), "c.yaml: an object has no kind") {
		t.Errorf("what is no manifest: %v", err)
	}
}
