package simulation

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

var (
	seedFlag  = flag.Uint64("seed", 0, "play this seed alone, and print what happened")
	seedsFlag = flag.Int("seeds", 20, "how many seeds to play")
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
	if *seedFlag != 0 {
		begun := time.Now()
		broken, timeline := simulate(t, *seedFlag, actions, plant{})
		fmt.Println(timeline)
		fmt.Println(broken, time.Since(begun))
		return
	}
	for seed := uint64(1); seed <= uint64(*seedsFlag); seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			if broken, timeline := simulate(t, seed, actions, plant{}); broken != nil {
				t.Errorf("seed %d breaks invariant %d: %s\n%s", seed, broken.invariant, broken.text, timeline)
			}
		})
	}
}
