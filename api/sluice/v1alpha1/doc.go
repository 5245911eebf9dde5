// Package v1alpha1 holds Sluice's own objects, API group sluice.dev, version
// v1alpha1.
//
// ReadinessGateSet is how the gates that name a claim reach a Pod: the controller
// keeps one object a namespace, named "sluice", and the admission policy reads it
// when a Pod is created. So the API server puts the gates in by itself, also
// while the controller is down. Nobody writes these objects by hand.
//
//	apiVersion: sluice.dev/v1alpha1
//	kind: ReadinessGateSet
//	metadata: {name: sluice, namespace: web}
//	spec:
//	  gates:
//	  - selector: {app: shop}
//	    conditionType: target-health.alb.ingress.k8s.aws/shop_80
//
// +kubebuilder:object:generate=true
// +groupName=sluice.dev
package v1alpha1
