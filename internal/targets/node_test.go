package targets_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluice-lb/sluice/internal/targets"
)

func TestWhichNodesAreTargets(t *testing.T) {
	t.Parallel()
	ready, unknown, down := corev1.ConditionTrue, corev1.ConditionUnknown, corev1.ConditionFalse
	node := func(name string, ready corev1.ConditionStatus, changes ...func(*corev1.Node)) *corev1.Node {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"pool": "a"}}}
		n.Spec.ProviderID = "aws:///us-west-2a/i-" + name
		n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}
		for _, change := range changes {
			change(n)
		}
		return n
	}
	label := func(key, value string) func(*corev1.Node) { return func(n *corev1.Node) { n.Labels[key] = value } }
	taint := func(key string, effect corev1.TaintEffect) func(*corev1.Node) {
		return func(n *corev1.Node) { n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: effect}) }
	}
	provider := func(id string) func(*corev1.Node) { return func(n *corev1.Node) { n.Spec.ProviderID = id } }
	cordoned := func(n *corev1.Node) { n.Spec.Unschedulable = true }

	for _, test := range []struct {
		name, selector  string
		nodes           []*corev1.Node
		want, strangers string
	}{
		{"ready-nodes", "", []*corev1.Node{node("b", ready), node("a", ready), node("c", down), node("d", unknown)}, "i-a:30080 i-b:30080", ""},
		{"unknown-where-none-is-ready", "", []*corev1.Node{node("a", unknown), node("b", down)}, "i-a:30080", ""},
		{"none-where-all-are-down", "", []*corev1.Node{node("a", down)}, "", ""},
		{"a-node-without-conditions-is-not-ready", "", []*corev1.Node{node("a", ready, func(n *corev1.Node) { n.Status.Conditions = nil })}, "", ""},
		{"cordoned-nodes-stay", "", []*corev1.Node{node("a", ready, cordoned, taint("node.kubernetes.io/unschedulable", corev1.TaintEffectNoSchedule))}, "i-a:30080", ""},
		{"selected-nodes", "pool=b", []*corev1.Node{node("a", ready), node("b", ready, label("pool", "b"))}, "i-b:30080", ""},
		{"master-nodes-are-excluded", "", []*corev1.Node{node("a", ready, label("node-role.kubernetes.io/master", ""))}, "", ""},
		{"excluded-nodes", "", []*corev1.Node{node("a", ready, label("node.kubernetes.io/exclude-from-external-load-balancers", "false"))}, "", ""},
		{"nodes-excluded-by-the-alpha-label", "", []*corev1.Node{node("a", ready, label("alpha.service-controller.kubernetes.io/exclude-balancer", ""))}, "", ""},
		{"fargate-nodes", "", []*corev1.Node{node("a", ready, label("eks.amazonaws.com/compute-type", "fargate"), provider("aws:///us-west-2a/1234/fargate-ip"))}, "", ""},
		{"nodes-that-cluster-autoscaler-removes", "", []*corev1.Node{node("a", ready, taint("ToBeDeletedByClusterAutoscaler", corev1.TaintEffectPreferNoSchedule))}, "", ""},
		{"nodes-that-karpenter-removes", "", []*corev1.Node{node("a", ready, taint("karpenter.sh/disrupted", corev1.TaintEffectNoSchedule))}, "", ""},
		{"another-effect-of-karpenters-taint", "", []*corev1.Node{node("a", ready, taint("karpenter.sh/disrupted", corev1.TaintEffectNoExecute))}, "i-a:30080", ""},
		{"hybrid-nodes-are-strangers", "", []*corev1.Node{node("a", ready), node("h", ready, provider("eks-hybrid:///us-west-2/demo/mi-0123"))}, "i-a:30080", "h"},
		{"nodes-without-a-provider-are-strangers", "", []*corev1.Node{node("a", ready, provider("")), node("b", unknown)}, "i-b:30080", "a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			selector, err := labels.Parse(test.selector)
			if err != nil {
				t.Fatal(err)
			}
			endpoints, strangers := targets.Nodes(30080, selector, test.nodes)
			var got []string
			for _, endpoint := range endpoints {
				got = append(got, endpoint.Address.String())
			}
			if diff := cmp.Diff([]string{test.want, test.strangers}, []string{strings.Join(got, " "), strings.Join(strangers, " ")}); diff != "" {
				t.Errorf("targets and strangers (-want +got):\n%s", diff)
			}
		})
	}
}
