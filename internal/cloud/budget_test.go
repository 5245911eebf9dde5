package cloud

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
)

// callLog remembers which calls the budget let through, and when.
type callLog struct {
	budget *Budget
	began  time.Time
	mu     sync.Mutex
	passed []string
	when   []time.Duration
}

// spend runs a test with a budget that uses this share, in a bubble.
func spend(t *testing.T, share float64, test func(t *testing.T, log *callLog)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		test(t, &callLog{budget: NewBudget(share), began: time.Now()})
	})
}

// want queues a call and comes back once that has passed or has to wait.
func (l *callLog) want(ctx context.Context, name, operation string, class Class) {
	l.many(ctx, 1, name, operation, class)
}

func (l *callLog) many(ctx context.Context, n int, name, operation string, class Class) {
	for range n {
		go func() {
			name := name
			if err := l.budget.Acquire(ctx, elbv2Service, operation, class); err != nil {
				name += ": " + err.Error()
			}
			l.mu.Lock()
			defer l.mu.Unlock()
			l.passed, l.when = append(l.passed, name), append(l.when, time.Since(l.began))
		}()
		synctest.Wait()
	}
}

// sofar is what has passed, and when, once everybody has to wait.
func (l *callLog) sofar() (names []string, when []time.Duration) {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.passed), slices.Clone(l.when)
}

func (l *callLog) count() int {
	names, _ := l.sofar()
	return len(names)
}

func (l *callLog) reset() {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.passed, l.when = nil, nil
}

func (l *callLog) expectOrder(t *testing.T, want ...string) {
	t.Helper()
	names, _ := l.sofar()
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// drain empties a bucket.
func (l *callLog) drain(t *testing.T, n int, operation string) {
	t.Helper()
	l.many(t.Context(), n, "drain", operation, Registration)
	if got := l.count(); got != n {
		t.Fatalf("%d of %d calls passed", got, n)
	}
	l.reset()
}

func TestAShareOfTheBurstPassesAtOnceAndThenAShareOfTheRefill(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		operation string
		burst     int
		perSecond float64
	}{
		{"DescribeRules", 20, 5}, {"RegisterTargets", 10, 2}, {"CreateRule", 10, 1.5},
	} {
		t.Run(test.operation, func(t *testing.T) {
			t.Parallel()
			spend(t, 0.5, func(t *testing.T, log *callLog) {
				log.many(t.Context(), 2*test.burst, "call", test.operation, Read)
				if got := log.count(); got != test.burst {
					t.Errorf("%d passed at once, want %d", got, test.burst)
				}
				time.Sleep(time.Duration(float64(test.burst)/test.perSecond*float64(time.Second)) + 10*time.Millisecond)
				if got := log.count(); got != 2*test.burst {
					t.Fatalf("%d have passed, want %d", got, 2*test.burst)
				}
				_, when := log.sofar()
				for i, at := range when[test.burst:] {
					want := time.Duration(float64(i+1) / test.perSecond * float64(time.Second))
					if at < want-time.Millisecond || at > want+10*time.Millisecond {
						t.Errorf("call %d of the refill passed after %s, want %s", i, at, want)
					}
				}
			})
		})
	}
}

func TestASmallShareStillLetsOneCallThrough(t *testing.T) {
	t.Parallel()
	spend(t, 0.01, func(t *testing.T, log *callLog) {
		log.many(t.Context(), 2, "call", "DescribeRules", Read)
		log.expectOrder(t, "call")
		time.Sleep(10*time.Second + 10*time.Millisecond)
		log.expectOrder(t, "call", "call")
	})
}

func TestABucketFillsToItsBrimAndNoFurther(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 20, "DescribeRules")
		time.Sleep(time.Hour)
		log.many(t.Context(), 30, "call", "DescribeRules", Read)
		if got := log.count(); got != 20 {
			t.Errorf("%d passed after an hour, want 20", got)
		}
		time.Sleep(time.Minute)
	})
}

func TestUrgentCallsGoFirst(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 20, "DescribeRules")
		log.want(t.Context(), "slow", "DescribeTags", Slow)
		log.want(t.Context(), "read", "DescribeRules", Read)
		log.want(t.Context(), "change", "CreateRule", Change)
		log.want(t.Context(), "question", "DescribeTargetHealth", Question)
		log.want(t.Context(), "registration", "RegisterTargets", Registration)
		log.want(t.Context(), "second-registration", "RegisterTargets", Registration)
		log.expectOrder(t)
		time.Sleep(2 * time.Second)
		log.expectOrder(t, "registration", "second-registration", "question", "change", "read", "slow")
	})
}

