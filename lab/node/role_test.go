package node

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/lab/program"
)

func TestRoleOf(t *testing.T) {
	t.Parallel()
	plain := []corev1.Container{{Name: "c"}}
	withPort := []corev1.Container{{Name: "c", Ports: []corev1.ContainerPort{{ContainerPort: 80}}}}
	sidecar := []corev1.Container{{Name: "c", RestartPolicy: new(corev1.ContainerRestartPolicyAlways)}}
	for name, c := range map[string]struct {
		pod  corev1.PodSpec
		want program.Role
	}{
		"deployment":         {corev1.PodSpec{Containers: plain, RestartPolicy: corev1.RestartPolicyAlways}, program.Service},
		"job":                {corev1.PodSpec{Containers: plain, RestartPolicy: corev1.RestartPolicyNever}, program.Task},
		"job-that-serves":    {corev1.PodSpec{Containers: withPort, RestartPolicy: corev1.RestartPolicyNever}, program.Service},
		"init":               {corev1.PodSpec{InitContainers: plain, RestartPolicy: corev1.RestartPolicyAlways}, program.Task},
		"init-with-port":     {corev1.PodSpec{InitContainers: withPort, RestartPolicy: corev1.RestartPolicyAlways}, program.Task},
		"sidecar":            {corev1.PodSpec{InitContainers: sidecar, RestartPolicy: corev1.RestartPolicyNever}, program.Service},
		"ephemeral-or-other": {corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever}, program.Service},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := roleOf(c.pod, "c"); got != c.want {
				t.Errorf("role %s, want %s", got, c.want)
			}
		})
	}
}
