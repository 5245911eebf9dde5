package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const wrongShop = `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: web
  namespace: shop
  annotations: {alb.ingress.kubernetes.io/shceme: internal, alb.ingress.kubernetes.io/group.order: first}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {annotations: {sluice.dev/drain: soon}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: x}
`

func TestLintSaysWhatIsWrongWithManifests(t *testing.T) {
	var out strings.Builder
	err := run(t.Context(), []string{"lint", "-f", "-"}, strings.NewReader(wrongShop), &out)
	if codeOf(err) != 1 {
		t.Errorf("want exit code 1, got %d (%v)", codeOf(err), err)
	}
	want := `ingress shop/web
  annotation alb.ingress.kubernetes.io/group.order: "first" is not a whole number
  remedy: write a number from -1000 to 1000, without a unit
ingress shop/web
  annotation alb.ingress.kubernetes.io/shceme: nobody reads it
  remedy: write alb.ingress.kubernetes.io/scheme if that is meant, else remove it
deployment shop/web
  annotation sluice.dev/drain: "soon" is not in the form it must have
  remedy: write "auto", "nlb", "off" or a number of seconds
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLintOfWhatIsRight(t *testing.T) {
	var out strings.Builder
	right := strings.NewReplacer("shceme", "scheme", "first", `"1"`, "soon", "auto").Replace(wrongShop)
	if err := run(t.Context(), []string{"lint", "-f", "-"}, strings.NewReader(right), &out); err != nil {
		t.Error(err)
	}
	if want := "nothing is wrong with the annotations of 3 objects\n"; out.String() != want {
		t.Errorf("want %q, got %q", want, out.String())
	}
}
