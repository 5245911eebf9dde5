package health_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

const group = "arn:…:targetgroup/web"

var (
	start            = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	a, b             = model.TargetAt(netip.MustParseAddrPort("10.0.1.5:80")), model.TargetAt(netip.MustParseAddrPort("10.0.1.6:80"))
	compareAddresses = cmp.Comparer(func(a, b model.TargetID) bool { return a == b })
)

// sec is so many seconds after the start.
func sec(n float64) time.Time { return start.Add(time.Duration(n * float64(time.Second))) }

type (
	pods    = map[model.TargetID]types.UID
	answer  = []model.TargetHealth
	targets = map[model.TargetID]health.Target
)

func initial(address model.TargetID) model.TargetHealth {
	return model.TargetHealth{Address: address, State: model.Initial, Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress"}
}

func healthy(address model.TargetID) model.TargetHealth {
	return model.TargetHealth{Address: address, State: model.Healthy}
}

func draining(address model.TargetID) model.TargetHealth {
	return model.TargetHealth{Address: address, State: model.Draining, Reason: "Target.DeregistrationInProgress", Description: "Target deregistration is in progress"}
}

// told is a target with an answer.
func told(t health.Target, by model.TargetHealth, asked time.Time) health.Target {
	t.State, t.Reason, t.Description, t.Asked = by.State, by.Reason, by.Description, asked
	return t
}

func expect(t *testing.T, book *health.Book, want targets) {
	t.Helper()
	if diff := cmp.Diff(want, book.Targets(group), compareAddresses); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func expectHealthy(t *testing.T, got []health.Target, want ...model.TargetID) {
	t.Helper()
	var addresses []model.TargetID
	for _, target := range got {
		addresses = append(addresses, target.Address)
	}
	if diff := cmp.Diff(want, addresses, compareAddresses); diff != "" {
		t.Errorf("became healthy (-want +got):\n%s", diff)
	}
}

func TestAnAnswerJudgesWhatWasRegisteredBeforeItWasAskedFor(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-a"}, sec(2))
	target := health.Target{Address: a, Pod: "pod-a", Since: sec(2)}

	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(1)))
	expect(t, book, targets{a: target})
	expectHealthy(t, book.Answered(group, nil, sec(1))) // nor is it gone
	expect(t, book, targets{a: target})

	expectHealthy(t, book.Answered(group, answer{initial(a)}, sec(3)))
	target = told(target, initial(a), sec(3))
	target.NotYet = sec(3)
	expect(t, book, targets{a: target})

	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(4)), a)
	target = told(target, healthy(a), sec(4))
	target.HealthySince = sec(4)
	expect(t, book, targets{a: target})

	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(5))) // it is no news
	target.Asked = sec(5)
	expect(t, book, targets{a: target})
}

func TestAnAnswerThatWasOvertakenChangesNothing(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-a"}, sec(0))
	book.Answered(group, answer{healthy(a)}, sec(3))
	want := targets{a: {Address: a, Pod: "pod-a", Since: sec(0), State: model.Healthy, Asked: sec(3), HealthySince: sec(3)}}
	expect(t, book, want)
	book.Answered(group, answer{initial(a)}, sec(2))
	expect(t, book, want)
	book.Answered(group, nil, sec(2))
	expect(t, book, want)
}

func TestATargetThatVanishedIsDropped(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-a", b: "pod-b"}, sec(0))
	book.Answered(group, answer{initial(b)}, sec(1))
	expect(t, book, targets{b: {
		Address: b, Pod: "pod-b", Since: sec(0), State: model.Initial, Reason: "Elb.InitialHealthChecking", Description: "Initial health checks in progress", Asked: sec(1), NotYet: sec(1),
	}})
}

func TestATargetThatNobodyHereRegisteredBelongsToNobodyKnown(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(1)), a)
	expect(t, book, targets{a: {Address: a, Since: sec(1), State: model.Healthy, Asked: sec(1), HealthySince: sec(1)}})
}

