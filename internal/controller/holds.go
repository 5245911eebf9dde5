package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

// holds remember which bindings hold targets that no endpoint stands for, how many,
// and since when.
type holds struct {
	mu   sync.Mutex
	list map[types.NamespacedName]hold
}

type hold struct {
	targets int
	since   time.Time
}

func newHolds() *holds { return &holds{list: map[types.NamespacedName]hold{}} }

// set notes how many a binding holds now; it reports whether that is new.
func (h *holds) set(binding types.NamespacedName, count int, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	before, held := h.list[binding]
	if count == 0 {
		delete(h.list, binding)
	} else {
		if !held {
			before.since = now
		}
		h.list[binding] = hold{count, before.since}
	}
	sum := 0
	for _, one := range h.list {
		sum += one.targets
	}
	heldTargets.Set(float64(sum))
	return count > 0 && !held
}

// lasts is how long a binding has been holding targets.
func (h *holds) lasts(binding types.NamespacedName, now time.Time) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if one, ok := h.list[binding]; ok {
		return now.Sub(one.since)
	}
	return 0
}

// noteHeld tells people about targets that are held, once.
func (c *bindingController) noteHeld(binding *v1beta1.TargetGroupBinding, changes targets.Changes) {
	if !c.holds.set(nameOf(binding), len(changes.Held), time.Now()) {
		return
	}
	switch changes.Hold {
	case targets.UntilOthersServe:
		c.events.TargetsHeld(binding, fmt.Sprintf("Service %s selects other Pods now: %d targets stay until those are healthy, at most %s",
			binding.Spec.ServiceRef.Name, len(changes.Held), targets.OthersWithin))
	case targets.UntilConfirmed:
		c.events.TargetsHeld(binding, fmt.Sprintf("Service %s has no endpoint for port %s any more, and %d targets are healthy: they stay. If they are to go: kubectl annotate targetgroupbinding -n %s %s %s=true",
			binding.Spec.ServiceRef.Name, binding.Spec.ServiceRef.Port.String(), len(changes.Held), binding.Namespace, binding.Name, confirmDeregistration))
	case targets.NotHeld:
	}
}

// runs reports whether the Pod, or node, that a target is registered for is there and not
// ending; where nobody knows which Pod that is, any Pod that has the address.
func (v *view) runs(ctx context.Context, target model.TargetID, uid types.UID) bool {
	if target.Instance != "" {
		return v.nodeRuns(ctx, target.Instance)
	}
	var pods corev1.PodList
	if err := v.List(ctx, &pods, client.MatchingFields{podsByAddress: target.IP.String()}, client.UnsafeDisableDeepCopy); err != nil {
		return false
	}
	for i := range pods.Items {
		if pod := &pods.Items[i]; (uid == "" || pod.UID == uid) && !targets.Ending(pod) {
			return true
		}
	}
	return false
}
