package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// Pod says which gates a Pod has and how they stand, and for a Pod without one why.
func Pod(s Snapshot) Report {
	report := Report{
		Namespace:       s.Pod.Namespace,
		Name:            s.Pod.Name,
		Ready:           stateOf(s, corev1.PodReady),
		ContainersReady: stateOf(s, corev1.ContainersReady),
	}
	injected := strings.Split(s.Pod.Annotations[injectedGatesKey], ",")
	for _, gate := range s.Pod.Spec.ReadinessGates {
		name := string(gate.ConditionType)
		if strings.HasPrefix(name, gatePrefix) {
			report.Gates = append(report.Gates, Gate{
				Type:     name,
				Injected: slices.Contains(injected, name),
				State:    stateOf(s, gate.ConditionType),
			})
		}
	}
	known := claimants(s)
	for i := range report.Gates {
		gate := &report.Gates[i]
		gate.HoldsFor = standsFor(gate.Type, report.Gates, known)
		gate.Means, gate.Remedy = explanations[gate.Reason].means, explanations[gate.Reason].remedy
	}
	if len(report.Gates) == 0 {
		report.Findings = append(report.Findings, whyNoGate(s))
	}
	if !slices.ContainsFunc(report.Gates, func(g Gate) bool { return len(g.HoldsFor) > 0 }) {
		report.Findings = append(report.Findings, nobodyClaims(s)...)
	}
	if len(report.Gates) > 0 {
		report.Findings = append(report.Findings, aboutGates(report)...)
	}
	for _, failure := range s.Failed {
		report.Findings = append(report.Findings, Finding{
			What:   fmt.Sprintf("%s could not be read: %v", failure.What, failure.Err),
			Remedy: "what is said above may be incomplete",
		})
	}
	return report
}

func stateOf(s Snapshot, conditionType corev1.PodConditionType) State {
	for _, condition := range s.Pod.Status.Conditions {
		if condition.Type == conditionType {
			return State{
				Status:  string(condition.Status),
				For:     s.Now.Sub(condition.LastTransitionTime.Time),
				Reason:  condition.Reason,
				Message: condition.Message,
			}
		}
	}
	return State{}
}

// aboutGates adds to what the conditions say themselves.
func aboutGates(report Report) []Finding {
	var findings []Finding
	unwritten := 0
	closed := 0
	for _, gate := range report.Gates {
		if gate.Status == "" {
			unwritten++
		}
		if gate.Status != string(corev1.ConditionTrue) {
			closed++
		}
	}
	if unwritten > 0 {
		findings = append(findings, Finding{
			What:   fmt.Sprintf("nobody has written the condition of %d of %d gates", unwritten, len(report.Gates)),
			Remedy: "see whether the controller runs and leads: kubectl -n kube-system get lease aws-load-balancer-controller-leader",
		})
	}
	if closed > 0 && report.ContainersReady.Status != string(corev1.ConditionTrue) {
		findings = append(findings, Finding{
			What:   "the containers are not ready, and no gate opens before they are",
			Remedy: "see their readiness probes: kubectl describe pod " + report.Name + " -n " + report.Namespace,
		})
	}
	return findings
}

// whyNoGate goes through what admission asks, in its order.
func whyNoGate(s Snapshot) Finding {
	pod := s.Pod
	for _, reason := range []func(Snapshot) (Finding, bool){
		namespaceNotLabelled, podSaysNo, jobPod, policyMissing, olderThanInjection, claimedSince, notAsking, notAnticipated,
	} {
		if finding, applies := reason(s); applies {
			return finding
		}
	}
	if len(s.Failed) > 0 {
		return Finding{What: "the Pod has no gate, and not everything that tells why could be read"}
	}
	return Finding{
		What:   "the Pod has no gate, though one would be injected today",
		Remedy: "create it anew: kubectl delete pod " + pod.Name + " -n " + pod.Namespace,
	}
}

func namespaceNotLabelled(s Snapshot) (Finding, bool) {
	if s.Namespace == nil {
		return Finding{}, false
	}
	value, labelled := s.Namespace.Labels[readiness.InjectLabel]
	if value == injectLabelValue {
		return Finding{}, false
	}
	what := fmt.Sprintf("the namespace %s does not ask for gates", s.Namespace.Name)
	if labelled {
		what = fmt.Sprintf("the namespace %s has the label %s with the value %q, which means nothing", s.Namespace.Name, readiness.InjectLabel, value)
	}
	return Finding{
		What: what,
		Remedy: fmt.Sprintf("kubectl label namespace %s %s=%s --overwrite, then create the Pod anew",
			s.Namespace.Name, readiness.InjectLabel, injectLabelValue),
	}, true
}

func podSaysNo(s Snapshot) (Finding, bool) {
	if _, mirror := s.Pod.Annotations[mirrorKey]; mirror {
		return Finding{What: "the Pod mirrors a static Pod, which never gets a gate"}, true
	}
	return Finding{
		What:   fmt.Sprintf("the Pod opts out with the label %s=off", gateLabel),
		Remedy: "remove the label from its template",
	}, optsOut(s.Pod)
}

