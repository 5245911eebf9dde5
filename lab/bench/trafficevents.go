package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/lab/node"
)

// event is what happens to the cluster under traffic. It returns when all is steady again: everything Ready, every target
// of the Services healthy, no Pod on its way out.
type event struct {
	Name   string
	Means  string
	loses  bool // by its nature: it is bounded, and is to be asked for
	happen func(b *trafficBench, ctx context.Context) error
}

var events = []event{
	{Name: "rollout", Means: "kubectl rollout restart of what is served", happen: (*trafficBench).rollOut},
	{Name: "node-drain", Means: "kubectl drain of each node in turn: cordon, evictions under a PodDisruptionBudget, uncordon", happen: (*trafficBench).drainNodes},
	{Name: "eviction", Means: "one Pod of each is evicted", happen: (*trafficBench).evictOne},
	{Name: "scale-in", Means: "to half the Pods, and back", happen: (*trafficBench).scaleIn},
	{Name: "selector-swap", Means: "the Services select the other Deployment, whose Pods were Ready long before", happen: (*trafficBench).swap},
	{Name: "rule-move", Means: "the rules of the Ingresses move to other Services, of the other Deployment", happen: (*trafficBench).moveRules},
	{Name: "node-kill", Means: "a node loses its power for ninety seconds; not among the default ones, since what it was serving is lost", loses: true, happen: (*trafficBench).killNode},
}

// EventNames are the names of all events.
func EventNames() []string {
	var names []string
	for _, e := range events {
		names = append(names, e.Name)
	}
	return names
}

// served are the Deployments that the Services select now.
func (b *trafficBench) served() []string { return []string{b.color, "slow"} }

