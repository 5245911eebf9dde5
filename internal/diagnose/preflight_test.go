package diagnose_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/diagnose"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// leaseIn is one of the incumbent's name, renewed this long ago and held for 15 s.
func leaseIn(namespace, holder string, renewed time.Duration) coordinationv1.Lease {
	l := lease(holder, renewed)
	l.Namespace, l.Spec.LeaseDurationSeconds = namespace, new(int32(15))
	return l
}

// switchable is a cluster in which nothing stands in the way.
func switchable() diagnose.PreflightSnapshot {
	s := diagnose.PreflightSnapshot{
		Now: now, From: "kube-system/aws-load-balancer-controller", Account: "sluice", Cluster: "prod", VPC: "vpc-1", Subnets: 3, Asked: true,
		Classes: ingress.Classes{Flag: "alb", Classes: []networkingv1.IngressClass{{
			ObjectMeta: metav1.ObjectMeta{Name: "alb"}, Spec: networkingv1.IngressClassSpec{Controller: "ingress.k8s.aws/alb"},
		}}},
		Ingresses: []networkingv1.Ingress{{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Finalizers: []string{"ingress.k8s.aws/resources"}, Annotations: map[string]string{}},
			Spec:       networkingv1.IngressSpec{IngressClassName: new("alb")},
			Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{
				Ingress: []networkingv1.IngressLoadBalancerIngress{{Hostname: "web.elb.amazonaws.com"}},
			}},
		}},
		Owned: []string{"shop/web"},
	}
	for _, name := range []string{"ingressclassparams.elbv2.k8s.aws", "targetgroupbindings.elbv2.k8s.aws", "loadbalancers.sluice.dev", "readinessgatesets.sluice.dev"} {
		s.CRDs = append(s.CRDs, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	return s
}

func webhook(configuration, name, resource string, policy admissionregistrationv1.FailurePolicyType) admissionregistrationv1.ValidatingWebhookConfiguration {
	return admissionregistrationv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: configuration},
		Webhooks: []admissionregistrationv1.ValidatingWebhook{{
			Name: name, FailurePolicy: &policy,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{Namespace: "kube-system", Name: "hook"}},
			Rules:        []admissionregistrationv1.RuleWithOperations{{Rule: admissionregistrationv1.Rule{Resources: []string{resource}}}},
		}},
	}
}

func owned(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Annotations: map[string]string{"meta.helm.sh/release-name": "alb", "meta.helm.sh/release-namespace": "kube-system"}}
}

const forget = "do not run helm uninstall; make Helm forget the release: kubectl -n kube-system delete secret -l owner=helm,name=alb"

