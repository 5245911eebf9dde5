package controller

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
)

// bindingSpec is a binding of the model as the object's spec.
func bindingSpec(want model.Binding, arn string) v1beta1.TargetGroupBindingSpec {
	spec := v1beta1.TargetGroupBindingSpec{
		TargetGroupARN:      arn,
		TargetType:          new(v1beta1.TargetType(want.TargetType)),
		TargetGroupProtocol: new(v1beta1.TargetGroupProtocol(want.Protocol)),
		ServiceRef:          v1beta1.ServiceReference{Name: want.Service, Port: intstr.Parse(want.Port)},
		IPAddressType:       new(v1beta1.TargetGroupIPAddressType(cmp.Or(want.IPAddressType, ipv4))),
		VpcID:               want.VPC,

		MultiClusterTargetGroup: want.MultiCluster,
	}
	if len(want.NodeSelector) > 0 {
		spec.NodeSelector = &metav1.LabelSelector{MatchLabels: want.NodeSelector}
	}
	for _, source := range want.Sources {
		rule := v1beta1.NetworkingIngressRule{From: []v1beta1.NetworkingPeer{{SecurityGroup: &v1beta1.SecurityGroup{GroupID: source.SecurityGroup}}}}
		for _, port := range source.Ports {
			rule.Ports = append(rule.Ports, v1beta1.NetworkingPort{Protocol: new(v1beta1.NetworkingProtocolTCP), Port: new(intstr.Parse(port))})
		}
		if spec.Networking == nil {
			spec.Networking = &v1beta1.Networking{}
		}
		spec.Networking.Ingress = append(spec.Networking.Ingress, rule)
	}
	return spec
}

// observedBindings are the objects of a stack as the model sees them. An object whose
// target group is not the stack's any more has the ARN as its key, so that it goes.
func observedBindings(objects []v1beta1.TargetGroupBinding, ids map[model.Key]string) []model.Binding {
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
		out = append(out, observedBinding(object, group))
	}
	return out
}

func observedBinding(object *v1beta1.TargetGroupBinding, group model.Key) model.Binding {
	spec := object.Spec
	binding := model.Binding{
		Key: model.BindingKey(group), TargetGroup: group, Namespace: object.Namespace, Name: object.Name,
		Service: spec.ServiceRef.Name, Port: spec.ServiceRef.Port.String(), VPC: spec.VpcID, Labels: object.Labels,
	}
	if spec.TargetType != nil {
		binding.TargetType = string(*spec.TargetType)
	}
	if spec.TargetGroupProtocol != nil {
		binding.Protocol = string(*spec.TargetGroupProtocol)
	}
	if spec.Networking == nil {
		return binding
	}
	for _, rule := range spec.Networking.Ingress {
		var source model.Source
		for _, peer := range rule.From {
			switch {
			case peer.SecurityGroup != nil:
				source.SecurityGroup = strings.TrimSpace(peer.SecurityGroup.GroupID)
			case peer.IPBlock != nil:
				source.SecurityGroup = peer.IPBlock.CIDR // never ours: it differs, and is overwritten
			}
		}
		for _, port := range rule.Ports {
			if port.Port != nil {
				source.Ports = append(source.Ports, port.Port.String())
			}
		}
		binding.Sources = append(binding.Sources, source)
	}
	return binding
}
