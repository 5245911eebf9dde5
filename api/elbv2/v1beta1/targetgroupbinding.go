package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// TargetType is what a target group has as targets.
// +kubebuilder:validation:Enum=instance;ip
type TargetType string

const (
	// TargetTypeInstance registers nodes, by instance id and node port.
	TargetTypeInstance TargetType = "instance"
	// TargetTypeIP registers Pods, by address and container port.
	TargetTypeIP TargetType = "ip"
)

// TargetGroupIPAddressType is the address family of a target group.
// +kubebuilder:validation:Enum=ipv4;ipv6
type TargetGroupIPAddressType string

const (
	// TargetGroupIPv4 takes targets with IPv4 addresses.
	TargetGroupIPv4 TargetGroupIPAddressType = "ipv4"
	// TargetGroupIPv6 takes targets with IPv6 addresses.
	TargetGroupIPv6 TargetGroupIPAddressType = "ipv6"
)

// TargetGroupProtocol is the protocol that a load balancer speaks to targets.
// +kubebuilder:validation:Enum=HTTP;HTTPS;TCP;TLS;UDP;TCP_UDP;QUIC;TCP_QUIC
type TargetGroupProtocol string

// ServiceReference names one port of a Service.
type ServiceReference struct {
	// Name of the Service, in the namespace of the binding.
	Name string `json:"name"`

	// Port of the Service: its number or its name.
	Port intstr.IntOrString `json:"port"`
}

// IPBlock is a range of source addresses.
type IPBlock struct {
	// CIDR is an IPv4 or IPv6 range, such as "192.168.0.0/16" or "2001:db8::/64".
	CIDR string `json:"cidr"`
}

// SecurityGroup is a source known by its security group.
type SecurityGroup struct {
	// GroupID is the id of the security group, such as "sg-0123456789abcdef0".
	GroupID string `json:"groupID"`
}

// NetworkingPeer is a source of traffic. Exactly one field is set.
type NetworkingPeer struct {
	// IPBlock lets in a range of addresses.
	// +optional
	IPBlock *IPBlock `json:"ipBlock,omitempty"`

	// SecurityGroup lets in what carries a security group.
	// +optional
	SecurityGroup *SecurityGroup `json:"securityGroup,omitempty"`
}

// NetworkingProtocol is a transport protocol of a security group rule.
// +kubebuilder:validation:Enum=TCP;UDP
type NetworkingProtocol string

const (
	// NetworkingProtocolTCP is TCP, the default.
	NetworkingProtocolTCP NetworkingProtocol = "TCP"
	// NetworkingProtocolUDP is UDP.
	NetworkingProtocolUDP NetworkingProtocol = "UDP"
)

// NetworkingPort is a port that is opened on the endpoints.
type NetworkingPort struct {
	// Protocol of the port: TCP or UDP. TCP when absent.
	// +optional
	Protocol *NetworkingProtocol `json:"protocol,omitempty"`

	// Port is a number, or for ip targets the name of a container port. All ports
	// (0-65535) when absent.
	// +optional
	Port *intstr.IntOrString `json:"port,omitempty"`
}

// NetworkingIngressRule lets each peer in From reach each port in Ports.
type NetworkingIngressRule struct {
	// From lists the sources.
	From []NetworkingPeer `json:"from"`

	// Ports lists the ports on the endpoints. An empty list opens none.
	Ports []NetworkingPort `json:"ports"`
}

// Networking describes the security group rules that let load balancers reach the endpoints.
type Networking struct {
	// Ingress lists the rules for traffic towards the endpoints.
	// +optional
	Ingress []NetworkingIngressRule `json:"ingress,omitempty"`
}

