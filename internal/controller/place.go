package controller

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/targets"
)

// interfaceAnnotation is what the VPC's resource controller writes on a Pod that has network
// interfaces of its own.
const interfaceAnnotation = "vpc.amazonaws.com/pod-eni"

// Labels of nodes whose instances are not in this account.
const (
	eksComputeType       = "eks.amazonaws.com/compute-type"
	sagemakerComputeType = "sagemaker.amazonaws.com/compute-type"
)

// place is where an endpoint is; ok is false where no security group of the VPC guards it,
// or where its node is not known (yet).
func (v *view) place(ctx context.Context, endpoint targets.Endpoint, pod *corev1.Pod) (cloud.Place, bool) {
	if endpoint.Address.Instance != "" {
		return cloud.Place{Instance: endpoint.Address.Instance}, true
	}
	var node corev1.Node
	if err := v.Get(ctx, types.NamespacedName{Name: endpoint.Node}, &node); err != nil {
		return cloud.Place{}, false
	}
	alone := cloud.Place{Address: endpoint.Address.IP, Pod: string(endpoint.UID)}
	switch {
	case strings.HasPrefix(node.Spec.ProviderID, "eks-hybrid://"):
		return cloud.Place{}, false
	case node.Labels[eksComputeType] == "fargate":
		return alone, true
	case node.Labels[sagemakerComputeType] == "hyperpod":
		alone.Beside = internalIP(&node)
		return alone, true
	}
	if own := ownInterface(pod, endpoint.Address.IP); own != "" {
		return cloud.Place{Interface: own, Pod: string(endpoint.UID)}, true
	}
	if instance, ok := targets.Instance(&node); ok {
		return cloud.Place{Instance: instance, Address: endpoint.Address.IP}, true
	}
	return alone, true
}

// ownInterface is the Pod's own network interface that has an address; empty: it has none.
func ownInterface(pod *corev1.Pod, address netip.Addr) string {
	var interfaces []struct {
		ID   string `json:"eniId"`
		IPv4 string `json:"privateIp"`
		IPv6 string `json:"ipv6Addr"`
	}
	if json.Unmarshal([]byte(pod.Annotations[interfaceAnnotation]), &interfaces) != nil {
		return ""
	}
	for _, one := range interfaces {
		if one.IPv4 == address.String() || one.IPv6 == address.String() {
			return one.ID
		}
	}
	return ""
}

// internalIP is a node's first address.
func internalIP(node *corev1.Node) netip.Addr {
	for _, address := range node.Status.Addresses {
		if address.Type == corev1.NodeInternalIP {
			parsed, _ := netip.ParseAddr(address.Address)
			return parsed
		}
	}
	return netip.Addr{}
}
