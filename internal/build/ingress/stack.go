package ingress

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// Snapshot is all that a stack is made from.
type Snapshot struct {
	Config  build.Config
	Network model.Network
	// BackendSecurityGroup is the id of the group that all load balancers share.
	BackendSecurityGroup string
	// Existing is the stack's load balancer as AWS has it; nil when there is none. Its
	// subnets are kept while the scheme stays.
	Existing *model.LoadBalancer
	Ingress  *networkingv1.Ingress
	// Class of the Ingress; nil when its annotation names it.
	Class *networkingv1.IngressClass
	// Services of the Ingress's namespace by name; those that do not exist are absent.
	Services map[string]*corev1.Service
}

// Result of a build.
type Result struct {
	// Stack is nil when a problem takes the Ingress out.
	Stack    *model.Stack
	Problems []model.Problem
}

// StackID is the ID of the implicit group that an Ingress is alone in.
func StackID(ingress *networkingv1.Ingress) model.StackID {
	return model.StackID{Namespace: ingress.Namespace, Name: ingress.Name}
}

// Stack builds the model of an Ingress.
func Stack(snapshot Snapshot) Result {
	b := &builder{Snapshot: snapshot, set: annotations.New(snapshot.Ingress.Annotations, nil)}
	b.stack.ID = StackID(snapshot.Ingress)
	b.checkClass()
	b.checkAnnotations()
	b.securityGroup()
	b.loadBalancer()
	b.listeners()
	b.stack.Sort()
	if b.rejected() {
		return Result{Problems: b.problems}
	}
	return Result{Stack: &b.stack, Problems: b.problems}
}

type builder struct {
	Snapshot
	set      annotations.Set
	stack    model.Stack
	problems []model.Problem
}

func (b *builder) rejected() bool {
	return slices.ContainsFunc(b.problems, func(p model.Problem) bool { return !p.Warning })
}

func objectOf(kind, namespace, name string) model.Object {
	return model.Object{Kind: kind, Namespace: namespace, Name: name}
}

func (b *builder) object() model.Object {
	return objectOf("Ingress", b.Ingress.Namespace, b.Ingress.Name)
}

// complain notes a problem of the Ingress that takes it out.
func (b *builder) complain(field, reason, message, remedy string) {
	b.note(model.Problem{Object: b.object(), Field: field, Reason: reason, Message: message, Remedy: remedy})
}

// note takes each problem once, however often the build runs into it.
func (b *builder) note(problem model.Problem) {
	if !slices.Contains(b.problems, problem) {
		b.problems = append(b.problems, problem)
	}
}

// wrong notes what is wrong with an annotation, where reading it gave an error.
func (b *builder) wrong(err error) {
	finding, ok := errors.AsType[annotations.Finding](err)
	if !ok {
		return
	}
	b.finding(b.object(), finding)
}

func (b *builder) finding(object model.Object, finding annotations.Finding) {
	// The field names the annotation already.
	message := strings.TrimLeft(strings.TrimPrefix(finding.Message, "annotation "+finding.Key), ": ")
	b.note(model.Problem{
		Object: object, Field: annotationField(finding.Key), Reason: finding.Reason, Message: message, Remedy: finding.Remedy, Warning: !finding.Fatal,
	})
}

func annotationField(key string) string { return fmt.Sprintf("metadata.annotations[%s]", key) }

// checkClass: parameters of a class change everything about its Ingresses, so they are
// not passed over.
func (b *builder) checkClass() {
	if b.Class != nil && b.Class.Spec.Parameters != nil {
		b.complain("spec.ingressClassName", annotations.ReasonNotBuilt,
			fmt.Sprintf("IngressClass %s has parameters (%s %s), which this build does not serve yet", b.Class.Name, b.Class.Spec.Parameters.Kind, b.Class.Spec.Parameters.Name),
			"use an IngressClass without parameters")
	}
}

// checkAnnotations reads every annotation of the Ingress and of its Services, whether
// or not the build comes across it: nothing that a user wrote is ignored in silence.
func (b *builder) checkAnnotations() {
	for _, finding := range annotations.Check(annotations.OnIngress, b.Ingress.Annotations) {
		b.finding(b.object(), finding)
	}
	for _, backend := range Backends(b.Ingress) {
		service := b.Services[backend.Service]
		if service == nil {
			continue
		}
		for _, finding := range annotations.Check(annotations.OnService, service.Annotations) {
			b.finding(objectOf("Service", service.Namespace, service.Name), finding)
		}
	}
}
