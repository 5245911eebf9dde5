package readiness

// Reasons of conditions that are not AWS's own. (Those begin with Elb. or Target.)
const (
	// Healthy: every load balancer that serves the Pod calls it healthy.
	Healthy = "Healthy"
	// NoLoadBalancer: no load balancer claims the Pod.
	NoLoadBalancer = "NoLoadBalancer"
	// LoadBalancerExpected: no load balancer claims the Pod yet, and its annotation, or its
	// namespace's, says that one will.
	LoadBalancerExpected = "LoadBalancerExpected"
	// ContainersNotReady: the containers come first.
	ContainersNotReady = "ContainersNotReady"
	// ServicePending: an Ingress names a Service that does not exist yet and may be the Pod's.
	ServicePending = "ServicePending"
	// TargetGroupPending: the claim is foreseen; its target group is being made.
	TargetGroupPending = "TargetGroupPending"
	// EndpointPending: no EndpointSlice of the Service names the Pod yet.
	EndpointPending = "EndpointPending"
	// RegistrationPending: the Pod's address is not in the target group and is about to
	// be registered. Seen on a Pod whose address is there, it proves that the
	// registration is this Pod's own (see Judging).
	RegistrationPending = "RegistrationPending"
	// HealthyTooShort: healthy, but not for as long as the Pod's annotations ask.
	HealthyTooShort = "HealthyTooShort"
	// Retired: opened because Sluice's gates are done away with.
	Retired = "Retired"
	// AddressAdopted: the address was registered before the Pod had it, and its health
	// must outlast the Pod before.
	AddressAdopted = "AddressAdopted"
	// ClaimRejected: the claim's object is wrong and is not served.
	ClaimRejected = "ClaimRejected"
	// ClaimMissing: the gate was written by hand for something that does not exist.
	ClaimMissing = "ClaimMissing"
	// ClaimDeadline: opened because a claim that is wrong or missing was waited for long enough.
	ClaimDeadline = "ClaimDeadline"
)
