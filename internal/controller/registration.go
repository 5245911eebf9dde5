package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

// deregister takes out what has to go. The list is made when the budget lets the call
// through, so what ends while it waits goes along.
func (c *bindingController) deregister(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	group := binding.Spec.TargetGroupARN
	endpoints := c.endpoints(ctx, binding)
	sent, err := c.cloud.As(roleOf(binding)).Deregister(ctx, group, func() []model.Target {
		var list []model.Target
		for _, address := range c.plan(ctx, binding).Deregister {
			list = append(list, model.Target{Address: address})
		}
		return list
	})
	if len(sent) > 0 {
		c.changes.note(nameOf(binding))
	}
	c.noteDeregistered(ctx, group, sent)
	c.registered(podsOf(slices.DeleteFunc(endpoints, func(e targets.Endpoint) bool {
		return !slices.ContainsFunc(sent, func(t model.Target) bool { return t.Address == e.Address })
	})))
	if err != nil {
		return fmt.Errorf("deregistering from %s: %w", group, err)
	}
	return nil
}

func (c *bindingController) noteDeregistered(ctx context.Context, group string, sent []model.Target) {
	if len(sent) == 0 {
		return
	}
	var addresses []model.TargetID
	for _, target := range sent {
		addresses = append(addresses, target.Address)
	}
	c.book.Deregistered(group, addresses, time.Now())
	c.changed(ctx, group)
	log.FromContext(ctx).Info("deregistered targets", "group", group, "targets", addresses)
}

func (c *bindingController) register(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	group := binding.Spec.TargetGroupARN
	if len(c.plan(ctx, binding).Register) == 0 {
		return nil
	}
	if err := pause(ctx, breath); err != nil {
		return err
	}
	// What comes up from here on goes with the next call: this one has said whom it means.
	intent := c.plan(ctx, binding).Register
	zone, err := c.zones(ctx, binding)
	if err != nil {
		return err
	}
	if err := errors.Join(c.begin(ctx, binding, intent), c.take(ctx, binding, intent)); err != nil {
		return err
	}
	byAddress := map[model.TargetID]targets.Endpoint{}
	sent, err := c.cloud.As(roleOf(binding)).Register(ctx, group, func() []model.Target {
		var list []model.Target
		for _, endpoint := range c.plan(ctx, binding).Register {
			if !slices.ContainsFunc(intent, func(e targets.Endpoint) bool { return e.Address == endpoint.Address && e.UID == endpoint.UID }) {
				continue
			}
			byAddress[endpoint.Address] = endpoint
			list = append(list, model.Target{Address: endpoint.Address, Zone: zone(endpoint)})
		}
		return list
	})
	if len(sent) > 0 {
		var endpoints []targets.Endpoint
		for _, target := range sent {
			endpoints = append(endpoints, byAddress[target.Address])
		}
		c.book.Registered(group, uids(endpoints), time.Now())
		c.book.Seen(group, uids(endpoints))
		c.registered(podsOf(endpoints))
		c.changes.note(nameOf(binding))
		c.changed(ctx, group)
		log.FromContext(ctx).Info("registered targets", "group", group, "targets", endpoints)
	}
	if cloud.MayHaveTakenEffect(err) {
		c.book.Doubted(group, uids(without(byAddress, sent)), time.Now())
		c.book.Seen(group, uids(without(byAddress, sent)))
	}
	if cloud.RefusesTargets(err) && c.findsDraining(ctx, binding, intent) {
		return c.register(ctx, binding) // without those
	}
	if cloud.NeedsZone(err) && roleOf(binding) == (cloud.Role{}) && c.zoned.set(nameOf(binding), time.Now()) {
		return c.register(ctx, binding) // with their zones
	}
	if err != nil {
		return fmt.Errorf("registering in %s: %w", group, err)
	}
	return nil
}

// findsDraining reads a group anew of which AWS has refused targets, and reports whether
// one of them is draining without our knowledge: an answer to a deregistration was lost, or
// came before an older one about health. The others need not wait for it.
func (c *bindingController) findsDraining(ctx context.Context, binding *v1beta1.TargetGroupBinding, refused []targets.Endpoint) bool {
	group := binding.Spec.TargetGroupARN
	if err := c.read(ctx, group); err != nil {
		return false
	}
	c.await(nameOf(binding), c.waits(group, c.plan(ctx, binding)))
	return slices.ContainsFunc(refused, func(endpoint targets.Endpoint) bool {
		target, known := c.book.Target(group, endpoint.Address)
		return known && !target.Registered()
	})
}

// breath is how long registration waits for Pods that come up together, so that they
// go in one call.
const breath = 100 * time.Millisecond

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// without are the endpoints that were tried, less those that were registered.
func without(tried map[model.TargetID]targets.Endpoint, sent []model.Target) []targets.Endpoint {
	var left []targets.Endpoint
	for address, endpoint := range tried {
		if !slices.ContainsFunc(sent, func(t model.Target) bool { return t.Address == address }) {
			left = append(left, endpoint)
		}
	}
	return left
}

func uids(endpoints []targets.Endpoint) map[model.TargetID]types.UID {
	out := map[model.TargetID]types.UID{}
	for _, endpoint := range endpoints {
		out[endpoint.Address] = endpoint.UID
	}
	return out
}

func podsOf(endpoints []targets.Endpoint) []types.NamespacedName {
	var names []types.NamespacedName
	for _, endpoint := range endpoints {
		if endpoint.Pod.Name != "" { // not a node
			names = append(names, endpoint.Pod)
		}
	}
	return names
}
