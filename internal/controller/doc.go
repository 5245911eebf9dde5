// Package controller wires the rooms to Kubernetes: one small file a controller, each
// of which watches, fetches a snapshot from the cache, calls a core, and obeys the answer.
//
//	stack.go         Ingress            → build → plan → apply: one load balancer
//	binding.go       TargetGroupBinding → targets → registration
//	pod.go           Pod                → readiness → conditions
//	gateset.go       Namespace          → readiness → what admission injects
//	endpointrules.go all bindings       → targets → rules on the nodes' security groups
//
// Nothing is decided here but one thing, in outcome.go: what follows an error. Facts that
// several controllers need stand in view.go (from the cache) and in the health book.
package controller