func jobPod(s Snapshot) (Finding, bool) {
	return Finding{
		What:   "the Pod belongs to a Job, which serves nobody",
		Remedy: fmt.Sprintf("if it does serve, set the label %s=on in its template", gateLabel),
	}, ownedBy(s.Pod, "Job") && !asks(s.Pod)
}

func policyMissing(s Snapshot) (Finding, bool) {
	return Finding{
		What:   fmt.Sprintf("the cluster has neither the admission policy %s nor the webhook %s, so nobody injects gates", anticipatingGates, gatesWebhook),
		Remedy: "apply the policies of this version of Sluice (Kubernetes 1.36 or newer), or its webhook",
	}, s.Policies != nil && s.Policies[anticipatingGates] == nil && s.Webhook == nil
}

func olderThanInjection(s Snapshot) (Finding, bool) {
	created := s.Pod.CreationTimestamp.Time
	remedy := "create it anew: kubectl delete pod " + s.Pod.Name + " -n " + s.Pod.Namespace
	if since := injectedSince(s); since.After(created) {
		return Finding{What: "the Pod is older than what injects gates, and a Pod cannot get a gate later", Remedy: remedy}, true
	}
	if s.Namespace != nil && labelledSince(s.Namespace).After(created) {
		return Finding{What: "the Pod is older than the label of its namespace, and a Pod cannot get a gate later", Remedy: remedy}, true
	}
	return Finding{}, false
}

// injectedSince is when the older of policy and webhook was made; the zero time where neither
// is known.
func injectedSince(s Snapshot) time.Time {
	var since time.Time
	if policy := s.Policies[anticipatingGates]; policy != nil {
		since = policy.CreationTimestamp.Time
	}
	if s.Webhook != nil && (since.IsZero() || s.Webhook.CreationTimestamp.Time.Before(since)) {
		since = s.Webhook.CreationTimestamp.Time
	}
	return since
}

// labelledSince is when the label of the namespace was last set, as far as the managed fields
// tell; the zero time where they do not.
func labelledSince(namespace *corev1.Namespace) time.Time {
	var last time.Time
	for _, entry := range namespace.ManagedFields {
		if entry.Time == nil || entry.FieldsV1 == nil {
			continue
		}
		if strings.Contains(entry.FieldsV1.GetRawString(), `"f:`+readiness.InjectLabel+`"`) && entry.Time.After(last) {
			last = entry.Time.Time
		}
	}
	return last
}

// claimedSince is for Pods that get gates of known claims only.
func claimedSince(s Snapshot) (Finding, bool) {
	if s.GateSet == nil || asks(s.Pod) || ownedBy(s.Pod, "ReplicaSet", "StatefulSet") {
		return Finding{}, false
	}
	for _, gate := range s.GateSet.Spec.Gates {
		if len(gate.Selector) > 0 && labels.SelectorFromSet(gate.Selector).Matches(labels.Set(s.Pod.Labels)) {
			return Finding{
				What:   fmt.Sprintf("a load balancer claims the Pod (gate %s), but was not known when the Pod was created", gate.ConditionType),
				Remedy: "create it anew: kubectl delete pod " + s.Pod.Name + " -n " + s.Pod.Namespace,
			}, true
		}
	}
	return Finding{}, false
}

func notAsking(s Snapshot) (Finding, bool) {
	if asks(s.Pod) || ownedBy(s.Pod, "ReplicaSet", "StatefulSet") {
		return Finding{}, false
	}
	owner := "belongs to no ReplicaSet or StatefulSet"
	if len(s.Pod.OwnerReferences) == 0 {
		owner = "has no owner"
	}
	return Finding{
		What:   fmt.Sprintf("the Pod %s, so it gets a gate only for a load balancer that is known when it is created", owner),
		Remedy: fmt.Sprintf("if it shall wait for one that comes later, set the label %s=on when it is created", gateLabel),
	}, true
}

func notAnticipated(s Snapshot) (Finding, bool) {
	return Finding{
		What:   fmt.Sprintf("the namespace has %s=off, and no load balancer was known when the Pod was created", anticipateKey),
		Remedy: "remove that annotation, or create the Ingress before the Pods",
	}, s.Namespace != nil && s.Namespace.Annotations[anticipateKey] == "off" && !asks(s.Pod)
}

func optsOut(pod *corev1.Pod) bool { return pod.Labels[gateLabel] == "off" }

func asks(pod *corev1.Pod) bool { return pod.Labels[gateLabel] == "on" }

func ownedBy(pod *corev1.Pod, kinds ...string) bool {
	for _, owner := range pod.OwnerReferences {
		if slices.Contains(kinds, owner.Kind) {
			return true
		}
	}
	return false
}
