package awsconformance

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAssertionThatPanics: it fails, and the run goes on to its clean-up.
func TestAssertionThatPanics(t *testing.T) {
	t.Parallel()
	a := assertion{id: "a", check: func(context.Context, *fixture) error { panic("no answer") }}
	got := a.run(t.Context(), newFixture(t.Context(), Config{}.withDefaults()), nil)
	if diff := cmp.Diff(Result{ID: "a", Outcome: Failed, Detail: "it panicked: no answer"}, got); diff != "" {
		t.Error(diff)
	}
}
