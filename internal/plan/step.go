package plan

import (
	"fmt"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// Verb tells additions, changes and removals apart.
type Verb string

// The verbs of steps.
const (
	Create Verb = "create"
	Modify Verb = "modify"
	Delete Verb = "delete"
)

// Step is one change, and with one exception one call: a sentence for people and
// an action for whoever applies it. (CreateSecurityGroup and its rules are steps
// of their own for the same reason: any call may be the last before a crash.)
type Step struct {
	Verb   Verb        `json:"verb"`
	Kind   string      `json:"kind"` // "load balancer", "target group", …
	Key    model.Key   `json:"key"`
	Name   string      `json:"name,omitempty"`
	After  []model.Key `json:"after,omitempty"` // keys that must have an identifier before
	Why    string      `json:"why"`
	Action Action      `json:"action"`
}

// String is the step as `kubectl sluice plan` prints it.
func (s Step) String() string {
	name := s.Name
	if name == "" {
		name = string(s.Key)
	}
	return fmt.Sprintf("%s %s %s: %s", s.Verb, s.Kind, name, s.Why)
}

// Action is what a step does. The types below are all there are. Removals hold the
// identifier that was observed, so that they hit what was looked at and nothing else;
// all others name keys.
type Action interface{ action() }

// The actions, one for each call that changes AWS or Kubernetes.
type (
	// CreateSecurityGroup makes the group, without rules.
	CreateSecurityGroup struct {
		Want model.SecurityGroup `json:"-"`
	}
	// AuthorizeIngress adds permissions to a group.
	AuthorizeIngress struct {
		Group       model.Key          `json:"group"`
		Permissions []model.Permission `json:"permissions"`
	}
	// RevokeIngress takes permissions from a group.
	RevokeIngress struct {
		Group       model.Key          `json:"group"`
		Permissions []model.Permission `json:"permissions"`
	}
	// DeleteSecurityGroup removes the group.
	DeleteSecurityGroup struct {
		ID string `json:"id"`
	}

	// CreateTargetGroup makes the group with its health check and tags.
	CreateTargetGroup struct {
		Want model.TargetGroup `json:"-"`
	}
	// ModifyHealthCheck changes the health check of a target group.
	ModifyHealthCheck struct {
		Group model.Key         `json:"group"`
		Want  model.HealthCheck `json:"want"`
	}
	// ModifyTargetGroupAttributes sets attributes.
	ModifyTargetGroupAttributes struct {
		Group      model.Key         `json:"group"`
		Attributes map[string]string `json:"attributes"`
	}
	// DeleteTargetGroup removes the group; its targets go with it.
	DeleteTargetGroup struct {
		ID string `json:"id"`
	}

	// CreateLoadBalancer makes the load balancer, with its tags.
	CreateLoadBalancer struct {
		Want model.LoadBalancer `json:"-"`
	}
	// SetSecurityGroups replaces the whole list.
	SetSecurityGroups struct {
		SecurityGroups []model.Key `json:"securityGroups"`
	}
	// SetSubnets replaces the whole list.
	SetSubnets struct {
		Subnets []string `json:"subnets"`
	}
	// SetIPAddressType gives or takes IPv6.
	SetIPAddressType struct {
		Type string `json:"type"`
	}
	// ModifyLoadBalancerAttributes sets attributes.
	ModifyLoadBalancerAttributes struct {
		LoadBalancer model.Key         `json:"loadBalancer"`
		Attributes   map[string]string `json:"attributes"`
	}
	// DeleteLoadBalancer removes the load balancer and its listeners.
	DeleteLoadBalancer struct {
		ID string `json:"id"`
	}

	// CreateListener makes a listener with its default action, default certificate and tags.
	CreateListener struct {
		Want model.Listener `json:"-"`
	}
	// ModifyListener changes protocol, certificate, TLS policy and default action.
	ModifyListener struct {
		Want model.Listener `json:"want"`
	}
	// ModifyListenerAttributes sets attributes.
	ModifyListenerAttributes struct {
		Listener   model.Key         `json:"listener"`
		Attributes map[string]string `json:"attributes"`
	}
	// AddListenerCertificate adds one that is chosen by the name that a client asks for.
	AddListenerCertificate struct {
		Listener    model.Key `json:"listener"`
		Certificate string    `json:"certificate"`
	}
	// RemoveListenerCertificate removes one of those.
	RemoveListenerCertificate struct {
		Listener    model.Key `json:"listener"`
		Certificate string    `json:"certificate"`
	}
	// DeleteListener removes the listener and its rules.
	DeleteListener struct {
		ID string `json:"id"`
	}

	// CreateRule makes a rule, with its tags.
	CreateRule struct {
		Want model.Rule `json:"-"`
	}
	// ModifyRule replaces conditions, actions and transforms of the rule that has the key Rule.
	// When Want has another key, the rule has that one afterwards.
	ModifyRule struct {
		Rule model.Key  `json:"rule"`
		Want model.Rule `json:"want"`
	}
	// SetRulePriorities moves rules, all of one listener, in one call.
	SetRulePriorities struct {
		Priorities map[model.Key]int32 `json:"priorities"`
	}
	// DeleteRule removes a rule.
	DeleteRule struct {
		ID string `json:"id"`
	}

	// AddTags sets tags of any resource of the stack.
	AddTags struct {
		Tags map[string]string `json:"tags"`
	}
	// RemoveTags removes tags by key.
	RemoveTags struct {
		Keys []string `json:"keys"`
	}

	// CreateBinding makes the TargetGroupBinding object.
	CreateBinding struct {
		Want model.Binding `json:"-"`
	}
	// ModifyBinding overwrites spec and labels of the object.
	ModifyBinding struct {
		Want model.Binding `json:"want"`
	}
	// DeleteBinding deletes the object; its finalizer deregisters the targets.
	DeleteBinding struct {
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	}
)

func (CreateSecurityGroup) action()          {}
func (AuthorizeIngress) action()             {}
func (RevokeIngress) action()                {}
func (DeleteSecurityGroup) action()          {}
func (CreateTargetGroup) action()            {}
func (ModifyHealthCheck) action()            {}
func (ModifyTargetGroupAttributes) action()  {}
func (DeleteTargetGroup) action()            {}
func (CreateLoadBalancer) action()           {}
func (SetSecurityGroups) action()            {}
func (SetSubnets) action()                   {}
func (SetIPAddressType) action()             {}
func (ModifyLoadBalancerAttributes) action() {}
func (DeleteLoadBalancer) action()           {}
func (CreateListener) action()               {}
func (ModifyListener) action()               {}
func (ModifyListenerAttributes) action()     {}
func (AddListenerCertificate) action()       {}
func (RemoveListenerCertificate) action()    {}
func (DeleteListener) action()               {}
func (CreateRule) action()                   {}
func (ModifyRule) action()                   {}
func (SetRulePriorities) action()            {}
func (DeleteRule) action()                   {}
func (AddTags) action()                      {}
func (RemoveTags) action()                   {}
func (CreateBinding) action()                {}
func (ModifyBinding) action()                {}
func (DeleteBinding) action()                {}

// Print renders steps one a line, as a person reads them.
func Print(steps []Step) string {
	lines := make([]string, len(steps))
	for i, step := range steps {
		lines[i] = step.String()
	}
	return strings.Join(lines, "\n")
}

// NoDelete leaves out every removal.
func NoDelete(steps []Step) []Step {
	kept := make([]Step, 0, len(steps))
	for _, step := range steps {
		if step.Verb != Delete {
			kept = append(kept, step)
		}
	}
	return kept
}
