package ingress

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// Resource is the resource tag of a backend's target group.
func Resource(ingress *networkingv1.Ingress, service, port string) string {
	return fmt.Sprintf("%s/%s-%s:%s", ingress.Namespace, ingress.Name, service, port)
}

func (p *part) targetGroup(service *corev1.Service, servicePort corev1.ServicePort, port string) model.Key {
	resource := Resource(p.Ingress, service.Name, port)
	key := model.TargetGroupKey(resource)
	if slices.ContainsFunc(p.targetGroups, func(g model.TargetGroup) bool { return g.Key == key }) {
		return key
	}
	set := p.backend(service)
	group := model.TargetGroup{Key: key, VPC: p.Network.VPC, IPAddressType: addressFamily(service)}
	group.TargetType = p.choice(set, "target-type", p.Config.DefaultTargetType)
	group.Port = targetPort(servicePort, group.TargetType)
	p.checkTargetType(service, servicePort, group.TargetType)
	group.Protocol = p.choice(set, "backend-protocol", "HTTP")
	group.ProtocolVersion = p.choice(set, "backend-protocol-version", "HTTP1")
	group.HealthCheck = p.healthCheck(set, service, group)
	attributes, err := set.StringMap("target-group-attributes")
	p.wrong(err)
	group.Attributes = attributes
	group.Name = TargetGroupName(p.Config, p.Ingress, p.Class, service, servicePort, port)
	group.Tags = p.Config.Tags(p.ID, resource, p.userTags(service))
	p.targetGroups = append(p.targetGroups, group)
	p.bindings = append(p.bindings, p.binding(set, group, service, servicePort, port))
	return key
}

// addressFamily of the targets: a Service with both families has IPv6 targets, as with the
// incumbent. The usual one needs no word.
func addressFamily(service *corev1.Service) string {
	if slices.Contains(service.Spec.IPFamilies, corev1.IPv6Protocol) {
		return ipv6
	}
	return ""
}

// checkTargetType: nodes are reached through a node port.
func (p *part) checkTargetType(service *corev1.Service, port corev1.ServicePort, targetType string) {
	object, field := p.source("target-type")
	switch {
	case targetType == instanceTargets && port.NodePort == 0:
		p.note(model.Problem{
			Object: object, Field: field, Reason: annotations.ReasonInvalid,
			Message: fmt.Sprintf("%q needs a node port, and port %d of Service %s/%s (of type %s) has none", targetType, port.Port, service.Namespace, service.Name, cmp.Or(service.Spec.Type, corev1.ServiceTypeClusterIP)),
			Remedy:  `make the Service one of type NodePort, or set target-type to "ip"`,
		})
	case targetType == "ip" && p.Config.Gates.NoIPTargets:
		p.note(model.Problem{
			Object: object, Field: field, Reason: annotations.ReasonInvalid,
			Message: `"ip" is switched off (flag --feature-gates=EnableIPTargetType=false)`, Remedy: `set target-type to "instance", or switch it on`,
		})
	}
}

// instanceTargets are nodes.
const instanceTargets = "instance"

// TargetGroupName is the name of a backend's target group and of its binding, as they
// are made. (One that exists keeps the name that it was made with.)
func TargetGroupName(config build.Config, ingress *networkingv1.Ingress, class Class, service *corev1.Service, servicePort corev1.ServicePort, port string) string {
	stack, err := Group(ingress, class)
	if err != nil {
		return ""
	}
	set := annotations.New(ingress.Annotations, service.Annotations).Under(overrides(class.Params))
	targetType := set.String("target-type", config.DefaultTargetType)
	return build.TargetGroupID{
		Cluster: config.Cluster, Stack: stack, IngressNamespace: ingress.Namespace, IngressName: ingress.Name,
		ServiceNamespace: service.Namespace, ServiceName: service.Name, ServiceUID: string(service.UID), BackendPort: port, Port: targetPort(servicePort, targetType),
		TargetType: targetType, Protocol: set.String("backend-protocol", "HTTP"), ProtocolVersion: set.String("backend-protocol-version", "HTTP1"),
	}.Name()
}

// targetPort: targets bring a port of their own; the group's is the node port, or 1 where the
// Service names a container port, as with the incumbent.
func targetPort(port corev1.ServicePort, targetType string) int32 {
	switch {
	case targetType == instanceTargets:
		return port.NodePort
	case port.TargetPort.Type == intstr.String:
		return 1
	}
	return port.TargetPort.IntVal
}

func (p *part) choice(set annotations.Set, name, fallback string) string {
	value, err := set.Choice(name, fallback)
	p.wrong(err)
	return value
}

// checkVersions: AWS takes groups of HTTP/2 and gRPC on HTTPS listeners only.
func (p *part) checkVersions(port int32) {
	for _, group := range p.targetGroups {
		if group.ProtocolVersion == "HTTP2" || group.ProtocolVersion == "GRPC" {
			p.complain(annotationField(annotations.Prefix+"backend-protocol-version"), annotations.ReasonInvalid,
				fmt.Sprintf("%q needs HTTPS, and port %d is HTTP", group.ProtocolVersion, port), "listen with HTTPS only, or put this backend into an Ingress of its own")
		}
	}
}

