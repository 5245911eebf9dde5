package model

import "fmt"

// Problem is something that a user got wrong, as data beside the result. It takes
// out the object that is wrong, unless it is a warning.
type Problem struct {
	Object  Object `json:"object"`
	Field   string `json:"field"`  // where: "metadata.annotations[…]", "spec.rules[0].host"
	Reason  string `json:"reason"` // CamelCase, for the event and for machines
	Message string `json:"message"`
	Remedy  string `json:"remedy"` // what would be right
	// Warning: the rest of the object is built all the same.
	Warning bool `json:"warning,omitempty"`
}

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
