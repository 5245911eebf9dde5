package ingress

import (
	"fmt"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
)

const (
	// ClassAnnotation is the old way to name a class; it comes before the field.
	ClassAnnotation = "kubernetes.io/ingress.class"
	// Controller is what an IngressClass of ours names.
	Controller = "ingress.k8s.aws/alb"
	// defaultClassAnnotation marks the class of Ingresses that name none.
	defaultClassAnnotation = "ingressclass.kubernetes.io/is-default-class"
	// paramsKind is the kind of object that a class of ours may have as parameters.
	paramsKind = "IngressClassParams"
)

// Classes are what decides which Ingresses are ours.
type Classes struct {
	// Flag is the value of the old annotation (flag --ingress-class).
	Flag    string
	Classes []networkingv1.IngressClass
	// Params are the parameters that classes refer to, by name.
	Params map[string]*v1beta1.IngressClassParams
	// Labels of a namespace, for parameters that select some.
	Labels func(namespace string) map[string]string
}

// Class is what an Ingress of ours is served by.
type Class struct {
	// Name of the IngressClass; empty where the old annotation names it.
	Name string
	// Params of the class; nil where it has none.
	Params *v1beta1.IngressClassParams
	// Problem is what is wrong with the class; nil when nothing is. An Ingress that has
	// nothing in AWS is passed over then, one that has keeps what it has.
	Problem *model.Problem
}

// Of decides whether an Ingress is ours, and by which class. The first that applies
// counts: the annotation, spec.ingressClassName, the cluster's default class, and where
// there is none of them, an empty flag --ingress-class.
//
// An Ingress of a broken class is ours while it bears a finalizer of ours: a class that
// somebody deletes must not take running load balancers with it.
func (c Classes) Of(ingress *networkingv1.Ingress) (class Class, ours bool) {
	if value, found := ingress.Annotations[ClassAnnotation]; found {
		return Class{}, value == c.Flag || c.Flag == "" && (value == "alb" || value == "")
	}
	chosen, problem := c.choose(ingress)
	switch {
	case problem != nil:
		return Class{Problem: problem}, bearsFinalizer(ingress)
	case chosen == nil:
		return Class{}, c.Flag == ""
	case chosen.Spec.Controller != Controller:
		return Class{}, false
	}
	class = Class{Name: chosen.Name}
	class.Params, class.Problem = c.params(ingress, chosen)
	return class, class.Problem == nil || bearsFinalizer(ingress)
}

// choose finds the class that an Ingress names, or the default one; nil where it has none.
func (c Classes) choose(ingress *networkingv1.Ingress) (*networkingv1.IngressClass, *model.Problem) {
	if name := ingress.Spec.IngressClassName; name != nil {
		i := slices.IndexFunc(c.Classes, func(class networkingv1.IngressClass) bool { return class.Name == *name })
		if i < 0 {
			return nil, classProblem(ingress, "spec.ingressClassName", fmt.Sprintf("IngressClass %s does not exist", *name), "create it, or name another")
		}
		return &c.Classes[i], nil
	}
	var defaults []*networkingv1.IngressClass
	for i := range c.Classes {
		if c.Classes[i].Annotations[defaultClassAnnotation] == "true" {
			defaults = append(defaults, &c.Classes[i])
		}
	}
	switch len(defaults) {
	case 0:
		return nil, nil
	case 1:
		return defaults[0], nil
	}
	return nil, classProblem(ingress, "spec.ingressClassName", fmt.Sprintf("the Ingress names no class, and the cluster has %d default ones", len(defaults)), "name one")
}

func (c Classes) params(ingress *networkingv1.Ingress, class *networkingv1.IngressClass) (*v1beta1.IngressClassParams, *model.Problem) {
	reference := class.Spec.Parameters
	if reference == nil {
		return nil, nil
	}
	wrong := func(message, remedy string) (*v1beta1.IngressClassParams, *model.Problem) {
		return nil, classProblem(ingress, "spec.ingressClassName", message, remedy)
	}
	if reference.APIGroup == nil || *reference.APIGroup != v1beta1.GroupVersion.Group || reference.Kind != paramsKind {
		return wrong(fmt.Sprintf("the parameters of IngressClass %s are of kind %s", class.Name, reference.Kind),
			fmt.Sprintf("refer to an %s of the API group %s", paramsKind, v1beta1.GroupVersion.Group))
	}
	params := c.Params[reference.Name]
	if params == nil {
		return wrong(fmt.Sprintf("%s %s, to which IngressClass %s refers, does not exist", paramsKind, reference.Name, class.Name), "create it, or name another class")
	}
	if params.Spec.NamespaceSelector == nil {
		return params, nil
	}
	selector, err := metav1.LabelSelectorAsSelector(params.Spec.NamespaceSelector)
	if err != nil {
		return wrong(fmt.Sprintf("spec.namespaceSelector of %s %s cannot be read: %v", paramsKind, params.Name, err), "mend the selector")
	}
	if c.Labels == nil || !selector.Matches(labels.Set(c.Labels(ingress.Namespace))) {
		return wrong(fmt.Sprintf("%s %s does not admit the namespace %s", paramsKind, params.Name, ingress.Namespace), "name another class, or label the namespace as spec.namespaceSelector asks")
	}
	return params, nil
}

func classProblem(ingress *networkingv1.Ingress, field, message, remedy string) *model.Problem {
	return &model.Problem{Object: objectOf("Ingress", ingress.Namespace, ingress.Name), Field: field, Reason: "InvalidIngressClass", Message: message, Remedy: remedy}
}

// InGroup are the names of the classes whose Ingresses are all in this group; "" stands for
// those that name no class.
func (c Classes) InGroup(id model.StackID) []string {
	var names []string
	for _, class := range c.Classes {
		reference := class.Spec.Parameters
		if id.Namespace != "" || reference == nil {
			continue
		}
		params := c.Params[reference.Name]
		if params == nil || params.Spec.Group == nil || params.Spec.Group.Name != id.Name {
			continue
		}
		names = append(names, class.Name)
		if class.Annotations[defaultClassAnnotation] == "true" {
			names = append(names, "")
		}
	}
	return names
}

// bearsFinalizer reports whether an Ingress has anything of ours, in whichever stack.
func bearsFinalizer(ingress *networkingv1.Ingress) bool { return len(Borne(ingress)) > 0 }

// Borne are the stacks whose finalizer an Ingress bears.
func Borne(ingress *networkingv1.Ingress) []model.StackID {
	own := model.StackID{Namespace: ingress.Namespace, Name: ingress.Name}
	var out []model.StackID
	for _, finalizer := range ingress.Finalizers {
		if group, ok := strings.CutPrefix(finalizer, groupFinalizer); ok {
			out = append(out, model.StackID{Name: group})
		} else if finalizer == Finalizer(own) {
			out = append(out, own)
		}
	}
	return out
}
