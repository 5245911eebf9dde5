package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

// A target group that clusters share holds targets of all of them, and nothing in AWS tells
// whose they are. Each cluster writes down its own in a ConfigMap, before they are registered
// and after they are deregistered, and takes out no other. The form is the incumbent's.
const (
	ownTargetsPrefix = "aws-lbc-targets-"
	ownTargetsKey    = "targets"
)

// targetSet is a set of targets.
type targetSet map[model.TargetID]bool

// ownTargets are the ConfigMaps as this process read or wrote them last.
type ownTargets struct {
	mu   sync.Mutex
	sets map[types.NamespacedName]targetSet // never changed, only replaced
}

func newOwnTargets() *ownTargets { return &ownTargets{sets: map[types.NamespacedName]targetSet{}} }

func (o *ownTargets) of(binding types.NamespacedName) (set targetSet, read bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	set, read = o.sets[binding]
	return set, read
}

func (o *ownTargets) set(binding types.NamespacedName, set targetSet) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sets[binding] = set
}

func (o *ownTargets) forget(binding types.NamespacedName) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sets, binding)
}

func ownTargetsName(binding *v1beta1.TargetGroupBinding) types.NamespacedName {
	return types.NamespacedName{Namespace: binding.Namespace, Name: ownTargetsPrefix + binding.Name}
}

// readOwn reads, once, which targets of a shared group are this cluster's. Without a
// ConfigMap it has none yet.
func (c *bindingController) readOwn(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	if _, read := c.own.of(nameOf(binding)); read || !binding.Spec.MultiClusterTargetGroup {
		return nil
	}
	var object corev1.ConfigMap
	err := c.live.Get(ctx, ownTargetsName(binding), &object)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("reading which targets of %s are this cluster's: %w", binding.Spec.TargetGroupARN, err)
	}
	set, err := decodeOwn(object.Data[ownTargetsKey])
	if err != nil {
		return wrongError{fmt.Sprintf("ConfigMap %s, key %s: %s; mend it, or delete it if no target is to be deregistered", ownTargetsName(binding), ownTargetsKey, err)}
	}
	c.own.set(nameOf(binding), set)
	return nil
}

// take adds endpoints to what is this cluster's, in the ConfigMap first: a target that is not
// in it would never be deregistered.
func (c *bindingController) take(ctx context.Context, binding *v1beta1.TargetGroupBinding, list []targets.Endpoint) error {
	return c.changeOwn(ctx, binding, func(set targetSet) {
		for _, endpoint := range list {
			set[endpoint.Address] = true
		}
	})
}

// settleOwn makes this cluster's what is registered of it, or at the addresses of its
// endpoints: nobody else will deregister those.
func (c *bindingController) settleOwn(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	endpoints := c.endpoints(ctx, binding)
	known := c.known(binding, endpoints)
	return c.changeOwn(ctx, binding, func(set targetSet) {
		clear(set)
		for address, target := range known {
			if target.Registered() {
				set[address] = true
			}
		}
	})
}

func (c *bindingController) changeOwn(ctx context.Context, binding *v1beta1.TargetGroupBinding, change func(targetSet)) error {
	before, read := c.own.of(nameOf(binding))
	if !binding.Spec.MultiClusterTargetGroup || !read {
		return nil
	}
	after := targetSet{}
	maps.Copy(after, before)
	if change(after); maps.Equal(before, after) {
		return nil
	}
	if err := c.writeOwn(ctx, binding, after); err != nil {
		return fmt.Errorf("writing which targets of %s are this cluster's: %w", binding.Spec.TargetGroupARN, err)
	}
	c.own.set(nameOf(binding), after)
	return nil
}

// writeOwn overwrites the ConfigMap: this controller is the only one who writes it.
func (c *bindingController) writeOwn(ctx context.Context, binding *v1beta1.TargetGroupBinding, set targetSet) error {
	name := ownTargetsName(binding)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}, Data: map[string]string{ownTargetsKey: encodeOwn(set)}}
	err := c.client.Update(ctx, object)
	if apierrors.IsNotFound(err) {
		err = c.client.Create(ctx, object)
	}
	return err
}

// deleteOwn ends the record of a binding that goes.
func (c *bindingController) deleteOwn(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	if !binding.Spec.MultiClusterTargetGroup {
		return nil
	}
	name := ownTargetsName(binding)
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}}
	if err := client.IgnoreNotFound(c.client.Delete(ctx, object)); err != nil {
		return fmt.Errorf("deleting ConfigMap %s: %w", name, err)
	}
	return nil
}

// known are the targets of a binding's group that this cluster answers for: all of them, or
// where clusters share the group, its own and those at addresses that its endpoints have.
func (c *bindingController) known(binding *v1beta1.TargetGroupBinding, endpoints []targets.Endpoint) map[model.TargetID]health.Target {
	all := c.book.Targets(binding.Spec.TargetGroupARN)
	if !binding.Spec.MultiClusterTargetGroup {
		return all
	}
	own, _ := c.own.of(nameOf(binding))
	maps.DeleteFunc(all, func(target model.TargetID, _ health.Target) bool {
		return !own[target] && !has(endpoints, target)
	})
	return all
}

// has reports whether one of the endpoints is at an address.
func has(endpoints []targets.Endpoint, address model.TargetID) bool {
	return slices.ContainsFunc(endpoints, func(e targets.Endpoint) bool { return e.Address == address })
}

// encodeOwn lists targets as the incumbent does.
func encodeOwn(set targetSet) string {
	var out []string
	for _, target := range slices.SortedFunc(maps.Keys(set), model.TargetID.Compare) {
		out = append(out, target.String())
	}
	return strings.Join(out, ",")
}

func decodeOwn(text string) (targetSet, error) {
	set := targetSet{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		target, err := model.ParseTargetID(part)
		if err != nil {
			return nil, err
		}
		set[target] = true
	}
	return set, nil
}
