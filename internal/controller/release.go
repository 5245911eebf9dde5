package controller

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
)

// deletions are the bindings that a plan deletes at this moment, to tell them from
// those that somebody else deletes.
type deletions struct {
	mu    sync.Mutex
	names map[types.NamespacedName]bool
}

func newDeletions() *deletions { return &deletions{names: map[types.NamespacedName]bool{}} }

func (d *deletions) begin(name types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.names[name] = true
}

func (d *deletions) end(name types.NamespacedName) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.names, name)
}

func (d *deletions) has(name types.NamespacedName) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.names[name]
}

// release lets a binding go that is being deleted, and empties its group where that is
// meant: by a plan, or by who made the binding. It is not where the whole kind goes, or
// where an Ingress still wants the binding and gets it anew.
func (c *bindingController) release(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	name := nameOf(binding)
	if !controllerutil.ContainsFinalizer(binding, bindingFinalizer) {
		return nil
	}
	if !c.deleting.has(name) {
		why, err := c.keeps(ctx, binding)
		if err != nil {
			return err
		}
		if why != "" {
			c.events.TargetsKept(binding, why)
			return c.letGo(ctx, binding)
		}
		if err := c.mayDelete(ctx, binding); err != nil {
			return err
		}
	}
	if err := c.empty(ctx, binding); err != nil && cloud.KindOf(err) != cloud.Gone {
		return fmt.Errorf("emptying %s: %w", binding.Spec.TargetGroupARN, err)
	}
	if err := c.deleteOwn(ctx, binding); err != nil {
		return err
	}
	c.book.Close(binding.Spec.TargetGroupARN, time.Now())
	return c.letGo(ctx, binding)
}

// keeps says why the targets of a binding that is being deleted stay; empty: they do not.
func (c *bindingController) keeps(ctx context.Context, binding *v1beta1.TargetGroupBinding) (string, error) {
	if id, ok := stackOfBinding(binding); ok {
		m, err := c.membership(ctx, id)
		if err != nil {
			return "", err
		}
		if len(m.members) > 0 {
			return "its Ingress still wants it: the targets stay registered, and the binding is made anew", nil
		}
	}
	kind := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "apiextensions.k8s.io/v1", Kind: "CustomResourceDefinition"}}
	err := c.live.Get(ctx, client.ObjectKey{Name: "targetgroupbindings." + v1beta1.GroupVersion.Group}, kind)
	switch {
	case apierrors.IsNotFound(err) || err == nil && kind.DeletionTimestamp != nil:
		return "the whole kind TargetGroupBinding is being deleted: the targets stay registered", nil
	case err != nil:
		return "", fmt.Errorf("looking whether the kind TargetGroupBinding is being deleted: %w", err)
	}
	return "", nil
}

// mayDelete asks the brake.
func (c *bindingController) mayDelete(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	name := nameOf(binding)
	if confirmed(binding, confirmDeletion) {
		c.brake.forget(name)
		return nil
	}
	waiting := 0
	for _, other := range c.bindings(ctx, client.UnsafeDisableDeepCopy) {
		if other.DeletionTimestamp != nil && !c.deleting.has(nameOf(&other)) {
			waiting++
		}
	}
	remedy := fmt.Sprintf("kubectl annotate targetgroupbinding -n %s %s %s=true", name.Namespace, name.Name, confirmDeletion)
	return c.brake.pass(name, waiting, remedy, time.Now())
}

// empty deregisters all targets of a group.
func (c *bindingController) empty(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	group := binding.Spec.TargetGroupARN
	if err := c.readOwn(ctx, binding); err != nil {
		return err
	}
	if !c.book.Known(group) {
		if err := c.read(ctx, group); err != nil {
			return err
		}
	}
	sent, err := c.cloud.As(roleOf(binding)).Deregister(ctx, group, func() []model.Target {
		var list []model.Target
		for address, target := range c.known(binding, nil) {
			if target.Registered() {
				list = append(list, model.Target{Address: address})
			}
		}
		slices.SortFunc(list, func(a, b model.Target) int { return a.Address.Compare(b.Address) })
		return list
	})
	c.noteDeregistered(ctx, group, sent)
	return err
}

// letGo forgets a binding and takes our finalizer from it.
func (c *bindingController) letGo(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	c.forget(nameOf(binding))
	return c.setFinalizer(ctx, binding, false)
}

// forget ends all that is done, or kept in mind, for a binding.
func (c *bindingController) forget(name types.NamespacedName) {
	c.await(name, nil)
	bindingTroubles.set(name.String())
	c.own.forget(name)
	c.lookups.forget(name)
	c.changes.took(name)
	c.zoned.forget(name)
	c.needs(name, nil)
	c.holds.set(name, 0, time.Time{})
	c.brake.forget(name)
}