// TargetGroupBindingSpec says which Service port is served by which target group.
//
// The rules are those of the incumbent's webhook that need neither AWS nor other objects. What
// is unset may be filled in: the controller takes it from the target group.
// +kubebuilder:validation:XValidation:rule="has(self.targetGroupARN) && size(self.targetGroupARN) > 0 || has(self.targetGroupName) && size(self.targetGroupName) > 0",message="give targetGroupARN or targetGroupName"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.targetGroupARN) || size(oldSelf.targetGroupARN) == 0 || has(self.targetGroupARN) && self.targetGroupARN == oldSelf.targetGroupARN",message="targetGroupARN cannot be changed: make another binding"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.targetType) || has(self.targetType) && self.targetType == oldSelf.targetType",message="targetType cannot be changed: make another binding"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.ipAddressType) || has(self.ipAddressType) && self.ipAddressType == oldSelf.ipAddressType",message="ipAddressType cannot be changed: make another binding"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.vpcID) || size(oldSelf.vpcID) == 0 || has(self.vpcID) && self.vpcID == oldSelf.vpcID",message="vpcID cannot be changed: make another binding"
// +kubebuilder:validation:XValidation:rule="!has(self.nodeSelector) || !has(self.targetType) || self.targetType != 'ip'",message="nodeSelector is for targets of type instance only"
// +kubebuilder:validation:XValidation:rule="!has(self.iamRoleArnToAssume) || size(self.iamRoleArnToAssume) == 0 || !has(self.targetType) || self.targetType != 'instance'",message="iamRoleArnToAssume is for targets of type ip only"
type TargetGroupBindingSpec struct {
	// TargetGroupARN is the Amazon Resource Name of the target group. Either it or
	// targetGroupName is given; it cannot be changed.
	// +optional
	TargetGroupARN string `json:"targetGroupARN,omitempty"`

	// TargetGroupName is the name of the target group. It is looked up once, to fill
	// in targetGroupARN, and ignored where targetGroupARN is given.
	// +optional
	TargetGroupName string `json:"targetGroupName,omitempty"`

	// MultiClusterTargetGroup states that targets of other clusters are in the
	// target group too: only targets that this cluster registered are deregistered.
	// False when absent.
	// +optional
	MultiClusterTargetGroup bool `json:"multiClusterTargetGroup,omitempty"`

	// TargetType is "instance" (nodes) or "ip" (Pods). Taken from the target group
	// when absent; it cannot be changed.
	// +optional
	TargetType *TargetType `json:"targetType,omitempty"`

	// ServiceRef names the Service port whose endpoints become targets.
	ServiceRef ServiceReference `json:"serviceRef"`

	// Networking lists the security group rules that let the load balancer reach the
	// endpoints. When absent, no security group is touched for this binding.
	// +optional
	Networking *Networking `json:"networking,omitempty"`

	// NodeSelector narrows the nodes that become targets, for target type
	// "instance" only. All suitable nodes when absent.
	// +optional
	NodeSelector *metav1.LabelSelector `json:"nodeSelector,omitempty"`

	// IPAddressType is the address family of the targets, "ipv4" or "ipv6". Taken
	// from the target group when absent.
	// +optional
	IPAddressType *TargetGroupIPAddressType `json:"ipAddressType,omitempty"`

	// VpcID is the VPC of the target group. Taken from the target group when absent.
	// +optional
	// +kubebuilder:validation:Pattern=`^(vpc-([0-9a-f]{8}|[0-9a-f]{17}|[0-9a-f]{32}))?$`
	VpcID string `json:"vpcID,omitempty"`

	// TargetGroupProtocol is the protocol of the target group. Taken from the target
	// group when absent.
	// +optional
	TargetGroupProtocol *TargetGroupProtocol `json:"targetGroupProtocol,omitempty"`

	// IamRoleArnToAssume is the role under which load balancing calls for this
	// target group are made, for a group in another account (ip targets only). The
	// controller's own role when absent.
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

	// Conditions hold at most one entry, of type "Ready": it is True while the target
	// group has the targets that it should have, and False, with a reason and what to
	// do, where something lasting is in the way.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// TargetGroupBinding keeps the endpoints of one Service port registered in one target group.
// +kubebuilder:object:root=true
// +kubebuilder:storageversion
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

// TargetGroupBindingList is a list of TargetGroupBindings.
// +kubebuilder:object:root=true
type TargetGroupBindingList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the bindings.
	Items []TargetGroupBinding `json:"items"`
}