// A registration without an answer counts until AWS says what became of it.
func TestADoubtfulRegistrationIsSettledByTheNextAnswer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		says     []model.TargetHealth
		after    time.Duration // the question comes this long after the registration
		known    bool
		doubtful bool
	}{
		"it-is-there":        {says: answer{initial(a)}, after: time.Second, known: true},
		"it-is-not":          {after: time.Second},
		"asked-too-early":    {after: -time.Second, known: true, doubtful: true},
		"of-another-address": {says: answer{initial(b)}, after: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := health.NewBook()
			book.Open("web")
			book.Doubted("web", pods{a: "pod"}, start)
			book.Answered("web", test.says, start.Add(test.after))
			target, known := book.Target("web", a)
			if known != test.known || target.Doubtful != test.doubtful || known && target.Pod != "pod" {
				t.Errorf("known %v, doubtful %v, of Pod %q", known, target.Doubtful, target.Pod)
			}
		})
	}
}

func TestAFailureEndsTheRowOfHealthyAnswers(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-a"}, sec(0))
	book.Answered(group, answer{healthy(a)}, sec(1))
	book.Answered(group, answer{{Address: a, State: model.Unhealthy, Reason: "Target.Timeout", Description: "Request timed out"}}, sec(2))
	expect(t, book, targets{a: {
		Address: a, Pod: "pod-a", Since: sec(0), State: model.Unhealthy, Reason: "Target.Timeout", Description: "Request timed out", Asked: sec(2), NotYet: sec(2),
	}})
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(3)), a)
}

func TestADeregisteredTargetDrainsUntilItIsGone(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-a"}, sec(0))
	book.Answered(group, answer{healthy(a)}, sec(1))
	book.Deregistered(group, []model.TargetID{a, b}, sec(3))
	want := targets{}
	for address, pod := range map[model.TargetID]types.UID{a: "pod-a", b: ""} {
		want[address] = told(health.Target{Address: address, Pod: pod, Since: sec(3), Deregistered: sec(3)}, draining(address), sec(3))
	}
	expect(t, book, want)
	for _, target := range book.Targets(group) {
		if target.Registered() {
			t.Errorf("%s counts as registered", target.Address)
		}
	}

	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(2))) // asked for before
	expect(t, book, want)
	book.Answered(group, answer{draining(a)}, sec(4))
	target := want[a]
	target.Asked, target.NotYet = sec(4), sec(4)
	expect(t, book, targets{a: target})
	book.Answered(group, nil, sec(5))
	expect(t, book, targets{})
}

// Reads of ELBv2 may be some seconds behind what was written just before.
func TestAnAnswerThatKnowsNothingOfTheDeregistrationIsAnOldOne(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-a"}, sec(0))
	book.Deregistered(group, []model.TargetID{a}, sec(10))
	want := told(health.Target{Address: a, Pod: "pod-a", Since: sec(10), Deregistered: sec(10)}, draining(a), sec(10))
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(15)))
	expect(t, book, targets{a: want})
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(60)), a) // somebody has registered it
}

// AWS may take a registration of a draining address and do nothing: then it says so.
func TestARegistrationThatDidNotTakeIsDraining(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Deregistered(group, []model.TargetID{a}, sec(0))
	book.Registered(group, pods{a: "pod-new"}, sec(1))
	book.Answered(group, answer{draining(a)}, sec(2))
	want := told(health.Target{Address: a, Pod: "pod-new", Since: sec(1), NotYet: sec(2)}, draining(a), sec(2))
	expect(t, book, targets{a: want})
}

func TestAnAdoptedAddressStartsAnew(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Registered(group, pods{a: "pod-before"}, sec(0))
	book.Answered(group, answer{healthy(a)}, sec(1))
	book.Adopted(group, pods{a: "pod-new"}, sec(2))
	want := health.Target{Address: a, Pod: "pod-new", Since: sec(2), Adopted: true, State: model.Healthy, Asked: sec(1)}
	expect(t, book, targets{a: want})
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(1.5))) // asked for before
	expect(t, book, targets{a: want})
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(3)), a)
	want.Asked, want.HealthySince = sec(3), sec(3)
	expect(t, book, targets{a: want})
	expectHealthy(t, book.Answered(group, answer{healthy(a)}, sec(4)))
	want.Asked = sec(4)
	expect(t, book, targets{a: want})
}

