package diagnose

import "github.com/sluice-lb/sluice/internal/readiness"

// explanation of a condition's reason.
type explanation struct {
	means string
	// remedy is what a person can do; empty where it passes by itself.
	remedy string
}

// explanations of reasons, by the reason. Those of AWS are the reason codes of
// TargetHealth (Elastic Load Balancing API, version 2015-12-01).
var explanations = map[string]explanation{
	"Elb.RegistrationInProgress": {"the load balancer is taking the target in, which takes some seconds", ""},
	"Elb.InitialHealthChecking": {
		"the load balancer sends the first health checks",
		"where it takes longer than a few intervals of the health check, see what the Pod answers to its path: alb.ingress.kubernetes.io/healthcheck-path and -port",
	},
	"Elb.InternalError": {"AWS has a fault of its own and does not know", "where it lasts, see the AWS Health Dashboard"},
	"Target.ResponseCodeMismatch": {
		"the Pod answers the health check with a status that does not count as healthy",
		"let the path answer with 200, or change alb.ingress.kubernetes.io/healthcheck-path or success-codes; the message above says which status came",
	},
	"Target.Timeout": {
		"the load balancer reaches nobody there, or waits in vain for the answer",
		"see that security groups and NetworkPolicies let the load balancer in on this port, that something listens there on all addresses, and that it answers within alb.ingress.kubernetes.io/healthcheck-timeout-seconds",
	},
	"Target.FailedHealthChecks": {
		"the connection for the health check was refused or broken off, or what came was no answer",
		"see that the container listens on this port, on all addresses, and speaks what alb.ingress.kubernetes.io/backend-protocol says",
	},
	"Target.NotRegistered": {"the target is not registered", "see the events of the TargetGroupBinding"},
	"Target.NotInUse": {
		"no listener forwards to the target group, or the load balancer has no subnet in the zone of the Pod",
		"see the events of the Ingress, and which zones its load balancer is in: alb.ingress.kubernetes.io/subnets",
	},
	"Target.DeregistrationInProgress": {
		"the address still drains from an earlier registration, and AWS does not take it before that is over",
		"where that is often in the way, shorten deregistration_delay.timeout_seconds in alb.ingress.kubernetes.io/target-group-attributes",
	},
	"Target.InvalidState":        {"the target is stopped or gone", ""},
	"Target.IpUnusable":          {"the address is in use by a load balancer, so it cannot be a target", "see whose address it is; a Pod with hostNetwork on such a node cannot be a target"},
	"Target.HealthCheckDisabled": {"the target group has no health check, so AWS says nothing of its targets", "switch the health check of the target group on"},

	readiness.Healthy:            {"every load balancer that serves the Pod calls it healthy", ""},
	readiness.NoLoadBalancer:     {"there was nothing to wait for", ""},
	readiness.ContainersNotReady: {"no gate opens before all containers are ready", "see their readiness probes: kubectl describe pod"},
	readiness.ServicePending:     {"an Ingress of the namespace, just made, names a Service that is not there yet and may select the Pod", "it opens after half a minute; create the Service, or take the backend out of the Ingress"},
	readiness.TargetGroupPending: {"the load balancer is being made", "where it takes minutes, see the events of the Ingress"},
	readiness.EndpointPending:    {"the Service does not list the Pod yet", "where it lasts, see that the Service selects the Pod and has the port: kubectl get endpointslices"},
	readiness.RegistrationPending: {
		"the Pod is about to be registered", "where it takes more than seconds, see the events of the TargetGroupBinding: AWS may refuse or throttle",
	},
	readiness.HealthyTooShort:      {"the target is healthy, and the Pod asks to be so for longer", ""},
	readiness.LoadBalancerExpected: {"no load balancer claims the Pod yet, and one is expected", "create the Ingress, or take the annotation sluice.dev/expect-load-balancer away"},
	readiness.AddressAdopted: {
		"the address was registered for an earlier Pod; only what AWS says once that one would have been found out counts",
		"it takes two unhealthy intervals and a timeout; a shorter alb.ingress.kubernetes.io/healthcheck-interval-seconds makes it shorter",
	},
	readiness.ClaimRejected: {"what claims the Pod is wrong and is not served", "mend what the message says; after --claim-deadline the gate opens all the same"},
	readiness.ClaimMissing:  {"the gate was written by hand for something that is not there", "create it, or take the gate out of the template; after --claim-deadline the gate opens all the same"},
	readiness.ClaimDeadline: {"what claims the Pod was wrong or missing for too long, so it was not waited for any more: the Pod may get no requests", "mend what the message says"},
	readiness.Retired:       {"the gates were done away with", ""},
}
