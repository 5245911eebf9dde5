package demo

import (
	"cmp"
	_ "embed" // for side.yaml
	"fmt"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/lab/manifest"
)

const (
	injectLabel = "elbv2.k8s.aws/pod-readiness-gate-inject"
	drainLabel  = "sluice.dev/drain"
)

//go:embed side.yaml
var sideManifest string

// side is one Deployment behind one Ingress, with what it is called in the report.
type side struct {
	name       string // gated, drainOnly, bare
	objects    []*unstructured.Unstructured
	deployment types.NamespacedName
	selector   *metav1.LabelSelector
	ingress    types.NamespacedName
	host       string // Host header; empty: the load balancer's name
	path       string
	watched    bool // its Pods' gates are watched and its losses decide
}

// ourSides are the three of the plain demo.
func ourSides() ([]side, error) {
	var sides []side
	for _, one := range []struct {
		name, namespace string
		labels          map[string]string
	}{
		{"gated", "gated", map[string]string{injectLabel: "enabled", drainLabel: "auto"}},
		{"drainOnly", "drain-only", map[string]string{drainLabel: "auto"}},
		{"bare", "bare", nil},
	} {
		s, err := newSide(one.name, []byte(strings.ReplaceAll(sideManifest, "@NAME@", one.namespace)))
		if err != nil {
			return nil, err
		}
		s.objects[0].SetLabels(one.labels)
		s.watched = one.name == "gated"
		sides = append(sides, s)
	}
	return sides, nil
}

// userSide is the user's own manifest in place of the three.
func userSide(file string) ([]side, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, err := newSide("gated", text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	s.watched = true
	return []side{s}, nil
}

func newSide(name string, text []byte) (side, error) {
	objects, err := manifest.Decode(text)
	if err != nil {
		return side{}, err
	}
	s := side{name: name, objects: objects}
	found := map[string]*unstructured.Unstructured{}
	for _, object := range objects {
		if found[object.GetKind()] == nil {
			found[object.GetKind()] = object
		}
	}
	for _, kind := range []string{"Deployment", "Service", "Ingress"} {
		if found[kind] == nil {
			return side{}, fmt.Errorf("there is no %s; the demo rolls a Deployment behind a Service and an Ingress, so it needs all three", kind)
		}
	}
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found["Deployment"].Object, &deployment); err != nil {
		return side{}, fmt.Errorf("reading the Deployment: %w", err)
	}
	s.deployment, s.selector = nameOf(&deployment), deployment.Spec.Selector
	var ingress networkingv1.Ingress
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found["Ingress"].Object, &ingress); err != nil {
		return side{}, fmt.Errorf("reading the Ingress: %w", err)
	}
	s.ingress = nameOf(&ingress)
	s.host, s.path = firstRule(ingress)
	return s, nil
}

func nameOf(object metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: cmp.Or(object.GetNamespace(), metav1.NamespaceDefault), Name: object.GetName()}
}

// firstRule is where requests go: a wildcard in the host gets a name, one in the path is left out.
func firstRule(ingress networkingv1.Ingress) (host, path string) {
	if len(ingress.Spec.Rules) == 0 {
		return "", "/"
	}
	rule := ingress.Spec.Rules[0]
	host = strings.Replace(rule.Host, "*", "demo", 1)
	if rule.HTTP != nil && len(rule.HTTP.Paths) > 0 {
		path, _, _ = strings.Cut(rule.HTTP.Paths[0].Path, "*")
	}
	return host, cmp.Or(path, "/")
}
