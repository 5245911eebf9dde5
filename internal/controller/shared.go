package controller

import (
	"context"
	"maps"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// ensureShared sees to it that the backend security group exists, and returns its id.
func (c *stackController) ensureShared(ctx context.Context) (string, error) {
	if c.config.BackendSecurityGroup != "" {
		return c.config.BackendSecurityGroup, nil
	}
	release, err := c.takeShared(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	network, err := c.cloud.Network(ctx, false)
	if err != nil {
		return "", err
	}
	want := c.config.Build.Shared(network.VPC)
	have, err := c.cloud.Observe(ctx, want)
	if err != nil {
		return "", err
	}
	steps := plan.NoDelete(plan.Steps(want, have, c.config.planOptions()))
	if c.config.DryRun {
		return c.previewShared(ctx, steps, have.IDs[model.BackendSecurityGroupKey]), nil
	}
	if err := c.apply(ctx, want.ID, steps); err != nil {
		return "", err
	}
	have, err = c.cloud.Observe(ctx, want)
	return have.IDs[model.BackendSecurityGroupKey], err
}

// releaseShared removes the backend security group when no Ingress but these is left
// that has, or will have, a load balancer.
func (c *stackController) releaseShared(ctx context.Context, last []*networkingv1.Ingress) error {
	if c.config.BackendSecurityGroup != "" {
		return nil // it is somebody else's
	}
	release, err := c.takeShared(ctx)
	if err != nil {
		return err
	}
	defer release()
	if inUse, err := c.sharedInUse(ctx, last); inUse || err != nil {
		return err
	}
	want := model.Stack{ID: model.SharedStack}
	have, err := c.cloud.Observe(ctx, want)
	if err != nil {
		return err
	}
	return c.apply(ctx, want.ID, plan.Steps(want, have, plan.Options{}))
}

// sharedInUse reports whether an Ingress other than those that are leaving has, or will
// have, a load balancer. Deleted ones that left before are remembered: when two leave at
// the same moment each still sees the other's finalizer, and neither would take itself
// for the last.
func (c *stackController) sharedInUse(ctx context.Context, leaving []*networkingv1.Ingress) (bool, error) {
	var list networkingv1.IngressList
	if err := c.List(ctx, &list); err != nil {
		return false, err
	}
	for _, object := range leaving {
		if object.DeletionTimestamp != nil {
			c.left[object.UID] = true
		}
	}
	there, inUse := map[types.UID]bool{}, false
	for i := range list.Items {
		object := &list.Items[i]
		there[object.UID] = true
		_, ours := c.class(ctx, object)
		switch {
		case ours && object.DeletionTimestamp == nil:
			inUse = true
		case !bearsFinalizer(object), c.left[object.UID]:
		case !slices.ContainsFunc(leaving, func(o *networkingv1.Ingress) bool { return o.UID == object.UID }):
			inUse = true
		}
	}
	maps.DeleteFunc(c.left, func(uid types.UID, _ bool) bool { return !there[uid] })
	return inUse, nil
}

// takeShared waits for the one who works on what is shared to be done.
func (c *stackController) takeShared(ctx context.Context) (release func(), err error) {
	select {
	case c.shared <- struct{}{}:
		return func() { <-c.shared }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
