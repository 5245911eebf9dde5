package pace_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/pace"
)

func TestEventsRunInTheOrderOfTheirTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := pace.New(10, 1)
		defer c.Close()
		begun := time.Now()
		got := map[string]time.Duration{}
		var order []string
		at := func(name string, d time.Duration) {
			c.After(c.Scaled(d), func() {
				got[name] = time.Since(begun)
				order = append(order, name)
			})
		}
		at("late", 20*time.Second)
		at("soon", 10*time.Second)
		at("soon-too", 10*time.Second)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		want := map[string]time.Duration{"soon": time.Second, "soon-too": time.Second, "late": 2 * time.Second}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"soon", "soon-too", "late"}, order); diff != "" {
			t.Error(diff)
		}
	})
}

func TestJitterIsScaledAndSeeded(t *testing.T) {
	t.Parallel()
	a, b := pace.New(10, 7), pace.New(10, 7)
	defer a.Close()
	defer b.Close()
	for range 100 {
		x, y := a.Between(time.Second, 3*time.Second), b.Between(time.Second, 3*time.Second)
		if x != y || x < 100*time.Millisecond || x > 300*time.Millisecond {
			t.Fatalf("got %s and %s", x, y)
		}
	}
}
