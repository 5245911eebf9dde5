package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
)

// TargetGroupBindingSpec says which Service port is served by which target group.
// +kubebuilder:validation:XValidation:rule="has(self.targetGroupARN) && size(self.targetGroupARN) > 0 || has(self.targetGroupName) && size(self.targetGroupName) > 0",message="give targetGroupARN or targetGroupName"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.targetGroupARN) || size(oldSelf.targetGroupARN) == 0 || has(self.targetGroupARN) && self.targetGroupARN == oldSelf.targetGroupARN",message="targetGroupARN cannot be changed: make another binding"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.targetType) || has(self.targetType) && self.targetType == oldSelf.targetType",message="targetType cannot be changed: make another binding"
type TargetGroupBindingSpec struct {
	// TargetGroupARN is the Amazon Resource Name of the target group. Either it or
	// targetGroupName is given; it cannot be changed.
	// +optional
	TargetGroupARN string `json:"targetGroupARN,omitempty"`

	// TargetGroupName is the name of the target group, to fill in targetGroupARN.
	// +optional
	TargetGroupName string `json:"targetGroupName,omitempty"`

	// MultiClusterTargetGroup states that targets of other clusters are in the target
	// group too. False when absent.
	// +optional
	MultiClusterTargetGroup bool `json:"multiClusterTargetGroup,omitempty"`

	// TargetType is "instance" (nodes) or "ip" (Pods); it cannot be changed.
	// +optional
	TargetType *v1beta1.TargetType `json:"targetType,omitempty"`

	// ServiceRef names the Service port whose endpoints become targets.
	ServiceRef v1beta1.ServiceReference `json:"serviceRef"`

	// Networking lists the security group rules that let the load balancer reach the
	// endpoints. When absent, no security group is touched for this binding.
	// +optional
	Networking *v1beta1.Networking `json:"networking,omitempty"`

	// IamRoleArnToAssume is the role under which load balancing calls for this target
	// group are made (ip targets only).
	// +optional
	IamRoleArnToAssume string `json:"iamRoleArnToAssume,omitempty"`

	// AssumeRoleExternalId is the external id given when that role is assumed.
	// +optional
	AssumeRoleExternalId string `json:"assumeRoleExternalId,omitempty"`
}

// TargetGroupBindingStatus says how far the controller has come.
type TargetGroupBindingStatus struct {
	// ObservedGeneration is the generation of the spec that was last carried out in full.
	// +optional
	ObservedGeneration *int64 `json:"observedGeneration,omitempty"`
}

// TargetGroupBinding keeps the endpoints of one Service port registered in one target group.
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=targetgroupbindings,singular=targetgroupbinding,scope=Namespaced
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="SERVICE-NAME",type="string",JSONPath=".spec.serviceRef.name",description="Service whose endpoints are targets"
// +kubebuilder:printcolumn:name="SERVICE-PORT",type="string",JSONPath=".spec.serviceRef.port",description="Port of that Service"
// +kubebuilder:printcolumn:name="TARGET-TYPE",type="string",JSONPath=".spec.targetType",description="instance or ip"
// +kubebuilder:printcolumn:name="ARN",type="string",JSONPath=".spec.targetGroupARN",description="Target group",priority=1
// +kubebuilder:printcolumn:name="NAME",type="string",JSONPath=".spec.targetGroupName",description="Target group, by name",priority=2
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type TargetGroupBinding struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the user wants.
	Spec TargetGroupBindingSpec `json:"spec,omitempty"`

	// Status is what the controller has done.
	Status TargetGroupBindingStatus `json:"status,omitempty"`
}
