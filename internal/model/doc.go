// Package model holds the nouns of Sluice: a load balancer and all that belongs to
// it, as plain Go values.
//
// What comes in: nothing. What goes out: values that [internal/build] makes from
// Kubernetes objects, that [internal/cloud] makes from what AWS has, and that
// [internal/plan] compares. The package knows neither Kubernetes nor AWS types, does
// no I/O, and has no behaviour but keys, validation and a stable order.
//
// Resources point at each other by [Key], never by pointer or position, so two
// stacks can be compared with a plain diff and printed as YAML:
//
//	stack := model.Stack{ID: model.StackID{Namespace: "shop", Name: "web"}}
//	stack.TargetGroups = append(stack.TargetGroups, model.TargetGroup{
//		Key: model.TargetGroupKey("shop/web-cart:80"), Name: "k8s-shop-cart-0123456789",
//	})
package model
