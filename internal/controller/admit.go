package controller

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
)

// lookAgain is after what time a binding that is not served is looked at again, for what is
// told by no event: that its target group has been made, or another binding let it go.
const lookAgain = time.Minute

// lookups remember when a target group was looked for in vain, or did not fit, so that AWS is
// not asked each time that an endpoint changes.
type lookups struct {
	mu    sync.Mutex
	tries map[types.NamespacedName]lookup
}

type lookup struct {
	generation int64
	at         time.Time
	message    string // what was wrong
	err        error  // what AWS has answered
}

func newLookups() *lookups { return &lookups{tries: map[types.NamespacedName]lookup{}} }

func (l *lookups) lately(binding *v1beta1.TargetGroupBinding, now time.Time) (lookup, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.tries[nameOf(binding)]
	return last, known && last.generation == binding.Generation && now.Sub(last.at) < lookAgain
}

func (l *lookups) note(binding *v1beta1.TargetGroupBinding, try lookup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries[nameOf(binding)] = try
}

func (l *lookups) forget(binding types.NamespacedName) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tries, binding)
}

// admit looks at a binding as an admission webhook would, with what only AWS and the other
// bindings tell: it fills in what the target group says, and refuses what does not fit.
// Wrong: it is not to be served now.
func (c *bindingController) admit(ctx context.Context, binding *v1beta1.TargetGroupBinding) (recheck time.Duration, wrong bool, err error) {
	message := cmp.Or(misspelled(binding), c.taken(ctx, binding))
	if message == "" {
		message, err = c.fitting(ctx, binding)
	}
	if message == "" && err == nil {
		message = c.taken(ctx, binding) // a group that was named has an ARN only now
	}
	switch {
	case err != nil && cloud.KindOf(err) == cloud.Gone && isOurs(err):
		c.events.BindingFailed(binding, err)
		c.needs(nameOf(binding), []need{}) // it has told: nobody need be let in
		return lookAgain, true, c.setCondition(ctx, binding, notReady(bindingGone, err.Error()))
	case err != nil || message == "":
		return 0, false, err
	}
	c.await(nameOf(binding), nil)
	c.needs(nameOf(binding), nil)
	return lookAgain, true, c.refuse(ctx, binding, message)
}

// misspelled says what is wrong with a binding whatever AWS has.
func misspelled(binding *v1beta1.TargetGroupBinding) string {
	spec := binding.Spec
	switch served := controllerutil.ContainsFinalizer(binding, bindingFinalizer); {
	case spec.TargetGroupARN == "" && spec.TargetGroupName == "":
		return "spec: neither targetGroupARN nor targetGroupName is given; give one of them"
	case served: // the incumbent may have let it through long ago
	case spec.NodeSelector != nil && spec.TargetType != nil && *spec.TargetType == v1beta1.TargetTypeIP:
		return "spec.nodeSelector: targets of type ip are Pods, not nodes; take it out"
	case spec.IamRoleArnToAssume != "" && instanceBinding(binding):
		return "spec.iamRoleArnToAssume: instances can be registered in their own account only; take it out, or use targets of type ip"
	}
	return ""
}

// fitting compares a binding with its target group, once, before it is served for the first
// time, and takes over what the binding leaves out. What a stack was built with fits.
func (c *bindingController) fitting(ctx context.Context, binding *v1beta1.TargetGroupBinding) (message string, err error) {
	complete := binding.Spec.TargetGroupARN != "" && binding.Spec.TargetType != nil
	_, made := stackOfBinding(binding)
	if complete && (made || controllerutil.ContainsFinalizer(binding, bindingFinalizer)) {
		return "", nil
	}
	if last, ok := c.lookups.lately(binding, time.Now()); ok {
		return last.message, last.err
	}
	group, err := c.cloud.As(roleOf(binding)).FindTargetGroup(ctx, binding.Spec.TargetGroupARN, binding.Spec.TargetGroupName)
	if err != nil {
		err = fmt.Errorf("looking up the target group of the binding: %w", err)
		if cloud.KindOf(err) == cloud.Gone {
			c.lookups.note(binding, lookup{generation: binding.Generation, at: time.Now(), err: err})
		}
		return "", err
	}
	if message = unfit(binding, group); message != "" {
		c.lookups.note(binding, lookup{generation: binding.Generation, at: time.Now(), message: message})
		return message, nil
	}
	c.lookups.forget(nameOf(binding))
	return "", c.fillIn(ctx, binding, group)
}

