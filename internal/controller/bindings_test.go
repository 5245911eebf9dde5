package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

const boundGroup = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/k8s-shop-web-0123456789/aaaa"

// webBinding is a binding that a stack may want.
func webBinding(changes ...func(*model.Binding)) model.Binding {
	want := model.Binding{
		Key: model.BindingKey("target-group/web"), TargetGroup: "target-group/web", Namespace: "shop", Name: "k8s-shop-web-0123456789",
		Service: "web", Port: "http", TargetType: "ip", Protocol: "HTTP", VPC: "vpc-0123456789abcdef0",
		Labels:  map[string]string{"ingress.k8s.aws/stack": "shop"},
		Sources: []model.Source{{SecurityGroup: "sg-0123456789abcdef0", Ports: []string{"8080", "health"}}},
	}
	for _, change := range changes {
		change(&want)
	}
	return want
}

// What is written for a model is seen as that model again, whatever it says.
func TestBindingsAreSeenAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*model.Binding){
		"pods":           func(*model.Binding) {},
		"ipv6":           func(b *model.Binding) { b.IPAddressType = "ipv6" },
		"nodes":          func(b *model.Binding) { b.TargetType, b.NodeSelector = "instance", map[string]string{"pool": "web"} },
		"shared":         func(b *model.Binding) { b.MultiCluster = true },
		"all-ports":      func(b *model.Binding) { b.Sources[0].Ports = nil },
		"no-networking":  func(b *model.Binding) { b.Sources = nil },
		"a-numeric-port": func(b *model.Binding) { b.Port = "80" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := webBinding(change)
			object := &v1beta1.TargetGroupBinding{
				ObjectMeta: metav1.ObjectMeta{Namespace: want.Namespace, Name: want.Name, Labels: want.Labels}, Spec: bindingSpec(want, boundGroup),
			}
			if diff := cmp.Diff(want, build.ObservedBinding(object, want.TargetGroup)); diff != "" {
				t.Errorf("the binding is seen otherwise (-wanted +seen):\n%s", diff)
			}
		})
	}
}

// What differs in the object from what a stack can want is seen as different.
func TestForeignSpecsDiffer(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*v1beta1.TargetGroupBindingSpec){
		"another-family": func(s *v1beta1.TargetGroupBindingSpec) { s.IPAddressType = new(v1beta1.TargetGroupIPv6) },
		"shared":         func(s *v1beta1.TargetGroupBindingSpec) { s.MultiClusterTargetGroup = true },
		"selected-by-expression": func(s *v1beta1.TargetGroupBindingSpec) {
			s.NodeSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "pool", Operator: metav1.LabelSelectorOpExists}}}
		},
		"no-ports": func(s *v1beta1.TargetGroupBindingSpec) { s.Networking.Ingress[0].Ports = nil },
		"another-protocol": func(s *v1beta1.TargetGroupBindingSpec) {
			s.Networking.Ingress[0].Ports[0].Protocol = new(v1beta1.NetworkingProtocolUDP)
		},
		"a-range-of-addresses": func(s *v1beta1.TargetGroupBindingSpec) {
			s.Networking.Ingress[0].From = []v1beta1.NetworkingPeer{{IPBlock: &v1beta1.IPBlock{CIDR: "10.0.0.0/8"}}}
		},
		"one-more-source": func(s *v1beta1.TargetGroupBindingSpec) {
			s.Networking.Ingress[0].From = append(s.Networking.Ingress[0].From, s.Networking.Ingress[0].From[0])
		},
		"no-networking": func(s *v1beta1.TargetGroupBindingSpec) { s.Networking = nil },
		"one-more-port": func(s *v1beta1.TargetGroupBindingSpec) {
			s.Networking.Ingress[0].Ports = append(s.Networking.Ingress[0].Ports, v1beta1.NetworkingPort{})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := webBinding()
			object := &v1beta1.TargetGroupBinding{
				ObjectMeta: metav1.ObjectMeta{Namespace: want.Namespace, Name: want.Name, Labels: want.Labels}, Spec: bindingSpec(want, boundGroup),
			}
			change(&object.Spec)
			if diff := cmp.Diff(want, build.ObservedBinding(object, want.TargetGroup)); diff == "" {
				t.Error("the difference is not seen")
			}
		})
	}
}

// A binding as the incumbent writes it is what is wanted: taking over changes nothing.
func TestTheIncumbentsBindingIsWhatIsWanted(t *testing.T) {
	t.Parallel()
	group := v1beta1.NetworkingPeer{SecurityGroup: &v1beta1.SecurityGroup{GroupID: "sg-0123456789abcdef0"}}
	for name, family := range map[string]*v1beta1.TargetGroupIPAddressType{"today": new(v1beta1.TargetGroupIPv4), "before-it-knew-ipv6": nil} {
		object := &v1beta1.TargetGroupBinding{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: "k8s-shop-web-0123456789", Labels: map[string]string{"ingress.k8s.aws/stack": "shop"}, Finalizers: []string{"elbv2.k8s.aws/resources"},
				Annotations: map[string]string{"elbv2.k8s.aws/checkpoint": "a/b", "elbv2.k8s.aws/checkpoint-timestamp": "1700000000"},
			},
			Spec: v1beta1.TargetGroupBindingSpec{
				TargetGroupARN: boundGroup, TargetType: new(v1beta1.TargetTypeIP), TargetGroupProtocol: new(v1beta1.TargetGroupProtocol("HTTP")),
				ServiceRef: v1beta1.ServiceReference{Name: "web", Port: intstr.FromString("http")}, IPAddressType: family, VpcID: "vpc-0123456789abcdef0",
				Networking: &v1beta1.Networking{Ingress: []v1beta1.NetworkingIngressRule{{From: []v1beta1.NetworkingPeer{group}, Ports: []v1beta1.NetworkingPort{
					{Protocol: new(v1beta1.NetworkingProtocolTCP), Port: new(intstr.FromInt32(8080))}, {Port: new(intstr.FromString("health"))},
				}}}},
			},
		}
		if diff := cmp.Diff(webBinding(), build.ObservedBinding(object, "target-group/web")); diff != "" {
			t.Errorf("%s: the binding is seen otherwise (-wanted +seen):\n%s", name, diff)
		}
	}
}
