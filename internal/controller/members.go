package controller

import (
	"context"
	"slices"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
)

// membership is who belongs to a stack, and who did.
type membership struct {
	members []ingress.Member // in order
	// leaving bear the stack's finalizer and belong to it no more: they are deleted, or
	// of another class or group now.
	leaving []*networkingv1.Ingress
	// moving have left too, for a stack that cannot serve them yet.
	moving []ingress.Member
}

// membership finds the Ingresses of a stack.
func (v *view) membership(ctx context.Context, id model.StackID) (membership, error) {
	var m membership
	classes := v.classes(ctx)
	list, err := v.inGroup(ctx, id, classes)
	if err != nil {
		return m, err
	}
	for i := range list {
		object := &list[i]
		class, ours := classes.Of(object)
		if group, err := ingress.Group(object, class); err != nil || group != id {
			continue
		}
		if ours && object.DeletionTimestamp == nil {
			m.members = append(m.members, ingress.Member{Ingress: object, Class: class, Services: v.services(ctx, object)})
		}
	}
	ingress.SortMembers(m.members)
	return m, v.findLeaving(ctx, id, &m)
}

func (v *view) findLeaving(ctx context.Context, id model.StackID, m *membership) error {
	bearers, err := v.bearers(ctx, id)
	for i := range bearers {
		object := &bearers[i]
		if !slices.ContainsFunc(m.members, func(m ingress.Member) bool { return m.Ingress.UID == object.UID }) {
			m.leaving = append(m.leaving, object)
		}
	}
	return err
}

// bearers are the Ingresses that bear a stack's finalizer. All implicit stacks share
// one finalizer's name; theirs is the Ingress of their own name.
func (v *view) bearers(ctx context.Context, id model.StackID) ([]networkingv1.Ingress, error) {
	if id.Namespace == "" {
		var list networkingv1.IngressList
		err := v.List(ctx, &list, client.MatchingFields{ingressesByFinal: ingress.Finalizer(id)})
		return list.Items, err
	}
	var own networkingv1.Ingress
	if err := v.Get(ctx, client.ObjectKey{Namespace: id.Namespace, Name: id.Name}, &own); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if !controllerutil.ContainsFinalizer(&own, ingress.Finalizer(id)) {
		return nil, nil
	}
	return []networkingv1.Ingress{own}, nil
}

// stacks are the stacks that an Ingress belongs to or has belonged to, as requests.
func (v *view) stacks(ctx context.Context, object client.Object) []reconcile.Request {
	o := object.(*networkingv1.Ingress)
	class, _ := v.class(ctx, o)
	return stacksOf(o, class)
}

func stacksOf(o *networkingv1.Ingress, class ingress.Class) []reconcile.Request {
	var out []reconcile.Request
	add := func(id model.StackID) {
		request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: id.Namespace, Name: id.Name}}
		if !slices.Contains(out, request) {
			out = append(out, request)
		}
	}
	if id, err := ingress.Group(o, class); err == nil {
		add(id)
	}
	for _, id := range ingress.Borne(o) {
		add(id)
	}
	return out
}

// bearsFinalizer reports whether an Ingress has anything of ours, in whichever stack.
func bearsFinalizer(o *networkingv1.Ingress) bool { return len(ingress.Borne(o)) > 0 }

// all are the Ingresses that hear of what happens to the stack.
func (m membership) all() []*networkingv1.Ingress {
	out := slices.Clone(m.leaving)
	for _, member := range m.members {
		out = append(out, member.Ingress)
	}
	return out
}

// settling is how long a new Ingress waits for Services that are applied along with it
// in any order. It saves AWS a rule that answers 503, and people a false warning.
const settling = 3 * time.Second

// incomplete is how long to wait for the Services of new members; 0: not at all.
func (m membership) incomplete(now time.Time) time.Duration {
	var longest time.Duration
	for _, member := range m.members {
		lacking := func(b ingress.Backend) bool { return member.Services[b.Service] == nil }
		if slices.ContainsFunc(ingress.Backends(member.Ingress), lacking) {
			longest = max(longest, member.Ingress.CreationTimestamp.Add(settling).Sub(now))
		}
	}
	return longest
}

// lingering is how long AWS may call a security group in use after its load balancer
// has gone: users report minutes (aws-load-balancer-controller issue 4272).
const lingering = 3 * time.Minute

// expects reports errors that nobody need hear of: AWS is only slow.
func (m membership) expects(kind cloud.Kind, now time.Time) bool {
	just := func(o *networkingv1.Ingress) bool {
		return o.DeletionTimestamp == nil || now.Sub(o.DeletionTimestamp.Time) < lingering
	}
	return kind == cloud.Throttled || kind == cloud.Conflict && len(m.leaving) > 0 && !slices.ContainsFunc(m.leaving, func(o *networkingv1.Ingress) bool { return !just(o) })
}

// leavingFor is how long ago the deletion of the first Ingress that leaves was asked for.
func (m membership) leavingFor(now time.Time) time.Duration {
	var longest time.Duration
	for _, object := range m.leaving {
		if object.DeletionTimestamp != nil {
			longest = max(longest, now.Sub(object.DeletionTimestamp.Time))
		}
	}
	return longest
}
