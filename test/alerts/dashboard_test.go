package alerts_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// dashboard is what is looked at of Grafana's file.
type dashboard struct {
	SchemaVersion int
	Templating    struct{ List []struct{ Name string } }
	Panels        []panel
}

type panel struct {
	ID                       int
	Type, Title, Description string
	Datasource               struct{ UID string }
	GridPos                  struct{ H, W, X, Y int }
	Targets                  []struct{ Expr string }
}

func theDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../../charts/sluice/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

var variable = regexp.MustCompile(`\$(\w+)`)

func TestQueriesOfTheDashboardCanBeRead(t *testing.T) {
	t.Parallel()
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	var rules []rule
	var expressions []string
	for _, panel := range theDashboard(t).Panels {
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
			rules = append(rules, rule{Record: "panel:query", Expr: variable.ReplaceAllString(strings.ReplaceAll(target.Expr, "$__rate_interval", "5m"), ".*")})
		}
	}
	file := filepath.Join(t.TempDir(), "queries.yaml")
	text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "queries", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", "--lint=none", file)
	if diff := cmp.Diff([]string{}, unknown(t, expressions)); diff != "" {
		t.Errorf("metrics that are not in docs/metrics.md (-want +got)\n%s", diff)
	}
}

// A metric that nobody can see is as good as none.
func TestEveryMetricIsOnTheDashboardOrInAnAlert(t *testing.T) {
	t.Parallel()
	_, expressions := rules(t)
	for _, panel := range theDashboard(t).Panels {
		for _, target := range panel.Targets {
			expressions = append(expressions, target.Expr)
		}
	}
	shown := strings.Join(expressions, "\n")
	for _, name := range known(t) {
		base := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if !strings.Contains(shown, base) {
			t.Errorf("%s is neither on the dashboard nor in an alert", base)
		}
	}
}

func TestPanelsAreInOrder(t *testing.T) {
	t.Parallel()
	d := theDashboard(t)
	var variables []string
	for _, one := range d.Templating.List {
		variables = append(variables, one.Name)
	}
	var ids []int
	for i, p := range d.Panels {
		ids = append(ids, p.ID)
		if p.Type == "row" {
			continue
		}
		if p.Title == "" || p.Description == "" || len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %d (%q) lacks title, description, query or the variable of the data source", p.ID, p.Title)
		}
		for _, target := range p.Targets {
			for _, used := range variable.FindAllStringSubmatch(target.Expr, -1) {
				if used[1] != "__rate_interval" && !slices.Contains(variables, used[1]) {
					t.Errorf("panel %q asks for the variable %s, which there is not", p.Title, used[1])
				}
			}
		}
		for _, other := range d.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panels %q and %q lie on each other", p.Title, other.Title)
			}
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(d.Panels) {
		t.Error("two panels have the same id")
	}
}
