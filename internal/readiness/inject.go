package readiness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
)

// Injection is what admission adds to the Pods of a namespace: one entry for each
// selector and gate of its claims, in a stable order. Above the limit there is none
// and a message says so: the anticipating gate serves, for every claim holds a Pod
// through it.
func Injection(claims []Claim) (gates []v1alpha1.Gate, message string) {
	for _, claim := range claims {
		if len(claim.Selector) == 0 || len(claim.Gates) == 0 {
			continue
		}
		gates = append(gates, v1alpha1.Gate{Selector: claim.Selector, ConditionType: string(claim.Gates[0])})
	}
	slices.SortFunc(gates, func(a, b v1alpha1.Gate) int {
		return cmp.Or(cmp.Compare(a.ConditionType, b.ConditionType), cmp.Compare(fmt.Sprint(a.Selector), fmt.Sprint(b.Selector)))
	})
	gates = slices.CompactFunc(gates, func(a, b v1alpha1.Gate) bool {
		return a.ConditionType == b.ConditionType && maps.Equal(a.Selector, b.Selector)
	})
	if len(gates) > v1alpha1.MaxGates {
		return nil, fmt.Sprintf("the namespace has %d gates to inject, more than %d, so its Pods get the anticipating gate alone", len(gates), v1alpha1.MaxGates)
	}
	return gates, ""
}