func TestACallWhoseOwnBucketIsEmptyHoldsBackNobody(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 10, "RegisterTargets")
		log.want(t.Context(), "registration", "RegisterTargets", Registration)
		log.want(t.Context(), "read", "DescribeRules", Read)
		log.expectOrder(t, "read")
		time.Sleep(time.Second)
		log.expectOrder(t, "read", "registration")
	})
}

func TestEC2HasABucketOfItsOwn(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 20, "DescribeRules")
		if err := log.budget.Acquire(t.Context(), ec2Service, "DescribeSubnets", Read); err != nil {
			t.Error(err)
		}
		if waited := time.Since(log.began); waited != 0 {
			t.Errorf("it waited for %s", waited)
		}
	})
}

// Reads take all that comes in; a slow round has its turn all the same.
func TestNoClassStarves(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 20, "DescribeRules")
		log.want(t.Context(), "slow", "DescribeTags", Slow)
		for range 100 {
			log.want(t.Context(), "read", "DescribeRules", Read)
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(30 * time.Second)
		names, when := log.sofar()
		for i, name := range names {
			if name == "slow" {
				if at := when[i]; at < 5*time.Second || at > 8*time.Second {
					t.Errorf("the slow round passed after %s; it becomes as urgent as a read after 5 s", at)
				}
				return
			}
		}
		t.Error("the slow round never passed")
	})
}

func TestThrottlingShrinksTheShareAndItGrowsBack(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		// However long nothing was asked: AWS says that the bucket is empty.
		time.Sleep(time.Minute)
		log.budget.Throttled(elbv2Service, "DescribeRules", Read)
		log.many(t.Context(), 2000, "call", "DescribeRules", Read)
		log.expectOrder(t)
		for _, step := range []struct {
			after, around time.Duration
			perSecond     float64
		}{
			{10 * time.Second, time.Second, 3.5}, // three of five a second, and quickly up
			{60 * time.Second, time.Second, 4.7},
			{126 * time.Second, time.Second, 5}, // where AWS had throttled
			{180 * time.Second, time.Second, 5}, // and never above the share
		} {
			time.Sleep(step.after - step.around - time.Since(log.began) + time.Minute)
			before := log.count()
			time.Sleep(2 * step.around)
			got := float64(log.count()-before) / (2 * step.around.Seconds())
			if got < step.perSecond-0.5 || got > step.perSecond+0.5 {
				t.Errorf("%s after the throttled answer %.1f calls pass in a second, want %.1f", step.after, got, step.perSecond)
			}
		}
		time.Sleep(10 * time.Minute)
	})
}

func TestThrottledCallsShrinkOnlyTheirOwnBucket(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.budget.Throttled(elbv2Service, "CreateRule", Change)
		log.many(t.Context(), 20, "call", "RegisterTargets", Registration)
		if got := log.count(); got != 10 {
			t.Errorf("%d registrations pass at once, want 10", got)
		}
		if err := log.budget.Acquire(t.Context(), ec2Service, "DescribeSubnets", Read); err != nil {
			t.Error(err)
		}
		if waited := time.Since(log.began); waited != 0 {
			t.Errorf("EC2 waited for %s", waited)
		}
		time.Sleep(time.Minute)
	})
}

// Five minutes in which nothing comes through cost a fifth of the calls, and are over with
// the first good answer.
func TestThrottlingForMinutesIsOverAtOnce(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		for began, asked := time.Now(), 0; ; asked++ {
			if err := log.budget.Acquire(t.Context(), elbv2Service, "RegisterTargets", Registration); err != nil {
				t.Fatal(err)
			}
			if time.Since(began) > 5*time.Minute {
				if asked < 100 || asked > 200 {
					t.Errorf("AWS was asked %d times in five minutes, want about one time in two and a half seconds", asked)
				}
				break
			}
			log.budget.Throttled(elbv2Service, "RegisterTargets", Registration)
		}
		log.budget.Passed(elbv2Service, "RegisterTargets", Registration)
		log.many(t.Context(), 20, "registration", "RegisterTargets", Registration)
		time.Sleep(12 * time.Second)
		if got := log.count(); got != 20 {
			t.Errorf("%d of 20 registrations have passed within 12 s of the first good answer", got)
		}
	})
}

// A hundred new load balancers hold one worker, not all of them.
func TestOneCallWaitsAtTheNarrowBucket(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 10, "CreateLoadBalancer")
		log.want(t.Context(), "waits", "CreateLoadBalancer", Change)
		err := log.budget.Acquire(t.Context(), elbv2Service, "CreateLoadBalancer", Change)
		if KindOf(err) != Throttled || RetryAfter(err) != nextTurn || leavesOpen(err) {
			t.Errorf("the second is told %v; want to come back in %s", err, nextTurn)
		}
		time.Sleep(nextTurn + time.Second) // this bucket is used whole: a token comes in five seconds
		log.expectOrder(t, "waits")
	})
}

