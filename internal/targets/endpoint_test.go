package targets_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

var (
	now              = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	compareAddresses = cmp.Comparer(func(a, b model.TargetID) bool { return a == b })
)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func at(text string) model.TargetID { return model.TargetAt(netip.MustParseAddrPort(text)) }

// pod is a Pod of the namespace shop whose UID is its name, whose containers have been
// ready for a minute.
func pod(name, ip string, changes ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID(name)},
		Spec:       corev1.PodSpec{NodeName: "node-of-" + name},
		Status: corev1.PodStatus{PodIP: ip, Conditions: []corev1.PodCondition{
			{Type: corev1.ContainersReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(ago(time.Minute))},
		}},
	}
	for _, change := range changes {
		change(p)
	}
	return p
}

func unready(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }

func deleted(p *corev1.Pod) { p.DeletionTimestamp = new(metav1.NewTime(now)) }

func phase(phase corev1.PodPhase) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase = phase }
}

func disrupted(status corev1.ConditionStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: status})
	}
}

// slice of the Service, with one port and the Pods that it names.
func slice(port discoveryv1.EndpointPort, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop"}, AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{port}, Endpoints: endpoints,
	}
}

func v6(s *discoveryv1.EndpointSlice) *discoveryv1.EndpointSlice {
	s.AddressType = discoveryv1.AddressTypeIPv6
	return s
}

func port(name string, number int32) discoveryv1.EndpointPort {
	return discoveryv1.EndpointPort{Name: &name, Port: &number}
}

func names(ip string, pod types.UID) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{ip}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: string(pod), UID: pod}}
}

// endpoint is what becomes of pod(name).
func endpoint(name, address string, changes ...func(*targets.Endpoint)) targets.Endpoint {
	e := targets.Endpoint{
		Address: at(address), Pod: types.NamespacedName{Namespace: "shop", Name: name}, UID: types.UID(name), Node: "node-of-" + name, Ready: true, Since: ago(time.Minute),
	}
	for _, change := range changes {
		change(&e)
	}
	return e
}

func ending(e *targets.Endpoint) { e.Ending = true }

