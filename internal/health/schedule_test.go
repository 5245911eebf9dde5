package health_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/health"
)

// next is what a schedule says.
type next struct {
	Group string
	At    time.Time
}

var nothing = next{}

func expectNext(t *testing.T, s *health.Schedule, now time.Time, want next) {
	t.Helper()
	group, at, ok := s.Next(now)
	if diff := cmp.Diff(want, next{group, at}); diff != "" || ok != (want != nothing) {
		t.Errorf("next question (-want +got):\n%s", diff)
	}
}

// since is a wait for a target that was registered then.
func since(group string, at time.Time) []health.Wait {
	return []health.Wait{{Group: group, Address: a, Since: at}}
}

// ask puts a question and has the answer at once.
func ask(s *health.Schedule, group string, at time.Time) {
	s.Asking(group, at)
	s.Asked(group)
}

func TestNobodyWaitsNobodyAsks(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	expectNext(t, s, sec(0), nothing)
	s.Await("pod", since("web", sec(0)))
	s.Await("pod", nil)
	expectNext(t, s, sec(0), nothing)
	s.Await("pod", nil) // once more
	if s.Waiting() != 0 {
		t.Errorf("%d are waiting", s.Waiting())
	}
}

func TestTheFirstQuestionIsPutWhenYesIsPossible(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("pod", since("web", sec(0)))
	expectNext(t, s, sec(0), next{"web", sec(1)})   // as long as nothing was learned
	expectNext(t, s, sec(10), next{"web", sec(10)}) // late: now
	took(s, "web", 10, 12, 14, 16, 12)
	expectNext(t, s, sec(0), next{"web", sec(9)})
}

// took notes times to health in seconds.
func took(s *health.Schedule, group string, seconds ...float64) {
	for _, n := range seconds {
		s.Took(group, sec(n).Sub(sec(0)), true)
	}
}

func TestAnAdoptedAddressIsAskedAboutWhenTheAnswerCounts(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("pod", []health.Wait{{Group: "web", Address: a, Since: sec(0), NotBefore: sec(66)}})
	expectNext(t, s, sec(0), next{"web", sec(66)})
	ask(s, "web", sec(2)) // for somebody else
	expectNext(t, s, sec(2), next{"web", sec(66)})
	ask(s, "web", sec(66)) // healthy once
	expectNext(t, s, sec(66), next{"web", sec(66).Add(600 * time.Millisecond)})
}

func TestTheEarliestWaitOfAGroupCounts(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("late", since("web", sec(5)))
	s.Await("early", since("web", sec(2)))
	expectNext(t, s, sec(0), next{"web", sec(3)})
	s.Await("early", nil)
	expectNext(t, s, sec(0), next{"web", sec(6)})
}

func TestQuestionsAreAPaceApartAndSlowDown(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Served("web")
	s.Await("pod", since("web", sec(0)))
	for _, test := range []struct{ asked, next float64 }{
		{1, 1.6}, {2, 2.6}, {45, 45.6}, // due for less than 45 s
		{46, 46.6}, {56, 57.6}, {96, 101.6}, // then a tenth of the time beyond
		{186, 200.6}, {1000, 1015}, // at most 15 s
	} {
		ask(s, "web", sec(test.asked))
		expectNext(t, s, sec(test.asked), next{"web", sec(test.next)})
	}
}

// While no target of a group was ever healthy its load balancer is being provisioned.
func TestAGroupThatNeverServedIsAskedAboutEverMoreSlowly(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("pod", since("web", sec(0)))
	for _, test := range []struct{ asked, next float64 }{{1, 1.6}, {9, 10}, {17, 19}, {41, 46}, {81, 91}, {1000, 1015}} {
		ask(s, "web", sec(test.asked))
		expectNext(t, s, sec(test.asked), next{"web", sec(test.next)})
	}
}

func TestANewTargetOfAGroupThatFailsForLongIsAskedAboutAtOnce(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("old", since("web", sec(0)))
	ask(s, "web", sec(1000))
	expectNext(t, s, sec(1000), next{"web", sec(1015)})
	s.Await("new", since("web", sec(1001)))
	expectNext(t, s, sec(1001), next{"web", sec(1002)})
}

func TestNoSecondQuestionWhileOneIsOnItsWay(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("pod", append(since("web", sec(0)), since("api", sec(3))...))
	s.Asking("web", sec(1))
	expectNext(t, s, sec(2), next{"api", sec(4)})
	s.Asking("api", sec(4))
	expectNext(t, s, sec(9), nothing)
	s.Asked("web")
	expectNext(t, s, sec(9), next{"web", sec(9)})
}

func TestAwaitReplaces(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("pod", append(since("web", sec(0)), since("api", sec(0))...))
	if got := s.Waiting(); got != 2 {
		t.Errorf("%d wait, want 2", got)
	}
	s.Await("pod", since("api", sec(4)))
	if got := s.Waiting(); got != 1 {
		t.Errorf("%d wait, want 1", got)
	}
	expectNext(t, s, sec(0), next{"api", sec(5)})
}

