package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// shownElsewhere are rows of the table of annotations that tests of other features show as well.
var shownElsewhere = map[string][]string{
	"TestIngressLeadsToALoadBalancerThatServes": {"scheme", "target-type"},
	"TestBadIngressLeavesItsGroupAlone":         {"group.name"},
	"TestControllerComesAndGoes":                {"drain"},
	"TestPlanAloneOnRequest":                    {"dry-run"},
}

// shownHere are the rows that the tests of annotations_test.go show, by test.
var shownHere = map[string][]string{
	"TestRowsOfALoadBalancer":  namesOf(rowsOfALoadBalancer),
	"TestRowsOfATargetGroup":   append(namesOf(rowsOfATargetGroup), "target-type"),
	"TestRowsOfSecurityGroups": {"security-groups", "manage-backend-security-group-rules"},
	"TestRowsOfHTTPS":          {"certificate-arn", "ssl-policy", "ssl-redirect", "backend-protocol-version"},
	"TestRowsOfRules":          {"actions.<name>", "conditions.<name>", "transforms.<name>", "use-regex-path-match", "group.order"},
	"TestRowOfTheAddressType":  {"ip-address-type"},
	"TestRowsOfPatientPods":    {"healthy-for", "slow-start"},
	"TestRowsOfPods":           {"readiness-gate", "anticipate", "expect-load-balancer"},
}

// TestEveryBuiltAnnotationIsShown: whoever builds a row shows that it works in a lab.
func TestEveryBuiltAnnotationIsShown(t *testing.T) {
	t.Parallel()
	shown := map[string]bool{}
	tests := testsByName(t)
	for _, list := range []map[string][]string{shownElsewhere, shownHere} {
		for test, names := range list {
			for _, name := range names {
				shown[name] = true
				if family, _, _ := strings.Cut(name, "<"); !strings.Contains(tests[test], family) {
					t.Errorf("the file of %s, which shows %s, does not name it", test, name)
				}
			}
		}
	}
	for _, key := range annotations.Keys() {
		if key.Built && !key.Written && !shown[key.Name] {
			t.Errorf("%s is built, and no test shows it in a lab: add it to annotations_test.go", key)
		}
		delete(shown, key.Name)
	}
	if len(shown) > 0 {
		t.Errorf("not in the table: %v", slices.Sorted(maps.Keys(shown)))
	}
}

// testsByName are the files in which the tests of this package stand.
func testsByName(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if rest, found := strings.CutPrefix(line, "func Test"); found {
				name, _, _ := strings.Cut("Test"+rest, "(")
				tests[name] = string(text)
			}
		}
	}
	return tests
}
