package simulation

import (
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "play this seed alone, and print what happened")
	seedsFlag = flag.Uint64("seeds", 150, "how many seeds to play")
	firstFlag = flag.Uint64("first", 1, "the first of them")
	onlyFlag  = flag.String("only", "", "draw only from actions whose name holds this")
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil { // there is no TLS
		panic(err)
	}
	debug.SetGCPercent(400) // runs are short and small, and there are many
	os.Exit(m.Run())
}

// simulate plays a seed in a bubble of its own.
func simulate(t *testing.T, seed uint64, actions []action, plant plant) (broken *violation, timeline string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		if broken, timeline, err = run(seed, actions, plant); err != nil {
			t.Fatal(err)
		}
	})
	return broken, timeline
}

func TestSeeds(t *testing.T) {
	t.Parallel()
	if len(only(actions, *onlyFlag)) == 0 {
		t.Fatalf("no action's name holds -only=%q", *onlyFlag)
	}
	if *seedFlag != 0 {
		replay(t, *seedFlag)
		return
	}
	t.Logf("playing %d seeds from %d on", *seedsFlag, *firstFlag)
	s := &sweep{seeds: int(*seedsFlag)}
	t.Cleanup(func() { s.summary(t) })
	for seed := *firstFlag; seed < *firstFlag+*seedsFlag; seed++ {
		t.Run(fmt.Sprint(seed), func(sub *testing.T) {
			defer func() { s.played(t, seed, sub.Failed()) }()
			play(sub, seed)
		})
	}
}

// sweep counts the seeds of a long run, so that people see how far it is.
type sweep struct {
	seeds int

	mu      sync.Mutex
	done    int
	failing []uint64
}

// progress is shown so many times.
const progress = 20

func (s *sweep) played(t *testing.T, seed uint64, failed bool) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done++
	if failed {
		s.failing = append(s.failing, seed)
	}
	if s.done%max(1, s.seeds/progress) == 0 {
		t.Logf("%d of %d seeds played, %d fail", s.done, s.seeds, len(s.failing))
	}
}

func (s *sweep) summary(t *testing.T) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failing) > 0 {
		slices.Sort(s.failing)
		t.Logf("these seeds fail: %v; to see what happens: make simulate SEED=%d", s.failing, s.failing[0])
	}
}

// replay shows what happens in a seed.
func replay(t *testing.T, seed uint64) {
	t.Helper()
	broken, timeline := simulate(t, seed, only(actions, *onlyFlag), plant{})
	t.Log("\n" + timeline)
	if broken != nil {
		t.Errorf("seed %d breaks invariant %d: %s", seed, broken.invariant, broken.text)
	}
}

func play(t *testing.T, seed uint64) {
	t.Helper()
	t.Parallel()
	if broken, timeline := simulate(t, seed, only(actions, *onlyFlag), plant{}); broken != nil {
		t.Errorf("seed %d breaks invariant %d: %s\n%s", seed, broken.invariant, broken.text, timeline)
	}
}
