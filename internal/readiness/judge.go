package readiness

import (
	"fmt"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

const (
	// serviceGrace is how long a Pod that nobody claims waits for a Service that a
	// young Ingress already names: the pieces of one application are applied within
	// seconds of each other, in any order.
	serviceGrace = 30 * time.Second
	// young is how old such an Ingress may be; an older one has lost its Service for good.
	young = 10 * time.Minute
)

// claim is what one claim says of a Pod whose containers are ready.
func (d *decision) claim(e Evidence) opinion {
	switch {
	case e.Unresolved:
		return d.unresolved(e)
	case e.Problem != "" && e.TargetGroup == "":
		return d.untilDeadline(ClaimRejected, fmt.Sprintf("%s is not served: %s", e.Owner, e.Problem))
	case e.TargetGroup == "":
		return closed(TargetGroupPending, fmt.Sprintf("waiting for the target group of %s, %s", e.Owner, e.Backend))
	case !e.Address.IsValid():
		return closed(EndpointPending, fmt.Sprintf("waiting for an EndpointSlice to name the Pod for %s, %s", e.Owner, e.Backend))
	case e.Unread:
		return closed(TargetGroupPending, fmt.Sprintf("waiting to learn which targets %s has", GroupName(e.TargetGroup)))
	case e.Target == nil:
		return closed(RegistrationPending, fmt.Sprintf("waiting to be registered as %s in %s", e.Address, GroupName(e.TargetGroup)))
	case e.Target.State.Leaving():
		return d.draining(e)
	case e.Target.Pod != d.pod.UID:
		return closed(AddressAdopted, fmt.Sprintf("%s is registered in %s for an earlier Pod; waiting to take it over", e.Address, GroupName(e.TargetGroup)))
	}
	return d.target(e)
}

func (d *decision) unresolved(e Evidence) opinion {
	left := d.pod.Since.Add(serviceGrace).Sub(d.now)
	if left <= 0 || e.Since.Add(young).Before(d.pod.Since) {
		return d.unexpected()
	}
	o := closed(ServicePending, fmt.Sprintf("%s names a Service that does not exist yet (%s) and may be meant for the Pod", e.Owner, e.Backend))
	o.recheck = left
	return o
}

// draining: the address is on its way out, from an earlier Pod or an earlier
// registration. AWS takes it back only when it is gone; asking tells when.
func (d *decision) draining(e Evidence) opinion {
	o := closed("Target.DeregistrationInProgress", fmt.Sprintf(
		"%s is still draining in %s from an earlier registration; it can be registered when the deregistration delay is over", e.Address, GroupName(e.TargetGroup)))
	o.waits = []health.Wait{{Group: e.TargetGroup, Address: e.Address, Since: e.Target.Since}}
	return o
}

// target is what AWS says of a target that is registered for this Pod.
func (d *decision) target(e Evidence) opinion {
	wait := health.Wait{Group: e.TargetGroup, Address: e.Address, Since: e.Target.Since}
	where := fmt.Sprintf("%s in %s", e.Address, GroupName(e.TargetGroup))
	if e.Target.Adopted {
		wait.NotBefore = d.pod.Since.Add(e.Adoption)
	}
	if asked := d.healthyFor(e); asked > 0 && !e.Target.HealthySince.IsZero() {
		wait.NotBefore = latest(wait.NotBefore, e.Target.HealthySince.Add(asked))
	}
	switch {
	case e.Target.State == model.Healthy && e.proven(wait.NotBefore):
		return opinion{open: true, reason: Healthy, message: where + " is healthy"}
	case e.Target.Adopted:
		return opinion{reason: AddressAdopted, message: where + " was registered before this Pod had the address; waiting for a health that can only be its own", waits: []health.Wait{wait}}
	case e.Target.State == model.Healthy:
		return opinion{reason: HealthyTooShort, message: fmt.Sprintf("%s is healthy; waiting until it has been so for %s, as the Pod asks", where, d.healthyFor(e)), waits: []health.Wait{wait}}
	case e.Target.State == "":
		return opinion{reason: "Elb.RegistrationInProgress", message: where + ": registration is in progress", waits: []health.Wait{wait}}
	case e.Target.State == model.Unused:
		return opinion{reason: e.Target.Reason, message: where + " is not used by any listener yet: " + e.Target.Description, waits: []health.Wait{wait}}
	}
	return opinion{reason: e.Target.Reason, message: fmt.Sprintf("%s is %s: %s", where, e.Target.State, lower(e.Target.Description)), waits: []health.Wait{wait}}
}

// healthyFor is how long a target must have been healthy, as the Pod asks.
func (d *decision) healthyFor(e Evidence) time.Duration {
	if d.pod.AwaitsSlowStart {
		return max(d.pod.HealthyFor, e.SlowStart)
	}
	return d.pod.HealthyFor
}

// proven: what is called healthy must have been asked late enough, and an adopted address
// must have been called so twice.
func (e Evidence) proven(notBefore time.Time) bool {
	if e.Target.Asked.Before(notBefore) {
		return false
	}
	since := e.Target.HealthySince // zero: not called healthy since the adoption
	return !e.Target.Adopted || !since.IsZero() && since.Before(e.Target.Asked)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// GroupName is the readable middle of a target group's ARN.
func GroupName(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) < 2 {
		return "target group " + arn
	}
	return "target group " + parts[1]
}

func lower(s string) string {
	if s == "" {
		return "no details"
	}
	return strings.ToLower(s[:1]) + s[1:]
}
