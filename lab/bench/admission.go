package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/lab/manifest"
)

// AdmissionReport is what Admission measured, in milliseconds.
type AdmissionReport struct {
	// Without is how long a Pod's creation takes in a cluster without Sluice.
	Without Latency `json:"without"`
	// What the policies add to it, in a namespace with gates: without a claim, with so many that
	// have an entry each, one of which is the Pod's, and with so many that they have none.
	NoClaim    Latency `json:"noClaim"`
	Claims20   Latency `json:"claims20"`
	Claims32   Latency `json:"claims32"`
	Claims1000 Latency `json:"claims1000"`
}

// Latency of some creations.
type Latency struct {
	Pods int     `json:"pods"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
}

// WriteJSON writes the report as one line of JSON.
func (r *AdmissionReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *AdmissionReport) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "CREATION OF A POD\tPODS\tP50\tP99")
	fmt.Fprintf(table, "without Sluice\t%d\t%.2f ms\t%.2f ms\n", r.Without.Pods, r.Without.P50, r.Without.P99)
	for _, one := range []struct {
		name string
		Latency
	}{{"no claim", r.NoClaim}, {"20 claims", r.Claims20}, {"32 claims", r.Claims32}, {"1000 claims", r.Claims1000}} {
		fmt.Fprintf(table, "%s\t%d\t%+.2f ms\t%+.2f ms\n", one.name, one.Pods, one.P50, one.P99)
	}
	return table.Flush()
}

// admissionRounds is how many Pods are created of each kind.
const admissionRounds = 200

// Admission measures what gates add to the creation of a Pod. The controller does not run: it has no part in it.
func Admission(ctx context.Context, config Config) (*AdmissionReport, error) {
	config.LabFlags = append(config.LabFlags, "--controller=false", "--injection=none")
	return run(ctx, config, (*bench).admission)
}

// claimed are the namespaces in which Pods are created, by how many claims there are.
var claimed = []struct {
	namespace string
	claims    int
}{{"claims-0", 0}, {"claims-20", 20}, {"claims-32", v1alpha1.MaxGates}, {"claims-1000", 1000}}

func (b *bench) admission(ctx context.Context) (*AdmissionReport, error) {
	b.say("creating %d Pods without Sluice, half of them before and half after", admissionRounds)
	if err := b.claimedNamespaces(ctx); err != nil {
		return nil, err
	}
	without, err := b.createPods(ctx, claimed[0].namespace, 0, admissionRounds/2)
	if err != nil {
		return nil, err
	}
	remove, err := b.applyPolicies(ctx)
	if err != nil {
		return nil, err
	}
	with, err := b.createClaimed(ctx)
	if err != nil {
		return nil, err
	}
	if err := remove(ctx); err != nil {
		return nil, err
	}
	after, err := b.createPods(ctx, claimed[0].namespace, 2*admissionRounds, admissionRounds/2)
	if err != nil {
		return nil, err
	}
	base := latency(append(without, after...))
	added := func(n int) Latency {
		l := latency(with[n])
		return Latency{Pods: l.Pods, P50: milliseconds(l.P50 - base.P50), P99: milliseconds(l.P99 - base.P99)}
	}
	return &AdmissionReport{Without: base, NoClaim: added(0), Claims20: added(1), Claims32: added(2), Claims1000: added(3)}, nil
}

// claimedNamespaces makes the namespaces, with the lists that the controller would make of their claims.
func (b *bench) claimedNamespaces(ctx context.Context) error {
	applier, err := manifest.NewApplier(b.rest)
	if err != nil {
		return err
	}
	for _, one := range claimed {
		space := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: one.namespace, Labels: map[string]string{injectLabel: "enabled"}}}
		if _, err := b.client.CoreV1().Namespaces().Create(ctx, space, metav1.CreateOptions{}); err != nil {
			return err
		}
		if err := applier.Apply(ctx, []*unstructured.Unstructured{gateSet(one.namespace, one.claims), idleOwner(one.namespace)}); err != nil {
			return err
		}
	}
	return nil
}

// gateSet is empty where there are more claims than a list may have: Pods get the anticipating gate.
func gateSet(namespace string, claims int) *unstructured.Unstructured {
	gates := []any{}
	for i := range claims {
		gates = append(gates, map[string]any{
			"conditionType": fmt.Sprintf("target-health.alb.ingress.k8s.aws/%s_http", groupName(i)),
			"selector":      map[string]any{"app.kubernetes.io/name": groupName(i)},
		})
	}
	if claims > v1alpha1.MaxGates {
		gates = []any{}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": v1alpha1.GroupVersion.String(), "kind": "ReadinessGateSet",
		"metadata": map[string]any{"namespace": namespace, "name": v1alpha1.ReadinessGateSetName},
		"spec":     map[string]any{"gates": gates},
	}}
}

// applyPolicies returns when new Pods get what they should.
func (b *bench) applyPolicies(ctx context.Context) (remove func(context.Context) error, err error) {
	objects, err := manifest.DecodeFolders(config.Files, []string{"policies"})
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
	remove = func(ctx context.Context) error {
		for _, object := range objects {
			if err := b.removePolicy(ctx, object); err != nil {
				return err
			}
		}
		return b.awaitInjection(ctx, false)
	}
	return remove, b.awaitInjection(ctx, true)
}

func (b *bench) removePolicy(ctx context.Context, object *unstructured.Unstructured) error {
	admission := b.client.AdmissionregistrationV1()
	if object.GetKind() == "MutatingAdmissionPolicy" {
		return admission.MutatingAdmissionPolicies().Delete(ctx, object.GetName(), metav1.DeleteOptions{})
	}
	return admission.MutatingAdmissionPolicyBindings().Delete(ctx, object.GetName(), metav1.DeleteOptions{})
}

// awaitInjection asks for Pods without creating them: the API server learns of policies and of lists a little later.
func (b *bench) awaitInjection(ctx context.Context, injected bool) error {
	return b.await(ctx, func(ctx context.Context) (string, error) {
		for _, one := range claimed {
			pod, err := b.client.CoreV1().Pods(one.namespace).Create(ctx, idlePod(9999), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			if err != nil {
				return "", err
			}
			if got := len(pod.Spec.ReadinessGates) > 0 && (one.claims == 0 || one.claims > v1alpha1.MaxGates || pod.Spec.ReadinessGates[0].ConditionType != anticipating); got != injected {
				return fmt.Sprintf("a Pod in namespace %s has the gates %v", one.namespace, pod.Spec.ReadinessGates), nil
			}
		}
		return "", nil
	})
}

const anticipating = "target-health.sluice.dev/load-balancers"

// createClaimed takes the namespaces in turn, so that whatever else goes on meets all alike.
func (b *bench) createClaimed(ctx context.Context) ([][]time.Duration, error) {
	b.say("creating %d Pods in each of %d namespaces with gates", admissionRounds, len(claimed))
	took := make([][]time.Duration, len(claimed))
	for n := range admissionRounds {
		for i := range claimed {
			at := (n + i) % len(claimed)
			one, err := b.createPods(ctx, claimed[at].namespace, admissionRounds+n, 1)
			if err != nil {
				return nil, err
			}
			took[at] = append(took[at], one...)
		}
	}
	return took, nil
}

// createPods creates Pods one after the other and says how long each took.
func (b *bench) createPods(ctx context.Context, namespace string, from, count int) ([]time.Duration, error) {
	owner, err := b.client.AppsV1().ReplicaSets(namespace).Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var took []time.Duration
	for n := range count {
		pod := idlePod(from + n)
		pod.OwnerReferences[0].UID = owner.UID // or the garbage collector would take it away
		began := time.Now()
		if _, err := b.client.CoreV1().Pods(namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// idleOwner is what the Pods belong to, and that makes and removes none: they do not carry its labels.
func idleOwner(namespace string) *unstructured.Unstructured {
	labels := map[string]any{"app.kubernetes.io/name": "idle"}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": map[string]any{"namespace": namespace, "name": "web"},
		"spec": map[string]any{
			"replicas": int64(0), "selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec":     map[string]any{"containers": []any{map[string]any{"name": "web", "image": "sluice.lab/web"}}},
			},
		},
	}}
}

// idlePod is one of a ReplicaSet that is never scheduled, so that no kubelet disturbs the measurement.
func idlePod(n int) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:            fmt.Sprintf("web-%04d", n),
			Labels:          map[string]string{"app.kubernetes.io/name": groupName(7), "app.kubernetes.io/instance": "web", "app.kubernetes.io/part-of": "shop"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "00000000-0000-0000-0000-000000000000"}},
		},
		Spec: corev1.PodSpec{
			SchedulerName: "nobody",
			Containers:    []corev1.Container{{Name: "web", Image: "sluice.lab/web", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}}}},
		},
	}
}

func latency(took []time.Duration) Latency {
	slices.Sort(took)
	at := func(part float64) float64 {
		return milliseconds(float64(took[min(len(took)-1, int(part*float64(len(took))))]) / float64(time.Millisecond))
	}
	return Latency{Pods: len(took), P50: at(0.5), P99: at(0.99)}
}

// milliseconds with three digits after the point, which are the last that mean something.
func milliseconds(ms float64) float64 {
	return float64(time.Duration(ms*float64(time.Millisecond)).Round(time.Microsecond)) / float64(time.Millisecond)
}
