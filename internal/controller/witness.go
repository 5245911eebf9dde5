package controller

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/readiness"
	"github.com/sluice-lb/sluice/internal/targets"
)

// witness tells what is known of a Pod, from the caches and the health book: no call.
type witness struct {
	*view
	book *health.Book
}

// subject is a Pod as Decide takes it.
func (w *witness) subject(ctx context.Context, pod *corev1.Pod) readiness.Pod {
	subject := readiness.PodOf(pod)
	subject.MinReady = w.minReady(ctx, pod)
	var namespace corev1.Namespace
	if w.Get(ctx, types.NamespacedName{Name: pod.Namespace}, &namespace) == nil {
		subject.ExpectsFor = readiness.ExpectsFor(pod.Annotations, namespace.Annotations)
	}
	return subject
}

// evidence is what is known of a Pod under each claim that wants it.
func (w *witness) evidence(ctx context.Context, pod *corev1.Pod) []readiness.Evidence {
	var out []readiness.Evidence
	for _, claim := range w.claims(ctx, pod.Namespace) {
		if !claim.Unresolved && !claim.Selects(pod.Labels) {
			continue
		}
		evidence := readiness.Evidence{Claim: claim.Claim}
		if claim.binding != nil {
			w.locate(ctx, &evidence, claim.binding, pod)
		}
		out = append(out, evidence)
	}
	return out
}

func (w *witness) locate(ctx context.Context, evidence *readiness.Evidence, binding *v1beta1.TargetGroupBinding, pod *corev1.Pod) {
	evidence.Unread = !w.book.Known(evidence.TargetGroup)
	endpoints := w.endpoints(ctx, binding)
	for _, endpoint := range endpoints {
		if endpoint.UID != pod.UID {
			continue
		}
		evidence.Address = endpoint.Address
		evidence.Unread = w.unread(evidence.TargetGroup, endpoint)
		evidence.SlowStart = w.book.SlowStart(evidence.TargetGroup)
		evidence.Adoption = w.book.TimeToUnhealthy(evidence.TargetGroup)
		if target, ok := w.book.Target(evidence.TargetGroup, endpoint.Address); ok {
			evidence.Target = &target
		}
		return
	}
}

// unread reports whether nobody knows yet if the address of an endpoint is registered.
// What somebody else registers without telling is known as of the last answer only, and
// that must be younger than the endpoint: the address may have been another Pod's.
func (w *witness) unread(group string, endpoint targets.Endpoint) bool {
	if _, there := w.book.Target(group, endpoint.Address); there || w.config.Mode.Registers() {
		return !w.book.Known(group)
	}
	return !w.book.Told(group, endpoint.Since)
}

// minReady is how long the workload wants a Pod to be Ready before it counts as available.
func (w *witness) minReady(ctx context.Context, pod *corev1.Pod) time.Duration {
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return 0
	}
	name := types.NamespacedName{Namespace: pod.Namespace, Name: owner.Name}
	var seconds int32
	switch owner.Kind {
	case "ReplicaSet":
		var object appsv1.ReplicaSet
		if w.Get(ctx, name, &object) == nil {
			seconds = object.Spec.MinReadySeconds
		}
	case "StatefulSet":
		var object appsv1.StatefulSet
		if w.Get(ctx, name, &object) == nil {
			seconds = object.Spec.MinReadySeconds
		}
	case "DaemonSet":
		var object appsv1.DaemonSet
		if w.Get(ctx, name, &object) == nil {
			seconds = object.Spec.MinReadySeconds
		}
	}
	return time.Duration(seconds) * time.Second
}
