package targets

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/sluice-lb/sluice/internal/model"
)

// Labels by which nodes are no targets, whatever their values.
var excluding = []string{
	"node-role.kubernetes.io/master", "node.kubernetes.io/exclude-from-external-load-balancers", "alpha.service-controller.kubernetes.io/exclude-balancer",
}

// What an autoscaler writes on nodes that it is about to remove. Cordoned nodes stay.
const (
	removedByClusterAutoscaler = "ToBeDeletedByClusterAutoscaler"
	removedByKarpenter         = "karpenter.sh/disrupted"
)

// computeType is a label of EKS; nodes of type fargate answer no NodePort.
const computeType = "eks.amazonaws.com/compute-type"

// Nodes are the endpoints of a NodePort: the suitable nodes that a selector selects and that
// are ready; when none is, those of which nobody knows. Strangers are the names of nodes that
// would do but are no EC2 instances, so that no target group takes them.
func Nodes(nodePort int32, selector labels.Selector, nodes []*corev1.Node) (endpoints []Endpoint, strangers []string) {
	byReadiness := map[corev1.ConditionStatus][]Endpoint{}
	for _, node := range nodes {
		if !selector.Matches(labels.Set(node.Labels)) || !suitable(node) {
			continue
		}
		instance, ok := Instance(node)
		if !ok {
			strangers = append(strangers, node.Name)
			continue
		}
		ready := nodeReady(node)
		byReadiness[ready] = append(byReadiness[ready], Endpoint{
			Address: model.TargetID{Instance: instance, Port: uint16(nodePort)}, UID: node.UID, Node: node.Name, Ready: true,
		})
	}
	endpoints = byReadiness[corev1.ConditionTrue]
	if len(endpoints) == 0 {
		endpoints = byReadiness[corev1.ConditionUnknown]
	}
	slices.SortFunc(endpoints, func(a, b Endpoint) int { return a.Address.Compare(b.Address) })
	slices.Sort(strangers)
	return endpoints, strangers
}

func suitable(node *corev1.Node) bool {
	return !Leaving(node) && node.Labels[computeType] != "fargate" &&
		!slices.ContainsFunc(excluding, func(label string) bool { _, has := node.Labels[label]; return has })
}

// Leaving reports whether an autoscaler is about to remove a node.
func Leaving(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Spec.Taints, func(taint corev1.Taint) bool {
		return taint.Key == removedByClusterAutoscaler || taint.Key == removedByKarpenter && taint.Effect == corev1.TaintEffectNoSchedule
	})
}

// Instance is the EC2 instance of a node: the last part of its provider ID.
func Instance(node *corev1.Node) (string, bool) {
	id := node.Spec.ProviderID[strings.LastIndex(node.Spec.ProviderID, "/")+1:]
	return id, model.IsInstance(id)
}

// nodeReady is the status of the node's condition Ready; none is as good as False.
func nodeReady(node *corev1.Node) corev1.ConditionStatus {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status
		}
	}
	return corev1.ConditionFalse
}

// SameAsTarget reports whether two states of a node are the same for target groups.
func SameAsTarget(before, after *corev1.Node) bool {
	return nodeReady(before) == nodeReady(after) && Leaving(before) == Leaving(after) && before.Spec.ProviderID == after.Spec.ProviderID &&
		labels.Equals(before.Labels, after.Labels) && before.UID == after.UID
}
