package controller

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
)

func TestSwitchesAreWaitedForFiveMinutes(t *testing.T) {
	t.Parallel()
	s, id, web := newSwitches(), model.StackID{Name: "edge"}, model.TargetGroupKey("web")
	start := time.Now()
	unready := map[model.Key]bool{web: true}
	if tired := s.wait(id, unready, start); len(tired) > 0 {
		t.Errorf("tired at once: %v", tired)
	}
	if tired := s.wait(id, unready, start.Add(switchPatience-time.Second)); len(tired) > 0 {
		t.Errorf("tired too early: %v", tired)
	}
	if diff := cmp.Diff(unready, s.wait(id, unready, start.Add(switchPatience))); diff != "" {
		t.Error(diff)
	}
	s.wait(id, nil, start.Add(switchPatience))
	if tired := s.wait(id, unready, start.Add(switchPatience)); len(tired) > 0 {
		t.Errorf("one that was ready meanwhile waits anew, got %v", tired)
	}
}

func TestWhatRequestsHaveLeftStaysForSeconds(t *testing.T) {
	t.Parallel()
	old, next := model.TargetGroupKey("old"), model.TargetGroupKey("new")
	to := func(group model.Key) model.Stack {
		return model.Stack{
			ID: model.StackID{Name: "edge"}, LoadBalancer: &model.LoadBalancer{Key: model.LoadBalancerKey}, TargetGroups: []model.TargetGroup{{Key: group}},
			Listeners: []model.Listener{{Key: "listener/80", Port: 80}},
			Rules:     []model.Rule{{Key: "rule/80/a", Listener: "listener/80", Action: model.Action{Forward: []model.WeightedTarget{{TargetGroup: group}}}}},
		}
	}
	s, now := newSwitches(), time.Now()
	before, after := model.Observed{Stack: to(old), IDs: map[model.Key]string{}}, model.Observed{Stack: to(next), IDs: map[model.Key]string{}}
	spared := map[model.Key]bool{old: true}
	if diff := cmp.Diff(spared, s.leftNow(to(next), before, now)); diff != "" {
		t.Error("at the switch: ", diff)
	}
	if diff := cmp.Diff(spared, s.leftNow(to(next), after, now.Add(switchSettles-time.Second))); diff != "" {
		t.Error("just after it: ", diff)
	}
	s.leave(model.StackID{Name: "edge"}, []model.Key{old}, now.Add(5*time.Second)) // the call had to wait
	if diff := cmp.Diff(spared, s.leftNow(to(next), after, now.Add(switchSettles))); diff != "" {
		t.Error("just after a late call: ", diff)
	}
	if left := s.leftNow(to(next), after, now.Add(5*time.Second+switchSettles)); len(left) > 0 {
		t.Errorf("later it may go, got %v", left)
	}
}

func TestStacksHearOfWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	s, id := newSwitches(), model.StackID{Namespace: "shop", Name: "web"}
	s.hold(errand{id, switching}, []string{"arn:one"})
	s.hold(errand{id, moving}, []string{"arn:two"})
	want := []types.NamespacedName{{Namespace: "shop", Name: "web"}}
	for _, group := range []string{"arn:one", "arn:two"} {
		if diff := cmp.Diff(want, s.on(group)); diff != "" {
			t.Errorf("%s: %s", group, diff)
		}
	}
	s.hold(errand{id, switching}, nil)
	if names := s.on("arn:one"); len(names) > 0 {
		t.Errorf("nobody waits any more, got %v", names)
	}
}
