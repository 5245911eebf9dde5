package e2e

import (
	"context"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// What the token of Sluice's account is good for in the hands of somebody else: less than its
// roles say, because admission policies look at what is changed.
func TestAccountChangesOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, startLab(t, "--nodes=1", "--controller-binary="+idleControllerBinary(t)))
	used.leaveOut(s.lab.Dir) // it is not Sluice that acts here
	s.apply(deployment + "---" + ingress)
	s.eventually("three Pods are Ready", func() bool { return s.ready("app=web") == 3 })
	pod := s.pods("app=web")[0].Name
	type does func(context.Context, kubernetes.Interface) error
	status := func(body string) does {
		return func(ctx context.Context, c kubernetes.Interface) error {
			_, err := c.CoreV1().Pods(s.namespace).Patch(ctx, pod, types.StrategicMergePatchType, []byte(body), metav1.PatchOptions{}, "status")
			return err
		}
	}
	condition := func(kind, is string) does {
		return status(`{"status":{"conditions":[{"type":"` + kind + `","status":"` + is + `"}]}}`)
	}
	ingress := func(body string) does {
		return func(ctx context.Context, c kubernetes.Interface) error {
			_, err := c.NetworkingV1().Ingresses(s.namespace).Patch(ctx, "web", types.MergePatchType, []byte(body), metav1.PatchOptions{})
			return err
		}
	}
	configMap := func(name string) does {
		return func(ctx context.Context, c kubernetes.Interface) error {
			_, err := c.CoreV1().ConfigMaps(s.namespace).Create(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
			return err
		}
	}
	clients := map[string]kubernetes.Interface{"sluice": s.clientOf("sluice"), "sluice-retire": s.clientOf("sluice-retire")}
	const gate, ofGates, ofPlans, ofTargets = "target-health.alb.ingress.kubernetes.io/web_80", "only the conditions of gates", "only finalizers and the plan", "begins with aws-lbc-targets-"
	for _, test := range []struct {
		name, account string
		does          does
		want          string // of the refusal; empty: it is allowed
	}{
		{"gate", "sluice", condition(gate, "True"), ""},
		{"gate-again", "sluice", condition(gate, "False"), ""},
		{"gate-when-retiring", "sluice-retire", condition(gate, "True"), ""},
		{"condition-of-somebody", "sluice", condition("example.com/approved", "True"), "begins with target-health."},
		{"condition-of-the-kubelet", "sluice", condition("Ready", "False"), "begins with target-health."},
		{"condition-when-retiring", "sluice-retire", condition("example.com/approved", "True"), "begins with target-health."},
		{"condition-taken-away", "sluice", status(`{"status":{"conditions":[{"$patch":"delete","type":"Ready"}]}}`), "begins with target-health."},
		{"address", "sluice", status(`{"status":{"podIP":"127.0.0.9","podIPs":[{"$patch":"replace"},{"ip":"127.0.0.9"}]}}`), ofGates},
		{"phase", "sluice", status(`{"status":{"phase":"Succeeded"}}`), ofGates},
		{"new-field", "sluice", status(`{"status":{"message":"moved"}}`), ofGates},
		{"field-taken-away", "sluice", status(`{"status":{"hostIPs":null}}`), ofGates},
		{"labels-of-a-pod", "sluice", status(`{"metadata":{"labels":{"app":"other"}}}`), ofGates},
		{"finalizers-of-an-ingress", "sluice", ingress(`{"metadata":{"finalizers":["ingress.k8s.aws/resources"]}}`), ""},
		{"no-finalizers-of-an-ingress", "sluice", ingress(`{"metadata":{"finalizers":null}}`), ""},
		{"plan-of-an-ingress", "sluice", ingress(`{"metadata":{"annotations":{"alb.ingress.kubernetes.io/dry-run-plan":"x"}}}`), ""},
		{"spec-of-an-ingress", "sluice", ingress(`{"spec":{"rules":[{"host":"evil.example.com"}]}}`), ofPlans},
		{"annotation-of-an-ingress", "sluice", ingress(`{"metadata":{"annotations":{"alb.ingress.kubernetes.io/scheme":"internal"}}}`), ofPlans},
		{"no-annotation-of-an-ingress", "sluice", ingress(`{"metadata":{"annotations":{"alb.ingress.kubernetes.io/scheme":null}}}`), ofPlans},
		{"own-configmap", "sluice", configMap("aws-lbc-targets-web"), ""},
		{"another-configmap", "sluice", configMap("settings"), ofTargets},
		{"deletion-of-a-configmap", "sluice", func(ctx context.Context, c kubernetes.Interface) error {
			return c.CoreV1().ConfigMaps(s.namespace).Delete(ctx, "kube-root-ca.crt", metav1.DeleteOptions{})
		}, ofTargets},
		{"secrets", "sluice", func(ctx context.Context, c kubernetes.Interface) error {
			_, err := c.CoreV1().Secrets(s.namespace).List(ctx, metav1.ListOptions{})
			return err
		}, "cannot list resource"},
		{"gates-of-a-workload", "sluice", func(ctx context.Context, c kubernetes.Interface) error {
			_, err := c.AppsV1().Deployments(s.namespace).Patch(ctx, "web", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{})
			return err
		}, "cannot patch resource"},
		{"injection", "sluice", func(ctx context.Context, c kubernetes.Interface) error {
			return c.AdmissionregistrationV1().MutatingAdmissionPolicyBindings().Delete(ctx, "sluice-own-gates", metav1.DeleteOptions{})
		}, "cannot delete resource"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.does(t.Context(), clients[test.account])
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v; want it refused with %q", err, test.want)
			}
		})
	}
	for name, act := range map[string]does{"condition": condition("example.com/approved", "True"), "configmap": configMap("settings"), "annotation": ingress(`{"metadata":{"annotations":{"a":"b"}}}`)} {
		if err := act(t.Context(), s.client); err != nil {
			t.Errorf("somebody else may not write a %s: %v", name, err)
		}
	}
}

// clientOf is a client with the rights of a service account in kube-system.
func (s *scene) clientOf(account string) kubernetes.Interface {
	s.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", s.kubeconfigOf(account))
	if err != nil {
		s.t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		s.t.Fatal(err)
	}
	return client
}
