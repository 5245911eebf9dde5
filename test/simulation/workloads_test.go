package simulation

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// The traps that are about what Pods belong to and where they run; the others are in traps_test.go.

func TestTrapStatefulSetWhoseHealthNeedsAQuorum(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(*stage){
		"in-a-rollout": func(s *stage) {
			web := s.ready(app("web", 3, func(w *workload) { w.kind = statefulSet }))
			s.rollOut(web, "v2", flaw{quorum: 2}, 0)
		},
		// The second Pod comes when the first is Ready, and the first is healthy when the second runs: nobody can open that
		// gate rightly. It says why, and who has read that leaves the gate out.
		"from-nothing": func(s *stage) {
			s.serve("web")
			s.pass(time.Second)
			web := s.run(app("web", 3, func(w *workload) { w.kind, w.flaws["v1"] = statefulSet, flaw{quorum: 2} }))
			first := s.pod(web, anyPod)
			s.sees(first, corev1.ConditionFalse, "Target.ResponseCodeMismatch", time.Minute)
			if !s.happened("event", "TargetNotHealthy", first.Name) {
				s.surprise("nobody is told that the first Pod is not healthy")
			}
			s.stays(first, corev1.ConditionFalse, 5*time.Minute)
			s.change(web, func() { web.labels[gateLabel] = "off" })
			s.rollOut(web, "v2", flaw{quorum: 2}, 0)
			_ = s.kube.remove("Pod", keyOf(first), first.UID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripted(t, script)
		})
	}
}

func TestTrapDaemonSet(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 0, func(w *workload) { w.kind = daemonSet }))
		s.sees(s.pod(web, anyPod), corev1.ConditionTrue, readiness.Healthy, 0)
		s.rollOut(web, "v2", flaw{}, 0)
		s.comesToRest(5 * time.Minute)
		s.grow()
		s.comesToRest(5 * time.Minute)
		s.daemonsMiss()
		s.lose(s.cluster.kubelet.nodes()[0])
	})
}

// The next Pod of a node has the address of the last one, which drains.
func TestTrapHostNetwork(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 0, func(w *workload) { w.kind, w.hostNetwork = daemonSet, true }))
		s.rollOut(web, "v2", flaw{}, 0)
		next := s.pod(web, of("v2"))
		s.sees(next, corev1.ConditionFalse, "Target.DeregistrationInProgress", 20*time.Second)
		s.sees(next, corev1.ConditionTrue, readiness.Healthy, time.Minute)
	})
}

func TestTrapAutoscalerDoubles(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 3))
		for range 2 {
			s.resize(web, 2*web.replicas)
			s.comesToRest(time.Minute)
		}
		s.resize(web, 3)
	})
}

func TestTrapNodesAreDrainedInTurn(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		s.ready(app("web", 4))
		s.ready(app("db", 3, func(w *workload) { w.kind = statefulSet }))
		s.pass(time.Minute)
		for _, node := range s.cluster.kubelet.nodes() {
			s.drain(node)
			s.comesToRest(3 * time.Minute)
			s.cluster.kubelet.cordon(node, false)
		}
	})
}

func TestTrapNodesAreReplaced(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		s.ready(app("web", 4))
		s.ready(app("agent", 0, func(w *workload) { w.kind = daemonSet }))
		s.pass(time.Minute)
		for _, node := range s.cluster.kubelet.nodes() {
			if s.replace(node); slices.Contains(s.cluster.kubelet.nodes(), node) {
				s.surprise("%s cannot be drained", node)
			}
		}
		s.comesToRest(5 * time.Minute)
	})
}

func TestTrapNodeIsKilled(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		web := s.ready(app("web", 6))
		dead := s.pod(web, anyPod)
		s.lose(dead.Spec.NodeName)
		s.comesToRest(3 * time.Minute)
		if ports := s.registered(dead.Status.PodIP); ports != nil {
			s.surprise("%s is registered by %v although its node is gone", dead.Status.PodIP, ports)
		}
	})
}

func TestTrapNamedPortHasOtherNumbersInOtherPods(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		byName := func(o *corev1.Service) { o.Spec.Ports[0].TargetPort = intstr.FromString("http") }
		web := s.ready(app("web", 3, func(w *workload) { w.ports = map[string]int{"v1": 8080, "v2": 9090} }), byName)
		s.rollOut(web, "v2", flaw{}, 0)
		s.comesToRest(5 * time.Minute)
		for _, pod := range web.pods(s.cluster) {
			if ports := s.registered(pod.Status.PodIP); anyPod(pod) && !slices.Equal(ports, []int{9090}) {
				s.surprise("Pod %s is registered by %v, want 9090", pod.Name, ports)
			}
		}
	})
}

// Endpoints by hand that name Pods are served; addresses alone are not, as with the incumbent. No Pod waits for either.
func TestTrapServiceWithoutASelector(t *testing.T) {
	t.Parallel()
	scripted(t, func(s *stage) {
		s.serve("web", func(o *corev1.Service) { o.Spec.Selector = nil })
		web := s.run(app("web", 2))
		pod := s.pod(web, anyPod)
		s.sees(pod, corev1.ConditionTrue, readiness.NoLoadBalancer, 20*time.Second)
		s.create(&discoveryv1.EndpointSlice{
			ObjectMeta:  metav1.ObjectMeta{Namespace: shop, Name: "by-hand", Labels: map[string]string{discoveryv1.LabelServiceName: "web"}},
			AddressType: discoveryv1.AddressTypeIPv4,
			Ports:       []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080))}},
			Endpoints:   []discoveryv1.Endpoint{endpointOf(pod), {Addresses: []string{"10.0.1.99"}}},
		})
		s.pass(30 * time.Second)
		if got := s.registered(pod.Status.PodIP); !slices.Equal(got, []int{8080}) {
			s.surprise("the Pod that is named by hand is registered by %v, want 8080", got)
		}
		if got := s.registered("10.0.1.99"); got != nil {
			s.surprise("an address without a Pod is registered by %v", got)
		}
	})
}
