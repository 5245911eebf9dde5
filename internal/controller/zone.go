package controller

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/targets"
)

// everyZone is what AWS wants as the zone of an address outside the group's VPC (API
// reference, TargetDescription).
const everyZone = "all"

// zonedFor is for how long the targets of a binding are registered with their zones after AWS
// has asked for them.
const zonedFor = time.Hour

// zoned remember for whose targets AWS wants zones although their addresses are in the VPC.
type zoned struct {
	mu    sync.Mutex
	until map[types.NamespacedName]time.Time
}

func newZoned() *zoned { return &zoned{until: map[types.NamespacedName]time.Time{}} }

// set reports whether that is new.
func (z *zoned) set(binding types.NamespacedName, now time.Time) bool {
	if z.has(binding, now) {
		return false
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.until[binding] = now.Add(zonedFor)
	return true
}

func (z *zoned) has(binding types.NamespacedName, now time.Time) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	return now.Before(z.until[binding])
}

func (z *zoned) forget(binding types.NamespacedName) {
	z.mu.Lock()
	defer z.mu.Unlock()
	delete(z.until, binding)
}

// zoneOf says with which zone an endpoint is registered; empty: with none.
type zoneOf func(targets.Endpoint) string

func inNoZone(targets.Endpoint) string    { return "" }
func inEveryZone(targets.Endpoint) string { return everyZone }

// zones of a binding's targets. An instance has its own. An address outside the VPC of the
// group is in all of them, and so is every address where that VPC belongs to the account of
// the role and cannot be seen from here.
func (c *bindingController) zones(ctx context.Context, binding *v1beta1.TargetGroupBinding) (zoneOf, error) {
	if instanceBinding(binding) {
		return inNoZone, nil
	}
	role, own := roleOf(binding), binding.Spec.VpcID == "" || binding.Spec.VpcID == c.cloud.VPC()
	ranges, seen, err := c.cloud.Ranges(ctx, binding.Spec.VpcID)
	switch {
	case err != nil && !own:
		return nil, err
	case own && len(ranges) == 0:
		return inNoZone, nil // not known now; nearly all are inside, and they shall not wait
	case !seen && role != (cloud.Role{}):
		return inEveryZone, nil
	case !seen:
		return nil, wrongError{fmt.Sprintf("spec.vpcID: the account does not see VPC %s, so the zones of targets are not known; give the VPC of the target group", binding.Spec.VpcID)}
	}
	byNode := role == (cloud.Role{}) && c.zoned.has(nameOf(binding), time.Now())
	return func(endpoint targets.Endpoint) string {
		switch {
		case !slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Contains(endpoint.Address.IP) }):
			return everyZone
		case byNode:
			return c.nodeZone(ctx, endpoint.Node)
		}
		return ""
	}, nil
}

// nodeZone is the zone of a node.
func (v *view) nodeZone(ctx context.Context, name string) string {
	var node corev1.Node
	if err := v.Get(ctx, types.NamespacedName{Name: name}, &node); err == nil && node.Labels[corev1.LabelTopologyZone] != "" {
		return node.Labels[corev1.LabelTopologyZone]
	}
	return everyZone
}
