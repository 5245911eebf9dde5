package ingress

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// Backend is a Service port that an Ingress names.
type Backend struct {
	Service string
	// Port as written: a number in decimal, or a name.
	Port string
	// Field of the Ingress where it is named first.
	Field string
}

// Backends are the Service ports that an Ingress names, each once, in order. It is
// also what readiness gates are made from before anything is built.
func Backends(ingress *networkingv1.Ingress) []Backend {
	var out []Backend
	add := func(backend *networkingv1.IngressBackend, field string) {
		if backend == nil || backend.Service == nil {
			return
		}
		found := Backend{Service: backend.Service.Name, Port: portText(backend.Service.Port), Field: field + ".service"}
		if !slices.ContainsFunc(out, func(b Backend) bool { return b.Service == found.Service && b.Port == found.Port }) {
			out = append(out, found)
		}
	}
	for i, rule := range ingress.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for j := range rule.HTTP.Paths {
			add(&rule.HTTP.Paths[j].Backend, fmt.Sprintf("spec.rules[%d].http.paths[%d].backend", i, j))
		}
	}
	add(ingress.Spec.DefaultBackend, "spec.defaultBackend")
	return out
}

func portText(port networkingv1.ServiceBackendPort) string {
	if port.Name != "" {
		return port.Name
	}
	return strconv.Itoa(int(port.Number))
}

// TargetType is what a backend registers: "ip" or "instance". The annotation may stand
// on the Service, which may be nil, or on the Ingress; the class goes before both.
func TargetType(ingress *networkingv1.Ingress, class Class, service *corev1.Service, fallback string) string {
	var own map[string]string
	if service != nil {
		own = service.Annotations
	}
	return annotations.New(ingress.Annotations, own).Under(overrides(class.Params)).String("target-type", fallback)
}

// ServicePort finds the port of a Service by number or name, as an Ingress writes it.
func ServicePort(service *corev1.Service, port string) (corev1.ServicePort, bool) {
	for _, candidate := range service.Spec.Ports {
		if candidate.Name == port || strconv.Itoa(int(candidate.Port)) == port {
			return candidate, true
		}
	}
	return corev1.ServicePort{}, false
}

// portNames lists the ports of a Service for a message.
func portNames(service *corev1.Service) string {
	names := make([]string, len(service.Spec.Ports))
	for i, port := range service.Spec.Ports {
		names[i] = strconv.Itoa(int(port.Port))
		if port.Name != "" {
			names[i] += fmt.Sprintf(" (%s)", port.Name)
		}
	}
	return strings.Join(names, ", ")
}
