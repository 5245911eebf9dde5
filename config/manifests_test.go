package config_test

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/config"
)

func TestOrderNamesEveryFolder(t *testing.T) {
	t.Parallel()
	entries, err := fs.ReadDir(config.Files, ".")
	if err != nil {
		t.Fatal(err)
	}
	folders := make([]string, len(entries))
	for i, entry := range entries {
		folders[i] = entry.Name()
	}
	want := slices.Sorted(slices.Values(config.Order()))
	if diff := cmp.Diff(want, folders); diff != "" {
		t.Errorf("Order and Files name other folders (-Order +Files):\n%s", diff)
	}
}

// A policy that fails must never keep a Pod from being created.
func TestPoliciesFailOpen(t *testing.T) {
	t.Parallel()
	for _, policy := range policies(t) {
		if got := policy.Spec.FailurePolicy; got == nil || *got != admissionregistrationv1.Ignore {
			t.Errorf("%s: want failurePolicy Ignore", policy.Name)
		}
	}
}

// The two drain policies differ in whom they ask, and in nothing else.
func TestDrainPoliciesShareTheirBody(t *testing.T) {
	t.Parallel()
	all := policies(t)
	pods, namespaces := all["sluice-drain-pods"].Spec, all["sluice-drain-namespaces"].Spec
	if diff := cmp.Diff(pods.Variables[1:], namespaces.Variables[1:]); diff != "" {
		t.Errorf("variables (-pods +namespaces):\n%s", diff)
	}
	if diff := cmp.Diff(pods.Mutations, namespaces.Mutations); diff != "" {
		t.Errorf("mutations (-pods +namespaces):\n%s", diff)
	}
}

func policies(t *testing.T) map[string]admissionregistrationv1.MutatingAdmissionPolicy {
	t.Helper()
	files, err := fs.Glob(config.Files, path.Join("policies", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]admissionregistrationv1.MutatingAdmissionPolicy{}
	for _, file := range files {
		text, err := config.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			var policy admissionregistrationv1.MutatingAdmissionPolicy
			if err := yaml.Unmarshal(document, &policy); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if policy.Kind == "MutatingAdmissionPolicy" {
				found[policy.Name] = policy
			}
		}
	}
	return found
}
