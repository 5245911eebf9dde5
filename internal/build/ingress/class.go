package ingress

import (
	networkingv1 "k8s.io/api/networking/v1"
)

const (
	// ClassAnnotation is the old way to name a class; it comes before the field.
	ClassAnnotation = "kubernetes.io/ingress.class"
	// Controller is what an IngressClass of ours names.
	Controller = "ingress.k8s.aws/alb"
	// defaultClassAnnotation marks the class of Ingresses that name none.
	defaultClassAnnotation = "ingressclass.kubernetes.io/is-default-class"
)

// Class decides whether an Ingress is ours. The first that applies counts: the
// annotation, spec.ingressClassName, the cluster's default class, and where there is
// none of them, an empty flag --ingress-class.
func Class(ingress *networkingv1.Ingress, classes []networkingv1.IngressClass, flag string) (class *networkingv1.IngressClass, ours bool) {
	if value, found := ingress.Annotations[ClassAnnotation]; found {
		return nil, value == flag || flag == "" && (value == "alb" || value == "")
	}
	var name string
	if ingress.Spec.IngressClassName != nil {
		name = *ingress.Spec.IngressClassName
	}
	for i := range classes {
		candidate := &classes[i]
		isDefault := candidate.Annotations[defaultClassAnnotation] == "true"
		if candidate.Name == name && name != "" || name == "" && isDefault {
			return candidate, candidate.Spec.Controller == Controller
		}
	}
	return nil, name == "" && flag == ""
}
