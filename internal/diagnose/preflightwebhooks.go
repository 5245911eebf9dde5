package diagnose

import (
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
)

// webhookChecks: a webhook that nobody answers and that fails closed refuses every write.
func webhookChecks(s PreflightSnapshot) []Check {
	var checks []Check
	for _, hooks := range IncumbentWebhooks(s.Mutating, s.Validating) {
		object := hooks.Kind + " " + hooks.Name
		standing, what := Warn, fmt.Sprintf("%s asks Service %s about writes of %s, and they are refused once nobody answers there", object, hooks.Service, strings.Join(hooks.Resources, ", "))
		if s.Endpoints[hooks.Service] == 0 {
			standing, what = Stop, fmt.Sprintf("%s asks Service %s about writes of %s, and nobody is ready to answer there: they are refused", object, hooks.Service, strings.Join(hooks.Resources, ", "))
		}
		checks = append(checks, Check{
			Standing: standing, What: what,
			Remedy: fmt.Sprintf("once the incumbent has been stopped: kubectl delete %s %s", strings.ToLower(hooks.Kind), hooks.Name),
		})
	}
	return checks
}

// FailClosed are the webhooks of one configuration that ask one Service, and without an answer
// refuse what they are asked about.
type FailClosed struct {
	// Kind and Name of the configuration.
	Kind, Name string
	// Service that answers, "namespace/name".
	Service string
	// Resources whose writes it is asked about.
	Resources []string
}

// IncumbentWebhooks are those of the incumbent that fail closed.
func IncumbentWebhooks(mutating []admissionregistrationv1.MutatingWebhookConfiguration, validating []admissionregistrationv1.ValidatingWebhookConfiguration) []FailClosed {
	var all []FailClosed
	for _, configuration := range mutating {
		for _, hook := range configuration.Webhooks {
			all = addWebhook(all, FailClosed{Kind: "MutatingWebhookConfiguration", Name: configuration.Name}, hook.Name, hook.ClientConfig, hook.FailurePolicy, hook.Rules)
		}
	}
	for _, configuration := range validating {
		for _, hook := range configuration.Webhooks {
			all = addWebhook(all, FailClosed{Kind: "ValidatingWebhookConfiguration", Name: configuration.Name}, hook.Name, hook.ClientConfig, hook.FailurePolicy, hook.Rules)
		}
	}
	return all
}

func addWebhook(all []FailClosed, one FailClosed, name string, where admissionregistrationv1.WebhookClientConfig, policy *admissionregistrationv1.FailurePolicyType, rules []admissionregistrationv1.RuleWithOperations) []FailClosed {
	closed := policy == nil || *policy == admissionregistrationv1.Fail
	if !closed || where.Service == nil || !incumbentHook(name) {
		return all
	}
	one.Service = where.Service.Namespace + "/" + where.Service.Name
	i := slices.IndexFunc(all, func(o FailClosed) bool { return o.Kind == one.Kind && o.Name == one.Name && o.Service == one.Service })
	if i < 0 {
		all, i = append(all, one), len(all)
	}
	for _, rule := range rules {
		for _, resource := range rule.Resources {
			if !slices.Contains(all[i].Resources, resource) {
				all[i].Resources = append(all[i].Resources, resource)
			}
		}
	}
	return all
}

// incumbentHook: the names of its webhooks end in API groups of its own.
func incumbentHook(name string) bool {
	return strings.HasSuffix(name, ".elbv2.k8s.aws") || strings.HasSuffix(name, ".aga.k8s.aws")
}