func TestEndpoints(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		port   string
		family discoveryv1.AddressType // IPv4 where it is empty
		slices targets.Slices
		pods   []*corev1.Pod
		want   []targets.Endpoint
	}{
		{name: "no-slice-no-endpoint"},
		{
			name: "an-unnamed-port", slices: targets.Slices{slice(port("", 8080), names("10.0.1.5", "a"))}, pods: []*corev1.Pod{pod("a", "10.0.1.5")},
			want: []targets.Endpoint{endpoint("a", "10.0.1.5:8080")},
		},
		{
			name: "a-port-without-a-name-at-all", slices: targets.Slices{slice(discoveryv1.EndpointPort{Port: new(int32(8080))}, names("10.0.1.5", "a"))},
			pods: []*corev1.Pod{pod("a", "10.0.1.5")}, want: []targets.Endpoint{endpoint("a", "10.0.1.5:8080")},
		},
		{
			name: "a-named-port-has-other-numbers-in-other-pods", port: "http",
			slices: targets.Slices{slice(port("http", 9090), names("10.0.1.6", "b")), slice(port("http", 8080), names("10.0.1.5", "a"))},
			pods:   []*corev1.Pod{pod("a", "10.0.1.5"), pod("b", "10.0.1.6")},
			want:   []targets.Endpoint{endpoint("a", "10.0.1.5:8080"), endpoint("b", "10.0.1.6:9090")},
		},
		{name: "another-port-is-not-meant", port: "http", slices: targets.Slices{slice(port("metrics", 9090), names("10.0.1.5", "a"))}, pods: []*corev1.Pod{pod("a", "10.0.1.5")}},
		{name: "a-port-without-a-number-means-nothing", port: "http", slices: targets.Slices{slice(discoveryv1.EndpointPort{Name: new("http")}, names("10.0.1.5", "a"))}, pods: []*corev1.Pod{pod("a", "10.0.1.5")}},
		{
			name: "a-pod-in-two-slices-is-one-endpoint", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "a")), slice(port("", 80), names("10.0.1.5", "a"))},
			pods: []*corev1.Pod{pod("a", "10.0.1.5")}, want: []targets.Endpoint{endpoint("a", "10.0.1.5:80")},
		},
		{
			name: "a-slice-that-names-the-pod-before-is-stale", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "web-0"))},
			pods: []*corev1.Pod{pod("web-0", "10.0.1.5", func(p *corev1.Pod) { p.UID = "web-0-again" })},
		},
		{name: "a-slice-that-names-a-pod-that-is-gone-is-stale", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "a"))}},
		{name: "a-slice-with-another-address-is-stale", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "a"))}, pods: []*corev1.Pod{pod("a", "10.0.1.9")}},
		{
			name: "endpoints-by-hand-are-left-out",
			slices: targets.Slices{slice(port("", 80), discoveryv1.Endpoint{Addresses: []string{"10.0.1.5"}},
				discoveryv1.Endpoint{Addresses: []string{"10.0.1.6"}, TargetRef: &corev1.ObjectReference{Kind: "Node", Name: "n"}},
				discoveryv1.Endpoint{TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "a", UID: "a"}},
				names("not-an-address", "a"))},
			pods: []*corev1.Pod{pod("a", "10.0.1.5")},
		},
		{
			name: "a-pod-of-another-namespace-is-nobodys-endpoint-here",
			slices: targets.Slices{slice(port("", 80), discoveryv1.Endpoint{
				Addresses: []string{"10.0.1.5"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: "other", Name: "a", UID: "a"},
			})},
			pods: []*corev1.Pod{pod("a", "10.0.1.5", func(p *corev1.Pod) { p.Namespace = "other" })},
		},
		{
			name: "ipv6-slices-where-those-are-wanted", family: discoveryv1.AddressTypeIPv6,
			slices: targets.Slices{v6(slice(port("", 80), names("fd00::5", "a"))), slice(port("", 80), names("10.0.1.5", "a"))},
			pods:   []*corev1.Pod{pod("a", "10.0.1.5", func(p *corev1.Pod) { p.Status.PodIPs = []corev1.PodIP{{IP: "10.0.1.5"}, {IP: "fd00::5"}} })},
			want:   []targets.Endpoint{endpoint("a", "[fd00::5]:80")},
		},
		{name: "ipv6-slices-are-left-out", slices: targets.Slices{v6(slice(port("", 80), names("fd00::5", "a")))}, pods: []*corev1.Pod{pod("a", "fd00::5")}},
		{
			name: "the-second-address-of-a-dual-stack-pod", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "a"))},
			pods: []*corev1.Pod{pod("a", "fd00::5", func(p *corev1.Pod) { p.Status.PodIPs = []corev1.PodIP{{IP: "fd00::5"}, {IP: "10.0.1.5"}} })},
			want: []targets.Endpoint{endpoint("a", "10.0.1.5:80")},
		},
		{
			// Neither a gate that is closed nor what the slice says: the Pod is fresher.
			name: "containers-count-and-not-readiness", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "a"), names("10.0.1.6", "b"))},
			pods: []*corev1.Pod{
				pod("a", "10.0.1.5", func(p *corev1.Pod) {
					p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse})
				}),
				pod("b", "10.0.1.6", unready),
			},
			want: []targets.Endpoint{endpoint("a", "10.0.1.5:80"), endpoint("b", "10.0.1.6:80", func(e *targets.Endpoint) { e.Ready = false })},
		},
		{
			name: "before-the-kubelet-has-said-anything", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "a"))},
			pods: []*corev1.Pod{pod("a", "10.0.1.5", func(p *corev1.Pod) { p.Status.Conditions = nil })},
			want: []targets.Endpoint{endpoint("a", "10.0.1.5:80", func(e *targets.Endpoint) { e.Ready, e.Since = false, time.Time{} })},
		},
		{
			name: "an-address-belongs-to-the-new-pod-while-the-old-one-is-ending", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "old"), names("10.0.1.5", "new"))},
			pods: []*corev1.Pod{pod("old", "10.0.1.5", deleted), pod("new", "10.0.1.5", unready)},
			want: []targets.Endpoint{endpoint("new", "10.0.1.5:80", func(e *targets.Endpoint) { e.Ready = false })},
		},
		{
			name: "and-so-it-is-when-the-new-one-is-listed-first", slices: targets.Slices{slice(port("", 80), names("10.0.1.5", "new")), slice(port("", 80), names("10.0.1.5", "old"))},
			pods: []*corev1.Pod{pod("old", "10.0.1.5", deleted), pod("new", "10.0.1.5")},
			want: []targets.Endpoint{endpoint("new", "10.0.1.5:80")},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			byName := func(name types.NamespacedName) *corev1.Pod {
				for _, p := range test.pods {
					if p.Name == name.Name && p.Namespace == name.Namespace {
						return p
					}
				}
				return nil
			}
			if test.family == "" {
				test.family = discoveryv1.AddressTypeIPv4
			}
			if diff := cmp.Diff(test.want, targets.Endpoints(test.port, test.family, test.slices, byName), compareAddresses); diff != "" {
				t.Errorf("endpoints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnding(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*corev1.Pod)
		want   bool
	}{
		{"a-running-pod-is-not", phase(corev1.PodRunning), false},
		{"a-deleted-pod-is", deleted, true},
		{"a-pod-that-a-node-shutdown-ended-is", phase(corev1.PodFailed), true},
		{"a-pod-that-is-done-is", phase(corev1.PodSucceeded), true},
		{"a-disrupted-pod-is-before-it-is-deleted", disrupted(corev1.ConditionTrue), true},
		{"a-disruption-that-was-called-off-is-none", disrupted(corev1.ConditionFalse), false},
		{"an-unready-pod-is-not", unready, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := targets.Ending(pod("a", "10.0.1.5", test.change)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
