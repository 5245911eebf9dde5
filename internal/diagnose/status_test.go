package diagnose_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/diagnose"
)

func lease(holder string, renewed time.Duration) coordinationv1.Lease {
	at := metav1.NewMicroTime(now.Add(-renewed))
	return coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "aws-load-balancer-controller-leader"},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, RenewTime: &at, LeaseDurationSeconds: new(int32(5))},
	}
}

// waitingPod has had ready containers for this long; its gate is closed for this reason, open
// where that is "Healthy", and there is none where it is empty.
func waitingPod(name, reason string, waited time.Duration) corev1.Pod {
	const gate = "target-health.sluice.dev/load-balancers"
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: name},
		Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
			{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: ago(waited)},
		}},
	}
	if reason == "" {
		pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web"}}
		return pod
	}
	status := corev1.ConditionFalse
	if reason == "Healthy" {
		status = corev1.ConditionTrue
	}
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gate}}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: gate, Status: status, Reason: reason})
	return pod
}

func TestStatus(t *testing.T) {
	t.Parallel()
	working := []diagnose.Injector{
		{By: diagnose.ByPolicy, Name: "sluice-anticipating-gate", State: diagnose.Working},
		{By: diagnose.ByPolicy, Name: "sluice-own-gates", State: diagnose.Working},
		{By: diagnose.ByWebhook, Name: "sluice-gates", State: diagnose.Missing},
	}
	asking := corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "web", Labels: map[string]string{"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"}}}
	for _, test := range []struct {
		name     string
		snapshot diagnose.StatusSnapshot
		want     string
	}{
		{
			name: "all-is-well",
			snapshot: diagnose.StatusSnapshot{
				Leases: []coordinationv1.Lease{lease("sluice-1_a", time.Second)}, Injectors: working, Namespaces: []corev1.Namespace{asking},
				Pods: []corev1.Pod{waitingPod("a", "Healthy", time.Hour)}, LoadBalancers: []v1alpha1.LoadBalancer{{}},
			},
			want: `controller      kube-system/aws-load-balancer-controller-leader is held by sluice-1_a, renewed 1s ago
injection       policy sluice-anticipating-gate: working
injection       policy sluice-own-gates: working
gates           1 namespaces ask for them; 1 Pods have some, 0 of these wait, 0 have none
load balancers  1, 0 with trouble
`,
		},
		{
			name: "much-is-not",
			snapshot: diagnose.StatusSnapshot{
				Leases: []coordinationv1.Lease{lease("sluice-1_a", time.Minute)}, Injectors: working[2:], Namespaces: []corev1.Namespace{asking},
				Pods: []corev1.Pod{
					waitingPod("a", "Elb.InitialHealthChecking", 12*time.Second), waitingPod("b", "Target.Timeout", 3*time.Minute),
					waitingPod("c", "Target.Timeout", 5*time.Minute), waitingPod("d", "", time.Hour),
				},
				GateSets:      []v1alpha1.ReadinessGateSet{{ObjectMeta: metav1.ObjectMeta{Namespace: "web"}, Status: v1alpha1.ReadinessGateSetStatus{Message: "too many gates"}}},
				LoadBalancers: []v1alpha1.LoadBalancer{{Status: v1alpha1.LoadBalancerStatus{Source: "Ingress web/shop", LastError: "AWS denies elasticloadbalancing:CreateRule"}}},
				Failed:        []diagnose.Failure{{What: "the webhooks", Err: errors.New("forbidden")}},
			},
			want: `controller      kube-system/aws-load-balancer-controller-leader is held by sluice-1_a, renewed 1m0s ago: nobody leads
gates           1 namespaces ask for them; 3 Pods have some, 3 of these wait, 1 have none
                2 wait for Target.Timeout, the longest for 5m0s: web/c
                1 wait for Elb.InitialHealthChecking, the longest for 12s: web/a
load balancers  1, 1 with trouble
                Ingress web/shop: AWS denies elasticloadbalancing:CreateRule

- no controller leads: gates stay as they are, and targets are neither registered nor taken out
  → see the controller's Pods; if it cannot be mended soon, kubectl sluice release -A lets all Pods go

- nothing gives Pods their readiness gates
  → apply config/policies (Kubernetes 1.36 or newer) or config/webhook

- namespace web: too many gates

- the webhooks could not be read: forbidden
  → what is said above may be incomplete

for one of them: kubectl sluice why pod/c -n web
`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.snapshot.Now = now
			if diff := cmp.Diff(test.want, diagnose.Status(test.snapshot).String()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