func TestMostWaitingGoFirstAmongThoseThatAreDue(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("one", since("few", sec(0)))
	s.Await("two", since("many", sec(0)))
	s.Await("three", since("many", sec(8)))
	s.Await("four", since("most", sec(5)))
	s.Await("five", since("most", sec(5)))
	s.Await("six", since("most", sec(5)))
	expectNext(t, s, sec(0.5), next{"many", sec(1)})
	expectNext(t, s, sec(1), next{"many", sec(1)})
	ask(s, "many", sec(1))
	expectNext(t, s, sec(1.2), next{"few", sec(1.2)})
	ask(s, "few", sec(1.2))
	expectNext(t, s, sec(1.3), next{"many", sec(1.6)})
	ask(s, "few", sec(6))
	ask(s, "many", sec(6))
	expectNext(t, s, sec(6), next{"most", sec(6)})
}

// Five questions a second for thirty groups: the crowded ones are asked more often, and
// the others have their turn all the same.
func TestNoGroupStarves(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	for i := range 30 {
		for pod := range 1 + 9*(i%2) {
			s.Await(fmt.Sprintf("pod-%d-%d", i, pod), since(fmt.Sprintf("group-%02d", i), sec(0)))
		}
	}
	questions := map[string]int{}
	for n := range 150 { // half a minute
		now := sec(1 + float64(n)/5)
		group, at, ok := s.Next(now)
		if !ok || at.After(now) {
			t.Fatalf("nobody is due in second %v", now.Sub(start))
		}
		questions[group]++
		ask(s, group, now)
	}
	for i := range 30 {
		group := fmt.Sprintf("group-%02d", i)
		if least := 2 + 5*(i%2); questions[group] < least {
			t.Errorf("%s was asked about %d times, want %d at least", group, questions[group], least)
		}
	}
}

func TestTheShortestOfEarlierTimesSaysWhenToAskFirst(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		took  []float64 // seconds, in the order in which it was learned
		first float64   // question
	}{
		{"one-alone-may-have-been-slow", []float64{20}, 10},
		{"three", []float64{30, 20, 40}, 14},
		{"many", []float64{20, 30, 40, 30, 35}, 18},
		{"the-first-question-came-late", []float64{20, 30, 40, -1, 30}, 1},
		{"the-fast-of-a-crowd-are-told-first", slices.Concat(slices.Repeat([]float64{20}, 50), slices.Repeat([]float64{30}, 50)), 18},
		{"it-has-become-slower-for-good", slices.Concat(slices.Repeat([]float64{20}, 64), slices.Repeat([]float64{30}, 64)), 27},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := health.NewSchedule()
			s.Await("pod", since("web", sec(0)))
			took(s, "web", test.took...)
			expectNext(t, s, sec(0), next{"web", sec(test.first)})
		})
	}
}

// A new load balancer makes its first targets slow: they tell nothing of later ones.
func TestWhatWaitedForItsLoadBalancerTeachesOthersOnly(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	s.Await("pod", since("web", sec(0)))
	for range 10 {
		s.Took("web", time.Minute, false)
	}
	expectNext(t, s, sec(0), next{"web", sec(1)})
}

func TestDropForgetsWhatWasLearnedUnlessSomebodyWaits(t *testing.T) {
	t.Parallel()
	s := health.NewSchedule()
	took(s, "web", 10, 10, 10, 10, 10)
	s.Await("pod", since("web", sec(0)))
	s.Drop("web")
	expectNext(t, s, sec(0), next{"web", sec(9)})
	s.Await("pod", nil)
	s.Drop("web")
	s.Drop("never-heard-of")
	s.Await("pod", since("web", sec(0)))
	expectNext(t, s, sec(0), next{"web", sec(1)})
}

// Where there are more groups than questions, those go first whose targets are old enough
// to be healthy, and the others have their turn all the same.
func TestRipeTargetsGoFirst(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := health.NewSchedule()
	for range 8 {
		s.Took("another", 21*time.Second, false)
	}
	wait := func(group string, age time.Duration) []health.Wait {
		return []health.Wait{{Group: group, Since: now.Add(-age)}}
	}
	s.Served("young")
	s.Served("old")
	s.Await("a", wait("young", 10*time.Second))
	s.Await("b", wait("old", 21*time.Second))
	asked := map[string]int{}
	for range 8 {
		group, _, ok := s.Next(now)
		if !ok {
			t.Fatal("nobody is asked about")
		}
		asked[group]++
		s.Asking(group, now)
		s.Asked(group)
		now = now.Add(time.Second)
	}
	if asked["old"] <= asked["young"] || asked["young"] == 0 {
		t.Errorf("questions: %v; want most about the old, and some about the young", asked)
	}
}
