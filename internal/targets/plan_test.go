package targets_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

const (
	a = "10.0.1.5:80"
	b = "10.0.1.6:80"
	c = "10.0.1.7:80"
	d = "10.0.1.8:80"
	e = "10.0.1.9:80"
)

// unreadyFor is how long an endpoint's containers have not been ready.
func unreadyFor(d time.Duration) func(*targets.Endpoint) {
	return func(e *targets.Endpoint) { e.Ready, e.Since = false, ago(d) }
}

func judging(e *targets.Endpoint) { e.Judging = true }

type registrations = map[model.TargetID]targets.Registration

// of is a registration for a Pod; nobody knows whose the empty one is.
func of(pod types.UID, changes ...func(*targets.Registration)) targets.Registration {
	r := targets.Registration{Pod: pod}
	for _, change := range changes {
		change(&r)
	}
	return r
}

func healthy(r *targets.Registration)   { r.Health = model.Healthy }
func unhealthy(r *targets.Registration) { r.Health = model.Unhealthy }

func initial(r *targets.Registration)  { r.Health = model.Initial }
func doubtful(r *targets.Registration) { r.Doubtful = true }

func seen(r *targets.Registration)    { r.Seen = true }
func running(r *targets.Registration) { r.Running = true }

func drainingOf(pod types.UID) targets.Registration {
	return targets.Registration{Pod: pod, Draining: true}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	type endpoints = []targets.Endpoint
	addresses := func(list ...string) (out []model.TargetID) {
		for _, address := range list {
			out = append(out, at(address))
		}
		return out
	}
	for _, test := range []struct {
		name       string
		endpoints  endpoints
		registered registrations
		settings   targets.Settings
		want       targets.Changes
	}{
		// The row of a ready endpoint.
		{name: "ready-and-registered-stays", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): of("a")}},
		{
			name: "ready-and-not-registered-is-registered", endpoints: endpoints{endpoint("a", a), endpoint("b", b)}, registered: registrations{at(a): of("a")},
			want: targets.Changes{Register: endpoints{endpoint("b", b)}},
		},
		{
			name: "a-registration-without-an-answer-is-tried-again", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): of("a", doubtful)},
			want: targets.Changes{Register: endpoints{endpoint("a", a)}},
		},
		{
			name: "and-taken-back-when-its-pod-ends", endpoints: endpoints{endpoint("a", a, ending)}, registered: registrations{at(a): of("a", doubtful)},
			want: targets.Changes{Deregister: addresses(a)},
		},
		{
			name: "and-asked-about-when-the-next-pod-has-the-address", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): of("before", doubtful)},
			want: targets.Changes{Doubted: endpoints{endpoint("a", a)}},
		},
		{
			name: "ready-at-an-address-of-another-pod-is-adopted", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): of("before")},
			want: targets.Changes{Adopt: endpoints{endpoint("a", a)}},
		},
		{
			name: "ready-at-an-address-of-nobody-knows-whom-is-adopted", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): of("")},
			want: targets.Changes{Adopt: endpoints{endpoint("a", a)}},
		},
		{
			name: "ready-and-judged-before-the-restart-is-remembered", endpoints: endpoints{endpoint("a", a, judging)}, registered: registrations{at(a): of("")},
			want: targets.Changes{Remember: endpoints{endpoint("a", a, judging)}},
		},
		{
			name: "judged-is-not-enough-where-another-pod-is-known", endpoints: endpoints{endpoint("a", a, judging)}, registered: registrations{at(a): of("before")},
			want: targets.Changes{Adopt: endpoints{endpoint("a", a, judging)}},
		},
		{
			name: "ready-at-a-draining-address-waits", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): drainingOf("before")},
			want: targets.Changes{Locked: endpoints{endpoint("a", a)}},
		},
		{
			name: "ready-at-its-own-draining-address-waits", endpoints: endpoints{endpoint("a", a)}, registered: registrations{at(a): drainingOf("a")},
			want: targets.Changes{Locked: endpoints{endpoint("a", a)}},
		},

		// The row of an unready endpoint. Another one is ready, unless the row says so.
		{name: "unready-and-not-registered-waits", endpoints: endpoints{endpoint("a", a, unreadyFor(time.Hour))}},
		{
			name: "unready-stays-for-a-grace", endpoints: endpoints{endpoint("a", a, unreadyFor(3*time.Second)), endpoint("b", b)},
			registered: registrations{at(a): of("a"), at(b): of("b")},
			want:       targets.Changes{Recheck: 7 * time.Second},
		},
		{
			name:       "the-shortest-grace-left-is-when-to-look-again",
			endpoints:  endpoints{endpoint("a", a, unreadyFor(3*time.Second)), endpoint("b", b, unreadyFor(9*time.Second)), endpoint("c", c)},
			registered: registrations{at(a): of("a"), at(b): of("b"), at(c): of("c")},
			want:       targets.Changes{Recheck: time.Second},
		},
		{
			name: "unready-goes-after-the-grace", endpoints: endpoints{endpoint("a", a, unreadyFor(10*time.Second)), endpoint("b", b)},
			registered: registrations{at(a): of("a"), at(b): of("b")},
			want:       targets.Changes{Deregister: addresses(a)},
		},
		{
			// It takes long to start: taking the address out would lock it.
			name: "unready-at-an-address-of-another-pod-is-left-as-it-is", endpoints: endpoints{endpoint("a", a, unreadyFor(time.Minute)), endpoint("b", b)},
			registered: registrations{at(a): of("before"), at(b): of("b")},
		},
		{
			name: "unready-at-an-address-of-nobody-knows-whom-is-left-as-it-is", endpoints: endpoints{endpoint("a", a, unreadyFor(time.Minute)), endpoint("b", b)},
			registered: registrations{at(a): of(""), at(b): of("b")},
		},
		{
			name: "unready-and-judged-before-the-restart-is-remembered", endpoints: endpoints{endpoint("a", a, judging, unreadyFor(3*time.Second)), endpoint("b", b)},
			registered: registrations{at(a): of(""), at(b): of("b")},
			want:       targets.Changes{Remember: endpoints{endpoint("a", a, judging, unreadyFor(3*time.Second))}, Recheck: 7 * time.Second},
		},
		{
			name: "unready-at-a-draining-address-is-left-as-it-is", endpoints: endpoints{endpoint("a", a, unreadyFor(time.Minute))},
			registered: registrations{at(a): drainingOf("a")},
		},

		// Never the last targets for unreadiness alone.
		{name: "the-last-target-stays", endpoints: endpoints{endpoint("a", a, unreadyFor(time.Minute))}, registered: registrations{at(a): of("a")}},
		{
			name: "all-probes-fail-at-once-and-all-stay", endpoints: endpoints{endpoint("a", a, unreadyFor(time.Minute)), endpoint("b", b, unreadyFor(time.Minute))},
			registered: registrations{at(a): of("a"), at(b): of("b")},
		},
		{
			name: "all-probes-fail-one-after-the-other-and-all-stay", endpoints: endpoints{endpoint("a", a, unreadyFor(12*time.Second)), endpoint("b", b, unreadyFor(3*time.Second))},
			registered: registrations{at(a): of("a"), at(b): of("b")},
			want:       targets.Changes{Recheck: 7 * time.Second},
		},
		{
			name:       "what-is-about-to-be-registered-does-not-serve-yet",
			endpoints:  endpoints{endpoint("a", a, unreadyFor(time.Minute)), endpoint("b", b)},
			registered: registrations{at(a): of("a")},
			want:       targets.Changes{Register: endpoints{endpoint("b", b)}, Recheck: 5 * time.Second},
		},
		{
			name:       "what-drains-does-not-serve-any-more",
			endpoints:  endpoints{endpoint("a", a, unreadyFor(time.Minute)), endpoint("b", b)},
			registered: registrations{at(a): of("a"), at(b): drainingOf("b")},
			want:       targets.Changes{Locked: endpoints{endpoint("b", b)}},
		},
		{
			name: "the-last-target-goes-at-the-end-of-its-pod", endpoints: endpoints{endpoint("a", a, ending)}, registered: registrations{at(a): of("a")},
			want: targets.Changes{Deregister: addresses(a)},
		},

		// The row of an ending endpoint.
		{
			name: "ending-goes-although-it-is-ready", endpoints: endpoints{endpoint("a", a, ending), endpoint("b", b)}, registered: registrations{at(a): of("a"), at(b): of("b")},
			want: targets.Changes{Deregister: addresses(a)},
		},
		{
			name: "ending-at-an-address-of-another-pod-goes", endpoints: endpoints{endpoint("a", a, ending)}, registered: registrations{at(a): of("before")},
			want: targets.Changes{Deregister: addresses(a)},
		},
		{name: "ending-and-draining-is-on-its-way", endpoints: endpoints{endpoint("a", a, ending)}, registered: registrations{at(a): drainingOf("a")}},
		{name: "ending-and-not-registered-is-none", endpoints: endpoints{endpoint("a", a, ending)}},

		// The row of no endpoint.
		{
			name: "with-others-there-what-has-no-pod-goes", endpoints: endpoints{endpoint("d", d)}, registered: registrations{at(d): of("d"), at(a): of(""), at(b): of("b")},
			want: targets.Changes{Deregister: addresses(a, b)},
		},
		{name: "what-drains-is-not-taken-out-twice", registered: registrations{at(a): drainingOf("a"), at(b): drainingOf("")}},
		{
			name: "an-empty-list-empties-nothing-that-serves", registered: registrations{at(a): of("a", healthy), at(b): of("b", unhealthy), at(c): of("")},
			want: targets.Changes{Deregister: addresses(b), Held: addresses(a, c), Hold: targets.UntilConfirmed},
		},
		{
			name: "who-was-seen-and-runs-no-more-is-gone", registered: registrations{at(a): of("a", healthy, seen), at(b): of("b", healthy, seen, running)},
			want: targets.Changes{Deregister: addresses(a), Held: addresses(b), Hold: targets.UntilConfirmed},
		},
		{
			name: "an-empty-list-that-somebody-confirms-is-believed", registered: registrations{at(a): of("a", healthy, running)},
			settings: targets.Settings{Confirmed: true}, want: targets.Changes{Deregister: addresses(a)},
		},
		{
			name: "other-pods-take-over-once-they-are-healthy", endpoints: endpoints{endpoint("d", d), endpoint("e", e)},
			registered: registrations{at(a): of("a", healthy, running), at(b): of("b", healthy, running), at(d): of("d", healthy), at(e): of("e")},
			want:       targets.Changes{Held: addresses(a, b), Hold: targets.UntilOthersServe, Successors: addresses(e), Recheck: 5 * time.Minute},
		},
		{
			name: "other-pods-that-are-healthy-have-taken-over", endpoints: endpoints{endpoint("d", d)},
			registered: registrations{at(a): of("a", healthy, running), at(b): of("b", healthy, running), at(d): of("d", healthy)},
			want:       targets.Changes{Deregister: addresses(a, b)},
		},
		{
			name: "other-pods-that-never-become-healthy-take-over-after-a-while", endpoints: endpoints{endpoint("d", d)},
			registered: registrations{at(a): of("a", healthy, running), at(d): of("d", unhealthy)}, settings: targets.Settings{HeldFor: 5 * time.Minute},
			want: targets.Changes{Deregister: addresses(a)},
		},
		{
			// Nobody asks on behalf of Pods without gates: these may have become healthy since.
			name: "who-was-new-when-aws-was-asked-may-serve", endpoints: endpoints{endpoint("d", d)},
			registered: registrations{at(a): of("a", initial, running), at(d): of("d", initial)},
			want:       targets.Changes{Held: addresses(a), Hold: targets.UntilOthersServe, Successors: addresses(d), Recheck: 5 * time.Minute},
		},
		{
			name: "half-of-the-healthy-may-go-at-once", endpoints: endpoints{endpoint("d", d), endpoint("e", e)},
			registered: registrations{at(a): of("a", healthy, running), at(d): of("d", healthy), at(e): of("e")},
			want:       targets.Changes{Deregister: addresses(a)},
		},
		{
			name: "another-port-of-the-same-pod-is-another-target", endpoints: endpoints{endpoint("a", "10.0.1.5:81")}, registered: registrations{at(a): of("a", healthy, running)},
			want: targets.Changes{Register: endpoints{endpoint("a", "10.0.1.5:81")}, Held: addresses(a), Hold: targets.UntilOthersServe, Recheck: time.Second},
		},

		// A new Pod has the address of one that is still listed on its way out.
		{
			name: "a-reused-address-is-adopted", endpoints: endpoints{endpoint("new", a), endpoint("old", a, ending)}, registered: registrations{at(a): of("old")},
			want: targets.Changes{Adopt: endpoints{endpoint("new", a)}},
		},
		{
			name: "a-reused-address-is-adopted-in-either-order", endpoints: endpoints{endpoint("old", a, ending), endpoint("new", a)}, registered: registrations{at(a): of("old")},
			want: targets.Changes{Adopt: endpoints{endpoint("new", a)}},
		},
		{
			name: "a-reused-address-is-kept-for-a-pod-that-is-starting", endpoints: endpoints{endpoint("new", a, unreadyFor(time.Minute)), endpoint("old", a, ending)},
			registered: registrations{at(a): of("old")},
		},
		{
			name: "a-reused-address-that-drains-waits", endpoints: endpoints{endpoint("new", a), endpoint("old", a, ending)}, registered: registrations{at(a): drainingOf("old")},
			want: targets.Changes{Locked: endpoints{endpoint("new", a)}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.settings.UnreadyGrace, test.settings.LargestShare = 10*time.Second, 0.5
			got := targets.Plan(now, test.endpoints, test.registered, test.settings)
			if diff := cmp.Diff(test.want, got, compareAddresses); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
		})
	}
}

