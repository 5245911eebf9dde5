package controller

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// heldAnnotation on the Lease notes, as "TRANSITIONS/EPOCH", when a Sluice held it last
// and since when only Sluices have. The lease is shared with the incumbent: a transition
// that no Sluice has noted means that it may have changed AWS, and records of the epoch
// before are not believed.
const heldAnnotation = "sluice.dev/held"

// epochs finds out, once, in which epoch of leadership this process acts.
type epochs struct {
	client client.Writer
	reader client.Reader        // not the cache: this is one object, read once
	lease  types.NamespacedName // without a name: there is no leader election

	once  sync.Once
	epoch string
}

// current is the epoch's name. Where it cannot be found out the name is one that no
// record bears.
func (e *epochs) current(ctx context.Context) string {
	e.once.Do(func() {
		epoch, err := e.find(ctx)
		if err != nil {
			log.FromContext(ctx).Info("no record of a former leader is believed", "error", err.Error())
			epoch = "unknown-" + e.lease.String()
		}
		e.epoch = epoch
	})
	return e.epoch
}

func (e *epochs) find(ctx context.Context) (string, error) {
	if e.lease.Name == "" {
		return "no-leader-election", nil
	}
	var lease coordinationv1.Lease
	if err := e.reader.Get(ctx, e.lease, &lease); err != nil {
		return "", fmt.Errorf("reading the Lease %s: %w", e.lease, err)
	}
	transitions := 0
	if lease.Spec.LeaseTransitions != nil {
		transitions = int(*lease.Spec.LeaseTransitions)
	}
	epoch := successor(lease.Annotations[heldAnnotation], transitions)
	before := lease.DeepCopy()
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	lease.Annotations[heldAnnotation] = fmt.Sprintf("%d/%s", transitions, epoch)
	if err := e.client.Patch(ctx, &lease, client.MergeFrom(before)); err != nil {
		return "", fmt.Errorf("noting on the Lease %s who holds it: %w", e.lease, err)
	}
	return epoch, nil
}

// successor is the epoch of a leader that took the lease with this many transitions:
// the noted one when the leader before was a Sluice, else a new one.
func successor(noted string, transitions int) string {
	held, epoch, ok := strings.Cut(noted, "/")
	if last, err := strconv.Atoi(held); ok && err == nil && (last == transitions || last == transitions-1) {
		return epoch
	}
	return strconv.Itoa(transitions)
}
