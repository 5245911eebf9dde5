package build

import (
	"testing"

	"github.com/sluice-lb/sluice/internal/model"
)

// The names are those that the incumbent gives: docs/design/compatibility.md.
func TestNames(t *testing.T) {
	t.Parallel()
	implicit := model.StackID{Namespace: "ns-1", Name: "ing-1"}
	for want, got := range map[string]string{
		"k8s-awesomen-ing1-43b698093c":       LoadBalancerName("", model.StackID{Namespace: "awesome-ns", Name: "ing-1"}, model.InternetFacing),
		"k8s-explicitgroup-5bf9e53c23":       LoadBalancerName("", model.StackID{Name: "explicit-group"}, model.Internal),
		"k8s-ns1-ing1-b7e914000d":            LoadBalancerName("cluster-dummy", implicit, model.Internal),
		"k8s-ns1-ing1-159dd7a143":            LoadBalancerName("cluster-dummy", implicit, model.InternetFacing),
		"k8s-ns1-ing1-bd83176788":            SecurityGroupName("cluster-dummy", implicit),
		"k8s-traffic-testCluster-411a1bcdb1": BackendSecurityGroupName("testCluster"),
		"k8s-ns1-svc1-9889425938": TargetGroupID{
			Cluster: "cluster-dummy", Stack: implicit, IngressNamespace: "ns-1", IngressName: "ing-1", ServiceNamespace: "ns-1", ServiceName: "svc-1",
			BackendPort: "http", Port: 32768, TargetType: "instance", Protocol: "HTTP", ProtocolVersion: "HTTP1",
		}.Name(),
		"k8s-ns1-svc3-bf42870fba": TargetGroupID{
			Cluster: "cluster-dummy", Stack: implicit, IngressNamespace: "ns-1", IngressName: "ing-1", ServiceNamespace: "ns-1", ServiceName: "svc-3",
			BackendPort: "https", Port: 8443, TargetType: "ip", Protocol: "HTTPS", ProtocolVersion: "HTTP1",
		}.Name(),
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
