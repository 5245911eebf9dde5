package bench

import (
	"context"
	_ "embed" // for memory.yaml
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/lab/manifest"
)

//go:embed memory.yaml
var memoryManifest string

// MemoryConfig is how large the cluster of Memory is, beside what every bench has.
type MemoryConfig struct {
	Config
	Pods, Services int // Pods are spread evenly over the Services
	Bindings       int // Services that an Ingress leads to; each has a TargetGroupBinding
}

// MemoryReport is what Memory measured, of the controller's process.
type MemoryReport struct {
	Pods     int `json:"pods"`
	Services int `json:"services"`
	Bindings int `json:"bindings"`
	// RSSMiB is the memory that it holds when nothing happens: the most in a minute.
	RSSMiB float64 `json:"rssMiB"`
	// PeakRSSMiB is the most that it has ever held, while the Pods came up.
	PeakRSSMiB float64 `json:"peakRSSMiB"`
	// RestartedRSSMiB is what a controller holds that has started with all this: the most in its first minute.
	RestartedRSSMiB float64 `json:"restartedRSSMiB"`
}

// WriteJSON writes the report as one line of JSON.
func (r *MemoryReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *MemoryReport) WriteText(out io.Writer) error {
	_, err := fmt.Fprintf(out, "%d Pods, %d Services, %d TargetGroupBindings: %.1f MiB at rest, %.1f MiB at most while they came, %.1f MiB at most in a new controller's first minute\n",
		r.Pods, r.Services, r.Bindings, r.RSSMiB, r.PeakRSSMiB, r.RestartedRSSMiB)
	return err
}

// Memory measures what the controller holds of a cluster in which nothing happens.
func Memory(ctx context.Context, config MemoryConfig) (*MemoryReport, error) {
	return run(ctx, config.Config, func(b *bench, ctx context.Context) (*MemoryReport, error) {
		return (&memoryBench{bench: b, config: config}).run(ctx)
	})
}

type memoryBench struct {
	*bench
	config MemoryConfig
}

func (b *memoryBench) run(ctx context.Context) (*MemoryReport, error) {
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	report := &MemoryReport{Pods: b.config.Pods, Services: b.config.Services, Bindings: b.config.Bindings}
	var err error
	if report.RSSMiB, err = b.mostInAMinute(ctx); err != nil {
		return nil, err
	}
	controller, err := b.controllerProcess()
	if err != nil {
		return nil, err
	}
	if report.PeakRSSMiB, err = controller.memory(peak); err != nil {
		return nil, err
	}
	b.say("%.1f MiB at rest, %.1f MiB at most; the controller ends, and its successor starts", report.RSSMiB, report.PeakRSSMiB)
	if _, err := b.restart(ctx); err != nil {
		return nil, err
	}
	if controller, err = b.controllerProcess(); err != nil {
		return nil, err
	}
	if _, err := b.mostInAMinute(ctx); err != nil {
		return nil, err
	}
	report.RestartedRSSMiB, err = controller.memory(peak)
	return report, err
}

// prepare returns when all Pods are Ready and the controller has nothing more to say to AWS.
func (b *memoryBench) prepare(ctx context.Context) error {
	b.say("making %d Services of %d Pods, %d of them behind a load balancer", b.config.Services, b.config.Pods/b.config.Services, b.config.Bindings)
	space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace, Labels: map[string]string{injectLabel: "enabled"}}}
	if _, err := b.client.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
		return err
	}
	applier, err := manifest.NewApplier(b.rest)
	if err != nil {
		return err
	}
	for i := range b.config.Services {
		if i < b.config.Bindings {
			if _, err := b.client.NetworkingV1().Ingresses(namespace).Create(ctx, routeTo(i), metav1.CreateOptions{}); err != nil {
				return err
			}
		}
		objects, err := manifest.Decode([]byte(strings.NewReplacer("NAME", groupName(i), "PODS", strconv.Itoa(b.config.Pods/b.config.Services)).Replace(memoryManifest)))
		if err != nil {
			return err
		}
		if err := applier.Apply(ctx, objects); err != nil {
			return err
		}
	}
	want := b.config.Pods / b.config.Services * b.config.Services
	err = b.await(ctx, func(ctx context.Context) (string, error) {
		list, err := b.client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return "", err
		}
		ready := 0
		for i := range list.Items {
			ready += int(list.Items[i].Status.ReadyReplicas)
		}
		if ready == want {
			return "", nil
		}
		return fmt.Sprintf("%d of %d Pods are Ready", ready, want), nil
	})
	if err != nil {
		return err
	}
	_, _, err = b.awaitQuiet(ctx)
	return err
}

// routeTo is an Ingress that leads to one Service, on one of the shared load balancers.
func routeTo(i int) *networkingv1.Ingress {
	object := ingress(i)
	object.Annotations["alb.ingress.kubernetes.io/group.name"] = fmt.Sprintf("bench-%d", i/groupsALoadBalancer)
	object.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name = groupName(i)
	return object
}

// mostInAMinute is the largest of sixty looks at what the controller holds.
func (b *bench) mostInAMinute(ctx context.Context) (float64, error) {
	most := 0.0
	for range 60 {
		controller, err := b.controllerProcess()
		if err != nil {
			return 0, err
		}
		now, err := controller.memory(resident)
		if err != nil {
			return 0, err
		}
		most = max(most, now)
		if err := pause(ctx, time.Second); err != nil {
			return 0, err
		}
	}
	return most, nil
}
