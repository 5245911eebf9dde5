package readiness

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
)

// Naming is which of a claim's names admission adds (flag --gate-naming). All are served.
type Naming string

// The namings.
const (
	// ByOwner: an Ingress backend's gate names the Ingress and its port.
	ByOwner Naming = "ingress"
	// ByBinding: every gate names a TargetGroupBinding, as the incumbent's do.
	ByBinding Naming = "binding"
)

// Injection is what admission adds to the Pods of a namespace: one entry for each
// selector and gate of its claims, in a stable order. Above the limit there is none, and
// leftOut is how many there would be: the anticipating gate serves, for every claim
// holds a Pod through it.
func Injection(claims []Claim, naming Naming) (gates []v1alpha1.Gate, leftOut int) {
	for _, claim := range claims {
		if gate := claim.named(naming); gate != "" && len(claim.Selector) > 0 {
			gates = append(gates, v1alpha1.Gate{Selector: claim.Selector, ConditionType: string(gate)})
		}
	}
	slices.SortFunc(gates, func(a, b v1alpha1.Gate) int {
		return cmp.Or(cmp.Compare(a.ConditionType, b.ConditionType), cmp.Compare(fmt.Sprint(a.Selector), fmt.Sprint(b.Selector)))
	})
	gates = slices.CompactFunc(gates, func(a, b v1alpha1.Gate) bool {
		return a.ConditionType == b.ConditionType && maps.Equal(a.Selector, b.Selector)
	})
	if len(gates) > v1alpha1.MaxGates {
		return nil, len(gates)
	}
	return gates, 0
}

// named is the gate that admission adds for a claim; empty: none, the anticipating one
// serves.
func (c Claim) named(naming Naming) ConditionType {
	for _, gate := range c.Gates {
		if naming != ByBinding || strings.HasPrefix(string(gate), bindingPrefix) {
			return gate
		}
	}
	return ""
}
