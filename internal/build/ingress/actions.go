package ingress

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// useAnnotation is the port name by which an Ingress points at an action annotation.
const useAnnotation = "use-annotation"

// serviceMissing is what is answered for a Service that does not exist, as the
// incumbent does with --tolerate-non-existent-backend-service.
var serviceMissing = model.Action{FixedResponse: &model.FixedResponse{
	StatusCode: "503", ContentType: plainText, Body: "Backend service does not exist",
}}

// actionMissing is the same of an action annotation.
var actionMissing = model.Action{FixedResponse: &model.FixedResponse{
	StatusCode: "503", ContentType: plainText, Body: "Backend action does not exist",
}}

// action is what happens to requests for a backend: they go to its Service's target
// group, or an annotation says what.
func (p *part) action(backend networkingv1.IngressBackend, field string) model.Action {
	if backend.Service == nil {
		p.complain(field+".resource", "InvalidBackend", "a resource cannot be served", "name a Service")
		return model.Action{}
	}
	if name, ok := actionName(backend); ok {
		return p.annotated(name, field+".service.name")
	}
	target := annotations.Target{Service: backend.Service.Name, Port: portText(backend.Service.Port)}
	return p.forward(annotations.Forward{Targets: []annotations.Target{target}}, field+".service.name", field+".service.port")
}

// actionName is the name of the annotation that a backend points at.
func actionName(backend networkingv1.IngressBackend) (string, bool) {
	if backend.Service == nil || backend.Service.Port.Name != useAnnotation {
		return "", false
	}
	return backend.Service.Name, true
}

// annotated is the action that an annotation asks for; field is where its name stands.
func (p *part) annotated(name, field string) model.Action {
	key := annotations.Prefix + "actions." + name
	asked, err := p.set.Action(name)
	switch {
	case err != nil:
		p.wrong(err)
		return model.Action{}
	case asked == nil:
		p.note(model.Problem{
			Object: p.object(), Field: field, Reason: "ActionNotFound", Warning: !p.Config.StrictActions,
			Message: fmt.Sprintf("there is no annotation %s%s", key, in503(p.Config.StrictActions)),
			Remedy:  "add the annotation or correct the name",
		})
		return actionMissing
	case asked.Redirect != nil:
		return p.redirect(*asked.Redirect, annotationField(key))
	case asked.FixedResponse != nil:
		return model.Action{FixedResponse: new(model.FixedResponse(*asked.FixedResponse))}
	}
	return p.forward(*asked.Forward, annotationField(key), annotationField(key))
}

// in503 says what is done about something that is missing.
func in503(strict bool) string {
	if strict {
		return ""
	}
	return "; the load balancer answers 503 in its place"
}

// forward makes the target groups of Services on first use. Where the only Service does
// not exist, something is answered in its place; one of several cannot be left out, for
// the others would get its share.
func (p *part) forward(asked annotations.Forward, nameField, portField string) model.Action {
	var out model.Action
	for _, target := range asked.Targets {
		key, found := p.target(target, nameField, portField, len(asked.Targets) == 1)
		if !found {
			return serviceMissing
		}
		out.Forward = append(out.Forward, model.WeightedTarget{TargetGroup: key, Weight: target.Weight})
	}
	if sticky := asked.Stickiness; sticky != nil {
		out.Stickiness = &model.Stickiness{Enabled: sticky.Enabled, Duration: model.Duration(sticky.Duration)}
	}
	return out
}

// target is the key of a target group; found is false where its Service does not exist.
func (p *part) target(target annotations.Target, nameField, portField string, only bool) (key model.Key, found bool) {
	switch {
	case target.ARN != "":
		return model.Key(target.ARN), true
	case target.Name != "":
		return p.namedTargetGroup(target.Name, nameField), true
	}
	service := p.Services[target.Service]
	if service == nil {
		strict := !only || p.Config.StrictServices
		p.note(model.Problem{
			Object: p.object(), Field: nameField, Reason: "ServiceNotFound", Warning: !strict,
			Message: fmt.Sprintf("Service %q does not exist in namespace %s%s", target.Service, p.Ingress.Namespace, in503(strict)),
			Remedy:  "create the Service or correct the name",
		})
		return "", false
	}
	servicePort, ok := ServicePort(service, target.Port)
	if !ok {
		p.complainOfPort(service, target.Port, portField)
		return "", true
	}
	return p.targetGroup(service, servicePort, target.Port), true
}

func (p *part) complainOfPort(service *corev1.Service, port, field string) {
	p.complain(field, "ServicePortNotFound",
		fmt.Sprintf("Service %s/%s has no port %q", service.Namespace, service.Name, port), "name one of its ports: "+portNames(service))
}

func (p *part) namedTargetGroup(name, field string) model.Key {
	arn := p.Network.NamedTargetGroups[name]
	if arn == "" {
		p.complain(field, "TargetGroupNotFound", fmt.Sprintf("there is no target group of the name %q, or more than one", name), "correct the name, or give its ARN as targetGroupARN")
	}
	return model.Key(arn)
}
