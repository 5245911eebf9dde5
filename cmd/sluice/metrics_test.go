package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/sluice-lb/sluice/internal/admission"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/controller"
	"github.com/sluice-lb/sluice/internal/health"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

// metric is one of ours as its collector describes it.
type metric struct {
	name, kind, help string
	labels           []string
}

// rooms that have metrics, in the order of the page.
func rooms(t *testing.T) []struct {
	title      string
	collectors []prometheus.Collector
} {
	t.Helper()
	aws, err := cloud.New(t.Context(), cloud.Config{Cluster: "lab", Region: "us-west-2", VPC: "vpc-1", BudgetShare: .5})
	if err != nil {
		t.Fatal(err)
	}
	return []struct {
		title      string
		collectors []prometheus.Collector
	}{
		{"Gates, drains and load balancers", controller.Collectors()},
		{"Target health", health.Collectors()},
		{"AWS", append(cloud.Collectors(), aws.Collectors()...)},
		{"The webhook", admission.Collectors()},
		{"Both commands", []prometheus.Collector{buildInfo}},
	}
}

// described are the metrics of collectors, by name. A collector tells the type of what it
// makes by its own; those that are made at the time of the scrape are gauges.
func described(t *testing.T, collectors []prometheus.Collector) []metric {
	t.Helper()
	var out []metric
	for _, collector := range collectors {
		descriptions := make(chan *prometheus.Desc)
		go func() {
			defer close(descriptions)
			collector.Describe(descriptions)
		}()
		for description := range descriptions {
			m := parsed(t, description)
			switch collector.(type) {
			case *prometheus.HistogramVec, prometheus.Histogram:
				m.kind = "histogram"
			case *prometheus.CounterVec:
				m.kind = "counter"
			case prometheus.Gauge:
				m.kind = "gauge"
			case prometheus.Counter: // which a gauge is too
				m.kind = "counter"
			default:
				m.kind = "gauge"
			}
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b metric) int { return cmp.Compare(a.name, b.name) })
	return out
}

// descriptionText is how a description prints itself; there is no other way to ask it.
var descriptionText = regexp.MustCompile(`^Desc\{fqName: ("[^"]+"), help: ("(?:[^"\\]|\\.)*"),.* variableLabels: \{([^}]*)\}\}$`)

func parsed(t *testing.T, description *prometheus.Desc) metric {
	t.Helper()
	parts := descriptionText.FindStringSubmatch(description.String())
	if parts == nil {
		t.Fatalf("a description prints itself in another way now: %s", description)
	}
	name, nameErr := strconv.Unquote(parts[1])
	help, helpErr := strconv.Unquote(parts[2])
	if nameErr != nil || helpErr != nil {
		t.Fatalf("%s: %v, %v", description, nameErr, helpErr)
	}
	m := metric{name: name, help: help}
	if parts[3] != "" {
		m.labels = strings.Split(parts[3], ",")
	}
	return m
}

const metricsPage = `# Metrics

<!-- Generated from the collectors of each room by "make generate". -->

Every replica serves its metrics over HTTP at ` + "`:8080/metrics`" + ` (` + "`--metrics-bind-addr`" + `), the webhook too. They come with those of Go, of the
process and of controller-runtime; of the latter the [dashboard](../charts/sluice/files/dashboard.json) shows ` + "`workqueue_depth`" + ` and
` + "`controller_runtime_reconcile_errors_total`" + `.

What only who acts can know is told by the leader alone: a standby has ` + "`sluice_leader`" + ` 0 and nothing of Pods, stacks or certificates. So queries take
` + "`max by (…)`" + ` or ` + "`sum by (…)`" + ` over replicas, and are right with one replica and with many. A label ` + "`workload_namespace`" + ` is the namespace of the Pods that
are meant; ` + "`namespace`" + ` is left to Prometheus, which puts that of Sluice there.

The [alerts](../charts/sluice/files/alerts.yaml) are made of these, each with a [runbook](runbooks/README.md). Two need kube-state-metrics 2.9 or newer, and nothing of Sluice.

![The dashboard, during a rolling update in the lab](images/dashboard.png)

*The dashboard's panels during two minutes in the lab, with throttled and denied calls, an Ingress and a binding that are wrong, and a Pod that is deleted with too short a grace period. Drawn by a test from the
answers of a real Prometheus; Grafana shows the same in its own colours.*

`

func TestMetricsPageIsFresh(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	page.WriteString(metricsPage)
	for _, room := range rooms(t) {
		fmt.Fprintf(&page, "## %s\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n", room.title)
		for _, m := range described(t, room.collectors) {
			labels := ""
			if len(m.labels) > 0 {
				labels = "`" + strings.Join(m.labels, "`, `") + "`"
			}
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.help)
		}
		page.WriteString("\n")
	}
	file := filepath.Join("..", "..", "docs", "metrics.md")
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(page.String(), string(got)); diff != "" {
		t.Errorf("docs/metrics.md is stale, run make generate (-collectors +page):\n%s", diff)
	}
}

// Names and units are as people who use Prometheus expect them.
func TestMetricsAreNamedWell(t *testing.T) {
	t.Parallel()
	for _, room := range rooms(t) {
		for _, m := range described(t, room.collectors) {
			exposition := fmt.Sprintf("# HELP %s %s\n# TYPE %[1]s %[3]s\n%s 1\n", m.name, m.help, m.kind, sample(m))
			problems, err := promlint.New(strings.NewReader(exposition)).Lint()
			if err != nil {
				t.Fatalf("%s: %v", m.name, err)
			}
			for _, problem := range problems {
				t.Errorf("%s: %s", problem.Metric, problem.Text)
			}
			if !strings.HasPrefix(m.name, "sluice_") {
				t.Errorf("%s does not begin with sluice_", m.name)
			}
			if slices.Contains(m.labels, "namespace") {
				t.Errorf("%s has a label that Prometheus gives to the process: say whose namespace it is", m.name)
			}
		}
	}
}

// sample is the name of a series of the metric.
func sample(m metric) string {
	if m.kind == "histogram" {
		return m.name + `_bucket{le="+Inf"} 1` + "\n" + m.name + "_sum 1\n" + m.name + "_count"
	}
	return m.name
}
