package diagnose_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/diagnose"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

// snapshot is a Pod of a ReplicaSet, ten minutes old, in a namespace that asks for gates.
func snapshot(change func(*diagnose.Snapshot)) diagnose.Snapshot {
	s := diagnose.Snapshot{
		Now: now,
		Pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "web", Name: "shop-1", CreationTimestamp: ago(10 * time.Minute),
				Labels:          map[string]string{"app": "shop"},
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "shop"}},
			},
			Status: corev1.PodStatus{Conditions: []corev1.PodCondition{
				{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: ago(9 * time.Minute)},
				{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: ago(9 * time.Minute)},
			}},
		},
		Namespace: &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: "web", Labels: map[string]string{"elbv2.k8s.aws/pod-readiness-gate-inject": "enabled"},
		}},
		Policies: map[string]*admissionregistrationv1.MutatingAdmissionPolicy{
			"sluice-anticipating-gate": {ObjectMeta: metav1.ObjectMeta{CreationTimestamp: ago(time.Hour)}},
		},
	}
	change(&s)
	return s
}

func withGate(status corev1.ConditionStatus, reason, message string) func(*diagnose.Snapshot) {
	return func(s *diagnose.Snapshot) {
		const gate = "target-health.alb.ingress.k8s.aws/shop_80"
		s.Pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.com/warm"}, {ConditionType: gate}}
		s.Pod.Annotations = map[string]string{"sluice.dev/injected-gates": gate}
		s.Pod.Status.Conditions[0].Status = status
		if status != "" {
			s.Pod.Status.Conditions = append(s.Pod.Status.Conditions, corev1.PodCondition{
				Type: gate, Status: status, Reason: reason, Message: message, LastTransitionTime: ago(72 * time.Second),
			})
		}
	}
}

// traffic is one Ingress that leads to the Pod.
func traffic(targetType, class string) *diagnose.Traffic {
	return &diagnose.Traffic{
		Services: []corev1.Service{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "shop"},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": "shop"}, Ports: []corev1.ServicePort{{Port: 80}}},
		}},
		Ingresses: []networkingv1.Ingress{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "shop", Annotations: map[string]string{"alb.ingress.kubernetes.io/target-type": targetType}},
			Spec: networkingv1.IngressSpec{
				IngressClassName: new(class),
				DefaultBackend:   &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "shop", Port: networkingv1.ServiceBackendPort{Number: 80}}},
			},
		}},
		IngressClasses: []networkingv1.IngressClass{
			{ObjectMeta: metav1.ObjectMeta{Name: "alb"}, Spec: networkingv1.IngressClassSpec{Controller: "ingress.k8s.aws/alb"}},
			{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: networkingv1.IngressClassSpec{Controller: "k8s.io/ingress-nginx"}},
		},
	}
}

