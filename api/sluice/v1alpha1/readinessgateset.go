package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// ReadinessGateSetName is the one name that the admission policy reads.
	ReadinessGateSetName = "sluice"

	// MaxGates is how many gates a set holds at most. The cost of creating a Pod
	// grows with the list, and Pods of claims that are left out are held by the
	// anticipating gate all the same.
	MaxGates = 32
)

// Gate is one claim: Pods that the selector matches get the condition type as a readiness gate.
type Gate struct {
	// Selector is the selector of the claim's Service: a Pod matches that carries
	// every label with exactly this value. An empty selector matches no Pod.
	// +kubebuilder:validation:MaxProperties=64
	Selector map[string]string `json:"selector"`

	// ConditionType is the gate: "target-health.", a domain, "/" and a name of at
	// most 63 characters. A longer name would make the API server reject the Pod, so
	// it is refused here already.
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^target-health(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+/[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$`
	ConditionType string `json:"conditionType"`
}

// ReadinessGateSetSpec lists the gates of a namespace.
type ReadinessGateSetSpec struct {
	// Gates of the namespace's claims, in a stable order. Empty when absent.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=128
	Gates []Gate `json:"gates,omitempty"`
}

// ReadinessGateSetStatus says whether the list is complete.
type ReadinessGateSetStatus struct {
	// ObservedGeneration is the generation of the spec that this status describes.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// LeftOut is how many claims have no entry because the list would get too long.
	// Their Pods are held by the anticipating gate. 0 when absent.
	// +optional
	LeftOut int32 `json:"leftOut,omitempty"`

	// Message says in a sentence what a reader should know, such as why claims are
	// left out. Empty when there is nothing to say.
	// +optional
	Message string `json:"message,omitempty"`
}

// ReadinessGateSet is the list of gates that admission reads for the Pods of its
// namespace. The controller keeps it current.
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=readinessgatesets,singular=readinessgateset,scope=Namespaced,shortName=rgs
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="LEFT-OUT",type="integer",JSONPath=".status.leftOut",description="Claims without an entry"
// +kubebuilder:printcolumn:name="MESSAGE",type="string",JSONPath=".status.message",priority=1
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
// +kubebuilder:validation:XValidation:rule="self.metadata.name == 'sluice'",message="admission reads the set named sluice only"
type ReadinessGateSet struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what admission reads.
	Spec ReadinessGateSetSpec `json:"spec,omitempty"`

	// Status says whether the list is complete.
	Status ReadinessGateSetStatus `json:"status,omitempty"`
}

// ReadinessGateSetList is a list of ReadinessGateSets.
// +kubebuilder:object:root=true
type ReadinessGateSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the sets, at most one a namespace.
	Items []ReadinessGateSet `json:"items"`
}
