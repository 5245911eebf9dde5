package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Templates call methods by their names. Where they are linked in, the linker keeps every method
// of every type, above all some seven hundred operations of EC2: 80 MB of program, which a
// process maps into its memory, in place of 30.
func TestNoTemplatesAreLinked(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "grpcnotrace", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"text/template", "html/template"} {
		if slices.Contains(strings.Fields(string(out)), forbidden) {
			t.Errorf("%s is linked; `go list -deps -f '{{.ImportPath}} {{.Imports}}' .` tells who imports it", forbidden)
		}
	}
}
