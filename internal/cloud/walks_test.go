package cloud_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/plan"
)

var (
	walks = flag.Int("walks", 230, "how many walks through random scenes")
	seed  = flag.Uint64("seed", 0, "only the walk with this seed")
)

const (
	scenesOfAWalk = 7
	mishapsOfOne  = 9 // how often each walk is repeated with mishaps
	thoroughWalks = 3 // how many are repeated with every mishap at every call
	mindChanges   = 20
)

// TestWalks goes through random scenes: Ingresses come and go, join and leave groups,
// are wrong and are mended, want other things, and somebody changes things by hand. A walk
// without mishaps is the measure. In others one thing goes wrong in each scene: the
// controller dies before or after a call, or a call does not arrive, comes late, or its
// answer is lost. In every scene
//
//   - AWS and the bindings end as they do without a mishap, and a second plan is empty
//   - what belongs to others is as it was
//
// and when all Ingresses are gone, so is all that was made for them. A case is a scene with
// a mishap, or without.
//
//	go test ./internal/cloud -run Walks -seed 17 -v
func TestWalks(t *testing.T) {
	t.Parallel()
	var count caseCount
	eachSeed(t, *walks, func(t *testing.T, seed uint64) {
		way := scenes{rand.New(rand.NewPCG(seed, 1))}.walk(scenesOfAWalk)
		measure := undisturbed(t, seed, way, &count)
		random := rand.New(rand.NewPCG(seed, 2))
		for range mishapsOfOne {
			disturbed(t, measure, way, &count, func(n int) fate {
				return fate{mishap: mishap(1 + random.IntN(int(mishaps)-1)), call: random.IntN(max(1, measure.counts[n]))}
			})
		}
	})
	t.Log(&count)
}

// TestEveryCall is TestWalks with short walks, in which every mishap comes at every call.
func TestEveryCall(t *testing.T) {
	t.Parallel()
	var count caseCount
	eachSeed(t, thoroughWalks, func(t *testing.T, seed uint64) {
		way := scenes{rand.New(rand.NewPCG(seed, 3))}.walk(2)
		measure := undisturbed(t, seed, way, &count)
		for call := range slices.Max(measure.counts) {
			for m := none + 1; m < mishaps; m++ {
				disturbed(t, measure, way, &count, func(int) fate { return fate{mishap: m, call: call} })
			}
		}
	})
	t.Log(&count)
}

// TestChangesOfMind lets the controller die on the way to a scene, and people want the one
// before again: what was recorded of that is not true any more.
func TestChangesOfMind(t *testing.T) {
	t.Parallel()
	eachSeed(t, mindChanges, func(t *testing.T, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 4))
		w := newWorld(t, seed)
		var before scene
		for _, s := range (scenes{random}).walk(scenesOfAWalk) {
			c := w.controller
			c.before, c.scene = before, s
			c.wire.begin(fate{mishap: diesBefore, call: 10 + random.IntN(20)})
			_ = c.reconcileAll() // it may have died, and that is the point
			w.play(before, fate{})
			w.checkSecondPlan()
			w.play(s, fate{})
			w.checkSecondPlan()
			before = s
		}
	})
}

// eachSeed runs walks side by side, each in a bubble: what AWS takes its time for costs none.
func eachSeed(t *testing.T, upTo int, walk func(t *testing.T, seed uint64)) {
	t.Helper()
	var next atomic.Uint64
	t.Run("seeds", func(t *testing.T) {
		if *seed != 0 {
			synctest.Test(t, func(t *testing.T) { walk(t, *seed) })
			return
		}
		for worker := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprintf("worker-%d", worker), func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1); n <= uint64(upTo) && !t.Failed(); n = next.Add(1) {
					synctest.Test(t, func(t *testing.T) { walk(t, n) })
				}
			})
		}
	})
}

// caseCount counts cases.
type caseCount struct{ scenes, mishaps atomic.Int64 }

func (c *caseCount) String() string {
	return fmt.Sprintf("%d cases, %d of them with a mishap", c.scenes.Load(), c.mishaps.Load())
}

func undisturbed(t *testing.T, seed uint64, way []scene, count *caseCount) *world {
	t.Helper()
	w := newWorld(t, seed)
	for _, s := range way {
		w.play(s, fate{})
		w.checkSecondPlan() // a new controller sees only what is compared in the others
		count.scenes.Add(1)
	}
	return w
}

func disturbed(t *testing.T, measure *world, way []scene, count *caseCount, fates func(n int) fate) {
	t.Helper()
	w := newWorld(t, measure.seed)
	for n, s := range way {
		w.play(s, fates(n))
		w.compare(n, measure.after[n])
		count.scenes.Add(1)
		if w.controller.wire.met {
			count.mishaps.Add(1)
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
	w.controller.certificates = serverCertificates(t, local, "one", "two", "three")
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
	var tagged inspection
	if s.meddling > 0 {
		w.administrator.meddle(s.meddling)
		clear(c.records) // somebody else has held the lease
		tagged = w.administrator.inspect()
	}
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
	w.checkExternalTags(tagged, now)
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

// checkExternalTags: those of others on what is ours stay.
func (w *world) checkExternalTags(before, now inspection) {
	w.Helper()
	for name, was := range before {
		lasts := strings.HasPrefix(name, "load balancer ") || strings.HasPrefix(name, "target group ")
		if is, ok := now[name]; ok && lasts && strings.Contains(was, externalTag) && !strings.Contains(is, externalTag) {
			w.fail("%s has lost the tag %s, which is somebody else's", name, externalTag)
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
	w.Fatalf("seed %d, scenes:\n  %s\n%s\ncalls:\n  %s", w.seed, strings.Join(w.played, "\n  "), fmt.Sprintf(format, args...), w.controller.wire.last(40))
}