// TestPreflight: what is told beside the notice that every report has.
func TestPreflight(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*diagnose.PreflightSnapshot)
		want   []diagnose.Check
	}{
		{name: "nothing_in_the_way", change: func(*diagnose.PreflightSnapshot) {}},
		{
			name: "incumbent_leads", change: func(s *diagnose.PreflightSnapshot) {
				s.Incumbents = []string{"kube-system/aws-load-balancer-controller"}
				s.Leases = []coordinationv1.Lease{leaseIn("kube-system", "aws-load-balancer-controller-5d-x_1", time.Second)}
			},
			want: []diagnose.Check{{
				Name: "lease", Standing: diagnose.Stop,
				What:   "the Lease kube-system/aws-load-balancer-controller-leader is held by aws-load-balancer-controller-5d-x_1: two controllers would undo each other's work, so Sluice does not start beside it",
				Remedy: "kubectl -n kube-system scale deployment aws-load-balancer-controller --replicas=0",
			}},
		},
		{
			name: "leases_elsewhere", change: func(s *diagnose.PreflightSnapshot) {
				s.Leases = []coordinationv1.Lease{leaseIn("alb", "somebody", time.Second), leaseIn("old", "gone", time.Minute), leaseIn("kube-system", "sluice-0", time.Second)}
			},
			want: []diagnose.Check{
				{
					Name: "lease", Standing: diagnose.Stop,
					What:   "the Lease alb/aws-load-balancer-controller-leader is held by somebody: two controllers would undo each other's work, so Sluice does not start beside it",
					Remedy: "stop the controller that holds it, in the namespace alb",
				},
				{
					Name: "lease", Standing: diagnose.Warn,
					What: "the Lease kube-system/aws-load-balancer-controller-leader is held by sluice-0", Remedy: "if that is not Sluice, stop it: Sluice waits for this Lease",
				},
			},
		},
		{
			name: "foreign_flags", change: func(s *diagnose.PreflightSnapshot) {
				s.Foreign = []string{"--enable-shield=false", "--watch-namespace=shop"}
			},
			want: []diagnose.Check{
				{Name: "flags", Standing: diagnose.Warn, What: "Deployment kube-system/aws-load-balancer-controller has --enable-shield=false, which Sluice does not know", Remedy: "leave it out"},
				{
					Name: "flags", Standing: diagnose.Stop,
					What:   "Deployment kube-system/aws-load-balancer-controller has --watch-namespace=shop: the incumbent serves one namespace, Sluice serves all",
					Remedy: "see with kubectl sluice plan --all what that would change",
				},
			},
		},
		{
			name: "webhooks", change: func(s *diagnose.PreflightSnapshot) {
				s.Validating = []admissionregistrationv1.ValidatingWebhookConfiguration{
					webhook("aws-load-balancer-webhook", "vingress.elbv2.k8s.aws", "ingresses", admissionregistrationv1.Fail),
					webhook("lenient", "vingress.elbv2.k8s.aws", "ingresses", admissionregistrationv1.Ignore),
					webhook("strangers", "v.example.com", "ingresses", admissionregistrationv1.Fail),
				}
			},
			want: []diagnose.Check{{
				Name: "webhooks", Standing: diagnose.Stop,
				What:   "ValidatingWebhookConfiguration aws-load-balancer-webhook asks Service kube-system/hook about writes of ingresses, and nobody is ready to answer there: they are refused",
				Remedy: "once the incumbent has been stopped: kubectl delete validatingwebhookconfiguration aws-load-balancer-webhook",
			}},
		},
		{
			name: "webhook_with_endpoints", change: func(s *diagnose.PreflightSnapshot) {
				s.Validating = []admissionregistrationv1.ValidatingWebhookConfiguration{webhook("aws-load-balancer-webhook", "vingress.elbv2.k8s.aws", "ingresses", admissionregistrationv1.Fail)}
				s.Endpoints = map[string]int{"kube-system/hook": 2}
			},
			want: []diagnose.Check{{
				Name: "webhooks", Standing: diagnose.Warn,
				What:   "ValidatingWebhookConfiguration aws-load-balancer-webhook asks Service kube-system/hook about writes of ingresses, and they are refused once nobody answers there",
				Remedy: "once the incumbent has been stopped: kubectl delete validatingwebhookconfiguration aws-load-balancer-webhook",
			}},
		},
		{
			name: "kinds", change: func(s *diagnose.PreflightSnapshot) {
				s.CRDs[1].ObjectMeta = owned("targetgroupbindings.elbv2.k8s.aws")
				s.CRDs = s.CRDs[:3]
			},
			want: []diagnose.Check{
				{Name: "kinds", Standing: diagnose.Warn, What: "the custom resource targetgroupbindings.elbv2.k8s.aws belongs to the Helm release kube-system/alb: helm uninstall deletes it, and every object of it", Remedy: forget},
				{Name: "kinds", Standing: diagnose.Stop, What: "the custom resource readinessgatesets.sluice.dev is not there", Remedy: "kubectl apply --server-side -f config/crd/"},
			},
		},
		{
			name: "helm_owns", change: func(s *diagnose.PreflightSnapshot) {
				s.Classes.Classes[0].ObjectMeta = owned("alb")
				s.Bindings = []v1beta1.TargetGroupBinding{{ObjectMeta: owned("tcp")}}
				s.Bindings[0].Namespace = "shop"
			},
			want: []diagnose.Check{{
				Name: "helm", Standing: diagnose.Warn, Remedy: forget,
				What: "the Helm release kube-system/alb owns IngressClass alb, TargetGroupBinding shop/tcp: helm uninstall deletes them",
			}},
		},
		{
			name: "class_is_gone", change: func(s *diagnose.PreflightSnapshot) {
				s.Classes.Classes = nil
				s.Ingresses[0].Finalizers = nil
			},
			want: []diagnose.Check{{
				Name: "classes", Standing: diagnose.Stop, What: "Ingress shop/web: spec.ingressClassName: IngressClass alb does not exist", Remedy: "create it, or name another",
			}},
		},
		{
			name: "services_and_gateways", change: func(s *diagnose.PreflightSnapshot) {
				s.Services = []corev1.Service{
					{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "tcp", Finalizers: []string{"service.k8s.aws/resources"}}},
					{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "new"}, Spec: corev1.ServiceSpec{LoadBalancerClass: new("service.k8s.aws/nlb")}},
				}
				s.Gateways = []diagnose.Gateway{{Namespace: "shop", Name: "edge", Class: "aws-alb", Finalizers: []string{"gateway.k8s.aws/alb"}}}
			},
			want: []diagnose.Check{
				{
					Name: "services", Standing: diagnose.Stop, What: "1 Services have load balancers of the incumbent's, which Sluice does not serve: shop/tcp",
					Remedy: "keep the incumbent for them, or start Sluice with --abandon=services: their load balancers then stay as they are, and nobody registers targets",
				},
				{Name: "services", Standing: diagnose.Warn, What: "Services wait for a load balancer of the class service.k8s.aws/nlb, which Sluice does not serve: shop/new"},
				{
					Name: "gateways", Standing: diagnose.Stop, What: "1 Gateways have load balancers of the incumbent's, which Sluice does not serve: shop/edge",
					Remedy: "keep the incumbent for them, or start Sluice with --abandon=gateways: their load balancers then stay as they are, and nobody registers targets",
				},
			},
		},
		{
			name: "annotation_not_served", change: func(s *diagnose.PreflightSnapshot) {
				s.Ingresses[0].Annotations["alb.ingress.kubernetes.io/wafv2-acl-arn"] = "arn:aws:wafv2:x"
			},
			want: []diagnose.Check{{
				Name: "annotations", Standing: diagnose.Stop, What: "annotation alb.ingress.kubernetes.io/wafv2-acl-arn is not served yet: Ingress shop/web",
				Remedy: "do without it, or keep the incumbent: the load balancer would stay as it is and follow no change",
			}},
		},
		{
			name: "rights", change: func(s *diagnose.PreflightSnapshot) { s.Lacks = []string{"patch pods/status"} },
			want: []diagnose.Check{{Name: "rights", Standing: diagnose.Stop, What: "sluice may not patch pods/status", Remedy: "kubectl apply -f config/rbac/"}},
		},
		{
			name: "another_cluster", change: func(s *diagnose.PreflightSnapshot) { s.Owned = nil },
			want: []diagnose.Check{{
				Name: "aws", Standing: diagnose.Stop, What: "Ingresses have an address, and AWS has no load balancer of theirs with the tag elbv2.k8s.aws/cluster=prod: shop/web",
				Remedy: "give --cluster-name, --aws-vpc-id and --aws-region as the incumbent has them: under others all load balancers are made anew",
			}},
		},
		{
			name: "plan_has_steps", change: func(s *diagnose.PreflightSnapshot) {
				step := plan.Step{Verb: plan.Create, Kind: "rule", Key: "rule/80/1", Why: "is wanted and does not exist"}
				s.Previews = []plan.Preview{
					{Stack: "shop/web", Steps: []plan.Told{{Step: step, Effect: plan.Creates}}},
					{Stack: "shop/broken", Problems: []model.Problem{{Object: model.Object{Kind: "Ingress", Namespace: "shop", Name: "broken"}, Field: "spec.rules[0]", Message: "no", Remedy: "mend"}}},
				}
			},
			want: []diagnose.Check{
				{
					Name: "plan", Standing: diagnose.Stop, What: "stack shop/web would be changed in 1 steps: create rule rule/80/1: is wanted and does not exist",
					Remedy: "see kubectl sluice plan --all; let the incumbent finish, or change the objects so that they say what is there",
				},
				{Name: "plan", Standing: diagnose.Stop, What: "Ingress shop/broken: spec.rules[0]: no", Remedy: "mend"},
			},
		},
		{
			name: "unreadable", change: func(s *diagnose.PreflightSnapshot) {
				s.Failed = []diagnose.Failure{{What: "the Leases", Err: errors.New("forbidden")}}
			},
			want: []diagnose.Check{{Name: "looked", Standing: diagnose.Stop, What: "the Leases could not be read: forbidden", Remedy: "what is said above may be incomplete; ask again with the rights to read it"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			snapshot := switchable()
			test.change(&snapshot)
			var told []diagnose.Check
			stops := false
			report := diagnose.Preflight(snapshot)
			for _, check := range report.Checks {
				stops = stops || check.Standing == diagnose.Stop
				if check.Standing != diagnose.OK && check.What != "AWS was asked with your rights, not with those of the controller, and only to read" {
					told = append(told, check)
				}
			}
			if diff := cmp.Diff(test.want, told); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
			if report.Stopped() != stops {
				t.Errorf("Stopped is %t", report.Stopped())
			}
		})
	}
}

func TestPreflightText(t *testing.T) {
	t.Parallel()
	report := diagnose.PreflightReport{Checks: []diagnose.Check{
		{Name: "flags", Standing: diagnose.OK, What: "all known"},
		{Name: "helm", Standing: diagnose.Warn, What: "Helm owns it", Remedy: "forget"},
		{Name: "lease", Standing: diagnose.Stop, What: "it is held", Remedy: "stop it"},
	}}
	const want = `stop lease        it is held
                  → stop it
warn helm         Helm owns it
                  → forget
ok   flags        all known

1 things stand in the way; 1 to know
`
	if diff := cmp.Diff(want, report.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}
