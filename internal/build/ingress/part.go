package ingress

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// part is what one member asks for.
type part struct {
	*Snapshot
	Member
	set      annotations.Set
	problems []model.Problem

	ports        []int32          // that the member listens on
	protocols    map[int32]string // of these ports: "HTTP" or "HTTPS"
	certificates []string         // ARNs, for HTTPS ports
	tags         map[string]string
	targetGroups []model.TargetGroup
	bindings     []model.Binding
	// rules without listener, priority, key and tags: those depend on the others.
	rules []model.Rule
	// fallback is the action of the default backend; nil when there is none.
	fallback *model.Action
}

func newPart(snapshot *Snapshot, member Member) *part {
	p := &part{Snapshot: snapshot, Member: member, set: annotations.New(member.Ingress.Annotations, nil)}
	p.checkClass()
	p.checkAnnotations()
	p.tags = p.userTags(nil)
	p.listen()
	p.rules = p.paths()
	if backend := member.Ingress.Spec.DefaultBackend; backend != nil {
		p.fallback = new(p.action(*backend, "spec.defaultBackend"))
		p.checkLoop(*p.fallback, false, "spec.defaultBackend")
	}
	return p
}

func (p *part) rejected() bool {
	return slices.ContainsFunc(p.problems, func(p model.Problem) bool { return !p.Warning })
}

func objectOf(kind, namespace, name string) model.Object {
	return model.Object{Kind: kind, Namespace: namespace, Name: name}
}

func (p *part) object() model.Object {
	return objectOf("Ingress", p.Ingress.Namespace, p.Ingress.Name)
}

// complain notes a problem of the Ingress that takes it out.
func (p *part) complain(field, reason, message, remedy string) {
	p.note(model.Problem{Object: p.object(), Field: field, Reason: reason, Message: message, Remedy: remedy})
}

// note takes each problem once, however often the build runs into it.
func (p *part) note(problem model.Problem) {
	if problem.Object != p.object() {
		problem.Ingress = p.object()
	}
	if !slices.Contains(p.problems, problem) {
		p.problems = append(p.problems, problem)
	}
}

// wrong notes what is wrong with an annotation, where reading it gave an error.
func (p *part) wrong(err error) {
	if finding, ok := errors.AsType[annotations.Finding](err); ok {
		p.finding(p.object(), finding)
	}
}

func (p *part) finding(object model.Object, finding annotations.Finding) {
	// The field names the annotation already.
	message := strings.TrimLeft(strings.TrimPrefix(finding.Message, "annotation "+finding.Key), ": ")
	p.note(model.Problem{
		Object: object, Field: annotationField(finding.Key), Reason: finding.Reason, Message: message, Remedy: finding.Remedy, Warning: !finding.Fatal,
	})
}

func annotationField(key string) string { return fmt.Sprintf("metadata.annotations[%s]", key) }

// checkClass: parameters of a class change everything about its Ingresses, so they are
// not passed over.
func (p *part) checkClass() {
	if p.Class != nil && p.Class.Spec.Parameters != nil {
		p.complain("spec.ingressClassName", annotations.ReasonNotBuilt,
			fmt.Sprintf("IngressClass %s has parameters (%s %s), which this build does not serve yet", p.Class.Name, p.Class.Spec.Parameters.Kind, p.Class.Spec.Parameters.Name),
			"use an IngressClass without parameters")
	}
}

// checkAnnotations reads every annotation of the Ingress and of its Services, whether
// or not the build comes across it: nothing that a user wrote is ignored in silence.
func (p *part) checkAnnotations() {
	for _, finding := range annotations.Check(annotations.OnIngress, p.Ingress.Annotations) {
		finding.Fatal = finding.Fatal && !unused(p.Ingress, finding.Key)
		p.finding(p.object(), finding)
	}
	for _, backend := range Backends(p.Ingress) {
		service := p.Services[backend.Service]
		if service == nil {
			continue
		}
		for _, finding := range annotations.Check(annotations.OnService, service.Annotations) {
			p.finding(objectOf("Service", service.Namespace, service.Name), finding)
		}
	}
}