// unfit says where a binding contradicts its target group.
func unfit(binding *v1beta1.TargetGroupBinding, group cloud.FoundGroup) string {
	spec := binding.Spec
	differs := func(field, said, is string) string {
		return fmt.Sprintf("spec.%s is %s, and that of target group %s is %s: write %s, or bind another target group", field, said, group.Name, is, is)
	}
	instance := string(v1beta1.TargetTypeInstance)
	switch {
	case group.TargetType != instance && group.TargetType != ipTargets:
		return fmt.Sprintf("target group %s has targets of type %s: only groups of type instance or ip can be bound", group.Name, group.TargetType)
	case spec.TargetType != nil && string(*spec.TargetType) != group.TargetType:
		return differs("targetType", string(*spec.TargetType), group.TargetType)
	case spec.IPAddressType != nil && string(*spec.IPAddressType) != group.IPAddressType:
		return differs("ipAddressType", string(*spec.IPAddressType), group.IPAddressType)
	case spec.VpcID != "" && spec.VpcID != group.VPC:
		return differs("vpcID", spec.VpcID, group.VPC)
	case spec.TargetGroupProtocol != nil && string(*spec.TargetGroupProtocol) != group.Protocol:
		return differs("targetGroupProtocol", string(*spec.TargetGroupProtocol), group.Protocol)
	case group.TargetType == instance && (group.Protocol == "QUIC" || group.Protocol == "TCP_QUIC"):
		return fmt.Sprintf("target group %s has protocol %s, for which instances cannot be targets: use a group of type ip", group.Name, group.Protocol)
	}
	return ""
}

// fillIn writes into the spec what the target group says and the spec does not, as the
// incumbent's webhook does at creation.
func (c *bindingController) fillIn(ctx context.Context, binding *v1beta1.TargetGroupBinding, group cloud.FoundGroup) error {
	before := binding.DeepCopy()
	spec := &binding.Spec
	spec.TargetGroupARN = group.ARN
	if spec.TargetType == nil {
		spec.TargetType = new(v1beta1.TargetType(group.TargetType))
	}
	if spec.IPAddressType == nil {
		spec.IPAddressType = new(v1beta1.TargetGroupIPAddressType(group.IPAddressType))
	}
	if spec.VpcID == "" {
		spec.VpcID = group.VPC
	}
	if spec.TargetGroupProtocol == nil {
		spec.TargetGroupProtocol = new(v1beta1.TargetGroupProtocol(group.Protocol))
	}
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := c.client.Patch(ctx, binding, patch); err != nil {
		return fmt.Errorf("writing what target group %s says into TargetGroupBinding %s: %w", group.Name, nameOf(binding), err)
	}
	return nil
}

// taken says which older binding has the same target group. Clusters may share one, and so may
// bindings, if all of them say so. A stack's own binding is never refused.
func (c *bindingController) taken(ctx context.Context, binding *v1beta1.TargetGroupBinding) string {
	if _, made := stackOfBinding(binding); made || binding.Spec.TargetGroupARN == "" {
		return ""
	}
	for _, other := range c.bindings(ctx, client.MatchingFields{bindingsByGroup: binding.Spec.TargetGroupARN}, client.UnsafeDisableDeepCopy) {
		shared := binding.Spec.MultiClusterTargetGroup && other.Spec.MultiClusterTargetGroup
		if other.UID != binding.UID && !shared && other.DeletionTimestamp == nil && olderThan(&other, binding) {
			return fmt.Sprintf("spec.targetGroupARN: TargetGroupBinding %s has this target group already: bind another, or write multiClusterTargetGroup: true on both", nameOf(&other))
		}
	}
	return ""
}

// olderThan orders bindings by age; those of a stack come first.
func olderThan(a, b *v1beta1.TargetGroupBinding) bool {
	_, madeA := stackOfBinding(a)
	if at, bt := a.CreationTimestamp, b.CreationTimestamp; !madeA && !at.Equal(&bt) {
		return at.Before(&bt)
	}
	return madeA || nameOf(a).String() < nameOf(b).String()
}
