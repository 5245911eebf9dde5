package controller

import (
	"context"
	"fmt"
	"maps"
	"sync"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/sluice-lb/sluice/internal/build/ingress"
)

// Annotations with which people say that what is held may happen: the first on a
// LoadBalancer or a TargetGroupBinding, the second on a TargetGroupBinding.
const (
	confirmDeletion       = "sluice.dev/confirm-deletion"
	confirmDeregistration = "sluice.dev/confirm-deregistration"
)

func confirmed(object client.Object, annotation string) bool {
	return object.GetAnnotations()[annotation] == "true"
}

// unconfirm takes a confirmation off again: it is for what is held at the time, not for
// whatever comes later.
func unconfirm(ctx context.Context, c client.Client, object client.Object, annotation string) error {
	if !confirmed(object, annotation) {
		return nil
	}
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, annotation)
	if err := client.IgnoreNotFound(c.Patch(ctx, object, client.RawPatch(types.MergePatchType, patch))); err != nil {
		return fmt.Errorf("taking %s off %s: %w", annotation, object.GetName(), err)
	}
	return nil
}

// confirmedNow lets the moment through in which somebody confirms, or takes it back.
var confirmedNow = predicate.Funcs{
	CreateFunc: func(event.CreateEvent) bool { return false },
	DeleteFunc: func(event.DeleteEvent) bool { return false },
	UpdateFunc: func(e event.UpdateEvent) bool {
		return confirmed(e.ObjectOld, confirmDeletion) != confirmed(e.ObjectNew, confirmDeletion) ||
			confirmed(e.ObjectOld, confirmDeregistration) != confirmed(e.ObjectNew, confirmDeregistration)
	},
}

// brake holds deletions that come in a number which nobody may have meant: a pruned
// repository, a deleted IngressClass.
type brake struct {
	kind string // of what is deleted, for people
	// limit is how many may go within brakeWindow (flag --brake-deletions); 0: no brake.
	limit int

	mu sync.Mutex
	// gone are those that were let through lately. One that AWS refuses comes again, and is
	// one all the same.
	gone map[types.NamespacedName]time.Time
	held map[types.NamespacedName]bool
}

const brakeWindow = 10 * time.Minute

func newBrake(kind string, limit int) *brake {
	return &brake{kind: kind, limit: limit, gone: map[types.NamespacedName]time.Time{}, held: map[types.NamespacedName]bool{}}
}

// heldError is a deletion that waits for a person.
type heldError struct{ message string }

func (e heldError) Error() string { return e.message }

// pass lets one deletion through, or says why it is held. Those that are waiting,
// this one among them, count as much as those that have been.
func (b *brake) pass(name types.NamespacedName, waiting int, remedy string, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.DeleteFunc(b.gone, func(_ types.NamespacedName, at time.Time) bool { return now.Sub(at) > brakeWindow })
	_, again := b.gone[name]
	if count := len(b.gone) + max(1, waiting); b.limit > 0 && count > b.limit && !again {
		b.hold(name, true)
		return heldError{fmt.Sprintf("%d %s are to be deleted within ten minutes, more than --brake-deletions=%d: this one is kept. If it is meant: %s",
			count, b.kind, b.limit, remedy)}
	}
	b.hold(name, false)
	b.gone[name] = now
	return nil
}

// forget ends a hold, because the deletion is confirmed or not wanted any more.
func (b *brake) forget(name types.NamespacedName) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hold(name, false)
}

func (b *brake) hold(name types.NamespacedName, on bool) {
	if on {
		b.held[name] = true
	} else {
		delete(b.held, name)
	}
	heldDeletions.WithLabelValues(b.kind).Set(float64(len(b.held)))
}

// goingStacks counts the stacks that have nobody left: all Ingresses that bear their
// finalizer are being deleted, or are of another class now.
func (v *view) goingStacks(ctx context.Context) int {
	var list networkingv1.IngressList
	if v.List(ctx, &list, client.UnsafeDisableDeepCopy) != nil {
		return 0 // the cache does not fail once it has synced
	}
	classes := v.classes(ctx)
	stays := map[types.NamespacedName]bool{}
	for i := range list.Items {
		object := &list.Items[i]
		class, ours := classes.Of(object)
		group, err := ingress.Group(object, class)
		for _, request := range stacksOf(object, class) {
			belongs := ours && err == nil && object.DeletionTimestamp == nil && group.Namespace == request.Namespace && group.Name == request.Name
			if belongs || bearsFinalizer(object) {
				stays[request.NamespacedName] = stays[request.NamespacedName] || belongs
			}
		}
	}
	count := 0
	for _, stay := range stays {
		if !stay {
			count++
		}
	}
	return count
}
