package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// What the incumbent has left is equal to what is wanted, however AWS spells it.
func TestWhatIsSpelledOtherwiseIsTheSame(t *testing.T) {
	t.Parallel()
	sticky := func(enabled bool, lasting time.Duration) *model.Stickiness {
		return &model.Stickiness{Enabled: enabled, Duration: model.Duration(lasting)}
	}
	to := func(stickiness *model.Stickiness, groups ...model.Key) model.Action {
		action := forward(groups...)
		action.Stickiness = stickiness
		return action
	}
	redirect := func(r model.Redirect) model.Action { return model.Action{Redirect: &r} }
	whole := model.Redirect{Protocol: "HTTPS", Host: "#{host}", Port: "443", Path: "/#{path}", Query: "#{query}", StatusCode: "HTTP_301"}
	answer := func(kind string) model.Action {
		return model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: kind}}
	}
	for _, test := range []struct {
		name       string
		want, have model.Action
		same       bool
	}{
		{"parts-of-a-redirect-that-are-left-out-stay", redirect(model.Redirect{Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_301"}), redirect(whole), true},
		{"another-port-is-another-redirect", redirect(model.Redirect{Protocol: "HTTPS", Port: "8443", StatusCode: "HTTP_301"}), redirect(whole), false},
		{"another-status-is-another-redirect", redirect(model.Redirect{Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_302"}), redirect(whole), false},
		{"a-redirect-is-not-a-forward", redirect(whole), forward(web), false},
		{"stickiness-that-is-not-said-stays", to(nil, web, api), to(sticky(true, time.Hour), web, api), true},
		{"stickiness-that-is-wanted-is-made", to(sticky(true, time.Hour), web, api), to(sticky(false, 0), web, api), false},
		{"stickiness-that-is-not-wanted-goes", to(sticky(false, 0), web, api), to(sticky(true, time.Hour), web, api), false},
		{"none-is-like-one-that-is-off", to(sticky(false, 0), web, api), to(nil, web, api), true},
		{"how-long-one-that-is-off-lasts-need-not-be-told", to(sticky(false, time.Hour), web, api), to(sticky(false, 0), web, api), true},
		{"another-duration", to(sticky(true, time.Hour), web, api), to(sticky(true, time.Minute), web, api), false},
		{"a-content-type-that-is-not-said-is-any", answer(""), answer("text/plain"), true},
		{"another-content-type", answer("text/html"), answer("text/plain"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			have, want := rule("/a", 1, web), rule("/a", 1, web)
			have.Action, want.Action = test.have, test.want
			wanted, now := stack(want), stack(have)
			wanted.Listeners[0].Default, now.Listeners[0].Default = test.want, test.have
			got := plan.Steps(wanted, observed(now), plan.Options{})
			if steps := len(got); steps != map[bool]int{true: 0, false: 2}[test.same] {
				t.Errorf("got the steps:\n%s", plan.Print(got))
			}
		})
	}
}

func TestTransforms(t *testing.T) {
	t.Parallel()
	url := model.Transform{Type: model.URLRewrite, Rewrites: []model.Rewrite{{Regex: "^/a", Replace: "/b"}}}
	host := model.Transform{Type: model.HostRewrite, Rewrites: []model.Rewrite{{Regex: "x", Replace: "y"}}}
	other := model.Transform{Type: model.URLRewrite, Rewrites: []model.Rewrite{{Regex: "^/a", Replace: "/c"}}}
	type transforms = []model.Transform
	for _, test := range []struct {
		name       string
		want, have transforms
		same       bool
	}{
		{"their-order-does-not-count", transforms{url, host}, transforms{host, url}, true},
		{"no-list-and-an-empty-one-are-equal", nil, transforms{}, true},
		{"another-replacement", transforms{url}, transforms{other}, false},
		{"one-more", transforms{url, host}, transforms{url}, false},
		{"one-that-nobody-wants", nil, transforms{url}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want, have := rule("/a", 1, web), rule("/a", 1, web)
			want.Transforms, have.Transforms = test.want, test.have
			var steps []plan.Action
			if !test.same {
				steps = []plan.Action{plan.ModifyRule{Rule: want.Key, Want: want}}
			}
			if diff := cmp.Diff(steps, actions(plan.Steps(stack(want), observed(stack(have)), plan.Options{}))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}
