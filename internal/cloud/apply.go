package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// Apply runs one step of a plan and follows it in the inventory. It decides nothing.
// Bindings live in Kubernetes and are not its business. After an error that leaves
// open what happened, everything known of the stack is forgotten, so that the next
// Observe asks AWS.
func (c *Cloud) Apply(ctx context.Context, id model.StackID, step plan.Step) error {
	known, err := c.holdingOf(ctx, id)
	if err != nil {
		return err
	}
	a := applier{Cloud: c, h: known.clone(), step: step}
	if err = c.refused.lately(step); err == nil {
		err = a.judge(a.do(ctx))
		c.refused.note(step, err)
	}
	if err == nil {
		c.commit(id, known, a.h)
		return nil
	}
	if leavesOpen(err) {
		c.Forget(id)
	} else {
		c.commit(id, known, a.h) // nothing but whose it is was looked at
	}
	return fmt.Errorf("%s %s %s: %w", gerund[step.Verb], step.Kind, cmpName(step), err)
}

var gerund = map[plan.Verb]string{plan.Create: "creating", plan.Modify: "modifying", plan.Delete: "deleting"}

func cmpName(step plan.Step) string {
	if step.Name != "" {
		return step.Name
	}
	return string(step.Key)
}

// applier is one step on its way.
type applier struct {
	*Cloud
	h    *holding
	step plan.Step
}

func (a applier) do(ctx context.Context) error {
	if err := a.checkOwned(ctx); err != nil {
		return err
	}
	switch action := a.step.Action.(type) {
	case plan.CreateSecurityGroup, plan.AuthorizeIngress, plan.RevokeIngress, plan.DeleteSecurityGroup:
		return a.securityGroup(ctx, action)
	case plan.CreateTargetGroup, plan.ModifyHealthCheck, plan.ModifyTargetGroupAttributes, plan.DeleteTargetGroup:
		return a.targetGroup(ctx, action)
	case plan.CreateLoadBalancer, plan.SetSecurityGroups, plan.SetSubnets, plan.SetIPAddressType, plan.ModifyLoadBalancerAttributes, plan.DeleteLoadBalancer:
		return a.loadBalancer(ctx, action)
	case plan.CreateListener, plan.ModifyListener, plan.ModifyListenerAttributes, plan.AddListenerCertificate, plan.RemoveListenerCertificate, plan.DeleteListener:
		return a.listener(ctx, action)
	case plan.CreateRule, plan.ModifyRule, plan.SetRulePriorities, plan.DeleteRule:
		return a.rule(ctx, action)
	case plan.AddTags, plan.RemoveTags:
		return a.tags(ctx, action)
	}
	panic(fmt.Sprintf("cloud: step %v is not a step on AWS", a.step))
}

// judge takes from an error what it says of the stack: that it is full, or that AWS does
// not know everywhere yet what it has just made.
func (a applier) judge(err error) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	switch limits := &a.h.observed.Limits; e.Code {
	case "TooManyRules":
		limits.Rules = len(a.h.observed.Rules)
	case "TooManyCertificates":
		limits.Certificates = a.certificates()
	case "ListenerNotFound":
		if time.Since(a.h.opened[a.listenerKey()]) < opening {
			e.Kind = Conflict
		}
	}
	return err
}

// arn looks up what AWS calls a key. A key without one is a bug of the plan: its
// steps come after those that make what they need.
func (a applier) arn(key model.Key) (string, error) {
	if key.Foreign() {
		return string(key), nil
	}
	if id := a.h.observed.IDs[key]; id != "" {
		return id, nil
	}
	return "", fmt.Errorf("%s has no identifier yet", key)
}

// forgetID takes an identifier, and what has it, out of the inventory.
func (a applier) forgetID(id string) {
	o := &a.h.observed
	key, ok := keyOfID(o.IDs, id)
	if !ok {
		return
	}
	delete(o.IDs, key)
	delete(a.h.attributes, key)
	delete(a.h.fresh, key)
	delete(a.h.opened, key)
	o.SecurityGroups = slices.DeleteFunc(o.SecurityGroups, func(g model.SecurityGroup) bool { return g.Key == key })
	o.TargetGroups = slices.DeleteFunc(o.TargetGroups, func(g model.TargetGroup) bool { return g.Key == key })
	o.Rules = slices.DeleteFunc(o.Rules, func(r model.Rule) bool { return r.Key == key })
	o.Listeners = slices.DeleteFunc(o.Listeners, func(l model.Listener) bool { return l.Key == key })
}

// at finds a resource of the stack in its list, to change what is known of it.
func at[T any](list []T, same func(T) bool) *T {
	if i := slices.IndexFunc(list, same); i >= 0 {
		return &list[i]
	}
	return nil
}

// ignoreGone: what is gone need not be removed.
func ignoreGone(err error) error {
	if err != nil && KindOf(err) == Gone {
		return nil
	}
	return err
}
