package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The policy that the threat model offers does what the page says.
func TestGroupsOfOthersCanBeForbidden(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	policy := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if policy == nil {
		t.Fatal("the page has no policy")
	}
	s := newSceneNamed(t, startLab(t, "--nodes=1", "--controller-binary="+idleControllerBinary(t)), "shop")
	s.apply(string(policy[1]))
	try := func(annotation string) string {
		file := filepath.Join(t.TempDir(), "ingress.yaml")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(ingressFor("web", "/", "web", annotation), "\t", "")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, "kubectl", "--dir", string(s.lab.Dir), "--namespace", s.namespace, "apply", "--dry-run=server", "-f", file); err != nil {
			return err.Error()
		}
		return ""
	}
	s.eventually("another's group is refused", func() bool {
		return strings.Contains(try("alb.ingress.kubernetes.io/group.name: bank.web"), "begin with the name of the namespace")
	})
	if got := try("kubernetes.io/ingress.class: alb"); !strings.Contains(got, "write spec.ingressClassName") {
		t.Errorf("the older annotation: %q", got)
	}
	for _, annotation := range []string{"alb.ingress.kubernetes.io/group.name: shop.web", "alb.ingress.kubernetes.io/scheme: internal"} {
		if got := try(annotation); got != "" {
			t.Errorf("%s: %s", annotation, got)
		}
	}
}
