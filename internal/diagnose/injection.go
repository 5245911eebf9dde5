package diagnose

import (
	"encoding/json"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// InjectionSnapshot is what this version brings to inject gates and drain, and what the
// cluster has of it.
type InjectionSnapshot struct {
	Shipped, Found InjectionObjects
	// WithoutPolicies: the API server has no such kind (Kubernetes before 1.36).
	WithoutPolicies bool
}

// InjectionObjects are the objects that inject.
type InjectionObjects struct {
	Policies []admissionregistrationv1.MutatingAdmissionPolicy
	Bindings []admissionregistrationv1.MutatingAdmissionPolicyBinding
	Webhooks []admissionregistrationv1.MutatingWebhookConfiguration
}

// The ways to inject, as metrics name them.
const (
	ByPolicy  = "policy"
	ByWebhook = "webhook"
)

// InjectorState says how a policy or a webhook stands.
type InjectorState string

// The states.
const (
	// Working: it is there, as this version brings it.
	Working InjectorState = "working"
	// Other: it is there and works, but is not what this version brings.
	Other InjectorState = "other"
	// Unbound: the policy has no binding, so it does nothing.
	Unbound InjectorState = "unbound"
	// Unpublished: the API server is not told which certificate to trust, so it cannot ask.
	Unpublished InjectorState = "unpublished"
	// Missing: it is not there.
	Missing InjectorState = "missing"
	// Unserved: the API server does not know the kind.
	Unserved InjectorState = "unserved"
)

// Injector is one policy, or one configuration of webhooks.
type Injector struct {
	By, Name string
	State    InjectorState
}

// Injects reports whether it does its work, in whatever version.
func (i Injector) Injects() bool { return i.State == Working || i.State == Other }

// Injection judges each policy and webhook that this version brings, in that order.
func Injection(s InjectionSnapshot) []Injector {
	var all []Injector
	for _, shipped := range s.Shipped.Policies {
		all = append(all, Injector{By: ByPolicy, Name: shipped.Name, State: policyState(s, shipped)})
	}
	for _, shipped := range s.Shipped.Webhooks {
		all = append(all, Injector{By: ByWebhook, Name: shipped.Name, State: webhookState(s, shipped)})
	}
	return all
}

func policyState(s InjectionSnapshot, shipped admissionregistrationv1.MutatingAdmissionPolicy) InjectorState {
	if s.WithoutPolicies {
		return Unserved
	}
	at := slices.IndexFunc(s.Found.Policies, func(p admissionregistrationv1.MutatingAdmissionPolicy) bool { return p.Name == shipped.Name })
	if at < 0 {
		return Missing
	}
	bound := slices.IndexFunc(s.Found.Bindings, func(b admissionregistrationv1.MutatingAdmissionPolicyBinding) bool {
		return b.Spec.PolicyName == shipped.Name
	})
	if bound < 0 {
		return Unbound
	}
	for _, binding := range s.Shipped.Bindings {
		if binding.Spec.PolicyName == shipped.Name && changed(binding.Spec, s.Found.Bindings[bound].Spec) {
			return Other
		}
	}
	if changed(shipped.Spec, s.Found.Policies[at].Spec) {
		return Other
	}
	return Working
}

func webhookState(s InjectionSnapshot, shipped admissionregistrationv1.MutatingWebhookConfiguration) InjectorState {
	at := slices.IndexFunc(s.Found.Webhooks, func(c admissionregistrationv1.MutatingWebhookConfiguration) bool { return c.Name == shipped.Name })
	if at < 0 {
		return Missing
	}
	found := s.Found.Webhooks[at].DeepCopy()
	for _, webhook := range found.Webhooks {
		if len(webhook.ClientConfig.CABundle) == 0 {
			return Unpublished
		}
	}
	// Where it is asked may be another place than the manifest says.
	without := shipped.DeepCopy()
	for _, configuration := range []*admissionregistrationv1.MutatingWebhookConfiguration{without, found} {
		for i := range configuration.Webhooks {
			configuration.Webhooks[i].ClientConfig = admissionregistrationv1.WebhookClientConfig{}
		}
	}
	if changed(without.Webhooks, found.Webhooks) {
		return Other
	}
	return Working
}

// changed reports whether an object is another than was shipped, but for what the API server
// adds: selectors that select all, and the like.
func changed(shipped, found any) bool { return differ(plain(shipped), plain(found)) }

func differ(shipped, found any) bool {
	switch want := shipped.(type) {
	case map[string]any:
		have, same := found.(map[string]any)
		if !same {
			return true
		}
		for key, value := range have {
			if _, known := want[key]; !known && !isDefault(value) {
				return true
			}
		}
		for key, value := range want {
			if differ(value, have[key]) {
				return true
			}
		}
		return false
	case []any:
		have, same := found.([]any)
		return !same || !slices.EqualFunc(want, have, func(a, b any) bool { return !differ(a, b) })
	}
	return shipped != found
}

// isDefault reports whether a value only says what holds without it.
func isDefault(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for _, inner := range v {
			if !isDefault(inner) {
				return false
			}
		}
		return true
	case string:
		return v == string(admissionregistrationv1.Equivalent) || v == string(admissionregistrationv1.AllScopes)
	}
	return false
}

// plain is a value as JSON has it.
func plain(value any) any {
	text, err := json.Marshal(value)
	if err != nil {
		panic("objects of Kubernetes always marshal: " + err.Error())
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		panic("what was marshalled is JSON: " + err.Error())
	}
	return out
}

// InjectsGates reports whether Pods get gates in this way.
func InjectsGates(all []Injector, by string) bool {
	return slices.ContainsFunc(all, func(i Injector) bool {
		return i.By == by && i.Injects() && (i.Name == anticipatingGates || i.Name == gatesWebhook)
	})
}

// InjectionFindings say what is wrong with injection, and what to do. Where one way is there
// the other need not be.
func InjectionFindings(all []Injector) []Finding {
	var findings []Finding
	if !InjectsGates(all, ByPolicy) && !InjectsGates(all, ByWebhook) {
		findings = append(findings, Finding{
			What:   "nothing gives Pods their readiness gates",
			Remedy: "apply config/policies (Kubernetes 1.36 or newer) or config/webhook",
		})
	}
	present := map[string]bool{}
	for _, i := range all {
		present[i.By] = present[i.By] || i.State != Missing && i.State != Unserved
	}
	for _, i := range all {
		if what, remedy := i.trouble(); what != "" && present[i.By] {
			findings = append(findings, Finding{What: fmt.Sprintf("%s %s %s", i.By, i.Name, what), Remedy: remedy})
		}
	}
	return findings
}

func (i Injector) trouble() (what, remedy string) {
	folder := map[string]string{ByPolicy: "config/policies", ByWebhook: "config/webhook"}[i.By]
	switch i.State {
	case Other:
		return "is not the one that this version brings", "apply " + folder + " of this version"
	case Unbound:
		return "has no binding, so it does nothing", "apply " + folder
	case Missing:
		return "is missing", "apply " + folder
	case Unpublished:
		return "does not say which certificate to trust, so it is not asked", "see the log of sluice webhook, which writes it"
	default:
		return "", ""
	}
}
