package retire

import (
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// gatedPod has these gates, each with the status of its condition; an empty status: no condition.
func gatedPod(namespace, name string, gates map[corev1.PodConditionType]corev1.ConditionStatus) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "uid"}}
	for gate, status := range gates {
		pod.Spec.ReadinessGates = append(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: gate})
		if status != "" {
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: gate, Status: status, Reason: "AsItWas"})
		}
	}
	return pod
}

func TestReleaseOpensGatesAndEndsInjection(t *testing.T) {
	t.Parallel()
	const own, foreign = "target-health.alb.ingress.k8s.aws/web_80", "example.com/warmed-up"
	for _, test := range []struct {
		name, namespace string
		labelled        bool // the namespace afterwards
		bindings        int  // afterwards
		webhooks        int  // afterwards
		elsewhere       corev1.ConditionStatus
	}{
		{"in-one-namespace", "shop", false, 3, 3, corev1.ConditionFalse},
		{"everywhere", metav1.NamespaceAll, true, 1, 2, corev1.ConditionTrue},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := fake.NewClientset(
				&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: map[string]string{readiness.InjectLabel: "enabled"}}},
				&admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "sluice-anticipating-gate"}},
				&admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "sluice-own-gates"}},
				&admissionregistrationv1.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: "of-somebody-else"}},
				&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "sluice-gates"}},
				&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "sluice-drain"}},
				&admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "of-somebody-else"}},
				gatedPod("shop", "closed", map[corev1.PodConditionType]corev1.ConditionStatus{own: corev1.ConditionFalse, foreign: corev1.ConditionFalse}),
				gatedPod("shop", "new", map[corev1.PodConditionType]corev1.ConditionStatus{own: ""}),
				gatedPod("shop", "open", map[corev1.PodConditionType]corev1.ConditionStatus{own: corev1.ConditionTrue}),
				gatedPod("other", "closed", map[corev1.PodConditionType]corev1.ConditionStatus{own: corev1.ConditionFalse}),
			)
			var out strings.Builder
			if err := Release(t.Context(), client, test.namespace, &out); err != nil {
				t.Fatal(err)
			}
			condition := func(namespace, name string, kind corev1.PodConditionType) corev1.PodCondition {
				t.Helper()
				pod, err := client.CoreV1().Pods(namespace).Get(t.Context(), name, metav1.GetOptions{})
				if err != nil {
					t.Fatal(err)
				}
				for _, condition := range pod.Status.Conditions {
					if condition.Type == kind {
						return condition
					}
				}
				return corev1.PodCondition{}
			}
			for _, name := range []string{"closed", "new"} {
				if got := condition("shop", name, own); got.Status != corev1.ConditionTrue || got.Reason != "Retired" {
					t.Errorf("the gate of Pod %s is %v for %s, want True for Retired", name, got.Status, got.Reason)
				}
			}
			if got := condition("shop", "closed", foreign); got.Status != corev1.ConditionFalse {
				t.Error("a gate of somebody else was opened")
			}
			if got := condition("shop", "open", own); got.Reason != "AsItWas" {
				t.Error("a gate that was open was written")
			}
			if got := condition("other", "closed", own); got.Status != test.elsewhere {
				t.Errorf("the gate in another namespace is %v, want %v", got.Status, test.elsewhere)
			}
			namespace, err := client.CoreV1().Namespaces().Get(t.Context(), "shop", metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, labelled := namespace.Labels[readiness.InjectLabel]; labelled != test.labelled {
				t.Errorf("the namespace has the label: %v, want %v", labelled, test.labelled)
			}
			bindings, err := client.AdmissionregistrationV1().MutatingAdmissionPolicyBindings().List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(bindings.Items) != test.bindings {
				t.Errorf("%d bindings of policies are left, want %d", len(bindings.Items), test.bindings)
			}
			webhooks, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if len(webhooks.Items) != test.webhooks {
				t.Errorf("%d configurations of webhooks are left, want %d", len(webhooks.Items), test.webhooks)
			}
			if !strings.Contains(out.String(), "to take it back") || !strings.Contains(out.String(), "is held back by a gate") {
				t.Errorf("it says only:\n%s", out.String())
			}
		})
	}
}