func TestARememberedRegistrationKeepsItsHealth(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Answered(group, answer{healthy(a)}, sec(1))
	book.Remembered(group, pods{a: "pod-a"})
	expect(t, book, targets{a: {Address: a, Pod: "pod-a", Since: sec(1), State: model.Healthy, Asked: sec(1), HealthySince: sec(1)}})
}

func TestServedBefore(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	expect := func(at float64, want bool) {
		t.Helper()
		if got := book.ServedBefore(group, sec(at)); got != want {
			t.Errorf("served before second %v: got %v, want %v", at, got, want)
		}
	}
	expect(9, false)
	book.Registered(group, pods{a: "pod-a", b: "pod-b"}, sec(0))
	book.Answered(group, answer{initial(a), initial(b)}, sec(1))
	expect(9, false)
	book.Answered(group, answer{healthy(a), initial(b)}, sec(5))
	expect(5, false)
	expect(6, true)
	book.Answered(group, answer{initial(a), initial(b)}, sec(7))
	expect(9, false)
}

func TestABookKnowsGroupsThatWereOpenedOrAskedAbout(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	known := func(want bool) {
		t.Helper()
		if got := book.Known(group); got != want {
			t.Errorf("known: got %v, want %v", got, want)
		}
	}
	known(false)
	book.Open(group)
	known(true)
	book.Registered(group, pods{a: "pod-a"}, sec(0))
	book.Open(group) // once more: it forgets nothing
	expect(t, book, targets{a: {Address: a, Pod: "pod-a", Since: sec(0)}})
	book.Close(group, sec(1))
	known(false)
	book.Answered(group, nil, sec(1))
	known(true)
}

// A binding may come back within the seconds in which an old answer shows what left with it.
func TestAClosedGroupRemembersWhatWasDeregisteredJustBefore(t *testing.T) {
	t.Parallel()
	for name, learn := range map[string]func(*health.Book){
		"an-old-answer": func(book *health.Book) { book.Answered(group, answer{healthy(a)}, sec(15)) },
		"a-record": func(book *health.Book) {
			book.Restore(group, []health.Target{{Address: a, Pod: "pod-a", Since: sec(0)}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book := health.NewBook()
			book.Registered(group, pods{a: "pod-a", b: "pod-b"}, sec(0))
			book.Deregistered(group, []model.TargetID{a}, sec(10))
			book.Close(group, sec(11))
			if book.Known(group) {
				t.Error("the group is known although it was closed")
			}
			learn(book)
			expect(t, book, targets{a: told(health.Target{Address: a, Pod: "pod-a", Since: sec(10), Deregistered: sec(10)}, draining(a), sec(10))})
		})
	}
}

func TestAClosedGroupIsForgottenWhenNoAnswerCanBeSoOld(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	book.Deregistered(group, []model.TargetID{a}, sec(0))
	book.Close(group, sec(1))
	book.Close("another", sec(60))
	expect(t, book, nil)
}

func TestTimeToUnhealthy(t *testing.T) {
	t.Parallel()
	book := health.NewBook()
	expect := func(want time.Duration) {
		t.Helper()
		if got := book.TimeToUnhealthy(group); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	check := model.HealthCheck{Interval: model.Duration(5 * time.Second), Timeout: model.Duration(2 * time.Second), UnhealthyThreshold: 3}
	expect(66 * time.Second) // the defaults of ELBv2, rather too long than too short
	book.SetCheck(group, check)
	expect(17 * time.Second) // also while its targets are not known
	book.Open(group)
	expect(17 * time.Second)
	book.Close(group, sec(60))
	expect(66 * time.Second)
}