func (p *part) healthCheck(set annotations.Set, service *corev1.Service, group model.TargetGroup) model.HealthCheck {
	number := func(name string, fallback int32) int32 {
		value, err := set.Int32(name, fallback)
		p.wrong(err)
		return value
	}
	path, codes := "/", "200"
	if group.ProtocolVersion == "GRPC" {
		path, codes = "/AWS.ALB/healthcheck", "12" // a method that nobody has is answered as unimplemented
	}
	check := model.HealthCheck{
		Protocol:           p.choice(set, "healthcheck-protocol", group.Protocol),
		Port:               p.healthCheckPort(set, service, group.TargetType),
		Path:               set.String("healthcheck-path", path),
		Interval:           model.Duration(time.Duration(number("healthcheck-interval-seconds", 15)) * time.Second),
		Timeout:            model.Duration(time.Duration(number("healthcheck-timeout-seconds", 5)) * time.Second),
		HealthyThreshold:   number("healthy-threshold-count", 2),
		UnhealthyThreshold: number("unhealthy-threshold-count", 2),
		Matcher:            set.String("success-codes", codes),
	}
	if check.Timeout >= check.Interval && check.Interval > 0 {
		p.complain(annotationField(annotations.Prefix+"healthcheck-timeout-seconds"), annotations.ReasonInvalid,
			fmt.Sprintf("the timeout of %ds is not shorter than the interval of %ds", check.Timeout.Seconds(), check.Interval.Seconds()),
			"make the interval longer or the timeout shorter")
	}
	return check
}

// trafficPort: health is asked for on the port that is served.
const trafficPort = "traffic-port"

// healthCheckPort is "traffic-port", a number, or the name of a Service port whose
// target port is a number.
func (p *part) healthCheckPort(set annotations.Set, service *corev1.Service, targetType string) string {
	value := set.String("healthcheck-port", trafficPort)
	if number, err := strconv.ParseUint(value, 10, 16); err == nil && number > 0 || value == trafficPort {
		return value
	}
	field := annotationField(annotations.Prefix + "healthcheck-port")
	port, found := ServicePort(service, value)
	switch {
	case !found:
		p.complain(field, annotations.ReasonInvalid, fmt.Sprintf("%q is neither traffic-port, nor a number from 1 to 65535, nor a port of Service %s/%s", value, service.Namespace, service.Name),
			"name one of its ports: "+portNames(service))
	case targetType == instanceTargets:
		return strconv.Itoa(int(port.NodePort))
	case port.TargetPort.Type == intstr.String:
		p.complain(field, annotations.ReasonInvalid, fmt.Sprintf("port %q of Service %s/%s has the named target port %q, which may differ from Pod to Pod", value, service.Namespace, service.Name, port.TargetPort.StrVal),
			"give the number")
	}
	return strconv.Itoa(int(port.TargetPort.IntVal))
}

func (p *part) binding(set annotations.Set, group model.TargetGroup, service *corev1.Service, servicePort corev1.ServicePort, port string) model.Binding {
	binding := model.Binding{
		Key: model.BindingKey(group.Key), TargetGroup: group.Key, Namespace: service.Namespace, Name: group.Name,
		Service: service.Name, Port: port, TargetType: group.TargetType, Protocol: group.Protocol, IPAddressType: group.IPAddressType, VPC: group.VPC,
		MultiCluster: p.multiCluster(service), Labels: BindingLabels(p.ID),
		Sources: p.sources(group, servicePort),
	}
	if group.TargetType == instanceTargets {
		selector, err := set.StringMap("target-node-labels")
		p.wrong(err)
		binding.NodeSelector = selector
	}
	return binding
}

// multiCluster: what either of Ingress and Service says.
func (p *part) multiCluster(service *corev1.Service) bool {
	const name = "multi-cluster-target-group"
	onIngress, err := p.set.Bool(name, false)
	p.wrong(err)
	onService, err := annotations.New(nil, service.Annotations).Bool(name, false)
	p.wrong(err)
	return onIngress || onService
}

// sources are the ways in that the load balancer needs, one a port. From which security group is
// only known of all members together.
func (p *part) sources(group model.TargetGroup, port corev1.ServicePort) []model.Source {
	if p.Config.UnrestrictedRules {
		return []model.Source{{}}
	}
	served := port.TargetPort.String()
	if group.TargetType == instanceTargets {
		served = strconv.Itoa(int(port.NodePort))
	}
	sources := []model.Source{{Ports: []string{served}}}
	if group.HealthCheck.Port != trafficPort {
		sources = append(sources, model.Source{Ports: []string{group.HealthCheck.Port}})
	}
	return sources
}

// BindingLabels are the labels by which the bindings of a stack are found again.
func BindingLabels(id model.StackID) map[string]string {
	if id.Namespace == "" {
		return map[string]string{model.StackTag: id.Name}
	}
	return map[string]string{model.StackTag + "-namespace": id.Namespace, model.StackTag + "-name": id.Name}
}
