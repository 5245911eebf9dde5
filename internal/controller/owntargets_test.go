package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
)

// written is what the ConfigMap of a binding lists.
func (b *bench) written(binding string) string {
	b.Helper()
	var object corev1.ConfigMap
	if err := b.objects.Get(b.Context(), client.ObjectKey{Namespace: "web", Name: "aws-lbc-targets-" + binding}, &object); err != nil {
		return "none"
	}
	return object.Data["targets"]
}

// Two clusters share a group: each takes out what it has put in, and nothing else.
func TestClustersShareATargetGroup(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "shared", nil)
	shares := func(spec *v1beta1.TargetGroupBindingSpec) {
		spec.TargetGroupARN, spec.MultiClusterTargetGroup = group, true
	}
	east := newBench(t, local, "east", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10", "10.0.1.11"), webService(), bindingOf("web", shares))...)
	west := newBench(t, local, "west", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.2.20"), webService(), bindingOf("web", shares))...)
	expect := func(when, inGroup, ofEast, ofWest string) {
		t.Helper()
		if got := east.targetsOf(group); got != inGroup {
			t.Errorf("%s the group has %q, want %q", when, got, inGroup)
		}
		if got := east.written("web"); got != ofEast {
			t.Errorf("%s the east has written %q, want %q", when, got, ofEast)
		}
		if got := west.written("web"); got != ofWest {
			t.Errorf("%s the west has written %q, want %q", when, got, ofWest)
		}
	}

	east.reconcile("web")
	west.reconcile("web")
	east.reconcile("web")
	expect("with both", "10.0.1.10:8080 10.0.1.11:8080 10.0.2.20:8080", "10.0.1.10:8080,10.0.1.11:8080", "10.0.2.20:8080")

	var gone corev1.Pod
	if err := east.objects.Get(t.Context(), client.ObjectKey{Namespace: "web", Name: "web-ipv4-0"}, &gone); err != nil {
		t.Fatal(err)
	}
	east.remove(&gone)
	east.reconcile("web")
	expect("without one Pod", "10.0.1.11:8080 10.0.2.20:8080", "10.0.1.11:8080", "10.0.2.20:8080")

	east.remove(east.binding("web"))
	east.reconcile("web")
	expect("without the east", "10.0.2.20:8080", "none", "10.0.2.20:8080")
}

// The incumbent's list is believed: what it has registered for Pods that are gone goes, and
// what others have registered stays. Without a list, nothing but endpoints is ours.
func TestTheListOfTheIncumbentIsBelieved(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, list, want string
	}{
		{"with-its-list", "10.0.1.10:8080,10.0.1.11:8080", "10.0.1.11:8080 10.0.2.20:8080"},
		{"without-a-list", "", "10.0.1.10:8080 10.0.1.11:8080 10.0.2.20:8080"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			local := benchAWS(t)
			group := benchGroup(t, local, "shared", nil)
			before := newBench(t, local, "both", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10", "10.0.1.11", "10.0.2.20"), webService(),
				bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) { spec.TargetGroupARN = group }))...)
			before.reconcile("web")

			objects := append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.11"), webService(),
				bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
					spec.TargetGroupARN, spec.MultiClusterTargetGroup = group, true
				}))
			if test.list != "" {
				objects = append(objects, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "web", Name: "aws-lbc-targets-web"}, Data: map[string]string{"targets": test.list}})
			}
			b := newBench(t, local, "east", objects...)
			b.reconcile("web")
			if got := b.targetsOf(group); got != test.want {
				t.Errorf("the group has %q, want %q", got, test.want)
			}
			if got := b.written("web"); got != "10.0.1.11:8080" {
				t.Errorf("written is %q", got)
			}
		})
	}
}
