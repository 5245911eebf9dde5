package model

// Tags by which the incumbent, and so Sluice, recognises what it owns.
const (
	// ClusterTag holds the cluster's name, on everything that Sluice creates.
	ClusterTag = "elbv2.k8s.aws/cluster"
	// StackTag and ResourceTag of what belongs to an Ingress stack.
	StackTag    = "ingress.k8s.aws/stack"
	ResourceTag = "ingress.k8s.aws/resource"
	// SharedResourceTag of what all stacks of the cluster share.
	SharedResourceTag = "elbv2.k8s.aws/resource"
	// BackendResource is the resource tag of the shared backend security group.
	BackendResource = "backend-sg"
)

// BackendSecurityGroupKey is the key of the security group that all load balancers of
// the cluster share and that endpoints let in.
const BackendSecurityGroupKey Key = "security-group/" + BackendResource

// SharedStack is the ID of the stack that holds what all others share.
var SharedStack = StackID{}

// EndpointRuleDescription marks rules on endpoint security groups as ours. Rules of
// the cluster's nodes without it are never touched.
const EndpointRuleDescription = "elbv2.k8s.aws/targetGroupBinding=shared"
