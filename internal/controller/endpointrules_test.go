package controller

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/localaws"
)

// opened are our rules on the nodes' group, in one line.
func opened(t *testing.T, local *localaws.Cloud) string {
	t.Helper()
	out, err := ec2AdminOf(local).DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-0000000000000000a"}})
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, permission := range out.SecurityGroups[0].IpPermissions {
		for _, source := range permission.IpRanges {
			rules = append(rules, fmt.Sprintf("%s %d-%d %s", *permission.IpProtocol, *permission.FromPort, *permission.ToPort, *source.CidrIp))
		}
	}
	slices.Sort(rules)
	return strings.Join(rules, ", ")
}

// An endpoint that cannot be found is told of and does not stand in the way of others; what
// nobody wants any more is closed once everybody is known.
func TestRulesOfEndpoints(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "web", nil)
	lets := func(cidr string, port int32) *v1beta1.Networking {
		return &v1beta1.Networking{Ingress: []v1beta1.NetworkingIngressRule{{
			From:  []v1beta1.NetworkingPeer{{IPBlock: &v1beta1.IPBlock{CIDR: cidr}}},
			Ports: []v1beta1.NetworkingPort{{Port: new(intstr.FromInt32(port)), Protocol: new(v1beta1.NetworkingProtocolUDP)}},
		}}}
	}
	binding := bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
		spec.TargetGroupARN, spec.Networking = group, lets("192.0.2.0/24", 53)
	})
	b := newBench(t, local, "demo", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.1", "10.0.9.9"), webService(),
		node("node-1", "aws:///us-west-2a/i-00000000000000001", corev1.ConditionTrue), binding)...)
	rules := &endpointRuleController{view: b.view, cloud: b.cloud, events: b.bindingController.events, needs: map[types.NamespacedName][]need{}}
	b.needs = rules.note
	settle := func() ctrl.Result {
		t.Helper()
		b.reconcile("web")
		b.told()
		result, err := rules.Reconcile(t.Context(), ctrl.Request{})
		if err != nil {
			t.Fatal(err)
		}
		return result
	}

	if result := settle(); result.RequeueAfter != lookAgain {
		t.Errorf("it is looked again after %s", result.RequeueAfter)
	}
	if got, want := opened(t, local), "udp 53-53 192.0.2.0/24"; got != want {
		t.Errorf("opened is %q, want %q", got, want)
	}
	want := "Warning FailedNetworkReconcile address 10.0.9.9 on instance i-00000000000000001: EC2 knows no such network interface in the VPC"
	if told := b.told(); !slices.Equal(told, []string{want}) {
		t.Errorf("told is %q, want %q", told, want)
	}

	changed := b.binding("web")
	changed.Spec.Networking = lets("198.51.100.0/24", 53)
	b.put(changed)
	settle()
	if got, want := opened(t, local), "udp 53-53 192.0.2.0/24, udp 53-53 198.51.100.0/24"; got != want {
		t.Errorf("while an endpoint is not found, opened is %q, want %q", got, want)
	}
	var lost corev1.Pod
	if err := b.objects.Get(t.Context(), types.NamespacedName{Namespace: "web", Name: "web-ipv4-1"}, &lost); err != nil {
		t.Fatal(err)
	}
	b.remove(&lost)
	settle()
	if got, want := opened(t, local), "udp 53-53 198.51.100.0/24"; got != want {
		t.Errorf("at last opened is %q, want %q", got, want)
	}
}
