package healthz

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestJoin(t *testing.T) {
	t.Parallel()
	required, optional := Check{Name: "http://:1/", Required: true}, Check{Name: "tcp://:2"}
	ill := errors.New("ill")
	for name, c := range map[string]struct {
		results []Result
		want    State
	}{
		"all-well":          {[]Result{newResult(required, nil, 0), newResult(optional, nil, 0)}, Passing},
		"required-ill":      {[]Result{newResult(required, ill, 0), newResult(optional, nil, 0)}, Failing},
		"one-of-two-ill":    {[]Result{newResult(required, ill, 0), newResult(required, nil, 0)}, Failing},
		"only-optional-ill": {[]Result{newResult(required, nil, 0), newResult(optional, ill, 0)}, Passing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(Report{State: c.want, Checks: c.results}, join(c.results)); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
		})
	}
}

// Three nodes of a load balancer that ask within one round, and one that asks just after it, cost the containers one
// round; who asks later costs another.
func TestManyAskersCostOneRound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked atomic.Int32
		all := &rounds{
			checks: []Check{{Name: "http://:1/", Required: true}}, timeout: time.Second, reuse: 500 * time.Millisecond,
			probe: func(context.Context, Check) error {
				asked.Add(1)
				time.Sleep(100 * time.Millisecond)
				return nil
			},
		}
		var nodes sync.WaitGroup
		for i := range 3 {
			nodes.Go(func() {
				time.Sleep(time.Duration(i) * 40 * time.Millisecond)
				all.ask()
			})
		}
		nodes.Wait()
		time.Sleep(499 * time.Millisecond)
		all.ask()
		if got := asked.Load(); got != 1 {
			t.Errorf("%d rounds within the first's time", got)
		}
		time.Sleep(time.Millisecond)
		all.ask()
		if got := asked.Load(); got != 2 {
			t.Errorf("%d rounds when the first was too old", got)
		}
	})
}

// A container that hangs costs no more than the timeout, however many hang, and does not hide those that answer.
func TestRoundEndsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, check Check) error {
			if check.Required {
				return nil
			}
			<-ctx.Done()
			return plain(ctx, ctx.Err())
		}
		all := &rounds{checks: []Check{{Name: "a", Required: true}, {Name: "b"}, {Name: "c"}}, timeout: time.Second, probe: hangs}
		want := Report{State: Passing, Checks: []Result{
			{Check: "a", Required: true, State: Passing},
			{Check: "b", State: Failing, Error: "no answer in time", Seconds: 1},
			{Check: "c", State: Failing, Error: "no answer in time", Seconds: 1},
		}}
		if diff := cmp.Diff(want, all.ask()); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	})
}

// After SIGTERM the endpoint stays as long as the others do, and no longer than it may.
func TestOutlast(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		othersEnd, most, want time.Duration
	}{
		"others-end-first": {20 * time.Second, time.Hour, 20 * time.Second},
		"bound-passes":     {time.Hour, 30 * time.Second, 30 * time.Second},
		"ill-already":      {0, time.Hour, 0},
		"not-at-all":       {time.Hour, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				outlast(t.Context(), func() Report {
					if time.Since(began) >= c.othersEnd {
						return Report{State: Failing}
					}
					return Report{State: Passing}
				}, c.most)
				if took := time.Since(began); took != c.want {
					t.Errorf("it stayed %s, want %s", took, c.want)
				}
			})
		})
	}
}
