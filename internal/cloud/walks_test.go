package cloud_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/plan"
)

var (
	walks = flag.Int("walks", 40, "how many walks through random scenes")
	seed  = flag.Uint64("seed", 0, "only the walk with this seed")
)

const (
	scenesOfAWalk = 7
	mishapsOfOne  = 9 // how often each walk is repeated with mishaps
)

// TestWalks goes through random scenes: Ingresses come and go, join and leave groups,
// are wrong and are mended, want other things. A walk without mishaps is the measure. In
// others one thing goes wrong in each scene: the controller dies before or after a call,
// or a call does not arrive, comes late, or its answer is lost. In every scene
//
//   - AWS and the bindings end as they do without a mishap, and a second plan is empty
//   - what belongs to others is as it was
//
// and when all Ingresses are gone, so is all that was made for them.
//
//	go test ./internal/cloud -run Walks -seed 17 -v
func TestWalks(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), uint64(*walks)
	if *seed != 0 {
		first, last = *seed, *seed
	}
	var cases, met atomic.Int64
	t.Run("seed", func(t *testing.T) {
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint("of-worker-", worker), func(t *testing.T) {
				t.Parallel()
				for n := first; n <= last && !t.Failed(); n++ {
					if int(n)%runtime.GOMAXPROCS(0) == worker || *seed != 0 && worker == 0 {
						synctest.Test(t, func(t *testing.T) { walkAll(t, n, &cases, &met) })
					}
				}
			})
		}
	})
	t.Logf("%d cases, %d with a mishap", cases.Load(), met.Load())
}

func walkAll(t *testing.T, seed uint64, cases, met *atomic.Int64) {
	t.Helper()
	way := scenes{rand.New(rand.NewPCG(seed, 1))}.walk(scenesOfAWalk)
	undisturbed := newWorld(t, seed)
	for _, s := range way {
		undisturbed.play(s, fate{})
		undisturbed.checkSecondPlan() // a new controller sees only what is compared in the others
		cases.Add(1)
	}
	random := rand.New(rand.NewPCG(seed, 2))
	for range mishapsOfOne {
		disturbed := newWorld(t, seed)
		for n, s := range way {
			f := fate{mishap: mishap(1 + random.IntN(int(mishaps)-1)), call: random.IntN(max(1, undisturbed.counts[n]))}
			disturbed.play(s, f)
			disturbed.compare(n, undisturbed.after[n])
			cases.Add(1)
			if disturbed.controller.wire.met {
				met.Add(1)
			}
		}
	}
}

// world is an AWS with its inhabitants, and the scenes that were played in it.
type world struct {
	*testing.T
	seed          uint64
	administrator *administrator
	controller    *controller
	foreign       inspection // what was there before

	played []string
	after  []inspection // each scene
	counts []int        // calls in each scene
}

func newWorld(t *testing.T, seed uint64) *world {
	t.Helper()
	local := newOfflineAWS(t, localaws.Config{Throttling: "off"})
	w := &world{T: t, seed: seed, administrator: newAdministrator(t, local), controller: newController(t, newCluster("prod"), local)}
	w.administrator.others(local)
	w.foreign = w.administrator.inspect()
	return w
}

// play shows the controller a scene, lets one thing go wrong, and waits until it has
// nothing left to do.
func (w *world) play(s scene, f fate) {
	w.Helper()
	c := w.controller
	c.before, c.scene = c.scene, s
	c.wire.begin(f)
	w.played = append(w.played, fmt.Sprintf("%d Ingresses, %s", len(s.ingresses), f))
	if s.restarted {
		c.restart()
	}
	if err := c.settle(); err != nil {
		w.fail("it does not converge: %v", err)
	}
	w.counts = append(w.counts, c.wire.calls)
	if c.wire.fate.mishap == late && c.wire.delayed != nil {
		c.wire.arrive()
		c.restart()
		if err := c.settle(); err != nil {
			w.fail("after a late call it does not converge: %v", err)
		}
	}
	now := w.administrator.inspect()
	maps.Copy(now, c.bound())
	w.after = append(w.after, now)
	w.checkForeign()
	if len(s.ingresses) == 0 {
		if diff := cmp.Diff(w.foreign, w.after[len(w.after)-1]); diff != "" {
			w.fail("something is left (-before +after):\n%s", diff)
		}
	}
}

// checkSecondPlan looks with the eyes of a new controller.
func (w *world) checkSecondPlan() {
	w.Helper()
	fresh := &controller{T: w.T, cluster: w.controller.cluster, wire: &wire{aws: w.controller.wire.aws}}
	fresh.restart()
	for _, id := range fresh.stacks() {
		members, leaving := fresh.membership(id)
		if len(leaving) > 0 {
			w.fail("%s: Ingresses are still leaving", id)
		}
		if len(members) == 0 {
			continue
		}
		result, err := fresh.build(w.Context(), id, members, false)
		if err != nil {
			w.fail("%s: %v", id, err)
		}
		if result.Stack == nil {
			continue
		}
		steps, err := fresh.plan(w.Context(), *result.Stack)
		if err != nil || len(steps) > 0 {
			w.fail("%s: a second plan is not empty (%v):\n%s", id, err, plan.Print(steps))
		}
	}
}

func (w *world) checkForeign() {
	w.Helper()
	now := w.after[len(w.after)-1]
	for name, before := range w.foreign {
		if now[name] != before {
			w.fail("%s belongs to somebody else and was changed:\nbefore %s\nafter  %s", name, before, now[name])
		}
	}
}

func (w *world) compare(n int, undisturbed inspection) {
	w.Helper()
	if diff := cmp.Diff(undisturbed, w.after[n]); diff != "" {
		w.fail("it ends otherwise than without the mishap (-without +with):\n%s", diff)
	}
}

func (w *world) fail(format string, args ...any) {
	w.Helper()
	history := w.controller.wire.history
	w.Fatalf("seed %d, scenes:\n  %s\n%s\ncalls:\n  %s", w.seed, strings.Join(w.played, "\n  "), fmt.Sprintf(format, args...),
		strings.Join(history[max(0, len(history)-40):], "\n  "))
}
