package ingress_test

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/annotations"
)

// TestEveryBuiltAnnotationHasACase: a row of the table is built when a golden file shows
// what comes of it; a case that is rejected shows only what does not.
func TestEveryBuiltAnnotationHasACase(t *testing.T) {
	t.Parallel()
	used := usedInCases(t)
	for _, key := range annotations.Keys() {
		if !key.Built || key.Own || key.Written {
			continue
		}
		if key.On&annotations.OnIngress != 0 && !holds(used.onIngress, key) {
			t.Errorf("%s is built, and no case in testdata that is served has it on an Ingress", key)
		}
		if key.On&annotations.OnService != 0 && !holds(used.onService, key) {
			t.Errorf("%s is built, and no case in testdata that is served has it on a Service", key)
		}
	}
}

// holds reports whether one of the names is the key's, or of its family.
func holds(names map[string]bool, key annotations.Key) bool {
	family, _, isFamily := strings.Cut(key.String(), "<")
	for name := range names {
		if name == key.String() || isFamily && strings.HasPrefix(name, family) {
			return true
		}
	}
	return false
}

// TestEveryFieldOfClassParametersHasACase: the fields that are served have one that is served,
// the others one that says so.
func TestEveryFieldOfClassParametersHasACase(t *testing.T) {
	t.Parallel()
	used := usedInCases(t)
	for name, annotation := range map[string]string{
		"minimumLoadBalancerCapacity": "minimum-load-balancer-capacity", "ipamConfiguration": "ipam-ipv4-pool-id",
		"wafv2AclArn": "wafv2-acl-arn", "wafv2AclName": "wafv2-acl-name",
	} {
		if !serves(annotation) && used.inRejected[name] {
			used.inParams[name] = true
		}
	}
	want := map[string]bool{}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[v1beta1.IngressClassParamsSpec]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		want[name] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(used.inParams))); diff != "" {
		t.Errorf("fields with a case (-want +got):\n%s", diff)
	}
}

func serves(name string) bool {
	return slices.ContainsFunc(annotations.Keys(), func(key annotations.Key) bool { return key.Name == name && key.Built })
}

// uses are what cases have, by whole name; of class parameters, the names of the fields.
type uses struct {
	onIngress, onService, inParams map[string]bool
	// inRejected are the fields of class parameters in cases that are rejected.
	inRejected map[string]bool
}

func usedInCases(t *testing.T) uses {
	t.Helper()
	used := uses{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	paths, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		_, err := os.Stat(strings.TrimSuffix(path, ".in.yaml") + ".plan.yaml")
		objects := readObjects(t, path)
		for _, params := range objects.classes.Params {
			fields := used.inParams
			if err != nil {
				fields = used.inRejected
			}
			spec := reflect.ValueOf(params.Spec)
			for _, field := range reflect.VisibleFields(spec.Type()) {
				if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); !spec.FieldByIndex(field.Index).IsZero() {
					fields[name] = true
				}
			}
		}
		if err != nil {
			continue
		}
		for _, ingress := range objects.ingresses {
			maps.Copy(used.onIngress, present(ingress.Annotations))
		}
		for _, services := range objects.services {
			for _, service := range services {
				maps.Copy(used.onService, present(service.Annotations))
			}
		}
	}
	return used
}

func present(values map[string]string) map[string]bool {
	out := map[string]bool{}
	for key := range values {
		out[key] = true
	}
	return out
}
