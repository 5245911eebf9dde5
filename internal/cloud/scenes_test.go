package cloud_test

import (
	"fmt"
	"math/rand/v2"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const shop = "shop" // the namespace of all Ingresses

// scene is what people want at one moment.
type scene struct {
	ingresses []*networkingv1.Ingress
	// kinds are "HTTPS" or "instance" for Services whose target groups are not what the
	// Ingress says. It cannot be changed on a target group that exists, so they are
	// replaced when it does.
	kinds map[string]string
	// finery is the seed of what is added to stacks; 0 for nothing.
	finery uint64
	// restarted: the controller has been away before it sees this scene.
	restarted bool
	// meddling: what somebody has done by hand in AWS while the controller was away; 0 for
	// nothing.
	meddling int
}

// scenes makes random scenes.
type scenes struct{ *rand.Rand }

// walk is a way through some scenes that ends with nothing.
func (r scenes) walk(length int) []scene {
	var out []scene
	for range length {
		out = append(out, r.scene())
	}
	return append(out, scene{})
}

// scene has up to three Ingresses. Two in three are in one of two groups, so that they
// join and leave each other as scenes change.
func (r scenes) scene() scene {
	s := scene{kinds: map[string]string{}, restarted: r.IntN(4) == 0}
	if s.restarted {
		s.meddling = r.IntN(ways)
	}
	for _, name := range []string{"red", "green", "blue"} {
		if r.IntN(4) > 0 {
			s.ingresses = append(s.ingresses, r.member(name))
		}
	}
	for _, name := range []string{"cart", "pay", "search"} {
		s.kinds[name] = pick(r, "", "", "HTTPS", "instance")
	}
	if r.IntN(4) > 0 {
		s.finery = 1 + r.Uint64N(1000)
	}
	return s
}

func (r scenes) member(name string) *networkingv1.Ingress {
	object := r.ingress(name)
	if group := r.IntN(3); group > 0 {
		object.Annotations[prefix+"group.name"] = fmt.Sprintf("group-%d", group)
		object.Annotations[prefix+"group.order"] = fmt.Sprint(r.IntN(3))
	}
	if r.IntN(6) == 0 {
		object.Annotations[prefix+"healthcheck-interval-seconds"] = "often" // rejects it
	}
	if r.IntN(12) == 0 {
		delete(object.Annotations, prefix+"certificate-arn") // and so does this, where it is needed
	}
	return object
}

const prefix = "alb.ingress.kubernetes.io/"

// ingress is one that is right by itself.
func (r scenes) ingress(name string) *networkingv1.Ingress {
	object := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name, UID: types.UID(name), Annotations: r.annotations()}}
	for range r.IntN(3) {
		object.Spec.Rules = append(object.Spec.Rules, r.rule())
	}
	if r.IntN(3) == 0 {
		object.Spec.DefaultBackend = new(r.backend())
	}
	return object
}

func (r scenes) rule() networkingv1.IngressRule {
	rule := networkingv1.IngressRule{IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{}}}
	if r.IntN(2) == 0 {
		rule.Host = pick(r, "a.example.com", "b.example.com", "*.example.com")
	}
	for range 1 + r.IntN(3) {
		rule.HTTP.Paths = append(rule.HTTP.Paths, networkingv1.HTTPIngressPath{
			Path:     pick(r, "/", "/a", "/a/b", "/long/path", ""),
			PathType: new(pick(r, networkingv1.PathTypeExact, networkingv1.PathTypePrefix, networkingv1.PathTypeImplementationSpecific)),
			Backend:  r.backend(),
		})
	}
	return rule
}

// backend names a Service that may not exist.
func (r scenes) backend() networkingv1.IngressBackend {
	port := pick(r, networkingv1.ServiceBackendPort{Number: 80}, networkingv1.ServiceBackendPort{Name: "http"})
	return networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: pick(r, "cart", "pay", "search", "gone"), Port: port}}
}

func (r scenes) annotations() map[string]string {
	out := map[string]string{}
	for _, choice := range []struct {
		key    string
		values []string
	}{
		{"scheme", []string{"internal", "internet-facing"}},
		{"listen-ports", []string{`[{"HTTP":80}]`, `[{"HTTP":8080}]`, `[{"HTTP":80},{"HTTP":8081}]`}},
		{"tags", []string{"a=1", "a=2,b=3", "c=x"}},
		{"inbound-cidrs", []string{"10.0.0.0/8", "10.0.0.0/8,192.168.0.0/16"}},
		{"healthcheck-path", []string{"/healthz", "/live"}},
		{"healthcheck-interval-seconds", []string{"10", "20"}},
		{"success-codes", []string{"200", "200-299"}},
		{"target-group-attributes", []string{"deregistration_delay.timeout_seconds=30", "deregistration_delay.timeout_seconds=60"}},
		{"load-balancer-attributes", []string{"idle_timeout.timeout_seconds=60", "deletion_protection.enabled=true"}},
		{"listen-ports", []string{`[{"HTTP":80},{"HTTPS":443}]`, `[{"HTTPS":8080}]`}},
		{"certificate-arn", []string{serverCertificate + "one", serverCertificate + "two," + serverCertificate + "one"}},
		{"ssl-policy", []string{"ELBSecurityPolicy-TLS13-1-2-2021-06"}},
		{"ip-address-type", []string{"ipv4", "dualstack"}},
		{"security-groups", []string{byHand}},
		{"manage-backend-security-group-rules", []string{"true"}},
		{"subnets", []string{"subnet-0000000000000000a,subnet-0000000000000000b", "subnet-0000000000000000b,subnet-0000000000000000c"}},
	} {
		if r.IntN(2) == 0 {
			out[prefix+choice.key] = pick(r, choice.values...)
		}
	}
	if r.IntN(4) > 0 {
		delete(out, prefix+"security-groups")
	}
	if _, given := out[prefix+"certificate-arn"]; !given && strings.Contains(out[prefix+"listen-ports"], "HTTPS") {
		out[prefix+"certificate-arn"] = serverCertificate + "three"
	}
	return out
}

func pick[T any](r scenes, from ...T) T { return from[r.IntN(len(from))] }

var services = func() map[string]*corev1.Service {
	out := map[string]*corev1.Service{}
	for i, name := range []string{"cart", "pay", "search"} {
		out[name] = &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Namespace: shop, Name: name, UID: types.UID("uid-" + name)},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromInt(8080 + i)}}},
		}
	}
	return out
}()
