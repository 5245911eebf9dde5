// Package ingress makes the model of an Ingress stack: an Application Load Balancer
// with its listeners, rules, target groups, security group and target group bindings.
//
// What comes in is a [Snapshot], complete: the Ingress, the Services that it names, the
// VPC. What goes out is a [Result]: the stack, and problems beside it. A problem that is
// no warning takes the Ingress out, and its stack is then nil: what there is stays as it is.
//
//	result := ingress.Stack(snapshot)
//	for _, problem := range result.Problems { … }
//	if result.Stack != nil { … plan.Steps(*result.Stack, have, plan.Options{}) }
package ingress
