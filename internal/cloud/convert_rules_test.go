package cloud

import (
	"testing"
	"time"

	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
)

var ids = map[model.Key]string{"target-group/web": "arn:web", "target-group/api": "arn:api"}

func TestActionsComeBack(t *testing.T) {
	t.Parallel()
	holding := newHolding(model.StackID{Name: "shop"})
	holding.observed.IDs = ids
	for name, action := range map[string]model.Action{
		"one-group":       {Forward: []model.WeightedTarget{{TargetGroup: "target-group/web"}}},
		"weighted":        {Forward: []model.WeightedTarget{{TargetGroup: "target-group/web", Weight: new(int32(9))}, {TargetGroup: "target-group/api", Weight: new(int32(0))}}},
		"one-with-weight": {Forward: []model.WeightedTarget{{TargetGroup: "target-group/web", Weight: new(int32(7))}}},
		"sticky": {
			Forward:    []model.WeightedTarget{{TargetGroup: "target-group/web", Weight: new(int32(9))}, {TargetGroup: "target-group/api", Weight: new(int32(1))}},
			Stickiness: &model.Stickiness{Enabled: true, Duration: model.Duration(time.Hour)},
		},
		"not-sticky":             {Forward: []model.WeightedTarget{{TargetGroup: "target-group/web"}}, Stickiness: &model.Stickiness{}},
		"redirect":               {Redirect: &model.Redirect{Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_301"}},
		"whole-redirect":         {Redirect: &model.Redirect{Protocol: "HTTPS", Host: "#{host}", Port: "443", Path: "/#{path}", Query: "#{query}", StatusCode: "HTTP_302"}},
		"redirect-without-query": {Redirect: &model.Redirect{Host: "a.example.com", DropQuery: true, StatusCode: "HTTP_301"}},
		"foreign":                {Forward: []model.WeightedTarget{{TargetGroup: "arn:somebody-else's"}}},
		"fixed-response":         {FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: "text/plain", Body: "gone"}},
		"empty-body":             {FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: "text/plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := applier{h: holding}.actions(action)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(action, actionOf(out, ids)); diff != "" {
				t.Errorf("action (-want +got):\n%s", diff)
			}
		})
	}
}

// The action that answers is known, whatever comes before it: what forwards to a target
// group is seen to do so.
func TestWhatTheModelCannotSayIsKeptInWords(t *testing.T) {
	t.Parallel()
	to := func(arn string) elbv2types.Action {
		return elbv2types.Action{Type: elbv2types.ActionTypeEnumForward, Order: new(int32(2)), TargetGroupArn: new(arn)}
	}
	oidc := func(order int32, secret *string) elbv2types.Action {
		return elbv2types.Action{Type: elbv2types.ActionTypeEnumAuthenticateOidc, Order: &order, AuthenticateOidcConfig: &elbv2types.AuthenticateOidcActionConfig{
			Issuer: new("https://id.example"), ClientId: new("web"), ClientSecret: secret, UseExistingClientSecret: new(secret == nil),
			AuthenticationRequestExtraParams: map[string]string{"b": "2", "a": "1"},
		}}
	}
	words := `[{"AuthenticateOidcConfig":{"AuthenticationRequestExtraParams":{"a":"1","b":"2"},"ClientId":"web","Issuer":"https://id.example"},"Type":"authenticate-oidc"}]`
	web := []model.WeightedTarget{{TargetGroup: "target-group/web"}}
	for _, test := range []struct {
		name string
		list []elbv2types.Action
		want model.Action
	}{
		{"nothing", nil, model.Action{}},
		{"a-forward-in-short-form", []elbv2types.Action{to("arn:web")}, model.Action{Forward: web}},
		{"authentication-before-a-forward", []elbv2types.Action{oidc(1, nil), to("arn:web")}, model.Action{Forward: web, Unknown: words}},
		{"neither-order-nor-secret-count", []elbv2types.Action{to("arn:web"), oidc(0, new("hidden"))}, model.Action{Forward: web, Unknown: words}},
		{"an-answer-of-a-type-to-come", []elbv2types.Action{{Type: "teapot", Order: new(int32(1))}}, model.Action{Unknown: `[{"Type":"teapot"}]`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, actionOf(test.list, ids)); diff != "" {
				t.Errorf("action (-want +got):\n%s", diff)
			}
		})
	}
	_, err := applier{h: newHolding(model.StackID{})}.actions(model.Action{Forward: web, Unknown: words})
	if KindOf(err) != Bug || err == nil {
		t.Errorf("sending it fails with %v, want a bug", err)
	}
}

func TestRulesComeBack(t *testing.T) {
	t.Parallel()
	conditions := []model.Condition{
		{Field: "host-header", Values: []string{"b.example", "a.example"}},
		{Field: "http-header", Header: "X-Team", Values: []string{"b*", "a*"}},
		{Field: "http-header", Header: "User-Agent", Regex: []string{"^curl"}},
		{Field: "http-request-method", Values: []string{"GET"}},
		{Field: "path-pattern", Regex: []string{"^/cart/"}},
		{Field: "query-string", Query: []model.Pair{{Key: "v", Value: "2"}, {Value: "any"}}},
		{Field: "source-ip", Values: []string{"10.0.0.0/8"}},
	}
	want := model.Rule{
		Key: model.RuleKey(80, conditions), Listener: "listener/80", Priority: 7, Conditions: conditions,
		Transforms: []model.Transform{
			{Type: "url-rewrite", Rewrites: []model.Rewrite{{Regex: "^/a", Replace: "/b"}}},
			{Type: "host-header-rewrite", Rewrites: []model.Rewrite{{Regex: "x", Replace: ""}}},
		},
		Action: model.Action{Forward: []model.WeightedTarget{{TargetGroup: "target-group/web"}}},
	}
	holding := newHolding(model.StackID{Name: "shop"})
	holding.observed.IDs = ids
	actions, err := applier{h: holding}.actions(want.Action)
	if err != nil {
		t.Fatal(err)
	}
	// AWS answers in an order of its own, and repeats values in fields of former times.
	out := conditionsOf(want)
	out[0].Values, out[4].RegexValues = []string{"b.example", "a.example"}, []string{"^/cart/"}
	out = append(out[3:], out[:3]...)
	got := ruleOf(elbv2types.Rule{Priority: new("7"), Conditions: out, Actions: actions, Transforms: transformsOf(want)}, model.Listener{Key: "listener/80", Port: 80}, ids)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rule (-want +got):\n%s", diff)
	}
	if got := priorityOf(elbv2types.Rule{Priority: new("default")}); got != 0 {
		t.Errorf("the default rule has priority %d", got)
	}
}

func TestAConditionOfFormerTimes(t *testing.T) {
	t.Parallel()
	want := model.Condition{Field: "path-pattern", Values: []string{"/a"}}
	if diff := cmp.Diff(want, conditionOf(elbv2types.RuleCondition{Field: new("path-pattern"), Values: []string{"/a"}})); diff != "" {
		t.Errorf("condition (-want +got):\n%s", diff)
	}
}
