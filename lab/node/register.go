package node

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// register makes the Node with its addresses, as a cloud's node controller would: a kubelet of its
// own accord refuses a loopback address. It needs an administrator's client, and it patches,
// because the node lifecycle controller taints the new Node at the same time.
func register(ctx context.Context, client kubernetes.Interface, config Config) error {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: config.Name, Labels: config.labels()},
		Spec:       corev1.NodeSpec{ProviderID: config.ProviderID, PodCIDR: config.Pods.String(), PodCIDRs: []string{config.Pods.String()}},
	}
	if _, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("registering node %s: %w", config.Name, err)
	}
	patch, err := json.Marshal(corev1.Node{Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
		{Type: corev1.NodeInternalIP, Address: config.Address.String()},
		{Type: corev1.NodeHostName, Address: config.Name},
		{Type: corev1.NodeInternalDNS, Address: config.Name},
	}}})
	if err != nil {
		return err
	}
	if _, err := client.CoreV1().Nodes().Patch(ctx, config.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("setting the addresses of node %s: %w", config.Name, err)
	}
	return nil
}

func (c Config) labels() map[string]string {
	return map[string]string{
		corev1.LabelHostname:       c.Name,
		corev1.LabelTopologyZone:   c.Zone,
		corev1.LabelTopologyRegion: c.Region,
		corev1.LabelInstanceType:   "m7i.large",
	}
}
