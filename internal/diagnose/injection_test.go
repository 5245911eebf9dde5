package diagnose_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/diagnose"
)

// What the manifests bring is compared with what a cluster has.
func TestInjection(t *testing.T) {
	t.Parallel()
	const both = "nothing gives Pods their readiness gates"
	for name, c := range map[string]struct {
		change          func(*diagnose.InjectionSnapshot)
		policy, webhook bool // injects gates
		want            []string
	}{
		"policies-alone": {policy: true, change: func(s *diagnose.InjectionSnapshot) { s.Found.Webhooks = nil }},
		"webhook-alone": {webhook: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Policies, s.Found.Bindings = nil, nil
		}},
		"older-kubernetes": {webhook: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Policies, s.Found.Bindings, s.WithoutPolicies = nil, nil, true
		}},
		"both": {policy: true, webhook: true, change: func(*diagnose.InjectionSnapshot) {}},
		"nothing": {change: func(s *diagnose.InjectionSnapshot) {
			s.Found = diagnose.InjectionObjects{}
		}, want: []string{both}},
		"somebody-else's": {change: func(s *diagnose.InjectionSnapshot) {
			s.Found = diagnose.InjectionObjects{Webhooks: []admissionregistrationv1.MutatingWebhookConfiguration{{ObjectMeta: metav1.ObjectMeta{Name: "mesh"}}}}
		}, want: []string{both}},
		"no-bindings": {change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Bindings, s.Found.Webhooks = nil, nil
		}, want: []string{
			both, "policy sluice-anticipating-gate has no binding, so it does nothing", "policy sluice-drain-pods has no binding, so it does nothing",
			"policy sluice-drain-namespaces has no binding, so it does nothing", "policy sluice-own-gates has no binding, so it does nothing",
		}},
		"one-policy-is-missing": {policy: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Webhooks, s.Found.Policies = nil, s.Found.Policies[:3]
		}, want: []string{"policy sluice-own-gates is missing"}},
		"policy-of-another-version": {policy: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Webhooks = nil
			s.Found.Policies[0].Spec.MatchConditions[0].Expression = "true"
		}, want: []string{"policy sluice-anticipating-gate is not the one that this version brings"}},
		"binding-was-narrowed": {policy: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Webhooks = nil
			s.Found.Bindings[0].Spec.MatchResources.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
		}, want: []string{"policy sluice-anticipating-gate is not the one that this version brings"}},
		"binding-without-selector-was-narrowed": {policy: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Webhooks = nil
			s.Found.Bindings[1].Spec.MatchResources.NamespaceSelector.MatchLabels = map[string]string{"a": "b"}
		}, want: []string{"policy sluice-drain-pods is not the one that this version brings"}},
		"webhook-has-no-authority": {change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Policies, s.Found.Bindings = nil, nil
			s.Found.Webhooks[0].Webhooks[0].ClientConfig.CABundle = nil
		}, want: []string{both, "webhook sluice-gates does not say which certificate to trust, so it is not asked"}},
		"webhook-of-another-version": {webhook: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Policies, s.Found.Bindings = nil, nil
			s.Found.Webhooks[1].Webhooks[0].MatchConditions = nil
		}, want: []string{"webhook sluice-drain is not the one that this version brings"}},
		"webhook-elsewhere": {webhook: true, change: func(s *diagnose.InjectionSnapshot) {
			s.Found.Policies, s.Found.Bindings = nil, nil
			config := &s.Found.Webhooks[0].Webhooks[0].ClientConfig
			config.URL, config.Service = new("https://localhost:9443/gates"), nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			snapshot := diagnose.InjectionSnapshot{Shipped: shipped(t), Found: stored(t)}
			c.change(&snapshot)
			got := diagnose.Injection(snapshot)
			if by := diagnose.InjectsGates(got, diagnose.ByPolicy); by != c.policy {
				t.Errorf("policies inject: %v, want %v", by, c.policy)
			}
			if by := diagnose.InjectsGates(got, diagnose.ByWebhook); by != c.webhook {
				t.Errorf("the webhook injects: %v, want %v", by, c.webhook)
			}
			var findings []string
			for _, finding := range diagnose.InjectionFindings(got) {
				findings = append(findings, finding.What)
				if finding.Remedy == "" {
					t.Errorf("%q does not say what to do", finding.What)
				}
			}
			if diff := cmp.Diff(c.want, findings); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func shipped(t *testing.T) (all diagnose.InjectionObjects) {
	t.Helper()
	var err error
	if all.Policies, err = config.Policies(); err != nil {
		t.Fatal(err)
	}
	if all.Bindings, err = config.Bindings(); err != nil {
		t.Fatal(err)
	}
	if all.Webhooks, err = config.Webhooks(); err != nil {
		t.Fatal(err)
	}
	return all
}

// stored is what an API server makes of it, and the webhook adds.
func stored(t *testing.T) diagnose.InjectionObjects {
	t.Helper()
	all := shipped(t)
	for i := range all.Policies {
		constraints := all.Policies[i].Spec.MatchConstraints
		constraints.MatchPolicy = new(admissionregistrationv1.Equivalent)
		constraints.NamespaceSelector, constraints.ObjectSelector = &metav1.LabelSelector{}, &metav1.LabelSelector{}
		constraints.ResourceRules[0].Scope = new(admissionregistrationv1.AllScopes)
	}
	for i := range all.Bindings {
		if all.Bindings[i].Spec.MatchResources == nil {
			all.Bindings[i].Spec.MatchResources = &admissionregistrationv1.MatchResources{
				MatchPolicy: new(admissionregistrationv1.Equivalent), NamespaceSelector: &metav1.LabelSelector{}, ObjectSelector: &metav1.LabelSelector{},
			}
		}
	}
	for i := range all.Webhooks {
		for j := range all.Webhooks[i].Webhooks {
			webhook := &all.Webhooks[i].Webhooks[j]
			webhook.ClientConfig.CABundle = []byte("authority")
			webhook.ClientConfig.Service.Port = new(int32(443))
			webhook.MatchPolicy = new(admissionregistrationv1.Equivalent)
		}
	}
	return all
}
