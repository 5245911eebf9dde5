package readiness

import (
	"time"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// Claim is a load balancer's wish for a Pod: an ip backend of an Ingress, or a
// TargetGroupBinding with ip targets, whose Service selects the Pod.
type Claim struct {
	Owner   model.Object // the Ingress or TargetGroupBinding
	Backend string       // for messages: "service cart port 80"
	// Selector of the Service; empty selects nothing.
	Selector map[string]string
	// Gates are the names by which a gate may mean this claim; admission adds the first, or
	// the first that names a binding.
	Gates []ConditionType
	// TargetGroup is the ARN once the claim is bound; empty while it is foreseen.
	TargetGroup string
	// Since is when the owner was created.
	Since time.Time
	// Problem is why the owner is not served at all, with the remedy; empty: it is.
	Problem string
	// Unresolved: the Service does not exist (yet), so nobody knows whom it selects.
	Unresolved bool
}

// Selects reports whether the claim's Service selects a Pod with these labels.
func (c Claim) Selects(labels map[string]string) bool {
	if len(c.Selector) == 0 {
		return false
	}
	for key, value := range c.Selector {
		if have, ok := labels[key]; !ok || have != value {
			return false
		}
	}
	return true
}

// Evidence is a claim together with what is known of one Pod under it.
type Evidence struct {
	Claim
	// Address of the Pod in the target group; invalid while the Pod has no endpoint.
	Address model.TargetID
	// Target at that address; nil while the group has none there.
	Target *health.Target
	// Unread: nobody has read yet, since the start, which targets the group has, so that
	// a nil Target says nothing.
	Unread bool
	// Adoption is how long after the containers became ready an adopted address must
	// still be healthy, so that it cannot be the health of the Pod before.
	Adoption time.Duration
	// SlowStart is how long the load balancer spares the group's new targets.
	SlowStart time.Duration
}
