package alerts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

const (
	alertsFile = "../../charts/sluice/files/alerts.yaml"
	runbooks   = "../../docs/runbooks"
	published  = "https://github.com/sluice-lb/sluice/blob/main/docs/runbooks/"
)

// alert is one rule of the file that has a name.
type alert struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

// rules are those of the file that alert, by name, and the text of all.
func rules(t *testing.T) (alerts map[string]alert, expressions []string) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alert } }
	read(t, alertsFile, &file)
	alerts = map[string]alert{}
	for _, group := range file.Groups {
		for _, rule := range group.Rules {
			expressions = append(expressions, rule.Expr)
			if rule.Alert != "" {
				alerts[rule.Alert] = rule
			}
		}
	}
	return alerts, expressions
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// promtool runs it and fails with what it says.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	tool, err := exec.LookPath("promtool")
	if err != nil {
		if tool, err = filepath.Abs("../../bin/promtool"); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(tool); err != nil {
			t.Fatal("promtool is neither on PATH nor in bin: run `make bin/promtool`")
		}
	}
	if out, err := exec.CommandContext(t.Context(), tool, arguments...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
}

func unitTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestRulesCanBeRead(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", alertsFile)
}

func TestAlertsFireAndDoNot(t *testing.T) {
	t.Parallel()
	promtool(t, append([]string{"test", "rules"}, unitTests(t)...)...)
}

// expectation is one of a unit test's about an alert.
type expectation struct {
	Expr       string
	ExpSamples []struct{ Labels string } `json:"exp_samples"`
}

var aboutAlert = regexp.MustCompile(`alertname=~?"([A-Za-z]+)"`)

// expectations of all unit tests, by alert.
func expectations(t *testing.T) map[string][]expectation {
	t.Helper()
	out := map[string][]expectation{}
	for _, name := range unitTests(t) {
		var file struct {
			Tests []struct {
				Expectations []expectation `json:"promql_expr_test"`
			}
		}
		read(t, name, &file)
		for _, test := range file.Tests {
			for _, expected := range test.Expectations {
				name := aboutAlert.FindStringSubmatch(expected.Expr)[1]
				out[name] = append(out[name], expected)
			}
		}
	}
	return out
}

func TestEachAlertIsTestedFiringAndNotFiring(t *testing.T) {
	t.Parallel()
	alerts, _ := rules(t)
	tested := expectations(t)
	for name := range alerts {
		fires := slices.ContainsFunc(tested[name], func(e expectation) bool { return len(e.ExpSamples) > 0 })
		quiet := slices.ContainsFunc(tested[name], func(e expectation) bool { return len(e.ExpSamples) == 0 })
		if !fires || !quiet {
			t.Errorf("%s: it is tested firing: %t, and not firing: %t; write both in test/alerts/*.yaml", name, fires, quiet)
		}
	}
}

func TestEachAlertHasARunbookAndEachRunbookAnAlert(t *testing.T) {
	t.Parallel()
	alerts, _ := rules(t)
	index, err := os.ReadFile(filepath.Join(runbooks, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name, rule := range alerts {
		if rule.Annotations["runbook_url"] != published+name+".md" {
			t.Errorf("%s: runbook_url is %q, want %q", name, rule.Annotations["runbook_url"], published+name+".md")
		}
		if _, err := os.Stat(filepath.Join(runbooks, name+".md")); err != nil {
			t.Errorf("%s has no runbook: %v", name, err)
		}
		if !strings.Contains(string(index), "("+name+".md)") {
			t.Errorf("docs/runbooks/README.md does not lead to %s.md", name)
		}
		if !slices.Contains([]string{"critical", "warning"}, rule.Labels["severity"]) {
			t.Errorf("%s: severity is %q, want critical (somebody is woken) or warning (somebody looks in the morning)", name, rule.Labels["severity"])
		}
	}
	pages, err := filepath.Glob(filepath.Join(runbooks, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if name := strings.TrimSuffix(filepath.Base(page), ".md"); name != "README" && alerts[name].Alert == "" {
			t.Errorf("docs/runbooks/%s.md: there is no such alert", name)
		}
	}
}

var labelValue = regexp.MustCompile(`(\w+)="([^"]*)"`)

// What people read is made of labels that the alert has when it fires.
func TestAnnotationsUseLabelsThatAreThere(t *testing.T) {
	t.Parallel()
	alerts, _ := rules(t)
	functions := template.FuncMap{}
	for _, name := range []string{"humanize", "humanizeDuration", "humanizePercentage"} {
		functions[name] = func(v float64) string { return fmt.Sprint(v) }
	}
	for name, tested := range expectations(t) {
		for _, expected := range tested {
			for _, sample := range expected.ExpSamples {
				labels := map[string]string{}
				for _, pair := range labelValue.FindAllStringSubmatch(sample.Labels, -1) {
					labels[pair[1]] = pair[2]
				}
				for key, text := range alerts[name].Annotations {
					parsed, err := template.New(key).Option("missingkey=error").Funcs(functions).Parse("{{$labels := .Labels}}{{$value := .Value}}" + text)
					if err != nil {
						t.Errorf("%s, %s: %v", name, key, err)
						continue
					}
					if err := parsed.Execute(new(strings.Builder), map[string]any{"Labels": labels, "Value": 1.0}); err != nil {
						t.Errorf("%s, %s: %v", name, key, err)
					}
				}
				if missing := missingOf([]string{"summary", "description"}, alerts[name].Annotations); missing != "" {
					t.Errorf("%s has no %s", name, missing)
				}
			}
		}
	}
}

func missingOf(keys []string, annotations map[string]string) string {
	for _, key := range keys {
		if annotations[key] == "" {
			return key
		}
	}
	return ""
}

var ourMetric = regexp.MustCompile(`\bsluice_[a-z_]+\b`)

// known are the metrics of docs/metrics.md, which is tested against the collectors.
func known(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(sluice_[a-z_]+)` \\| (\\w+) ").FindAllStringSubmatch(string(page), -1) {
		out = append(out, row[1])
		if row[2] == "histogram" {
			out = append(out, row[1]+"_bucket", row[1]+"_count", row[1]+"_sum")
		}
	}
	return out
}

// unknown are the metrics in expressions that nobody serves.
func unknown(t *testing.T, expressions []string) []string {
	t.Helper()
	metrics, out := known(t), []string{}
	for _, expression := range expressions {
		for _, name := range ourMetric.FindAllString(expression, -1) {
			if !slices.Contains(metrics, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

func TestAlertsAskForMetricsThatExist(t *testing.T) {
	t.Parallel()
	_, expressions := rules(t)
	if diff := cmp.Diff([]string{}, unknown(t, expressions)); diff != "" {
		t.Errorf("metrics that are not in docs/metrics.md (-want +got)\n%s", diff)
	}
}
