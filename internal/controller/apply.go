package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// apply runs steps in order until one fails: those on bindings here, all others in
// the cloud.
func (c *stackController) apply(ctx context.Context, id model.StackID, steps []plan.Step) error {
	for _, step := range steps {
		log.FromContext(ctx).Info("applying", "step", step.String())
		var err error
		switch action := step.Action.(type) {
		case plan.CreateBinding:
			err = c.createBinding(ctx, id, action.Want)
		case plan.ModifyBinding:
			err = c.modifyBinding(ctx, id, action.Want)
		case plan.DeleteBinding:
			err = c.deleteBinding(ctx, types.NamespacedName{Namespace: action.Namespace, Name: action.Name})
		default:
			err = c.cloud.Apply(ctx, id, step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *stackController) createBinding(ctx context.Context, id model.StackID, want model.Binding) error {
	arn, err := c.groupARN(ctx, id, want.TargetGroup)
	if err != nil {
		return err
	}
	if c.cloud.Fresh(id, want.TargetGroup) {
		c.book.Open(arn) // it has no target yet: nobody need ask
	}
	if want, err = c.withSources(ctx, id, want); err != nil {
		return err
	}
	object := &v1beta1.TargetGroupBinding{ObjectMeta: metav1.ObjectMeta{Namespace: want.Namespace, Name: want.Name, Labels: want.Labels}, Spec: bindingSpec(want, arn)}
	err = c.client.Create(ctx, object)
	if apierrors.IsNotFound(err) {
		// Namespace or kind is gone. The chain ends here: this is no cache that is behind.
		return errors.New("creating TargetGroupBinding " + want.Namespace + "/" + want.Name + ": " + err.Error())
	}
	if err != nil {
		return fmt.Errorf("creating TargetGroupBinding %s/%s: %w", want.Namespace, want.Name, err)
	}
	return nil
}

// modifyBinding overwrites spec and labels, as the incumbent does.
func (c *stackController) modifyBinding(ctx context.Context, id model.StackID, want model.Binding) error {
	arn, err := c.groupARN(ctx, id, want.TargetGroup)
	if err != nil {
		return err
	}
	if want, err = c.withSources(ctx, id, want); err != nil {
		return err
	}
	var object v1beta1.TargetGroupBinding
	if err := c.Get(ctx, types.NamespacedName{Namespace: want.Namespace, Name: want.Name}, &object); err != nil {
		return err
	}
	before := object.DeepCopy()
	object.Spec, object.Labels = bindingSpec(want, arn), maps.Clone(want.Labels)
	if err := c.client.Patch(ctx, &object, client.MergeFrom(before)); err != nil {
		return fmt.Errorf("modifying TargetGroupBinding %s/%s: %w", want.Namespace, want.Name, err)
	}
	return nil
}

// goneWithin is how long the removal of a binding is waited for before the stack is
// looked at again; the binding's finalizer deregisters the targets.
const goneWithin = 10 * time.Second

func (c *stackController) deleteBinding(ctx context.Context, name types.NamespacedName) error {
	object := &v1beta1.TargetGroupBinding{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	c.deleting.begin(name)
	defer c.deleting.end(name)
	if err := client.IgnoreNotFound(c.client.Delete(ctx, object)); err != nil {
		return fmt.Errorf("deleting TargetGroupBinding %s: %w", name, err)
	}
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, goneWithin, true, func(ctx context.Context) (bool, error) {
		return apierrors.IsNotFound(c.Get(ctx, name, object)), nil
	})
	if err != nil {
		return apierrors.NewConflict(v1beta1.GroupVersion.WithResource("targetgroupbindings").GroupResource(), name.Name, fmt.Errorf("its targets are still being deregistered"))
	}
	return nil
}

func (c *stackController) groupARN(ctx context.Context, id model.StackID, group model.Key) (string, error) {
	have, err := c.cloud.Observe(ctx, model.Stack{ID: id})
	if err != nil {
		return "", err
	}
	if have.IDs[group] == "" {
		return "", fmt.Errorf("target group %s has no ARN yet", group)
	}
	return have.IDs[group], nil
}

// withSources puts the id of the stack's own security group in the place of its key.
func (c *stackController) withSources(ctx context.Context, id model.StackID, want model.Binding) (model.Binding, error) {
	have, err := c.cloud.Observe(ctx, model.Stack{ID: id})
	if err != nil {
		return want, err
	}
	want.Sources = slices.Clone(want.Sources)
	for i, source := range want.Sources {
		if source.SecurityGroup != string(model.SecurityGroupKey) {
			continue
		}
		want.Sources[i].SecurityGroup = have.IDs[model.SecurityGroupKey]
		if want.Sources[i].SecurityGroup == "" {
			return want, fmt.Errorf("security group %s has no id yet", model.SecurityGroupKey)
		}
	}
	return want, nil
}
