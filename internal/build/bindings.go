package build

import (
	"maps"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
)

// ObservedBindings are the objects of a stack as the model sees them. An object whose
// target group is not the stack's any more has the ARN as its key, so that it goes.
func ObservedBindings(objects []v1beta1.TargetGroupBinding, ids map[model.Key]string) []model.Binding {
	keys := map[string]model.Key{}
	for key, id := range ids {
		keys[id] = key
	}
	var out []model.Binding
	for i := range objects {
		object := &objects[i]
		group, known := keys[object.Spec.TargetGroupARN]
		if !known {
			group = model.Key(object.Spec.TargetGroupARN)
		}
		binding := ObservedBinding(object, group)
		for k, source := range binding.Sources {
			if id := ids[model.SecurityGroupKey]; id != "" && source.SecurityGroup == id {
				binding.Sources[k].SecurityGroup = string(model.SecurityGroupKey)
			}
		}
		out = append(out, binding)
	}
	return out
}

// ObservedBinding is one object as the model sees it.
func ObservedBinding(object *v1beta1.TargetGroupBinding, group model.Key) model.Binding {
	spec := object.Spec
	binding := model.Binding{
		Key: model.BindingKey(group), TargetGroup: group, Namespace: object.Namespace, Name: object.Name,
		Service: spec.ServiceRef.Name, Port: spec.ServiceRef.Port.String(), VPC: spec.VpcID, Labels: object.Labels,
		MultiCluster: spec.MultiClusterTargetGroup, NodeSelector: observedSelector(spec.NodeSelector),
	}
	if spec.TargetType != nil {
		binding.TargetType = string(*spec.TargetType)
	}
	if spec.TargetGroupProtocol != nil {
		binding.Protocol = string(*spec.TargetGroupProtocol)
	}
	if spec.IPAddressType != nil && *spec.IPAddressType != v1beta1.TargetGroupIPv4 {
		binding.IPAddressType = string(*spec.IPAddressType)
	}
	if spec.Networking != nil {
		for _, rule := range spec.Networking.Ingress {
			binding.Sources = append(binding.Sources, observedSource(rule))
		}
	}
	return binding
}

// never marks what no stack is built with: it differs, and is overwritten.
const never = "never ours: "

// observedSelector is empty where all nodes are selected.
func observedSelector(selector *metav1.LabelSelector) map[string]string {
	if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) == 0 {
		return nil
	}
	out := map[string]string{}
	maps.Copy(out, selector.MatchLabels)
	for _, expression := range selector.MatchExpressions {
		out[never+expression.String()] = ""
	}
	return out
}

func observedSource(rule v1beta1.NetworkingIngressRule) model.Source {
	var source model.Source
	for _, peer := range rule.From {
		switch {
		case peer.SecurityGroup != nil:
			source.SecurityGroup = strings.TrimSpace(peer.SecurityGroup.GroupID)
		case peer.IPBlock != nil:
			source.SecurityGroup = never + peer.IPBlock.CIDR
		}
	}
	if len(rule.From) != 1 {
		source.SecurityGroup = never + strconv.Itoa(len(rule.From)) + " sources"
	}
	for _, port := range rule.Ports {
		name := "" // all of them
		if port.Port != nil {
			name = port.Port.String()
		}
		switch {
		case port.Protocol != nil && *port.Protocol != v1beta1.NetworkingProtocolTCP:
			source.Ports = append(source.Ports, never+string(*port.Protocol)+" "+name)
		case name != "" || len(rule.Ports) > 1:
			source.Ports = append(source.Ports, name)
		}
	}
	if len(rule.Ports) == 0 {
		source.Ports = []string{never + "none"}
	}
	return source
}
