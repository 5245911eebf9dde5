package controller

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// A Pod is deleted at second 0. Its containers should outlast its targets by what a load balancer takes to hear of it.
func TestADrainThatIsCutShort(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	out := func(seconds int) health.Target {
		return health.Target{State: model.Draining, Deregistered: at(seconds)}
	}
	registered := health.Target{State: model.Healthy}
	const auto, nlb = 20 * time.Second, 130 * time.Second
	for _, test := range []struct {
		name  string
		asked time.Duration
		grace int
		ended []int // seconds at which containers ended
		gone  int   // when the Pod went; 0: it is there
		left  []health.Target
		want  string
	}{
		{name: "as-it-should-be", asked: auto, grace: 50, ended: []int{20}, left: []health.Target{out(0)}},
		{name: "goes-on", asked: auto, grace: 50, left: []health.Target{registered}},
		{name: "had-no-target", asked: auto, grace: 50, ended: []int{1}},
		{name: "was-out-before", asked: auto, grace: 50, ended: []int{1}, left: []health.Target{out(-30)}},
		{name: "a-container-was-dead-before", asked: auto, grace: 50, ended: []int{-5, 20}, left: []health.Target{out(0)}},
		{name: "a-container-ends-early", asked: auto, grace: 50, ended: []int{3, 20}, left: []health.Target{out(0)}, want: cutByContainer},
		{name: "the-grace-period-is-short", asked: auto, grace: 5, ended: []int{5}, left: []health.Target{out(0)}, want: cutByGrace},
		{name: "nobody-took-it-out", asked: auto, grace: 50, ended: []int{20}, left: []health.Target{registered}, want: cutByLateness},
		{name: "it-was-taken-out-late", asked: auto, grace: 50, ended: []int{20}, left: []health.Target{out(15)}, want: cutByLateness},
		{name: "one-of-two-groups-was-late", asked: auto, grace: 50, ended: []int{20}, left: []health.Target{out(0), out(15)}, want: cutByLateness},
		{name: "deleted-by-force", asked: auto, grace: 0, gone: 1, left: []health.Target{registered}, want: cutByForce},
		{name: "went-with-its-node-long-after", asked: auto, grace: 50, gone: 300, left: []health.Target{out(0)}},
		{name: "a-network-load-balancer-takes-longer", asked: nlb, grace: 160, ended: []int{60}, left: []health.Target{out(0)}, want: cutByContainer},
		{name: "a-network-load-balancer-has-heard", asked: nlb, grace: 160, ended: []int{130}, left: []health.Target{out(1)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
				DeletionTimestamp: new(metav1.NewTime(at(test.grace))), DeletionGracePeriodSeconds: new(int64(test.grace)),
			}}
			for _, second := range test.ended {
				pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
					State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(at(second))}},
				})
			}
			var gone time.Time
			if test.gone > 0 {
				gone = at(test.gone)
			}
			got, why := cutShort(pod, test.asked, test.left, gone)
			if got != test.want || (why == "") != (got == "") {
				t.Errorf("%q (%s), want %q", got, why, test.want)
			}
		})
	}
}
