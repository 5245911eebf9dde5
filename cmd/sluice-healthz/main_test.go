package main

import (
	"os/exec"
	"strings"
	"testing"
)

// The image stands in every Pod: what talks to AWS or to Kubernetes has no place in it.
func TestStaysSmall(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dependency := range strings.Lines(string(out)) {
		for _, heavy := range []string{"github.com/aws/", "k8s.io/", "sigs.k8s.io/", "github.com/sluice-lb/sluice/internal/cloud", "github.com/prometheus/"} {
			if strings.HasPrefix(dependency, heavy) {
				t.Errorf("it links %s", strings.TrimSpace(dependency))
			}
		}
	}
}
