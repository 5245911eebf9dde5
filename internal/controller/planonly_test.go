package controller

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// A plan that does not fit is shortened, and is JSON all the same.
func TestPlanTextFitsItsRoom(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1000)
	planned := func() plan.Preview {
		return plan.Preview{
			Stack: "shop/web", Model: &model.Stack{TargetGroups: []model.TargetGroup{{Name: long}}},
			Steps: []plan.Told{{Step: plan.Step{Verb: plan.Modify, Kind: "tag", Why: "differ"}, Effect: plan.Changes, Fields: []plan.Field{{Name: "a", New: long}}}},
		}
	}
	for _, test := range []struct {
		name          string
		room          int
		holds, spares string
	}{
		{"all_of_it", 10000, `"model"`, `"error"`},
		{"without_the_model", 2000, `"fields"`, `"model"`},
		{"without_values", 500, `"why":"differ"`, `"fields"`},
		{"only_how_many", 10, "1 steps are too much for an annotation", `"steps"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text := planText(planned(), test.room)
			if !json.Valid([]byte(text)) || !strings.Contains(text, test.holds) || strings.Contains(text, test.spares) {
				t.Errorf("the plan in %d bytes: %.300s", test.room, text)
			}
		})
	}
}
