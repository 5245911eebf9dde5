package bench

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// moments of one Pod's start. Those of Kubernetes are when its event arrived here: conditions have whole seconds only.
type moments struct {
	name            string
	address         netip.AddrPort
	created         time.Time
	containersReady time.Time
	open            time.Time // its first gate
	ready           time.Time
	registered      time.Time // as AWS says
	healthy         time.Time // as AWS says
}

func (m moments) done() bool { return !m.open.IsZero() && !m.healthy.IsZero() }

// starts takes down the moments of all Pods of the bench, from a watch and from AWS.
type starts struct {
	mu    sync.Mutex
	byUID map[types.UID]*moments
}

// watchPods begins to take down moments; it goes on until ctx ends.
func (b *bench) watchPods(ctx context.Context) (*starts, error) {
	p := &starts{byUID: map[types.UID]*moments{}}
	factory := informers.NewSharedInformerFactoryWithOptions(b.client, 0, informers.WithNamespace(namespace))
	informer := factory.Core().V1().Pods().Informer()
	_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { p.see(o.(*corev1.Pod), time.Now()) },
		UpdateFunc: func(_, o any) { p.see(o.(*corev1.Pod), time.Now()) },
	})
	if err != nil {
		return nil, err
	}
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return nil, fmt.Errorf("watching Pods: %w", context.Cause(ctx))
	}
	return p, nil
}

func (p *starts) see(pod *corev1.Pod, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.byUID[pod.UID]
	if m == nil {
		m = &moments{name: pod.Name, created: now}
		p.byUID[pod.UID] = m
	}
	if address, err := netip.ParseAddr(pod.Status.PodIP); err == nil {
		m.address = netip.AddrPortFrom(address, 8080)
	}
	for _, condition := range pod.Status.Conditions {
		switch {
		case condition.Status != corev1.ConditionTrue:
		case condition.Type == corev1.ContainersReady && m.containersReady.IsZero():
			m.containersReady = now
		case condition.Type == corev1.PodReady && m.ready.IsZero():
			m.ready = now
		case strings.HasPrefix(string(condition.Type), "target-health.") && m.open.IsZero():
			m.open = now
		}
	}
}

// match adds what AWS knows: the registration of an address that came after the Pod did.
func (p *starts) match(targets []localaws.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.byUID {
		for _, target := range targets {
			if target.Address != m.address || target.Registered.Before(m.created) {
				continue
			}
			m.registered = target.Registered
			if m.healthy.IsZero() {
				m.healthy = target.HealthySince
			}
		}
	}
}

// since are the moments of the Pods that came after a time, oldest first.
func (p *starts) since(began time.Time) []moments {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []moments
	for _, m := range p.byUID {
		if m.created.After(began) {
			list = append(list, *m)
		}
	}
	slices.SortFunc(list, func(a, b moments) int { return a.created.Compare(b.created) })
	return list
}

// awaitOpen waits until so many Pods that came after a time have an open gate.
func (b *bench) awaitOpen(ctx context.Context, p *starts, began time.Time, count int) ([]moments, error) {
	var list []moments
	err := b.await(ctx, func(ctx context.Context) (string, error) {
		targets, err := b.admin.Targets(ctx)
		if err != nil {
			return "", err
		}
		p.match(targets)
		list = slices.DeleteFunc(p.since(began), func(m moments) bool { return !m.done() })
		if len(list) >= count {
			return "", nil
		}
		return fmt.Sprintf("%d of %d Pods have an open gate", len(list), count), nil
	})
	return list, err
}

// awaitNoPods waits until all Pods of these Deployments are gone, and their targets too.
func (b *bench) awaitNoPods(ctx context.Context) error {
	return b.await(ctx, func(ctx context.Context) (string, error) {
		list, err := b.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{ResourceVersion: "0"})
		if err != nil {
			return "", err
		}
		targets, err := b.admin.Targets(ctx)
		if err != nil || len(list.Items)+len(targets) == 0 {
			return "", err
		}
		return fmt.Sprintf("%d Pods and %d targets are left", len(list.Items), len(targets)), nil
	})
}
