// Package incumbent leaves in AWS and in Kubernetes what aws-load-balancer-controller would leave
// for a number of Ingresses, so that a takeover can be tried without it.
//
// In go the clients of a lab where the manifests of Scenes are applied and no controller runs; what
// comes out is the state: load balancers, listeners, rules, target groups, security groups with
// their tags, TargetGroupBindings, finalizers, statuses, conditions of Pods.
//
//	w := incumbent.Writer{Namespace: "shop", Cluster: "lab", VPC: vpc, AWS: config, Kubernetes: client, Objects: dynamic}
//	err := w.Write(ctx)
//	before, err := incumbent.Read(ctx, config, "lab")
//
// Each scene says by hand what its Ingresses lead to, by the documented behaviour. Nothing here may
// come from the packages that build for Sluice: it is what they are measured by.
package incumbent
