package ingress

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// Snapshot is all that a stack is made from.
type Snapshot struct {
	Config  build.Config
	Network model.Network
	// BackendSecurityGroup is the id of the group that all load balancers share.
	BackendSecurityGroup string
	// Have is what the stack has in AWS; the zero value for nothing. Subnets are kept
	// while the scheme stays, and so is what belongs to a member that is rejected.
	Have model.Observed
	ID   model.StackID
	// Leaving: an Ingress leaves the stack, so what there is cannot stay as it is even
	// where all members are rejected.
	Leaving bool
	// Members are the Ingresses of the stack, in their order (SortMembers).
	Members []Member
}

// Member is one Ingress of a stack.
type Member struct {
	Ingress *networkingv1.Ingress
	Class   Class
	// Moving: the Ingress belongs to another stack now, which cannot serve its requests yet. Until
	// then it keeps what it has in this one.
	Moving bool
	// Services of its namespace by name; those that do not exist are absent.
	Services map[string]*corev1.Service
}

// Result of a build.
type Result struct {
	// Stack is nil when no member can be served: what there is stays as it is.
	Stack *model.Stack
	// LacksBackend: the stack needs the shared security group after all, and the snapshot has
	// none. (Whoever names security groups may turn out to be rejected.)
	LacksBackend bool
	Problems     []model.Problem
}

// Rejected reports whether a problem takes this object out.
func (r Result) Rejected(object model.Object) bool {
	return slices.ContainsFunc(r.Problems, func(p model.Problem) bool { return p.Takes() == object && !p.Warning })
}

// Stack builds the model of a stack:
//
//  1. each member says what it wants, by itself
//  2. members are joined in their order; one that contradicts those before it, or is
//     wrong by itself, is rejected
//  3. the load balancer and its listeners are made of what the others say together;
//     for a rejected member, what it had is put in its place
func Stack(snapshot Snapshot) Result {
	j := join(snapshot)
	if len(j.accepted) == 0 && !snapshot.Leaving {
		return Result{Problems: j.problems}
	}
	stack := model.Stack{ID: snapshot.ID}
	for _, part := range j.accepted {
		if j.serves(part) {
			stack.TargetGroups = append(stack.TargetGroups, part.targetGroups...)
			stack.Bindings = append(stack.Bindings, j.letIn(part.bindings)...)
		}
	}
	kept := keep(snapshot.Have, j)
	stack.TargetGroups = append(stack.TargetGroups, kept.targetGroups...)
	stack.Bindings = append(stack.Bindings, kept.bindings...)
	if len(j.accepted) == 0 && snapshot.Have.LoadBalancer == nil {
		stack.Sort()
		return Result{Stack: &stack, Problems: j.problems} // what the one that leaves had goes
	}
	stack.LoadBalancer = j.loadBalancer()
	_, own := j.securityGroups()
	if own {
		stack.SecurityGroups = []model.SecurityGroup{j.securityGroup(kept)}
	}
	stack.Listeners, stack.Rules = j.listeners(kept)
	stack.Sort()
	if j.hopeless {
		return Result{Problems: j.problems}
	}
	lacks := own && snapshot.BackendSecurityGroup == "" && !snapshot.Config.NoBackendSecurityGroup
	return Result{Stack: &stack, LacksBackend: lacks, Problems: j.problems}
}

// serves reports whether requests can reach a member at all: not where all of its listeners
// only redirect.
func (j *joint) serves(p *part) bool {
	return slices.ContainsFunc(p.ports, func(port int32) bool { return !j.redirects(port) })
}

// letIn says from which security group the targets of bindings are reached.
func (j *joint) letIn(bindings []model.Binding) []model.Binding {
	source := j.endpointSource()
	for i := range bindings {
		if source == "" {
			bindings[i].Sources = nil
		}
		for k := range bindings[i].Sources {
			bindings[i].Sources[k].SecurityGroup = source
		}
	}
	return bindings
}
