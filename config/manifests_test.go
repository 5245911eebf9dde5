package config_test

import (
	"io/fs"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/admission"
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
	want := slices.Sorted(slices.Values(append(config.Order(), "modes"))) // which is in the place of rbac
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

// What is asked must not keep a Pod from being created, and not for long.
func TestWebhooksFailOpenAndSoon(t *testing.T) {
	t.Parallel()
	configurations, err := config.Webhooks()
	if err != nil || len(configurations) != 2 {
		t.Fatalf("%d configurations, %v; want one for gates and one for the drain", len(configurations), err)
	}
	paths := map[string]bool{}
	for _, configuration := range configurations {
		for _, webhook := range configuration.Webhooks {
			if webhook.FailurePolicy == nil || *webhook.FailurePolicy != admissionregistrationv1.Ignore {
				t.Errorf("%s: want failurePolicy Ignore", webhook.Name)
			}
			if webhook.TimeoutSeconds == nil || *webhook.TimeoutSeconds > 2 {
				t.Errorf("%s: want timeoutSeconds of at most 2", webhook.Name)
			}
			if len(webhook.MatchConditions) == 0 {
				t.Errorf("%s: want match conditions, so that only Pods that it may change are asked about", webhook.Name)
			}
			paths[*webhook.ClientConfig.Service.Path] = true
		}
	}
	if want := map[string]bool{admission.GatesPath: true, admission.DrainPath: true}; !cmp.Equal(want, paths) {
		t.Errorf("asked at %v, served at %v", paths, want)
	}
}

func policies(t *testing.T) map[string]admissionregistrationv1.MutatingAdmissionPolicy {
	t.Helper()
	all, err := config.Policies()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]admissionregistrationv1.MutatingAdmissionPolicy{}
	for _, policy := range all {
		found[policy.Name] = policy
	}
	return found
}
