package v1beta1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// LoadBalancerScheme says from where a load balancer can be reached.
// +kubebuilder:validation:Enum=internal;internet-facing
type LoadBalancerScheme string

const (
	// SchemeInternal gives private addresses only.
	SchemeInternal LoadBalancerScheme = "internal"
	// SchemeInternetFacing gives public addresses.
	SchemeInternetFacing LoadBalancerScheme = "internet-facing"
)

// IPAddressType is the address family of a load balancer.
// +kubebuilder:validation:Enum=ipv4;dualstack;dualstack-without-public-ipv4
type IPAddressType string

const (
	// IPv4 gives IPv4 addresses only.
	IPv4 IPAddressType = "ipv4"
	// DualStack gives IPv4 and IPv6 addresses.
	DualStack IPAddressType = "dualstack"
	// DualStackWithoutPublicIPv4 gives public IPv6 and private IPv4 addresses.
	DualStackWithoutPublicIPv4 IPAddressType = "dualstack-without-public-ipv4"
)

// SubnetID is the id of a subnet.
// +kubebuilder:validation:Pattern=`subnet-[0-9a-f]+`
type SubnetID string

// SubnetSelector chooses subnets by id or by tags. Exactly one field is set.
type SubnetSelector struct {
	// IDs lists subnets by id, one per availability zone.
	// +optional
	// +kubebuilder:validation:MinItems=1
	IDs []SubnetID `json:"ids,omitempty"`

	// Tags maps a tag key to the values that are accepted for it. A subnet must
	// match every key; one per availability zone is chosen among the matching ones.
	// +optional
	Tags map[string][]string `json:"tags,omitempty"`
}

// IngressGroup names the group of Ingresses that share one load balancer.
type IngressGroup struct {
	// Name of the group: lower-case letters, digits, "-" and ".", at most 63 characters.
	Name string `json:"name"`
}

// Tag is an AWS tag.
type Tag struct {
	// Key of the tag.
	Key string `json:"key"`

	// Value of the tag.
	Value string `json:"value"`
}

// Attribute is an attribute of a load balancer or a listener, in the words of the AWS API.
type Attribute struct {
	// Key of the attribute, such as "idle_timeout.timeout_seconds".
	Key string `json:"key"`

	// Value of the attribute.
	Value string `json:"value"`
}

// ListenerProtocol is the protocol that clients speak to a listener.
// +kubebuilder:validation:Enum=HTTP;HTTPS
type ListenerProtocol string

// Listener holds attributes for the listener with this protocol and port.
type Listener struct {
	// Protocol of the listener, "HTTP" or "HTTPS".
	// +optional
	Protocol ListenerProtocol `json:"protocol,omitempty"`

	// Port of the listener.
	// +optional
	Port int32 `json:"port,omitempty"`

	// ListenerAttributes are merged by key over those of the annotation
	// listener-attributes.<protocol>-<port>; these win.
	// +optional
	ListenerAttributes []Attribute `json:"listenerAttributes,omitempty"`
}

// MinimumLoadBalancerCapacity is a capacity that AWS keeps reserved.
type MinimumLoadBalancerCapacity struct {
	// CapacityUnits is the number of load balancer capacity units; 0 gives the
	// reservation back.
	CapacityUnits int32 `json:"capacityUnits"`
}

// IPAMConfiguration says where public addresses come from.
type IPAMConfiguration struct {
	// IPv4IPAMPoolId is the id of the IPAM pool for public IPv4 addresses.
	// +optional
	IPv4IPAMPoolId *string `json:"ipv4IPAMPoolId,omitempty"`
}