func (b *trafficBench) rollOut(ctx context.Context) error {
	patch := fmt.Appendf(nil, `{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
	for _, name := range b.served() {
		if _, err := b.client.AppsV1().Deployments(namespace).Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return b.awaitSteady(ctx)
}

func (b *trafficBench) drainNodes(ctx context.Context) error {
	nodes, err := b.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range nodes.Items {
		name := nodes.Items[i].Name
		if err := b.drainNode(ctx, name); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	return b.awaitSteady(ctx)
}

// drainNode returns when none of the Pods that it had is left.
func (b *trafficBench) drainNode(ctx context.Context, name string) error {
	if err := b.cordon(ctx, name, true); err != nil {
		return err
	}
	pods, err := b.podsOn(ctx, name)
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if err := b.evict(ctx, pod); err != nil {
			return err
		}
	}
	err = b.await(ctx, func(ctx context.Context) (string, error) {
		left, err := b.podsOn(ctx, name)
		if err != nil || len(left) == 0 {
			return "", err
		}
		return fmt.Sprintf("%d Pods are left on node %s", len(left), name), nil
	})
	if err != nil {
		return err
	}
	return b.cordon(ctx, name, false)
}

func (b *trafficBench) cordon(ctx context.Context, name string, unschedulable bool) error {
	patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, unschedulable)
	_, err := b.client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{})
	return err
}

func (b *trafficBench) podsOn(ctx context.Context, name string) ([]corev1.Pod, error) {
	list, err := b.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{FieldSelector: "spec.nodeName=" + name})
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

// evict waits, as kubectl drain does, while a PodDisruptionBudget forbids it.
func (b *trafficBench) evict(ctx context.Context, pod corev1.Pod) error {
	return b.await(ctx, func(ctx context.Context) (string, error) {
		err := b.client.PolicyV1().Evictions(namespace).Evict(ctx, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod.Name}})
		if apierrors.IsTooManyRequests(err) {
			return fmt.Sprintf("Pod %s may not be evicted yet", pod.Name), nil
		}
		if apierrors.IsNotFound(err) {
			return "", nil
		}
		return "", err
	})
}

func (b *trafficBench) evictOne(ctx context.Context) error {
	for _, name := range b.served() {
		pods, err := b.podsOf(ctx, name)
		if err != nil {
			return err
		}
		if err := b.evict(ctx, pods[0]); err != nil {
			return err
		}
	}
	return b.awaitSteady(ctx)
}

func (b *trafficBench) podsOf(ctx context.Context, deployment string) ([]corev1.Pod, error) {
	selector := "color=" + deployment
	if deployment == "slow" {
		selector = "app=slow"
	}
	list, err := b.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err == nil && len(list.Items) == 0 {
		return nil, fmt.Errorf("Deployment %s has no Pods", deployment)
	}
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}

func (b *trafficBench) scaleIn(ctx context.Context) error {
	for _, replicas := range []int{b.config.Replicas / 2, b.config.Replicas} {
		for _, name := range b.served() {
			if err := b.scaleNamed(ctx, name, replicas); err != nil {
				return err
			}
		}
		if err := b.awaitSteady(ctx); err != nil {
			return err
		}
	}
	return nil
}

// swapped are the Services behind which the color changes, without what moveRules has put behind their names.
var swapped = []string{"http1", "http2", "grpc"}

var otherColor = map[string]string{"blue": "green", "green": "blue"}

// moveRules makes Services of the other color and has the rules forward to them: other target groups, with the same
// hosts and paths.
func (b *trafficBench) moveRules(ctx context.Context) error {
	b.color, b.moves = otherColor[b.color], b.moves+1
	before := b.suffix
	b.suffix = fmt.Sprintf("-%d", b.moves)
	services := b.client.CoreV1().Services(namespace)
	for _, name := range swapped {
		service, err := services.Get(ctx, name+before, metav1.GetOptions{})
		if err != nil {
			return err
		}
		moved := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: name + b.suffix, Annotations: service.Annotations},
			Spec:       corev1.ServiceSpec{Ports: service.Spec.Ports, Selector: map[string]string{"app": "web", "color": b.color}},
		}
		if _, err := services.Create(ctx, moved, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	ingresses, err := b.client.NetworkingV1().Ingresses(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range ingresses.Items {
		ingress := &ingresses.Items[i]
		for _, rule := range ingress.Spec.Rules {
			for k := range rule.HTTP.Paths {
				backend := rule.HTTP.Paths[k].Backend.Service
				if name := strings.TrimSuffix(backend.Name, before); slices.Contains(swapped, name) {
					backend.Name = name + b.suffix
				}
			}
		}
		if _, err := b.client.NetworkingV1().Ingresses(namespace).Update(ctx, ingress, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return b.awaitSteady(ctx)
}

// swap lets the Services select the other color, as a blue/green switch does. It returns when only that is in service.
func (b *trafficBench) swap(ctx context.Context) error {
	b.color = otherColor[b.color]
	for _, service := range swapped {
		patch := fmt.Appendf(nil, `{"spec":{"selector":{"color":%q}}}`, b.color)
		if _, err := b.client.CoreV1().Services(namespace).Patch(ctx, service+b.suffix, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
	}
	return b.awaitSteady(ctx)
}

// darkness is longer than it takes until Kubernetes calls the node unreachable and its Pods unready (50 s,
// --node-monitor-grace-period of the controller manager), and these have been deregistered.
const darkness = 90 * time.Second

// killNode takes one node's power away and gives it back.
func (b *trafficBench) killNode(ctx context.Context) error {
	pods, err := b.podsOf(ctx, b.color)
	if err != nil {
		return err
	}
	name := pods[0].Spec.NodeName
	for _, state := range []string{"off", "on"} {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, node.PowerAnnotation, state)
		if _, err := b.client.CoreV1().Nodes().Patch(ctx, name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}); err != nil {
			return err
		}
		if state == "off" {
			if err := pause(ctx, darkness); err != nil {
				return err
			}
		}
	}
	return b.awaitSteady(ctx)
}

// awaitSteady waits until all Deployments are complete, no Pod is on its way out, and the targets in service are exactly
// the Pods that the Services select.
func (b *trafficBench) awaitSteady(ctx context.Context) error {
	return b.await(ctx, func(ctx context.Context) (string, error) {
		deployments, err := b.client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", err
		}
		for i := range deployments.Items {
			if missing := unfinished(&deployments.Items[i]); missing != "" {
				return missing, nil
			}
		}
		pods, err := b.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return "", err
		}
		if slices.ContainsFunc(pods.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil }) {
			return "Pods are on their way out", nil
		}
		return b.unhealthy(ctx)
	})
}

func unfinished(d *appsv1.Deployment) string {
	want, status := *d.Spec.Replicas, d.Status
	if status.ObservedGeneration < d.Generation || status.UpdatedReplicas != want || status.AvailableReplicas != want || status.Replicas != want {
		return fmt.Sprintf("Deployment %s: %d of %d Pods are available, there are %d", d.Name, status.AvailableReplicas, want, status.Replicas)
	}
	return ""
}

// groupsOf says how many target groups the Pods of what is served are in.
func (b *trafficBench) groupsOf(deployment string) int {
	if deployment == "slow" {
		return 1
	}
	return 3
}

// unhealthy says what is missing until the targets in service are exactly the Pods that the Services select.
func (b *trafficBench) unhealthy(ctx context.Context) (string, error) {
	targets, err := b.admin.Targets(ctx)
	if err != nil {
		return "", err
	}
	healthy := map[string]int{} // by address: in how many groups
	for _, target := range targets {
		if target.State == "healthy" {
			healthy[target.Address.Addr().String()]++
		}
	}
	for _, name := range b.served() {
		pods, err := b.podsOf(ctx, name)
		if err != nil {
			return "", err
		}
		for _, pod := range pods {
			if got, want := healthy[pod.Status.PodIP], b.groupsOf(name); got != want {
				return fmt.Sprintf("Pod %s is a healthy target in %d of %d groups", pod.Name, got, want), nil
			}
			delete(healthy, pod.Status.PodIP)
		}
	}
	if len(healthy) > 0 {
		return fmt.Sprintf("%d targets that nobody selects are still in service", len(healthy)), nil
	}
	return "", nil
}

// EventsText lists the events for a help text.
func EventsText() string {
	var lines []string
	for _, e := range events {
		lines = append(lines, fmt.Sprintf("  %-14s %s", e.Name, e.Means))
	}
	return strings.Join(lines, "\n")
}
