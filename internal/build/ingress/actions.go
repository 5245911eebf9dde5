package ingress

import (
	"fmt"

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

// action forwards to the backend's target group, making it on first use.
func (p *part) action(backend networkingv1.IngressBackend, field string) model.Action {
	if backend.Service == nil {
		p.complain(field+".resource", "InvalidBackend", "a resource cannot be served", "name a Service")
		return model.Action{}
	}
	port := portText(backend.Service.Port)
	if port == useAnnotation {
		p.complain(field+".service.port.name", annotations.ReasonNotBuilt, "this build does not serve action annotations yet", "name a Service and its port")
		return model.Action{}
	}
	service := p.Services[backend.Service.Name]
	if service == nil {
		p.note(model.Problem{
			Object: p.object(), Field: field + ".service.name", Reason: "ServiceNotFound", Warning: true,
			Message: fmt.Sprintf("Service %q does not exist in namespace %s; the load balancer answers 503 in its place", backend.Service.Name, p.Ingress.Namespace),
			Remedy:  "create the Service or correct the name",
		})
		return serviceMissing
	}
	servicePort, found := ServicePort(service, port)
	if !found {
		p.complain(field+".service.port", "ServicePortNotFound",
			fmt.Sprintf("Service %s/%s has no port %q", service.Namespace, service.Name, port), "name one of its ports: "+portNames(service))
		return model.Action{}
	}
	key := p.targetGroup(service, servicePort, port)
	return model.Action{Forward: []model.WeightedTarget{{TargetGroup: key}}}
}
