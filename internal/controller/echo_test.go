package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/readiness"
)

func TestAGateThatWasJustWrittenIsSeenBeforeTheCacheShowsIt(t *testing.T) {
	t.Parallel()
	const gate = corev1.PodConditionType(readiness.Anticipating)
	start := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ready := corev1.PodCondition{Type: corev1.ContainersReady, Status: corev1.ConditionTrue}
	is := func(status corev1.ConditionStatus) corev1.PodCondition {
		return corev1.PodCondition{Type: gate, Status: status}
	}
	pod := func(uid types.UID, conditions ...corev1.PodCondition) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", UID: uid}, Status: corev1.PodStatus{Conditions: conditions}}
	}
	type sight struct {
		cached *corev1.Pod
		after  time.Duration
		want   []corev1.PodCondition
	}
	for name, sights := range map[string][]sight{
		"the-cache-is-behind":                {{pod("a", is("False"), ready), time.Second, []corev1.PodCondition{ready, is("True")}}},
		"the-cache-has-not-seen-any-of-it":   {{pod("a", ready), time.Second, []corev1.PodCondition{ready, is("True")}}},
		"once-shown-it-counts-no-more":       {{pod("a", is("True")), time.Second, []corev1.PodCondition{is("True")}}, {pod("a", is("False")), 2 * time.Second, []corev1.PodCondition{is("False")}}},
		"another-pod-of-that-name":           {{pod("b", is("False")), time.Second, []corev1.PodCondition{is("False")}}},
		"somebody-else-has-changed-it-since": {{pod("a", is("False")), time.Minute, []corev1.PodCondition{is("False")}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known := &echoes{}
			known.written(pod("a", is("True")), []readiness.GateChange{{Gate: readiness.Gate{Type: readiness.Anticipating}}}, start)
			for _, see := range sights {
				known.complete(see.cached, start.Add(see.after))
				if diff := cmp.Diff(see.want, see.cached.Status.Conditions); diff != "" {
					t.Errorf("after %s (-want +got):\n%s", see.after, diff)
				}
			}
		})
	}
}
