package ingress

import (
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// PlanKey is the annotation that the plan of a stack is written to while a member asks for it.
const PlanKey = annotations.Prefix + "dry-run-plan"

// AsksForPlan reports whether an Ingress wants its stack to be planned and not applied. What
// cannot be read counts as asked: nothing is done by a slip of the keyboard.
func AsksForPlan(ingress *networkingv1.Ingress) bool {
	asked, err := annotations.New(ingress.Annotations, nil).Bool("dry-run", false)
	return asked || err != nil
}

// Planned reports whether a stack of these members is planned and not applied.
func Planned(members []Member) bool {
	return slices.ContainsFunc(members, func(m Member) bool { return AsksForPlan(m.Ingress) })
}
