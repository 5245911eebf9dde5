package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

const on443 model.Key = "listener/443"

// secure has one HTTPS listener with these certificates, of which the first is the default one.
func secure(certificates ...string) model.Stack {
	s := stack()
	s.Listeners = []model.Listener{{
		Key: on443, Port: 443, Protocol: "HTTPS", Certificate: certificates[0], SNI: certificates, SSLPolicy: "policy", Default: forward(web),
	}}
	return s
}

func sentences(steps []plan.Step) []string {
	var out []string
	for _, step := range steps {
		out = append(out, step.String())
	}
	return out
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	changed := func(s model.Stack, change func(*model.Listener)) model.Stack {
		change(&s.Listeners[0])
		return s
	}
	for _, test := range []struct {
		name       string
		want, have model.Stack
		limit      int
		steps      []string
	}{
		{name: "equal-certificates-stay", want: secure("arn:a", "arn:b"), have: secure("arn:a", "arn:b")},
		{
			name: "certificates-are-added-before-others-go", want: secure("arn:a", "arn:c"), have: secure("arn:a", "arn:b"),
			steps: []string{"modify listener listener/443: SNI certificates differ: + arn:c", "modify listener listener/443: SNI certificates differ: - arn:b"},
		},
		{
			name: "where-there-is-no-room-one-goes-before", want: secure("arn:a", "arn:c", "arn:d"), have: secure("arn:a", "arn:b"), limit: 2,
			steps: []string{
				"modify listener listener/443: SNI certificates differ: - arn:b", "modify listener listener/443: SNI certificates differ: + arn:c",
				"modify listener listener/443: SNI certificates differ: + arn:d",
			},
		},
		{
			name: "the-default-one-changes-first", want: secure("arn:b"), have: secure("arn:a"),
			steps: []string{
				"modify listener listener/443: certificate or TLS policy differ", "modify listener listener/443: SNI certificates differ: + arn:b",
				"modify listener listener/443: SNI certificates differ: - arn:a",
			},
		},
		{
			name: "a-new-listener-gets-all", want: secure("arn:a", "arn:b"), have: model.Stack{LoadBalancer: stack().LoadBalancer},
			steps: []string{
				"create listener listener/443: is wanted and does not exist", "modify listener listener/443: SNI certificates differ: + arn:a",
				"modify listener listener/443: SNI certificates differ: + arn:b",
			},
		},
		{
			name: "a-policy-that-is-not-said-stays",
			want: changed(secure("arn:a"), func(l *model.Listener) { l.SSLPolicy = "" }), have: secure("arn:a"),
		},
		{
			name: "another-policy",
			want: changed(secure("arn:a"), func(l *model.Listener) { l.SSLPolicy = "stricter" }), have: secure("arn:a"),
			steps: []string{"modify listener listener/443: certificate or TLS policy differ"},
		},
		{
			name:  "without-tls-aws-drops-them",
			want:  changed(secure("arn:a"), func(l *model.Listener) { l.Protocol, l.Certificate, l.SNI, l.SSLPolicy = "HTTP", "", nil, "" }),
			have:  secure("arn:a"),
			steps: []string{"modify listener listener/443: protocol or default action and certificate or TLS policy differ"},
		},
		{
			name: "with-tls-they-come", want: secure("arn:a"),
			have: changed(secure("arn:a"), func(l *model.Listener) { l.Protocol, l.Certificate, l.SNI, l.SSLPolicy = "HTTP", "", nil, "" }),
			steps: []string{
				"modify listener listener/443: protocol or default action and certificate or TLS policy differ",
				"modify listener listener/443: SNI certificates differ: + arn:a",
			},
		},
		{
			name: "attributes-that-are-wanted-are-set",
			want: changed(secure("arn:a"), func(l *model.Listener) { l.Attributes = tags{"a": "1", "b": "2"} }),
			have: changed(secure("arn:a"), func(l *model.Listener) { l.Attributes = tags{"a": "1", "b": "3", "c": "4"} }), steps: []string{
				"modify listener listener/443: attributes differ: b=2",
			},
		},
		{
			name: "a-new-listener-gets-its-attributes", want: changed(secure("arn:a"), func(l *model.Listener) { l.SNI, l.Attributes = nil, tags{"a": "1"} }),
			have: model.Stack{LoadBalancer: stack().LoadBalancer},
			steps: []string{
				"create listener listener/443: is wanted and does not exist", "modify listener listener/443: is new and wants attributes",
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			have := observed(test.have)
			have.Limits.Certificates = test.limit
			if diff := cmp.Diff(test.steps, sentences(plan.Steps(test.want, have, plan.Options{}))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// A load balancer that takes no more rules loses one before it gets one, on whichever listener.
func TestAFullLoadBalancer(t *testing.T) {
	t.Parallel()
	on := func(listener model.Key, r model.Rule) model.Rule {
		r.Listener, r.Key = listener, model.RuleKey(443, r.Conditions)
		return r
	}
	a, b, c := rule("/a", 1, web), rule("/b", 2, web), on(on443, rule("/c", 1, web))
	d, e := on(on443, rule("/d", 2, web)), on(on443, rule("/e", 3, web))
	both := func(rules ...model.Rule) model.Stack {
		s := stack(rules...)
		s.Listeners = append(s.Listeners, model.Listener{Key: on443, Port: 443, Protocol: "HTTP"})
		return s
	}
	for _, test := range []struct {
		name  string
		limit int
		steps []plan.Action
	}{
		{"with-room-rules-come-first", 0, []plan.Action{plan.CreateRule{Want: d}, plan.CreateRule{Want: e}, plan.DeleteRule{ID: "id of " + string(a.Key)}, plan.DeleteRule{ID: "id of " + string(b.Key)}}},
		{"with-room-for-one", 4, []plan.Action{plan.CreateRule{Want: d}, plan.DeleteRule{ID: "id of " + string(a.Key)}, plan.CreateRule{Want: e}, plan.DeleteRule{ID: "id of " + string(b.Key)}}},
		{"without-room", 3, []plan.Action{plan.DeleteRule{ID: "id of " + string(a.Key)}, plan.CreateRule{Want: d}, plan.DeleteRule{ID: "id of " + string(b.Key)}, plan.CreateRule{Want: e}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			have := observed(both(a, b, c))
			have.Limits.Rules = test.limit
			if diff := cmp.Diff(test.steps, actions(plan.Steps(both(c, d, e), have, plan.Options{}))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// What the model cannot say is kept: neither made nor changed, nor given to AWS.
func TestUnknownActionsAreOnlyKept(t *testing.T) {
	t.Parallel()
	guarded := func(r model.Rule, words string) model.Rule {
		r.Action.Unknown = words
		return r
	}
	a, b := guarded(rule("/a", 1, web), "words"), rule("/b", 2, api)
	moved := a
	moved.Priority = 3
	elsewhere := with("HTTP1")
	elsewhere.Rules = []model.Rule{a}
	for _, test := range []struct {
		name       string
		want, have model.Stack
		steps      []string
	}{
		{name: "what-is-there-stays", want: stack(a, b), have: stack(a, b)},
		{name: "what-has-changed-since-stays", want: stack(a, b), have: stack(guarded(a, "other words"), b)},
		{name: "what-has-gone-stays-away", want: stack(a, b), have: stack(b)},
		{
			name: "it-can-move", want: stack(moved, b), have: stack(a, b),
			steps: []string{"modify rule priorities of listener/80: 1 rules change places"},
		},
		{
			name: "what-is-wanted-instead-is-made", want: stack(rule("/a", 1, web), b), have: stack(a, b),
			steps: []string{"modify rule listener/80 priority 1: conditions or actions differ"},
		},
		{
			name: "it-goes-when-nobody-wants-it", want: stack(b), have: stack(a, b),
			steps: []string{"delete rule listener/80 priority 1: is no longer wanted"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.steps, sentences(plan.Steps(test.want, observed(test.have), plan.Options{}))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

// A listener whose default action cannot be said cannot be made on another load balancer, nor can its rules.
func TestAListenerThatCannotBeSaidStaysAway(t *testing.T) {
	t.Parallel()
	want := secure("arn:a")
	want.Rules = []model.Rule{rule("/a", 1, web)}
	want.Rules[0].Listener = on443
	want.Listeners[0].Default.Unknown = "words"
	if steps := plan.Steps(want, observed(want), plan.Options{}); len(steps) > 0 {
		t.Errorf("where it is there:\n%s", plan.Print(steps))
	}
	have := observed(model.Stack{LoadBalancer: want.LoadBalancer})
	if steps := plan.Steps(want, have, plan.Options{}); len(steps) > 0 {
		t.Errorf("where it is not:\n%s", plan.Print(steps))
	}
}
