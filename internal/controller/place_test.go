package controller

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

// Where an endpoint's network interface is looked for.
func TestPlaces(t *testing.T) {
	t.Parallel()
	four, six := netip.MustParseAddr("10.0.1.10"), netip.MustParseAddr("2001:db8::10")
	const instance = "aws:///us-west-2a/i-00000000000000001"
	branch := map[string]string{interfaceAnnotation: `[{"eniId":"eni-0a","ifAddress":"0e:00:00:00:00:01","privateIp":"10.0.1.10","ipv6Addr":"2001:db8::10","vlanId":1}]`}
	for _, test := range []struct {
		name        string
		provider    string
		labels      map[string]string
		annotations map[string]string
		address     netip.Addr
		want        cloud.Place
		unguarded   bool
	}{
		{name: "on-an-instance", provider: instance, address: four, want: cloud.Place{Instance: "i-00000000000000001", Address: four}},
		{name: "an-interface-of-its-own", provider: instance, annotations: branch, address: four, want: cloud.Place{Interface: "eni-0a", Pod: "uid"}},
		{name: "the-ipv6-address-of-its-own-interface", provider: instance, annotations: branch, address: six, want: cloud.Place{Interface: "eni-0a", Pod: "uid"}},
		{
			name: "another-pods-interface", provider: instance, annotations: branch, address: netip.MustParseAddr("10.0.1.11"),
			want: cloud.Place{Instance: "i-00000000000000001", Address: netip.MustParseAddr("10.0.1.11")},
		},
		{
			name: "a-broken-annotation", provider: instance, annotations: map[string]string{interfaceAnnotation: "eni-0a"}, address: four,
			want: cloud.Place{Instance: "i-00000000000000001", Address: four},
		},
		{
			name: "fargate", provider: "aws:///us-west-2a/0123/fargate-ip-10-0-1-10", labels: map[string]string{"eks.amazonaws.com/compute-type": "fargate"}, address: four,
			want: cloud.Place{Address: four, Pod: "uid"},
		},
		{
			name: "hyperpod", provider: "aws:///us-west-2a/sagemaker/cluster/hyperpod-0a-i-0b", labels: map[string]string{"sagemaker.amazonaws.com/compute-type": "hyperpod"}, address: four,
			want: cloud.Place{Address: four, Beside: netip.MustParseAddr("10.0.1.1"), Pod: "uid"},
		},
		{name: "hybrid", provider: "eks-hybrid:///us-west-2/demo/mi-0123", address: four, unguarded: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-1", Labels: test.labels}, Spec: corev1.NodeSpec{ProviderID: test.provider}}
			node.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeHostName, Address: "node-1"}, {Type: corev1.NodeInternalIP, Address: "10.0.1.1"}}
			v := &view{Reader: fake.NewClientBuilder().WithObjects(node).Build()}
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: test.annotations}}
			got, guarded := v.place(t.Context(), targets.Endpoint{Address: model.TargetID{IP: test.address, Port: 8080}, Node: "node-1", UID: "uid"}, pod)
			if diff := cmp.Diff(test.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" || guarded == test.unguarded {
				t.Errorf("guarded: %t, place (-want +got):\n%s", guarded, diff)
			}
		})
	}
}
