package controller

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

const split = `{"type":"forward","forwardConfig":{"targetGroups":[
	{"serviceName":"cart","servicePort":"http","weight":9},{"serviceName":"pay","servicePort":"80","weight":1},{"targetGroupName":"old","weight":0}]}}`

// Pods behind the Services of an action are held back as those behind a path are, also while
// the action is wrong: what it had before stays in AWS.
func TestClaimsOfAnAction(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action string
		bound  []int // the claims that have a binding already
		want   []int
	}{
		"right":                       {action: split, want: []int{0, 1}},
		"right-and-served":            {action: split, bound: []int{0, 1}, want: []int{0, 1}},
		"a-weight-is-wrong":           {action: strings.Replace(split, "9", "9999", 1), want: []int{0, 1}},
		"no-json":                     {action: split[1:]},
		"no-json-and-served":          {action: split[1:], bound: []int{0, 1}, want: []int{0, 1}},
		"no-json-and-one-is-served":   {action: split[1:], bound: []int{1}, want: []int{1}},
		"it-redirects-and-was-served": {action: `{"type":"redirect","redirectConfig":{"host":"example.org","statusCode":"HTTP_301"}}`, bound: []int{0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claimsOfAction(t, c.action, c.bound, c.want)
		})
	}
}

func claimsOfAction(t *testing.T, action string, bound, want []int) {
	t.Helper()
	objects := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(objects); err != nil {
			t.Fatal(err)
		}
	}
	service := func(name string) *corev1.Service {
		return &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
			Spec:       corev1.ServiceSpec{Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
		}
	}
	object := &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web", Annotations: map[string]string{
			"kubernetes.io/ingress.class":             "alb",
			"alb.ingress.kubernetes.io/target-type":   "ip",
			"alb.ingress.kubernetes.io/actions.split": action,
		}},
		Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "split", Port: networkingv1.ServiceBackendPort{Name: "use-annotation"}},
		}},
	}
	services := []*corev1.Service{service("cart"), service("pay")}
	all := []readiness.Claim{
		{Backend: "service cart port http", Gates: []readiness.ConditionType{"target-health.alb.ingress.k8s.aws/web_http"}, Selector: map[string]string{"app": "cart"}},
		{Backend: "service pay port 80", Gates: []readiness.ConditionType{"target-health.alb.ingress.k8s.aws/web_80"}, Selector: map[string]string{"app": "pay"}},
	}
	config := Config{IngressClass: "alb", Build: build.Config{Cluster: "prod"}}
	client := fake.NewClientBuilder().WithScheme(objects).WithObjects(object, services[0], services[1])
	for _, i := range bound {
		port := []intstr.IntOrString{intstr.FromString("http"), intstr.FromInt32(80)}[i]
		all[i].TargetGroup = "arn:of-" + services[i].Name
		client.WithObjects(&v1beta1.TargetGroupBinding{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: "shop", Name: ingress.TargetGroupName(config.Build, object, ingress.Class{}, services[i], services[i].Spec.Ports[0], port.String()),
				Labels: ingress.BindingLabels(model.StackID{Namespace: "shop", Name: "web"}),
			},
			Spec: v1beta1.TargetGroupBindingSpec{TargetGroupARN: all[i].TargetGroup, ServiceRef: v1beta1.ServiceReference{Name: services[i].Name, Port: port}},
		})
	}
	v := &view{Reader: client.Build(), config: config, rejections: newRejections()}
	got := map[string]readiness.Claim{}
	for _, claim := range v.claims(t.Context(), "shop") {
		claim.Gates = claim.Gates[:1] // the others are named after the target group
		got[claim.Backend] = claim.Claim
	}
	wanted := map[string]readiness.Claim{}
	for _, i := range want {
		all[i].Owner = model.Object{Kind: "Ingress", Namespace: "shop", Name: "web"}
		wanted[all[i].Backend] = all[i]
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
