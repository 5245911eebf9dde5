package controller

import (
	"cmp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		IPAddressType:       new(v1beta1.TargetGroupIPAddressType(cmp.Or(want.IPAddressType, string(v1beta1.TargetGroupIPv4)))),
		VpcID:               want.VPC,

		MultiClusterTargetGroup: want.MultiCluster,
	}
	if len(want.NodeSelector) > 0 {
		spec.NodeSelector = &metav1.LabelSelector{MatchLabels: want.NodeSelector}
	}
	for _, source := range want.Sources {
		rule := v1beta1.NetworkingIngressRule{From: []v1beta1.NetworkingPeer{{SecurityGroup: &v1beta1.SecurityGroup{GroupID: source.SecurityGroup}}}}
		if len(source.Ports) == 0 { // all of them; an empty list would open none
			rule.Ports = []v1beta1.NetworkingPort{{Protocol: new(v1beta1.NetworkingProtocolTCP)}}
		}
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
