package controller

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
)

// bindingReady is the type of a binding's only condition: whether its target group has the
// targets that it should have. Whether those are healthy is shown on the LoadBalancer.
const bindingReady = "Ready"

// Reasons of the condition.
const (
	bindingReconciled = "Reconciled"
	bindingRefused    = "Refused"
	bindingNoBackend  = "BackendNotFound"
	bindingHeld       = "DeletionHeld"
	bindingDenied     = "AccessDenied"
	bindingGone       = "TargetGroupNotFound"
	bindingFailed     = "FailedReconcile"
	bindingCleanup    = "FailedCleanup"
)

func isReady(message string) metav1.Condition {
	return metav1.Condition{Type: bindingReady, Status: metav1.ConditionTrue, Reason: bindingReconciled, Message: message}
}

func notReady(reason, message string) metav1.Condition {
	return metav1.Condition{Type: bindingReady, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

// conditionAfter is what an error says of a binding. What passes by itself is not lasting,
// and changes nothing.
func conditionAfter(err error) (condition metav1.Condition, lasting bool) {
	if isHeld(err) {
		return notReady(bindingHeld, err.Error()), true
	}
	if !isOurs(err) {
		return condition, false
	}
	switch cloud.KindOf(err) {
	case cloud.Denied:
		return notReady(bindingDenied, err.Error()), true
	case cloud.Gone:
		return notReady(bindingGone, err.Error()), true
	case cloud.Bug:
		return notReady(bindingFailed, err.Error()), true
	case cloud.Throttled, cloud.Transient, cloud.Conflict:
	}
	return condition, false
}

// converged notes that a binding's targets are as they should be, and tells people what has
// become different.
func (c *bindingController) converged(ctx context.Context, binding *v1beta1.TargetGroupBinding, behind backend) error {
	condition := behind.condition(binding)
	before := meta.FindStatusCondition(binding.Status.Conditions, bindingReady)
	news := before == nil || before.Message != condition.Message
	switch {
	case behind.missing != "":
		c.events.BackendNotFound(binding, condition.Message)
	case news && len(behind.strangers) > 0:
		c.events.NodesLeftOut(binding, condition.Message)
	}
	if c.changes.took(nameOf(binding)) || !ptr.Equal(binding.Status.ObservedGeneration, new(binding.Generation)) {
		c.events.TargetsReconciled(binding, condition.Message)
	}
	return c.setStatus(ctx, binding, condition, new(binding.Generation))
}

// wrongError is what a person has to put right: trying again changes nothing.
type wrongError struct{ message string }

func (e wrongError) Error() string { return e.message }

// refuse notes that a binding cannot be served as it is written: its targets stay as they are.
func (c *bindingController) refuse(ctx context.Context, binding *v1beta1.TargetGroupBinding, message string) error {
	before := meta.FindStatusCondition(binding.Status.Conditions, bindingReady)
	if before == nil || before.Reason != bindingRefused || before.Message != message {
		c.events.BindingRefused(binding, message)
	}
	return c.setCondition(ctx, binding, notReady(bindingRefused, message))
}

// refusal is why a binding is not served; empty: it is, or nobody has looked yet.
func refusal(binding *v1beta1.TargetGroupBinding) string {
	condition := meta.FindStatusCondition(binding.Status.Conditions, bindingReady)
	if condition == nil || condition.Reason != bindingRefused || condition.ObservedGeneration != binding.Generation {
		return ""
	}
	return condition.Message
}

// setCondition writes the condition where it is news.
func (c *bindingController) setCondition(ctx context.Context, binding *v1beta1.TargetGroupBinding, condition metav1.Condition) error {
	return c.setStatus(ctx, binding, condition, binding.Status.ObservedGeneration)
}

// setStatus writes the condition, and which generation was carried out, where either is news.
func (c *bindingController) setStatus(ctx context.Context, binding *v1beta1.TargetGroupBinding, condition metav1.Condition, done *int64) error {
	before := binding.DeepCopy()
	condition.ObservedGeneration = binding.Generation
	changed := meta.SetStatusCondition(&binding.Status.Conditions, condition)
	bindingTroubles.set(nameOf(binding).String(), failures(binding.Status.Conditions)...)
	if binding.Status.ObservedGeneration = done; !changed && ptr.Equal(done, before.Status.ObservedGeneration) {
		return nil
	}
	if err := c.client.Status().Patch(ctx, binding, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("writing the status of TargetGroupBinding %s: %w", nameOf(binding), err)
	}
	return nil
}
