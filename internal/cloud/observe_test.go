package cloud

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
)

// What must make room for a successor is known by the key that the plan removes it by:
// once the successor is created and the old group gone, one group is left.
func TestTheInventoryFollowsAReplacement(t *testing.T) {
	t.Parallel()
	group := func(key model.Key, version string) model.TargetGroup {
		return model.TargetGroup{Key: key, Name: version, ProtocolVersion: version}
	}
	want := model.Stack{TargetGroups: []model.TargetGroup{group("target-group/web", "GRPC")}}
	h := newHolding(model.StackID{Name: "shop"})
	h.observed.TargetGroups = []model.TargetGroup{group("target-group/web", "HTTP1")}
	h.observed.IDs = map[model.Key]string{"target-group/web": "arn:old"}
	h.attributes["target-group/web"], h.fresh["target-group/web"] = true, true

	h.retire(want)
	if diff := cmp.Diff(map[model.Key]string{"target-group/web#replaced": "arn:old"}, h.observed.IDs); diff != "" {
		t.Errorf("identifiers (-want +got):\n%s", diff)
	}
	if h.attributes["target-group/web"] || h.fresh["target-group/web"] {
		t.Error("what was known of the old group is believed of the new one")
	}

	h.observed.TargetGroups = append(h.observed.TargetGroups, want.TargetGroups[0])
	h.observed.IDs["target-group/web"] = "arn:new"
	applier{h: h}.forgetID("arn:old")
	h.retire(want)
	left := model.Observed{
		Stack: model.Stack{ID: model.StackID{Name: "shop"}, TargetGroups: want.TargetGroups}, IDs: map[model.Key]string{"target-group/web": "arn:new"},
	}
	if diff := cmp.Diff(left, h.observed); diff != "" {
		t.Errorf("what is left (-want +got):\n%s", diff)
	}
}