// IngressClassParamsSpec holds settings that replace the annotations of every
// Ingress of a class. What is absent leaves the annotation in force.
// +kubebuilder:validation:XValidation:rule="!(has(self.prefixListsIDs) && has(self.PrefixListsIDs))",message="prefixListsIDs and PrefixListsIDs are two spellings of one field: write prefixListsIDs only"
type IngressClassParamsSpec struct {
	// CertificateArn lists the certificates of HTTPS listeners; the first is the
	// default one. Replaces the annotation certificate-arn.
	// +optional
	CertificateArn []string `json:"certificateArn,omitempty"`

	// NamespaceSelector narrows the namespaces whose Ingresses may use the class. All
	// namespaces when absent.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// Group puts every Ingress of the class into one group, behind one load
	// balancer. Replaces the annotation group.name.
	// +optional
	Group *IngressGroup `json:"group,omitempty"`

	// Scheme is "internal" or "internet-facing". Replaces the annotation scheme.
	// +optional
	Scheme *LoadBalancerScheme `json:"scheme,omitempty"`

	// InboundCIDRs lists the ranges that may reach the listeners. Replaces the
	// annotation inbound-cidrs.
	// +optional
	InboundCIDRs []string `json:"inboundCIDRs,omitempty"`

	// SSLPolicy is the name of the TLS policy of HTTPS listeners. Replaces the
	// annotation ssl-policy.
	// +optional
	SSLPolicy string `json:"sslPolicy,omitempty"`

	// SSLRedirectPort is the HTTPS port to which HTTP listeners redirect, as a
	// string of digits. Replaces the annotation ssl-redirect.
	// +optional
	SSLRedirectPort string `json:"sslRedirectPort,omitempty"`

	// Subnets chooses the subnets of the load balancer. Replaces the annotation subnets.
	// +optional
	Subnets *SubnetSelector `json:"subnets,omitempty"`

	// IPAddressType is "ipv4", "dualstack" or "dualstack-without-public-ipv4".
	// Replaces the annotation ip-address-type.
	// +optional
	IPAddressType *IPAddressType `json:"ipAddressType,omitempty"`

	// Tags are merged by key over the annotation tags; these win.
	// +optional
	Tags []Tag `json:"tags,omitempty"`

	// TargetType is "instance" or "ip". Replaces the annotation target-type on
	// Ingress and Service.
	// +optional
	TargetType *TargetType `json:"targetType,omitempty"`

	// LoadBalancerName is the name of the load balancer in AWS, at most 32
	// characters. Replaces the annotation load-balancer-name.
	// +optional
	LoadBalancerName string `json:"loadBalancerName,omitempty"`

	// LoadBalancerAttributes are merged by key over the annotation
	// load-balancer-attributes; these win. Only the class of a group's first Ingress is read.
	// +optional
	LoadBalancerAttributes []Attribute `json:"loadBalancerAttributes,omitempty"`

	// Listeners holds attributes of listeners. Of two entries with the same protocol
	// and port the first counts.
	// +optional
	Listeners []Listener `json:"listeners,omitempty"`

	// MinimumLoadBalancerCapacity reserves capacity. Replaces the annotation
	// minimum-load-balancer-capacity.
	// +optional
	MinimumLoadBalancerCapacity *MinimumLoadBalancerCapacity `json:"minimumLoadBalancerCapacity,omitempty"`

	// IPAMConfiguration says where public addresses come from. Replaces the
	// annotation ipam-ipv4-pool-id.
	// +optional
	IPAMConfiguration *IPAMConfiguration `json:"ipamConfiguration,omitempty"`

	// PrefixListsIDs lists the managed prefix lists that may reach the listeners.
	// Replaces the annotation security-group-prefix-lists.
	// +optional
	PrefixListsIDs []string `json:"prefixListsIDs,omitempty"`

	// PrefixListsIDsLegacy is the older spelling of prefixListsIDs; it counts only
	// where that one is absent.
	// +optional
	PrefixListsIDsLegacy []string `json:"PrefixListsIDs,omitempty"`

	// WAFv2ACLArn is the ARN of the web ACL. Replaces the annotation wafv2-acl-arn.
	// +optional
	WAFv2ACLArn string `json:"wafv2AclArn,omitempty"`

	// WAFv2ACLName is the name of the web ACL. Replaces the annotation wafv2-acl-name.
	// +optional
	WAFv2ACLName string `json:"wafv2AclName,omitempty"`
}

// IngressClassParams are the settings that an IngressClass refers to.
// +kubebuilder:object:root=true
// +kubebuilder:resource:path=ingressclassparams,singular=ingressclassparam,scope=Cluster
// +kubebuilder:printcolumn:name="GROUP-NAME",type="string",JSONPath=".spec.group.name",description="Group that all Ingresses of the class join"
// +kubebuilder:printcolumn:name="SCHEME",type="string",JSONPath=".spec.scheme",description="internal or internet-facing"
// +kubebuilder:printcolumn:name="IP-ADDRESS-TYPE",type="string",JSONPath=".spec.ipAddressType",description="Address family of the load balancer"
// +kubebuilder:printcolumn:name="AGE",type="date",JSONPath=".metadata.creationTimestamp"
type IngressClassParams struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what the cluster's administrator wants.
	Spec IngressClassParamsSpec `json:"spec,omitempty"`
}

// IngressClassParamsList is a list of IngressClassParams.
// +kubebuilder:object:root=true
type IngressClassParamsList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the parameters, one a class or shared by some.
	Items []IngressClassParams `json:"items"`
}
