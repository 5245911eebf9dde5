package model

import (
	"cmp"
	"slices"
)

// StackID names one load balancer with all that belongs to it. The namespace is
// empty for an explicit IngressGroup.
type StackID struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// String renders the ID as the stack tag holds it: "name" or "namespace/name".
func (id StackID) String() string {
	if id.Namespace == "" {
		return id.Name
	}
	return id.Namespace + "/" + id.Name
}

// Stack is the unit that is planned and applied as a whole. The zero Stack with an
// ID is "nothing": planning towards it deletes what there is.
type Stack struct {
	ID             StackID         `json:"id"`
	SecurityGroups []SecurityGroup `json:"securityGroups,omitempty"`
	TargetGroups   []TargetGroup   `json:"targetGroups,omitempty"`
	LoadBalancer   *LoadBalancer   `json:"loadBalancer,omitempty"`
	Listeners      []Listener      `json:"listeners,omitempty"`
	Rules          []Rule          `json:"rules,omitempty"`
	Bindings       []Binding       `json:"bindings,omitempty"`
}

// Empty reports whether the stack holds no resource.
func (s Stack) Empty() bool {
	return s.LoadBalancer == nil && len(s.SecurityGroups)+len(s.TargetGroups)+len(s.Listeners)+len(s.Rules)+len(s.Bindings) == 0
}

// Sort puts every list into its stated order: by key, rules by listener and
// priority. Builders and observers call it last, so equal stacks are equal bytes.
func (s *Stack) Sort() {
	slices.SortFunc(s.SecurityGroups, func(a, b SecurityGroup) int { return cmp.Compare(a.Key, b.Key) })
	for i := range s.SecurityGroups {
		s.SecurityGroups[i].Ingress = SortPermissions(s.SecurityGroups[i].Ingress)
	}
	slices.SortFunc(s.TargetGroups, func(a, b TargetGroup) int { return cmp.Compare(a.Key, b.Key) })
	slices.SortFunc(s.Listeners, func(a, b Listener) int { return cmp.Compare(a.Port, b.Port) })
	slices.SortFunc(s.Rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(a.Listener, b.Listener), cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Key, b.Key))
	})
	slices.SortFunc(s.Bindings, func(a, b Binding) int { return cmp.Compare(a.Key, b.Key) })
}

// Observed is what AWS and Kubernetes have now of a stack: the same kind of values,
// and the identifiers that AWS gave them.
type Observed struct {
	Stack `json:",inline"`
	// IDs maps a key to its ARN (ELBv2) or id (security groups).
	IDs map[Key]string `json:"ids,omitempty"`
	// DNSName of the load balancer; empty while there is none.
	DNSName string `json:"dnsName,omitempty"`
	// Limits are what the load balancer was found to be full with.
	Limits Limits `json:"limits,omitzero"`
}

// Limits are how much of something a load balancer takes, known once AWS has refused
// more. What is full must lose something before it can get something. 0: not known.
type Limits struct {
	Rules        int `json:"rules,omitempty"`        // of all listeners together, without default rules
	Certificates int `json:"certificates,omitempty"` // of all listeners together, without default ones
}