// userTags of the Ingress, or of a Service of it, where the Service's win.
func (p *part) userTags(service *corev1.Service) map[string]string {
	var own map[string]string
	if service != nil {
		own = service.Annotations
	}
	tags, err := annotations.New(p.Ingress.Annotations, own).StringMap("tags")
	p.wrong(err)
	return tags
}

// listen fills in the ports that the member listens on and what it says of them.
func (p *part) listen() {
	p.certificates = p.set.StringList("certificate-arn")
	listen, err := p.set.ListenPorts()
	p.wrong(err)
	switch {
	case listen != nil:
	case len(p.certificates) > 0:
		listen = []annotations.ListenPort{{Protocol: https, Port: 443}}
	default:
		listen = []annotations.ListenPort{{Protocol: "HTTP", Port: 80}}
	}
	p.protocols = map[int32]string{}
	for _, port := range listen {
		p.ports = append(p.ports, port.Port)
		p.protocols[port.Port] = port.Protocol
		if port.Protocol == https {
			p.checkCertificates(port.Port)
		}
	}
}

const https = "HTTPS"

// checkCertificates: one a listener is built, and none is looked for.
func (p *part) checkCertificates(port int32) {
	field := annotationField(annotations.Prefix + "certificate-arn")
	switch {
	case len(p.certificates) == 0:
		p.complain(field, annotations.ReasonNotBuilt, fmt.Sprintf("port %d is HTTPS and there is no certificate; this build does not find one by the names of hosts yet", port),
			"give the ARN of a certificate")
	case len(p.certificates) > 1:
		p.complain(field, annotations.ReasonNotBuilt, fmt.Sprintf("%d certificates; this build serves one a port", len(p.certificates)),
			"give one certificate that has all names")
	}
}

// say is one thing that a member states about what all members share. Members that
// state the same key must state the same value.
type say struct {
	key   string // "scheme", "tags/team", "inbound-cidrs/80"
	value string
	field string
}

// says are the member's statements about the load balancer.
func (p *part) says() []say {
	var out []say
	state := func(name, value string) {
		out = append(out, say{name, value, annotationField(annotations.Prefix + name)})
	}
	for _, name := range []string{"scheme", "load-balancer-name", "ip-address-type"} {
		if p.set.Has(name) {
			state(name, p.set.String(name, ""))
		}
	}
	if subnets := p.set.StringList("subnets"); len(subnets) > 0 {
		slices.Sort(subnets)
		state("subnets", strings.Join(subnets, ","))
	}
	attributes, err := p.set.StringMap("load-balancer-attributes")
	p.wrong(err)
	for _, each := range []struct {
		name   string
		values map[string]string
	}{{"tags", p.tags}, {"load-balancer-attributes", attributes}} {
		for key, value := range each.values {
			out = append(out, say{each.name + "/" + key, value, annotationField(annotations.Prefix + each.name)})
		}
	}
	return append(out, p.saysOfPorts()...)
}

func (p *part) saysOfPorts() []say {
	var out []say
	cidrs, err := p.set.CIDRList("inbound-cidrs")
	p.wrong(err)
	slices.Sort(cidrs)
	for _, port := range p.ports {
		state := func(name, value string) {
			out = append(out, say{name + "/" + strconv.Itoa(int(port)), value, annotationField(annotations.Prefix + name)})
		}
		state("listen-ports", p.protocols[port])
		if len(cidrs) > 0 {
			state("inbound-cidrs", strings.Join(cidrs, ","))
		}
		if p.protocols[port] == https {
			state("certificate-arn", strings.Join(p.certificates, ","))
			if p.set.Has("ssl-policy") {
				state("ssl-policy", p.set.String("ssl-policy", ""))
			}
		}
		if p.fallback != nil {
			out = append(out, say{"default-backend/" + strconv.Itoa(int(port)), p.object().String(), "spec.defaultBackend"})
		}
	}
	return out
}
