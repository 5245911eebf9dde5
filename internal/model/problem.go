package model

import (
	"cmp"
	"fmt"
)

// Problem is something that a user got wrong, as data beside the result. It takes
// out the object that is wrong, unless it is a warning.
type Problem struct {
	Object Object `json:"object"`
	// Ingress that the problem takes out, where that is not the object itself.
	Ingress Object `json:"ingress,omitzero"`
	Field   string `json:"field"`  // where: "metadata.annotations[…]", "spec.rules[0].host"
	Reason  string `json:"reason"` // CamelCase, for the event and for machines
	Message string `json:"message"`
	Remedy  string `json:"remedy"` // what would be right
	// Warning: the rest of the object is built all the same.
	Warning bool `json:"warning,omitempty"`
}

// Takes is the Ingress that the problem is one of.
func (p Problem) Takes() Object { return cmp.Or(p.Ingress, p.Object) }

// Object names the Kubernetes object that a problem belongs to.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String renders the object as kubectl takes it: "Ingress shop/web".
func (o Object) String() string {
	if o.Namespace == "" {
		return o.Kind + " " + o.Name
	}
	return fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name)
}

// String is the problem in one sentence: object, field, what is wrong, remedy.
func (p Problem) String() string {
	return fmt.Sprintf("%s: %s: %s; %s", p.Object, p.Field, p.Message, p.Remedy)
}
