package ingress

import (
	"cmp"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// Group is the stack that an Ingress belongs to: the one of its class's or its own
// group.name, else its own. An Ingress whose group name is none belongs to no stack. One
// whose class is broken stays where it is: nobody knows which group that class has.
func Group(ingress *networkingv1.Ingress, class Class) (model.StackID, error) {
	set := annotations.New(ingress.Annotations, nil).Under(overrides(class.Params))
	own := model.StackID{Namespace: ingress.Namespace, Name: ingress.Name}
	if !set.Has("group.name") {
		return stays(ingress, class, own), nil
	}
	name, err := set.Form("group.name", "")
	return stays(ingress, class, model.StackID{Name: name}), err
}

func stays(ingress *networkingv1.Ingress, class Class, wanted model.StackID) model.StackID {
	where := Borne(ingress)
	if class.Problem == nil || len(where) == 0 || slices.Contains(where, wanted) {
		return wanted
	}
	return where[0]
}

const (
	ownFinalizer   = "ingress.k8s.aws/resources"
	groupFinalizer = "group.ingress.k8s.aws/"
)

// Finalizer is what an Ingress bears while its stack may have something of it in AWS.
func Finalizer(stack model.StackID) string {
	if stack.Namespace == "" {
		return groupFinalizer + stack.Name
	}
	return ownFinalizer
}

// Order is the place of an Ingress in its group; one that cannot be read counts as 0
// (the build tells its user).
func Order(ingress *networkingv1.Ingress) int32 {
	order, err := annotations.New(ingress.Annotations, nil).Int32("group.order", 0)
	if err != nil {
		return 0
	}
	return order
}

// CompareMembers orders the members of a group: by group.order, then by namespace/name.
func CompareMembers(a, b *networkingv1.Ingress) int {
	return cmp.Or(cmp.Compare(Order(a), Order(b)), cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
}

// SortMembers puts members into their order.
func SortMembers(members []Member) {
	slices.SortFunc(members, func(a, b Member) int { return CompareMembers(a.Ingress, b.Ingress) })
}
