package ingress

import (
	"fmt"
	"iter"
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

// Same reports whether another backend names the same port of the same Service.
func (b Backend) Same(other Backend) bool { return b.Service == other.Service && b.Port == other.Port }

// Backends are the Service ports that an Ingress names, each once, in order: itself, or in
// an action annotation that it points at. It is also what readiness gates are made from
// before anything is built.
func Backends(ingress *networkingv1.Ingress) []Backend {
	var out []Backend
	add := func(found Backend) {
		if !slices.ContainsFunc(out, found.Same) {
			out = append(out, found)
		}
	}
	for field, backend := range written(ingress) {
		if name, ok := actionName(backend); ok {
			for _, target := range forwardTargets(ingress, name) {
				if target.Service != "" {
					add(Backend{Service: target.Service, Port: target.Port, Field: annotationField(annotations.Prefix + "actions." + name)})
				}
			}
			continue
		}
		if backend.Service != nil {
			add(Backend{Service: backend.Service.Name, Port: portText(backend.Service.Port), Field: field + ".service"})
		}
	}
	return out
}

// TargetGroupNames are the names by which an Ingress asks for target groups that somebody
// else made: the build wants to know their ARNs.
func TargetGroupNames(ingress *networkingv1.Ingress) []string {
	var out []string
	for _, backend := range written(ingress) {
		if name, ok := actionName(backend); ok {
			for _, target := range forwardTargets(ingress, name) {
				if target.Name != "" {
					out = append(out, target.Name)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// written are the backends of an Ingress by the field in which they stand, in order.
func written(ingress *networkingv1.Ingress) iter.Seq2[string, networkingv1.IngressBackend] {
	return func(yield func(string, networkingv1.IngressBackend) bool) {
		for i, rule := range ingress.Spec.Rules {
			if rule.HTTP == nil {
				continue
			}
			for j, path := range rule.HTTP.Paths {
				if !yield(fmt.Sprintf("spec.rules[%d].http.paths[%d].backend", i, j), path.Backend) {
					return
				}
			}
		}
		if ingress.Spec.DefaultBackend != nil {
			yield("spec.defaultBackend", *ingress.Spec.DefaultBackend)
		}
	}
}

// forwardTargets are the targets of an action annotation, as far as it can be read.
func forwardTargets(ingress *networkingv1.Ingress, name string) []annotations.Target {
	return annotations.New(ingress.Annotations, nil).ActionTargets(name)
}

// Unreadable reports whether an Ingress points at an action that cannot be read, so that it
// may name more backends than [Backends] tells.
func Unreadable(ingress *networkingv1.Ingress) bool {
	for _, backend := range written(ingress) {
		if name, ok := actionName(backend); ok {
			if _, err := annotations.New(ingress.Annotations, nil).Action(name); err != nil {
				return true
			}
		}
	}
	return false
}

// unused reports whether an annotation is about backends that the Ingress does not name.
// What is wrong with it harms nobody then.
func unused(ingress *networkingv1.Ingress, key string) bool {
	family, name, _ := strings.Cut(strings.TrimPrefix(key, annotations.Prefix), ".")
	if family != "actions" && family != "conditions" && family != "transforms" {
		return false
	}
	for field, backend := range written(ingress) {
		action, ok := actionName(backend)
		if ok && action == name && family == "actions" || family != "actions" && field != "spec.defaultBackend" && backend.Service != nil && backend.Service.Name == name {
			return false
		}
	}
	return true
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
