package annotations_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// TestTableHoldsAllNamesOfTheIncumbent: what a manifest for the incumbent may say is known here, built
// or not, and nothing else begins with its prefix but dry-run, which is ours.
func TestTableHoldsAllNamesOfTheIncumbent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, key := range annotations.Keys() {
		if !key.Own && key.Name != "dry-run" {
			got = append(got, key.Name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(strings.Fields(string(text)), got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
