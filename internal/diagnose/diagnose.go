// Package diagnose answers "why?" from what was gathered.
//
// A snapshot comes in: the object in question and what matters to it, look-ups that failed
// included. A report goes out that a person can read on one screen: what is, since when, what
// it means and what to change. Nothing here asks the cluster or AWS, or reads a clock.
//
//	report := diagnose.Pod(diagnose.Snapshot{Pod: pod, Namespace: namespace, Now: now})
//	fmt.Fprint(out, report)
package diagnose

import (
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
)

// Names that admission and controller share with this room.
const (
	gatePrefix        = "target-health."
	anticipatingGate  = "target-health.sluice.dev/load-balancers"
	injectLabelValue  = "enabled"
	gateLabel         = "sluice.dev/readiness-gate"
	anticipateKey     = "sluice.dev/anticipate"
	injectedGatesKey  = "sluice.dev/injected-gates"
	mirrorKey         = "kubernetes.io/config.mirror"
	anticipatingGates = "sluice-anticipating-gate"
	gatesWebhook      = "sluice-gates"
)

// Snapshot is what is known of a Pod. Only Pod and Now must be there.
type Snapshot struct {
	Pod *corev1.Pod
	Now time.Time

	// Namespace of the Pod; nil where it could not be read.
	Namespace *corev1.Namespace
	// GateSet of the namespace; nil where there is none.
	GateSet *v1alpha1.ReadinessGateSet
	// Policies that inject gates, by name; nil where they could not be read.
	Policies map[string]*admissionregistrationv1.MutatingAdmissionPolicy
	// Webhook that injects gates; nil where there is none, or it could not be read.
	Webhook *admissionregistrationv1.MutatingWebhookConfiguration
	// Traffic is what may lead to the Pod; nil where it could not be read.
	Traffic *Traffic
	// Failed says what could not be looked up, and why.
	Failed []Failure
}

// Failure is a look-up that did not succeed.
type Failure struct {
	What string // "the namespace web"
	Err  error
}

// Report is what there is to say about a Pod.
type Report struct {
	Namespace, Name string
	// Ready and ContainersReady are the Pod's own conditions.
	Ready, ContainersReady State
	// Gates are the Pod's target-health gates, in the order of its spec.
	Gates []Gate
	// Findings say what explains the above, the most telling first.
	Findings []Finding
}

// State is a condition as it stands.
type State struct {
	// Status is "True", "False", "Unknown", or empty where nobody has written the condition.
	Status string
	// For is how long it has been so.
	For             time.Duration
	Reason, Message string
}

// Gate is one readiness gate of the Pod.
type Gate struct {
	Type string
	// Injected is false for a gate that stood in the Pod's template.
	Injected bool
	State
	// HoldsFor are those that the gate holds the Pod back for: "Ingress web/shop, service cart port 80".
	HoldsFor []string
	// Means and Remedy explain the reason; the remedy may be empty.
	Means, Remedy string
}

// Finding is an explanation and what to do about it; the remedy may be empty.
type Finding struct {
	What, Remedy string
}
