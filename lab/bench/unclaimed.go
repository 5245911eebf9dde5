package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/lab/manifest"
)

// UnclaimedReport is what Unclaimed measured.
type UnclaimedReport struct {
	OneAtATime    Spread `json:"oneAtATime"`
	HundredAtOnce Spread `json:"hundredAtOnce"`
}

// Spread of seconds from containers ready to Ready, as a client that watches the Pods sees them.
type Spread struct {
	Pods int     `json:"pods"`
	P50  float64 `json:"p50"`
	P95  float64 `json:"p95"`
	Max  float64 `json:"max"`
	// GateP95 is of the part until the gate is open; the rest is the kubelet's.
	GateP95 float64 `json:"gateP95"`
}

// WriteJSON writes the report as one line of JSON.
func (r *UnclaimedReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *UnclaimedReport) WriteText(out io.Writer) error {
	_, err := fmt.Fprintf(out, "one at a time:   %s\nhundred at once: %s\n", r.OneAtATime, r.HundredAtOnce)
	return err
}

func (s Spread) String() string {
	return fmt.Sprintf("p50 %.2f s, p95 %.2f s, max %.2f s of %d Pods; gates p95 %.2f s", s.P50, s.P95, s.Max, s.Pods, s.GateP95)
}

// lonely are Pods that nobody claims, in a namespace that asks for gates.
const lonely = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: lonely, namespace: bench}
spec:
  replicas: 0
  selector: {matchLabels: {app: lonely}}
  template:
    metadata: {labels: {app: lonely}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: web, image: sluice.lab/web, ports: [{name: http, containerPort: 8080}]}
`

// Unclaimed measures what gates cost Pods that no load balancer claims.
func Unclaimed(ctx context.Context, config Config) (*UnclaimedReport, error) {
	return run(ctx, config, (*bench).unclaimed)
}

func (b *bench) unclaimed(ctx context.Context) (*UnclaimedReport, error) {
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{injectLabel: "enabled"}}}
	if _, err := b.client.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	objects, err := manifest.Decode([]byte(lonely))
	if err != nil {
		return nil, err
	}
	applier, err := manifest.NewApplier(b.rest)
	if err != nil {
		return nil, err
	}
	if err := applier.Apply(ctx, objects); err != nil {
		return nil, err
	}
	pods, err := b.watchPods(ctx)
	if err != nil {
		return nil, err
	}
	report := &UnclaimedReport{}
	began := time.Now()
	const few, many = 20, 100
	for n := range few {
		if err := b.scaleNamed(ctx, "lonely", n+1); err != nil {
			return nil, err
		}
		if _, err := b.awaitReady(ctx, pods, began, n+1); err != nil {
			return nil, err
		}
	}
	list, err := b.awaitReady(ctx, pods, began, few)
	if err != nil {
		return nil, err
	}
	report.OneAtATime = spread(list)
	b.say("one at a time: %s", report.OneAtATime)
	if err := b.clear(ctx); err != nil {
		return nil, err
	}
	began = time.Now()
	if err := b.scaleNamed(ctx, "lonely", many); err != nil {
		return nil, err
	}
	if list, err = b.awaitReady(ctx, pods, began, many); err != nil {
		return nil, err
	}
	report.HundredAtOnce = spread(list)
	return report, nil
}

func (b *bench) awaitReady(ctx context.Context, p *starts, began time.Time, count int) (list []moments, err error) {
	err = b.await(ctx, func(context.Context) (string, error) {
		list = slices.DeleteFunc(p.since(began), func(m moments) bool { return m.ready.IsZero() })
		if len(list) >= count {
			return "", nil
		}
		return fmt.Sprintf("%d of %d Pods are Ready", len(list), count), nil
	})
	return list, err
}

func spread(list []moments) Spread {
	waited := func(m moments) time.Duration { return m.ready.Sub(m.containersReady) }
	opened := func(m moments) time.Duration { return m.open.Sub(m.containersReady) }
	return Spread{GateP95: quantile(list, opened, 0.95), Pods: len(list), P50: quantile(list, waited, 0.5), P95: quantile(list, waited, 0.95), Max: quantile(list, waited, 1)}
}
