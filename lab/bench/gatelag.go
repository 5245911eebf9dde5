package bench

import (
	"context"
	_ "embed" // for gates.yaml
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/lab/manifest"
)

//go:embed gates.yaml
var gatesManifest string

const (
	// groupsALoadBalancer: AWS allows a load balancer a hundred rules and target groups.
	groupsALoadBalancer = 90
	injectLabel         = "elbv2.k8s.aws/pod-readiness-gate-inject"
)

// GateReport is what GateLag measured.
type GateReport struct {
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is one way in which Pods come. Seconds are from a target's being healthy in AWS to its Pod's gate being open,
// as a client that watches the Pod sees it.
type Scenario struct {
	Name                     string         `json:"name"`
	Pods                     int            `json:"pods"`
	P50                      float64        `json:"p50"`
	P95                      float64        `json:"p95"`
	Max                      float64        `json:"max"`
	RegisterP95              float64        `json:"registerP95"` // from containers ready to registered
	HealthQuestionsPerSecond float64        `json:"healthQuestionsPerSecondMax"`
	Calls                    map[string]int `json:"calls"`
}

// WriteJSON writes the report as one line of JSON.
func (r *GateReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *GateReport) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "SCENARIO\tPODS\tP50\tP95\tMAX\tREGISTER P95\tQUESTIONS/S")
	for _, s := range r.Scenarios {
		fmt.Fprintf(table, "%s\t%d\t%.2f s\t%.2f s\t%.2f s\t%.2f s\t%.1f\n", s.Name, s.Pods, s.P50, s.P95, s.Max, s.RegisterP95, s.HealthQuestionsPerSecond)
	}
	return table.Flush()
}

// GateLag measures how long after their targets are healthy gates open.
func GateLag(ctx context.Context, config Config) (*GateReport, error) {
	return run(ctx, config, (*bench).gateLag)
}

func (b *bench) gateLag(ctx context.Context) (*GateReport, error) {
	const most = 200
	if err := b.gateScene(ctx, most, 0); err != nil {
		return nil, err
	}
	pods, err := b.watchPods(ctx)
	if err != nil {
		return nil, err
	}
	report := &GateReport{}
	for _, scenario := range []struct {
		name string
		run  func(context.Context) (pods int, err error)
		// rounds that are measured together
		rounds int
	}{
		{"one-pod", func(ctx context.Context) (int, error) { return 12, b.oneByOne(ctx, 12, 1, 700*time.Millisecond) }, 3},
		{"hundred-pods", func(ctx context.Context) (int, error) { return 100, b.scale(ctx, 0, 100) }, 1},
		{"twenty-groups", func(ctx context.Context) (int, error) { return 200, b.oneByOne(ctx, 20, 10, 0) }, 1},
		{"node-upgrade", func(ctx context.Context) (int, error) { return 600, b.oneByOne(ctx, most, 3, 5*time.Minute/most) }, 1},
	} {
		measured, err := b.scenario(ctx, pods, scenario.name, scenario.rounds, scenario.run)
		if err != nil {
			return report, fmt.Errorf("%s: %w", scenario.name, err)
		}
		b.say("%s: p50 %.2f s, p95 %.2f s, max %.2f s", measured.Name, measured.P50, measured.P95, measured.Max)
		report.Scenarios = append(report.Scenarios, *measured)
	}
	return report, nil
}

// gateScene makes groups in a namespace with gates, each with so many replicas, and waits for their load balancers.
func (b *bench) gateScene(ctx context.Context, groups, replicas int) error {
	b.say("making %d target groups", groups)
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{injectLabel: "enabled"}}}
	if _, err := b.client.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
		return err
	}
	applier, err := manifest.NewApplier(b.rest)
	if err != nil {
		return err
	}
	for i := range groups {
		text := strings.NewReplacer("NAME", groupName(i), "LOADBALANCER", fmt.Sprintf("bench-%d", i/groupsALoadBalancer), "REPLICAS", strconv.Itoa(replicas), "ATTRIBUTES", attributes(i)).Replace(gatesManifest)
		objects, err := manifest.Decode([]byte(text))
		if err != nil {
			return err
		}
		if err := applier.Apply(ctx, objects); err != nil {
			return err
		}
	}
	return b.await(ctx, func(ctx context.Context) (string, error) {
		list, err := b.client.NetworkingV1().Ingresses(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return "", err
		}
		named := 0
		for i := range list.Items {
			if len(list.Items[i].Status.LoadBalancer.Ingress) > 0 {
				named++
			}
		}
		if named == groups {
			return "", nil
		}
		return fmt.Sprintf("%d of %d Ingresses have a hostname", named, groups), nil
	})
}

