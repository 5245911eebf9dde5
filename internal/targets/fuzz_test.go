package targets_test

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/targets"
)

// FuzzNetworking: whatever a binding's networking says, the rules that come of it are sorted
// the same each time, let in what was asked for, and have no range that ends before it begins.
func FuzzNetworking(f *testing.F) {
	for _, seed := range []string{
		`{"ingress":[{"from":[{"securityGroup":{"groupID":"sg-1"}}],"ports":[{"protocol":"TCP","port":8080},{"port":"http"}]}]}`,
		`{"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8"}},{"ipBlock":{"cidr":"2001:db8::/32"}}],"ports":[{"protocol":"UDP"}]}]}`,
		`{"ingress":[{"from":[{}],"ports":[{"port":-1},{"port":"99999999999"},{}]}]}`,
		`{"ingress":[{"from":[],"ports":[]}]}`, `{}`, `null`,
	} {
		f.Add([]byte(seed), "http", int32(8080))
	}
	f.Fuzz(func(t *testing.T, text []byte, name string, number int32) {
		var networking v1beta1.Networking
		if json.Unmarshal(text, &networking) != nil {
			return
		}
		pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{Name: name, ContainerPort: number}}}}}}
		for _, where := range []*corev1.Pod{nil, pod} {
			needs := targets.Needs(&networking, where)
			permissions := targets.Permissions(needs)
			if len(needs) > 0 && len(permissions) == 0 {
				t.Errorf("%d needs give no rule", len(needs))
			}
			for _, permission := range permissions {
				if permission.FromPort > permission.ToPort {
					t.Errorf("from %d to %d", permission.FromPort, permission.ToPort)
				}
			}
			targets.Union(needs)
		}
	})
}