// account is what AWS allows an account; it answers whether a read is throttled.
type account struct {
	limiter          *rate.Limiter
	asked, throttled int
}

func (a *account) allows() bool {
	a.asked++
	if a.limiter.Allow() {
		return true
	}
	a.throttled++
	return false
}

// Four clusters that always have something to ask share an account with a stranger who
// takes four calls a second, and all find their places.
func TestBudgetsShareAnAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		aws := &account{limiter: rate.NewLimiter(10, 40)}
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Minute)
		defer stop()
		var mu sync.Mutex
		var passed [4]int
		for i := range passed {
			budget := NewBudget(0.5)
			go func() {
				network := rand.New(rand.NewPCG(uint64(i), 1))
				for budget.Acquire(ctx, elbv2Service, "DescribeTags", Read) == nil {
					time.Sleep(time.Duration(20+network.IntN(60)) * time.Millisecond)
					mu.Lock()
					ok := aws.allows()
					passed[i]++
					mu.Unlock()
					if ok {
						budget.Passed(elbv2Service, "DescribeTags", Read)
					} else {
						budget.Throttled(elbv2Service, "DescribeTags", Read)
					}
				}
			}()
		}
		for stranger := time.NewTicker(250 * time.Millisecond); ctx.Err() == nil; <-stranger.C {
			mu.Lock()
			aws.allows()
			mu.Unlock()
		}
		t.Logf("%d calls, %d throttled, shares %v", aws.asked, aws.throttled, passed)
		if part := float64(aws.throttled) / float64(aws.asked); part >= 0.02 {
			t.Errorf("%.1f %% of all calls were throttled, want less than 2 %%", 100*part)
		}
		if least, most := slices.Min(passed[:]), slices.Max(passed[:]); most > 2*least {
			t.Errorf("one had %d calls and another %d: more than twice as many", most, least)
		}
	})
}

func TestACallThatIsGivenUpLeavesTheQueue(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		log.drain(t, 20, "DescribeRules")
		ctx, giveUp := context.WithCancelCause(t.Context())
		log.want(ctx, "first", "DescribeRules", Registration)
		log.want(t.Context(), "second", "DescribeRules", Read)
		giveUp(errors.New("nobody waits any more"))
		log.expectOrder(t, "first: context canceled")
		time.Sleep(210 * time.Millisecond) // the first token is the second call's
		log.expectOrder(t, "first: context canceled", "second")
	})
}

func TestEveryOperationDrawsFromTheDocumentedBuckets(t *testing.T) {
	t.Parallel()
	for operation, want := range map[string][]string{
		"CreateLoadBalancer": {"account", "create"}, "SetSubnets": {"account", "create"},
		"RegisterTargets": {"account", "registration"}, "DeregisterTargets": {"account", "registration"},
		"DescribeTargetHealth": {"account", "read", "question"}, "DescribeTags": {"account", "read"},
		"CreateTargetGroup": {"account", "write"}, "AddTags": {"account", "write"}, "SetRulePriorities": {"account", "write"},
		"SetSecurityGroups": {"account", "write"}, "DeleteLoadBalancer": {"account", "write"},
	} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want, bucketsOf(elbv2Service, operation, Read)); diff != "" {
				t.Errorf("buckets (-want +got):\n%s", diff)
			}
		})
	}
	if diff := cmp.Diff([]string{"ec2"}, bucketsOf(ec2Service, "DescribeSubnets", Read)); diff != "" {
		t.Errorf("buckets of EC2 (-want +got):\n%s", diff)
	}
}

// However many questions there are, less than five a second pass, in any ten seconds,
// and a change waits for no more than a second behind them.
func TestQuestionsLeaveRoom(t *testing.T) {
	t.Parallel()
	spend(t, 0.5, func(t *testing.T, log *callLog) {
		for range 200 {
			log.want(t.Context(), "question", "DescribeTargetHealth", Question)
		}
		time.Sleep(20 * time.Second)
		_, when := log.sofar()
		for i := range when {
			if i+50 < len(when) && when[i+50]-when[i] < 10*time.Second {
				t.Errorf("51 questions pass within %s", when[i+50]-when[i])
			}
		}
		if n := len(when); n < 95 {
			t.Errorf("%d questions have passed in 20 s, want nearly a hundred", n)
		}
		began := time.Since(log.began)
		for range 3 {
			log.want(t.Context(), "change", "CreateRule", Change)
		}
		time.Sleep(2 * time.Second)
		names, when := log.sofar()
		for i, name := range names {
			if waited := when[i] - began; name == "change" && waited > time.Second {
				t.Errorf("a change has waited for %s", waited)
			}
		}
		if !slices.Contains(names, "change") {
			t.Error("no change has passed")
		}
		time.Sleep(time.Minute)
	})
}
