package annotations_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/annotations"
)

var update = flag.Bool("update", false, "write docs/annotations.md")

func TestDocsPageIsFresh(t *testing.T) {
	t.Parallel()
	page := filepath.Join("..", "..", "docs", "annotations.md")
	want := annotations.Markdown()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/annotations.md is stale, run make generate (-table +page):\n%s", diff)
	}
}
