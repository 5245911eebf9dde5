package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// Pods behind the Services of an action are held back as those behind a path are.
func TestClaimsOfAnAction(t *testing.T) {
	t.Parallel()
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
			"kubernetes.io/ingress.class":           "alb",
			"alb.ingress.kubernetes.io/target-type": "ip",
			"alb.ingress.kubernetes.io/actions.split": `{"type":"forward","forwardConfig":{"targetGroups":[
				{"serviceName":"cart","servicePort":"http","weight":9},{"serviceName":"pay","servicePort":"80","weight":1},{"targetGroupName":"old","weight":0}]}}`,
		}},
		Spec: networkingv1.IngressSpec{DefaultBackend: &networkingv1.IngressBackend{
			Service: &networkingv1.IngressServiceBackend{Name: "split", Port: networkingv1.ServiceBackendPort{Name: "use-annotation"}},
		}},
	}
	v := &view{
		Reader: fake.NewClientBuilder().WithScheme(objects).WithObjects(object, service("cart"), service("pay")).Build(),
		config: Config{IngressClass: "alb"}, rejections: newRejections(),
	}
	var got []readiness.Claim
	for _, claim := range v.claims(t.Context(), "shop") {
		claim.Gates = claim.Gates[:1] // the others are named after the target group
		got = append(got, claim.Claim)
	}
	want := []readiness.Claim{
		{Backend: "service cart port http", Gates: []readiness.ConditionType{"target-health.alb.ingress.k8s.aws/web_http"}, Selector: map[string]string{"app": "cart"}},
		{Backend: "service pay port 80", Gates: []readiness.ConditionType{"target-health.alb.ingress.k8s.aws/web_80"}, Selector: map[string]string{"app": "pay"}},
	}
	for i := range want {
		want[i].Owner.Kind, want[i].Owner.Namespace, want[i].Owner.Name = "Ingress", "shop", "web"
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
