package controller

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/readiness"
)

func gated(reason string, status corev1.ConditionStatus) readiness.Gate {
	return readiness.Gate{Type: readiness.Anticipating, Status: status, Reason: reason}
}

func TestWaitingPodsAreCountedByReason(t *testing.T) {
	t.Parallel()
	waiting := &waitingPods{pods: map[types.NamespacedName]waitingPod{}}
	name := func(n string) types.NamespacedName { return types.NamespacedName{Namespace: "web", Name: n} }
	ready := readiness.Pod{ContainersReady: true, Since: time.Now()}
	with := func(gate readiness.Gate) readiness.Pod {
		pod := ready
		pod.Gates = []readiness.Gate{gate}
		return pod
	}
	to := func(gate readiness.Gate) readiness.Verdict {
		return readiness.Verdict{Changes: []readiness.GateChange{{Gate: gate}}}
	}
	waiting.note(name("a"), "deployment/web", with(gated("Elb.InitialHealthChecking", corev1.ConditionFalse)), readiness.Verdict{})
	waiting.note(name("b"), "deployment/web", with(gated("", "")), to(gated("Elb.InitialHealthChecking", corev1.ConditionFalse)))
	waiting.note(name("c"), "deployment/web", with(gated("Target.Timeout", corev1.ConditionFalse)), readiness.Verdict{})
	waiting.note(name("opens"), "deployment/web", with(gated("Target.Timeout", corev1.ConditionFalse)), to(gated(readiness.Healthy, corev1.ConditionTrue)))
	waiting.note(name("starting"), "deployment/web", readiness.Pod{Gates: []readiness.Gate{gated(readiness.ContainersNotReady, corev1.ConditionFalse)}}, readiness.Verdict{})
	waiting.note(name("gone"), "deployment/web", with(gated("Target.Timeout", corev1.ConditionFalse)), readiness.Verdict{})
	waiting.forget(name("gone"))
	const want = `
# HELP sluice_waiting_pods Pods whose containers are ready and that a readiness gate holds back, by workload (deployment/web) and the reason of the gate's condition. The 200 that wait longest are named; what is more is counted as the workload "others".
# TYPE sluice_waiting_pods gauge
sluice_waiting_pods{reason="Elb.InitialHealthChecking",workload="deployment/web",workload_namespace="web"} 2
sluice_waiting_pods{reason="Target.Timeout",workload="deployment/web",workload_namespace="web"} 1
`
	if err := testutil.CollectAndCompare(waiting, strings.NewReader(want), "sluice_waiting_pods"); err != nil {
		t.Error(err)
	}
}

// Those that wait longest are named, the others are counted together.
func TestWaitingPodsHaveABoundedNumberOfSeries(t *testing.T) {
	t.Parallel()
	waiting := &waitingPods{pods: map[types.NamespacedName]waitingPod{}}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for i, workload := range []string{"deployment/b", "deployment/a", "deployment/a", "deployment/c", "deployment/d"} {
		waiting.pods[types.NamespacedName{Namespace: "web", Name: strconv.Itoa(i)}] = waitingPod{workload: workload, since: now.Add(-time.Duration(i) * time.Minute)}
	}
	var got []string
	for _, s := range waiting.series(2) {
		got = append(got, fmt.Sprintf("%s %d %s", s.workload, s.count, now.Sub(s.since)))
	}
	if diff := cmp.Diff([]string{"deployment/d 1 4m0s", "deployment/c 1 3m0s", "others 3 2m0s"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWorkloadsAreNamedAsKubectlTakesThem(t *testing.T) {
	t.Parallel()
	of := func(kind, name string) []metav1.OwnerReference {
		return []metav1.OwnerReference{{Kind: kind, Name: name, Controller: new(true)}}
	}
	for want, pod := range map[string]metav1.ObjectMeta{
		"deployment/web":  {OwnerReferences: of("ReplicaSet", "web-5d9f"), Labels: map[string]string{"pod-template-hash": "5d9f"}},
		"replicaset/web":  {OwnerReferences: of("ReplicaSet", "web")},
		"statefulset/web": {OwnerReferences: of("StatefulSet", "web")},
		"pod/web":         {Name: "web"},
	} {
		if got := workloadOf(&corev1.Pod{ObjectMeta: pod}); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTheTimeOfAStartIsToldByPhase(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	pod := readiness.Pod{UID: "pod", Created: at(0), Since: at(3)}
	own := &health.Target{Pod: "pod", Since: at(4), NotYet: at(20), HealthySince: at(21)}
	late := &health.Target{Pod: "pod", Since: at(4), HealthySince: at(30)}
	for _, test := range []struct {
		name   string
		target *health.Target
		want   map[string]time.Duration
	}{
		{"usual", own, map[string]time.Duration{"containers": 3 * time.Second, "registration": time.Second, "loadbalancer": 16 * time.Second, "own": 2 * time.Second}},
		{"asked-late", late, map[string]time.Duration{"containers": 3 * time.Second, "registration": time.Second, "loadbalancer": 26 * time.Second, "own": 0}},
		{"adopted", &health.Target{Pod: "pod", Adopted: true}, nil},
		{"of-another-pod", &health.Target{Pod: "before"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := phasesOf(pod, []readiness.Evidence{{Target: test.target}}, at(22))
			if test.name == "asked-late" {
				got = phasesOf(pod, []readiness.Evidence{{Target: test.target}}, at(30))
			}
			if len(got) != len(test.want) {
				t.Fatalf("%v, want %v", got, test.want)
			}
			for phase, want := range test.want {
				if got[phase] != want {
					t.Errorf("%s took %s, want %s", phase, got[phase], want)
				}
			}
		})
	}
}
