package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Conditions of a LoadBalancer.
const (
	// ConditionAccepted: what users ask for can be built. False names who is left out.
	ConditionAccepted = "Accepted"
	// ConditionProgrammed: AWS has what was asked for.
	ConditionProgrammed = "Programmed"
)

// Applied is what the controller did last, so that after a restart an unchanged load
// balancer need not be read from AWS.
type Applied struct {
	// Dirty: a change was begun and its end was not noted. The record is not believed.
	// +optional
	Dirty bool `json:"dirty,omitempty"`

	// Epoch of leadership in which this was written. A record of an epoch that another
	// controller has interrupted is not believed.
	// +optional
	Epoch string `json:"epoch,omitempty"`

	// Model is the SHA-256 of the model that was applied, in hexadecimal digits.
	// +optional
	Model string `json:"model,omitempty"`

	// IDs are ARNs and ids by the keys of the model.
	// +optional
	IDs map[string]string `json:"ids,omitempty"`
}

// LoadBalancerStatus is what can be seen of a load balancer.
type LoadBalancerStatus struct {
	// Source is the Ingress or the group of Ingresses that the load balancer serves.
	// +optional
	Source string `json:"source,omitempty"`

	// Type is "application".
	// +optional
	Type string `json:"type,omitempty"`

	// Scheme is "internal" or "internet-facing".
	// +optional
	Scheme string `json:"scheme,omitempty"`

	// State is what AWS was last seen to call it: "provisioning", "active", ….
	// +optional
	State string `json:"state,omitempty"`

	// DNSName that clients connect to.
	// +optional
	DNSName string `json:"dnsName,omitempty"`

	// Hosts that have rules; "*" for rules without a host.
	// +optional
	// +listType=atomic
	Hosts []string `json:"hosts,omitempty"`

	// Targets is how many are healthy of how many there are: "3/4".
	// +optional
	Targets string `json:"targets,omitempty"`

	// TargetsAsOf is when AWS was asked about the group that was asked about longest ago.
	// +optional
	TargetsAsOf *metav1.Time `json:"targetsAsOf,omitempty"`

	// LastError is what was last in the way; empty when nothing is.
	// +optional
	LastError string `json:"lastError,omitempty"`

	// Conditions are Accepted and Programmed.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Applied is the controller's memory.
	// +optional
	Applied *Applied `json:"applied,omitempty"`
}

// LoadBalancer shows one load balancer: what it serves, how it is, what is in its way.
// The controller writes it and is the only one to; its name is "ingress.NAMESPACE.NAME"
// or "ingress-group.NAME".
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=loadbalancers,singular=loadbalancer,scope=Cluster,shortName=slb
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="TYPE",type="string",JSONPath=".status.type"
// +kubebuilder:printcolumn:name="SCHEME",type="string",JSONPath=".status.scheme"
// +kubebuilder:printcolumn:name="STATE",type="string",JSONPath=".status.state"
// +kubebuilder:printcolumn:name="DNS-NAME",type="string",JSONPath=".status.dnsName"
// +kubebuilder:printcolumn:name="HOSTS",type="string",JSONPath=".status.hosts"
// +kubebuilder:printcolumn:name="HEALTHY",type="string",JSONPath=".status.targets",description="Healthy targets of all"
// +kubebuilder:printcolumn:name="ASKED",type="date",JSONPath=".status.targetsAsOf",description="How long ago AWS was asked about targets"
// +kubebuilder:printcolumn:name="ACCEPTED",type="string",JSONPath=".status.conditions[?(@.type==\"Accepted\")].status"
// +kubebuilder:printcolumn:name="PROGRAMMED",type="string",JSONPath=".status.conditions[?(@.type==\"Programmed\")].status"
// +kubebuilder:printcolumn:name="ERROR",type="string",JSONPath=".status.lastError",priority=1
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type LoadBalancer struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Status is all there is.
	Status LoadBalancerStatus `json:"status,omitempty"`
}

// LoadBalancerList is a list of LoadBalancers.
//
// +kubebuilder:object:root=true
type LoadBalancerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the load balancers.
	Items []LoadBalancer `json:"items"`
}