func TestPod(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*diagnose.Snapshot)
		want   string
	}{
		{
			name:   "open",
			change: withGate(corev1.ConditionTrue, "", ""),
			want: `Pod web/shop-1: Ready for 9m0s, 1 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80
  open for 1m12s
`,
		},
		{
			name:   "closed",
			change: withGate(corev1.ConditionFalse, "Target.Timeout", "10.0.0.7:8080 in target group k8s-web-shop did not answer within 5 s"),
			want: `Pod web/shop-1: not Ready for 9m0s, 0 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80
  closed for 1m12s: Target.Timeout
  10.0.0.7:8080 in target group k8s-web-shop did not answer within 5 s
  the load balancer reaches nobody there, or waits in vain for the answer
  → see that security groups and NetworkPolicies let the load balancer in on this port, that something listens there on all addresses, and that it answers within alb.ingress.kubernetes.io/healthcheck-timeout-seconds
`,
		},
		{
			name: "closed_for_an_ingress",
			change: func(s *diagnose.Snapshot) {
				withGate(corev1.ConditionFalse, "Elb.RegistrationInProgress", "10.0.0.7:8080 in target group k8s-web-shop: registration is in progress")(s)
				s.Traffic = traffic("ip", "alb")
				s.Traffic.Bindings = []v1beta1.TargetGroupBinding{{
					ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "k8s-web-shop-1", Labels: map[string]string{"ingress.k8s.aws/stack-name": "shop", "ingress.k8s.aws/stack-namespace": "web"}},
					Spec: v1beta1.TargetGroupBindingSpec{
						TargetGroupARN: "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/k8s-web-shop-1/aaaa", TargetType: new(v1beta1.TargetTypeIP),
						ServiceRef: v1beta1.ServiceReference{Name: "shop", Port: intstr.FromInt32(80)},
					},
				}}
			},
			want: `Pod web/shop-1: not Ready for 9m0s, 0 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80
  closed for 1m12s: Elb.RegistrationInProgress
  for Ingress web/shop, service shop port 80, target group k8s-web-shop-1
  10.0.0.7:8080 in target group k8s-web-shop: registration is in progress
  the load balancer is taking the target in, which takes some seconds
`,
		},
		{
			name: "closed_for_the_action_of_an_ingress",
			change: func(s *diagnose.Snapshot) {
				withGate(corev1.ConditionFalse, "Elb.RegistrationInProgress", "10.0.0.7:8080 in target group k8s-web-shop: registration is in progress")(s)
				s.Traffic = traffic("ip", "alb")
				object := &s.Traffic.Ingresses[0]
				object.Annotations["alb.ingress.kubernetes.io/actions.x"] = `{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"shop","servicePort":80}]}}`
				object.Spec.DefaultBackend.Service = &networkingv1.IngressServiceBackend{Name: "x", Port: networkingv1.ServiceBackendPort{Name: "use-annotation"}}
			},
			want: `Pod web/shop-1: not Ready for 9m0s, 0 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80
  closed for 1m12s: Elb.RegistrationInProgress
  for Ingress web/shop, service shop port 80
  10.0.0.7:8080 in target group k8s-web-shop: registration is in progress
  the load balancer is taking the target in, which takes some seconds
`,
		},
		{
			name: "open_for_nobody_because_targets_are_instances",
			change: func(s *diagnose.Snapshot) {
				withGate(corev1.ConditionTrue, "NoLoadBalancer", "no load balancer claims the Pod")(s)
				s.Traffic = traffic("instance", "alb")
			},
			want: `Pod web/shop-1: Ready for 9m0s, 1 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80
  open for 1m12s: NoLoadBalancer
  no load balancer claims the Pod
  there was nothing to wait for

- Ingress web/shop leads to the Pod (service shop port 80), but does not hold it back: its targets are instances, not Pods (alb.ingress.kubernetes.io/target-type: instance)
`,
		},
		{
			name: "no_gate_and_another_class",
			change: func(s *diagnose.Snapshot) {
				s.Pod.Labels["sluice.dev/readiness-gate"] = "off"
				s.Traffic = traffic("ip", "nginx")
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod opts out with the label sluice.dev/readiness-gate=off
  → remove the label from its template

- Ingress web/shop leads to the Pod (service shop port 80), but does not hold it back: its class is not one of Sluice's
`,
		},
		{
			name: "no_gate_and_nobody_leads_to_it",
			change: func(s *diagnose.Snapshot) {
				s.Pod.Labels["sluice.dev/readiness-gate"] = "off"
				s.Traffic = traffic("ip", "alb")
				s.Traffic.Services[0].Spec.Selector = map[string]string{"app": "cart"}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod opts out with the label sluice.dev/readiness-gate=off
  → remove the label from its template

- no Ingress and no TargetGroupBinding of the namespace leads to the Pod through a Service that selects it
`,
		},
		{
			name: "closed_because_containers_are_not_ready",
			change: func(s *diagnose.Snapshot) {
				withGate(corev1.ConditionFalse, "", "")(s)
				s.Pod.Status.Conditions[1].Status = corev1.ConditionFalse
			},
			want: `Pod web/shop-1: not Ready for 9m0s, 0 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80
  closed for 1m12s: no reason given

- the containers are not ready, and no gate opens before they are
  → see their readiness probes: kubectl describe pod shop-1 -n web
`,
		},
		{
			name: "nobody_writes_the_condition",
			change: func(s *diagnose.Snapshot) {
				withGate("", "", "")(s)
				s.Pod.Annotations = nil
			},
			want: `Pod web/shop-1: not Ready, 0 of 1 gates open

gate target-health.alb.ingress.k8s.aws/shop_80 (written by hand)
  closed: nobody has written its condition yet

- nobody has written the condition of 1 of 1 gates
  → see whether the controller runs and leads: kubectl -n kube-system get lease aws-load-balancer-controller-leader
`,
		},
		{
			name:   "namespace_not_labelled",
			change: func(s *diagnose.Snapshot) { s.Namespace.Labels = nil },
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the namespace web does not ask for gates
  → kubectl label namespace web elbv2.k8s.aws/pod-readiness-gate-inject=enabled --overwrite, then create the Pod anew
`,
		},
		{
			name: "namespace_with_a_value_that_means_nothing",
			change: func(s *diagnose.Snapshot) {
				s.Namespace.Labels["elbv2.k8s.aws/pod-readiness-gate-inject"] = "true"
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the namespace web has the label elbv2.k8s.aws/pod-readiness-gate-inject with the value "true", which means nothing
  → kubectl label namespace web elbv2.k8s.aws/pod-readiness-gate-inject=enabled --overwrite, then create the Pod anew
`,
		},
		{
			name:   "opted_out",
			change: func(s *diagnose.Snapshot) { s.Pod.Labels["sluice.dev/readiness-gate"] = "off" },
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod opts out with the label sluice.dev/readiness-gate=off
  → remove the label from its template
`,
		},
		{
			name: "static",
			change: func(s *diagnose.Snapshot) {
				s.Pod.Annotations = map[string]string{"kubernetes.io/config.mirror": "x"}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod mirrors a static Pod, which never gets a gate
`,
		},
		{
			name:   "job",
			change: func(s *diagnose.Snapshot) { s.Pod.OwnerReferences[0].Kind = "Job" },
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod belongs to a Job, which serves nobody
  → if it does serve, set the label sluice.dev/readiness-gate=on in its template
`,
		},
		{
			name:   "daemonset",
			change: func(s *diagnose.Snapshot) { s.Pod.OwnerReferences[0].Kind = "DaemonSet" },
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod belongs to no ReplicaSet or StatefulSet, so it gets a gate only for a load balancer that is known when it is created
  → if it shall wait for one that comes later, set the label sluice.dev/readiness-gate=on when it is created
`,
		},
		{
			name:   "bare",
			change: func(s *diagnose.Snapshot) { s.Pod.OwnerReferences = nil },
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod has no owner, so it gets a gate only for a load balancer that is known when it is created
  → if it shall wait for one that comes later, set the label sluice.dev/readiness-gate=on when it is created
`,
		},
		{
			name: "bare_and_claimed_since",
			change: func(s *diagnose.Snapshot) {
				s.Pod.OwnerReferences = nil
				s.GateSet = &v1alpha1.ReadinessGateSet{Spec: v1alpha1.ReadinessGateSetSpec{Gates: []v1alpha1.Gate{
					{Selector: map[string]string{"app": "cart"}, ConditionType: "target-health.alb.ingress.k8s.aws/cart_80"},
					{Selector: map[string]string{"app": "shop"}, ConditionType: "target-health.alb.ingress.k8s.aws/shop_80"},
				}}}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- a load balancer claims the Pod (gate target-health.alb.ingress.k8s.aws/shop_80), but was not known when the Pod was created
  → create it anew: kubectl delete pod shop-1 -n web
`,
		},
		{
			name:   "should_have_one",
			change: func(*diagnose.Snapshot) {},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod has no gate, though one would be injected today
  → create it anew: kubectl delete pod shop-1 -n web
`,
		},
		{
			name:   "no_policy",
			change: func(s *diagnose.Snapshot) { clear(s.Policies) },
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the cluster has neither the admission policy sluice-anticipating-gate nor the webhook sluice-gates, so nobody injects gates
  → apply the policies of this version of Sluice (Kubernetes 1.36 or newer), or its webhook
`,
		},
		{
			name: "older_than_the_webhook",
			change: func(s *diagnose.Snapshot) {
				clear(s.Policies)
				s.Webhook = &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{CreationTimestamp: ago(time.Minute)}}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod is older than what injects gates, and a Pod cannot get a gate later
  → create it anew: kubectl delete pod shop-1 -n web
`,
		},
		{
			name: "older_than_the_policy",
			change: func(s *diagnose.Snapshot) {
				s.Policies["sluice-anticipating-gate"].CreationTimestamp = ago(time.Minute)
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod is older than what injects gates, and a Pod cannot get a gate later
  → create it anew: kubectl delete pod shop-1 -n web
`,
		},
		{
			name: "older_than_the_label",
			change: func(s *diagnose.Snapshot) {
				s.Namespace.ManagedFields = []metav1.ManagedFieldsEntry{{
					Time:     new(ago(time.Minute)),
					FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:elbv2.k8s.aws/pod-readiness-gate-inject":{}}}}`),
				}}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod is older than the label of its namespace, and a Pod cannot get a gate later
  → create it anew: kubectl delete pod shop-1 -n web
`,
		},
		{
			name: "not_anticipated",
			change: func(s *diagnose.Snapshot) {
				s.Namespace.Annotations = map[string]string{"sluice.dev/anticipate": "off"}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the namespace has sluice.dev/anticipate=off, and no load balancer was known when the Pod was created
  → remove that annotation, or create the Ingress before the Pods
`,
		},
		{
			name: "nothing_else_can_be_read",
			change: func(s *diagnose.Snapshot) {
				s.Namespace, s.Policies = nil, nil
				s.Failed = []diagnose.Failure{{What: "the namespace web", Err: errors.New("forbidden")}}
			},
			want: `Pod web/shop-1: Ready for 9m0s, no target-health gate

- the Pod has no gate, and not everything that tells why could be read

- the namespace web could not be read: forbidden
  → what is said above may be incomplete
`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := diagnose.Pod(snapshot(tc.change)).String()
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