// Once all that a plan says is done, the next one says nothing.
func TestPlanSettles(t *testing.T) {
	t.Parallel()
	endpoints := []targets.Endpoint{
		endpoint("new", "10.0.1.1:80"), endpoint("adopts", "10.0.1.2:80"), endpoint("known", "10.0.1.3:80", judging), endpoint("stays", "10.0.1.4:80"),
		endpoint("unready", "10.0.1.5:80", unreadyFor(time.Minute)), endpoint("ends", "10.0.1.6:80", ending),
	}
	registered := registrations{
		at("10.0.1.2:80"): of("before"), at("10.0.1.3:80"): of(""), at("10.0.1.4:80"): of("stays"), at("10.0.1.5:80"): of("unready"), at("10.0.1.6:80"): of("ends"),
		at("10.0.1.7:80"): of("gone"),
	}
	settings := targets.Settings{UnreadyGrace: 10 * time.Second}
	changes := targets.Plan(now, endpoints, registered, settings)
	for _, list := range [][]targets.Endpoint{changes.Register, changes.Adopt, changes.Remember} {
		for _, e := range list {
			registered[e.Address] = of(e.UID)
		}
	}
	for _, address := range changes.Deregister {
		registered[address] = targets.Registration{Pod: registered[address].Pod, Draining: true}
	}
	if diff := cmp.Diff(targets.Changes{}, targets.Plan(now, endpoints, registered, settings), compareAddresses); diff != "" {
		t.Errorf("second plan (-want +got):\n%s", diff)
	}
}
