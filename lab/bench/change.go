package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/localaws"
)

const (
	// groupSize Ingresses share a load balancer; AWS allows it a hundred rules.
	groupSize = 20
	changes   = 6 // three of a path, three of a backend
)

// Change measures what changing one of many Ingresses costs.
func Change(ctx context.Context, config Config) (*Report, error) {
	config.groupSize = groupSize
	return run(ctx, config, func(b *bench, ctx context.Context) (*Report, error) {
		up, err := b.bringUp(ctx)
		if err != nil {
			return nil, err
		}
		b.say("bringing them up took %d calls and %.1f s", up.Calls, up.Seconds)
		return b.change(ctx)
	})
}

// OneChange is what changing one Ingress cost.
type OneChange struct {
	What        string         `json:"what"` // "path" or "backend"
	Calls       int            `json:"calls"`
	ByOperation map[string]int `json:"byOperation"`
	// Seconds until the load balancer's last call.
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpuSeconds"` // of the controller, until nothing happens any more
}

func (b *bench) change(ctx context.Context) (*Report, error) {
	if err := b.secondService(ctx); err != nil {
		return nil, err
	}
	b.say("waiting until AWS hears nothing for %s", quiet)
	if _, _, err := b.awaitQuiet(ctx); err != nil {
		return nil, err
	}
	idle, err := b.idle(ctx)
	if err != nil {
		return nil, err
	}
	report := &Report{Ingresses: b.config.Ingresses, ByOperation: map[string]int{}}
	for n := range changes {
		one, err := b.changeOne(ctx, n, idle)
		if err != nil {
			return nil, err
		}
		b.say("%s: %d calls, %.1f s, %.2f s of CPU", one.What, one.Calls, one.Seconds, one.CPUSeconds)
		report.add(*one)
	}
	report.CallsPerIngress = float64(report.Calls*100/changes) / 100
	process, err := b.controllerProcess()
	if err != nil {
		return nil, err
	}
	report.PeakRSSMiB, err = process.memory(peak)
	return report, err
}

func (r *Report) add(one OneChange) {
	r.Changes = append(r.Changes, one)
	r.Calls += one.Calls
	r.Seconds = max(r.Seconds, one.Seconds)
	for operation, count := range one.ByOperation {
		r.ByOperation[operation] += count
	}
}

// idle is the share of a CPU that the controller takes when nothing is changed.
func (b *bench) idle(ctx context.Context) (float64, error) {
	const while = 20 * time.Second
	process, err := b.controllerProcess()
	if err != nil {
		return 0, err
	}
	before, err := process.cpu()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	case <-time.After(while):
	}
	after, err := process.cpu()
	share := (after - before).Seconds() / while.Seconds()
	b.say("the idle controller takes %.1f %% of a CPU", 100*share)
	return share, err
}

// changeOne changes an Ingress in the middle of a group, a different one each time.
func (b *bench) changeOne(ctx context.Context, n int, idle float64) (*OneChange, error) {
	process, err := b.controllerProcess()
	if err != nil {
		return nil, err
	}
	if _, err := b.admin.Calls(ctx, true); err != nil {
		return nil, err
	}
	before, err := process.cpu()
	if err != nil {
		return nil, err
	}
	what, patch := "path", `[{"op":"replace","path":"/spec/rules/0/http/paths/0/path","value":"/changed"}]`
	if n%2 == 1 {
		what, patch = "backend", `[{"op":"replace","path":"/spec/rules/0/http/paths/0/backend/service/name","value":"other"}]`
	}
	began := time.Now()
	name := ingressName((n*7*b.config.groupSize + b.config.groupSize/2) % b.config.Ingresses)
	if _, err := b.client.NetworkingV1().Ingresses(namespace).Patch(ctx, name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}); err != nil {
		return nil, err
	}
	calls, last, err := b.awaitQuiet(ctx)
	if err != nil {
		return nil, err
	}
	after, err := process.cpu()
	if err != nil {
		return nil, err
	}
	calls = slices.DeleteFunc(calls, func(c localaws.Call) bool { return c.Operation == "DescribeTargetHealth" })
	counted := newReport(1, calls, last.Sub(began))
	return &OneChange{
		What: what, Calls: counted.Calls, ByOperation: counted.ByOperation, Seconds: counted.Seconds,
		CPUSeconds: max(0, (after-before).Seconds()-idle*time.Since(began).Seconds()),
	}, nil
}

// secondService is what backends are changed to: the same Pods under another name.
func (b *bench) secondService(ctx context.Context) error {
	web, err := b.client.CoreV1().Services(namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	other := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "other", Namespace: namespace},
		Spec:       corev1.ServiceSpec{Selector: web.Spec.Selector, Ports: []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: web.Spec.Ports[0].TargetPort}}},
	}
	_, err = b.client.CoreV1().Services(namespace).Create(ctx, other, metav1.CreateOptions{})
	return err
}

func ingressName(i int) string { return fmt.Sprintf("web-%04d", i) }

// join puts an Ingress into the group that it belongs to, if there are groups.
func (c Config) join(i int, object *networkingv1.Ingress) *networkingv1.Ingress {
	if c.groupSize > 0 {
		object.Annotations["alb.ingress.kubernetes.io/group.name"] = fmt.Sprintf("group-%02d", i/c.groupSize)
	}
	return object
}
