package controller

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func stackName(i int) types.NamespacedName {
	return types.NamespacedName{Namespace: "shop", Name: strconv.Itoa(i)}
}

func TestBrake(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	type attempt struct {
		after   time.Duration
		waiting int
		held    bool
	}
	for _, test := range []struct {
		name     string
		limit    int
		stacks   int // attempts go round these
		attempts []attempt
	}{
		{"a-few-go", 3, 9, []attempt{{0, 1, false}, {0, 1, false}, {0, 1, false}}},
		{"one-too-many-is-held", 3, 9, []attempt{{0, 1, false}, {0, 1, false}, {0, 1, false}, {time.Minute, 1, true}}},
		{"of-many-at-once-none-goes", 3, 9, []attempt{{0, 4, true}, {0, 4, true}, {time.Hour, 4, true}}},
		{"what-is-not-waiting-counts-as-one", 3, 9, []attempt{{0, 0, false}}},
		{"after-ten-minutes-others-may-go", 2, 9, []attempt{{0, 1, false}, {0, 1, false}, {9 * time.Minute, 1, true}, {2 * time.Minute, 1, false}}},
		{"without-a-limit-all-go", 0, 9, []attempt{{0, 100, false}, {0, 100, false}}},
		{"one-that-is-tried-again-is-one", 1, 1, []attempt{{0, 1, false}, {time.Second, 1, false}, {time.Minute, 1, false}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b, at := newBrake("load balancers", test.limit), now
			for i, attempt := range test.attempts {
				at = at.Add(attempt.after)
				err := b.pass(stackName(i%test.stacks), attempt.waiting, "confirm it", at)
				if isHeld(err) != attempt.held {
					t.Errorf("attempt %d: %v, want held: %v", i, err, attempt.held)
				}
				if err != nil && (!strings.Contains(err.Error(), "confirm it") || !strings.Contains(err.Error(), "--brake-deletions=")) {
					t.Errorf("%q does not say what to do", err)
				}
			}
		})
	}
}

func TestRecordNamesLeadBack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ingress.shop.web", "ingress.shop.web.example", "ingress-group.team.a", "ingress-group.web"} {
		id, ok := stackOfRecord(name)
		if !ok || recordName(id) != name {
			t.Errorf("%s leads to %s", name, recordName(id))
		}
	}
	for _, name := range []string{"web", "ingress.web", "service.shop.web"} {
		if id, ok := stackOfRecord(name); ok {
			t.Errorf("%s leads to %v", name, id)
		}
	}
}
