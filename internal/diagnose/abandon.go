package diagnose

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// serviceFinalizer is what a Service bears that has a load balancer of the incumbent's.
const serviceFinalizer = "service.k8s.aws/resources"

// gatewayFinalizer reports whether a Gateway that bears it has a load balancer of the incumbent's.
func gatewayFinalizer(name string) bool {
	return name == "gateway.k8s.aws/alb" || name == "gateway.k8s.aws/nlb"
}

// AbandonedServices have load balancers that only the incumbent keeps: without it nobody
// registers their targets, and nobody lets them be deleted.
func AbandonedServices(services []corev1.Service) []string {
	var names []string
	for _, service := range services {
		if slices.Contains(service.Finalizers, serviceFinalizer) {
			names = append(names, service.Namespace+"/"+service.Name)
		}
	}
	return names
}

// AbandonedGateways are the same of Gateways.
func AbandonedGateways(gateways []Gateway) []string {
	var names []string
	for _, gateway := range gateways {
		if slices.ContainsFunc(gateway.Finalizers, gatewayFinalizer) {
			names = append(names, gateway.Namespace+"/"+gateway.Name)
		}
	}
	return names
}