// attributes let the targets of groups that are used more than once go at once. Each attribute is a call, and AWS allows
// three changes a second.
func attributes(group int) string {
	if group >= 20 {
		return ""
	}
	return "alb.ingress.kubernetes.io/target-group-attributes: deregistration_delay.timeout_seconds=1"
}

func groupName(i int) string { return fmt.Sprintf("web-%03d", i) }

// scenario runs one, and clears up before each round.
func (b *bench) scenario(ctx context.Context, p *starts, name string, rounds int, play func(context.Context) (int, error)) (*Scenario, error) {
	b.say("%s", name)
	if _, err := b.admin.Calls(ctx, true); err != nil {
		return nil, err
	}
	questions, stop := b.countQuestions(ctx)
	defer stop()
	var all []moments
	for range rounds {
		if err := b.clear(ctx); err != nil {
			return nil, err
		}
		began := time.Now()
		count, err := play(ctx)
		if err != nil {
			return nil, err
		}
		list, err := b.awaitOpen(ctx, p, began, count)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	calls, err := b.admin.Calls(ctx, false)
	if err != nil {
		return nil, err
	}
	stop()
	s := &Scenario{Name: name, Pods: len(all), HealthQuestionsPerSecond: questions(), Calls: newReport(0, calls, 0).ByOperation}
	lag := func(m moments) time.Duration { return m.open.Sub(m.healthy) }
	register := func(m moments) time.Duration { return m.registered.Sub(m.containersReady) }
	s.P50, s.P95, s.Max, s.RegisterP95 = quantile(all, lag, 0.5), quantile(all, lag, 0.95), quantile(all, lag, 1), quantile(all, register, 0.95)
	return s, nil
}

func quantile(list []moments, of func(moments) time.Duration, part float64) float64 {
	if len(list) == 0 {
		return 0
	}
	var values []time.Duration
	for _, m := range list {
		values = append(values, of(m))
	}
	slices.Sort(values)
	at := min(len(values)-1, int(math.Ceil(part*float64(len(values))))-1)
	return values[max(0, at)].Round(time.Millisecond).Seconds()
}

// oneByOne gives so many groups their replicas, with a pause after each.
func (b *bench) oneByOne(ctx context.Context, groups, replicas int, pause time.Duration) error {
	for i := range groups {
		if err := b.scale(ctx, i, replicas); err != nil {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (b *bench) scale(ctx context.Context, group, replicas int) error {
	return b.scaleNamed(ctx, groupName(group), replicas)
}

func (b *bench) scaleNamed(ctx context.Context, name string, replicas int) error {
	patch := fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas)
	_, err := b.client.AppsV1().Deployments(namespace).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
	return err
}

// clear takes all Pods away and waits until AWS has forgotten them.
func (b *bench) clear(ctx context.Context) error {
	list, err := b.client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
	if err != nil {
		return err
	}
	for i := range list.Items {
		if *list.Items[i].Spec.Replicas > 0 {
			if err := b.scaleNamed(ctx, list.Items[i].Name, 0); err != nil {
				return err
			}
		}
	}
	return b.awaitNoPods(ctx)
}

// countQuestions looks at the journal all the time; the most questions that it saw within ten seconds, by the second, are
// there once it is stopped.
func (b *bench) countQuestions(ctx context.Context) (most func() float64, stop func()) {
	const window = 10 * time.Second
	type count struct {
		at    time.Time
		calls int
	}
	ctx, cancel := context.WithCancel(ctx)
	var seen []count
	var counting sync.WaitGroup
	counting.Go(func() {
		for ctx.Err() == nil {
			if calls, err := b.admin.Calls(ctx, false); err == nil {
				seen = append(seen, count{time.Now(), samples(calls)})
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	most = func() float64 {
		best, first := 0, 0
		for _, last := range seen {
			for last.at.Sub(seen[first].at) > window {
				first++
			}
			best = max(best, last.calls-seen[first].calls)
		}
		return float64(best) / window.Seconds()
	}
	return most, func() {
		cancel()
		counting.Wait()
	}
}
