package readiness

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// Pod is what Decide needs to know of a Pod.
type Pod struct {
	UID     types.UID
	Created time.Time
	Gates   []Gate
	// ContainersReady: all containers pass their readiness probes; Since when that is
	// so, or not so.
	ContainersReady bool
	Since           time.Time
	// ReadySince is when the Pod became Ready, all gates included; zero while it is not.
	ReadySince time.Time
	// MinReady is how long it must be Ready to be available (its workload's minReadySeconds).
	MinReady time.Duration
	// HealthyFor is how long its targets must have been healthy before a gate opens.
	HealthyFor time.Duration
	// ExpectsFor is how long after the containers became ready a gate waits for a first
	// load balancer.
	ExpectsFor time.Duration
	// AwaitsSlowStart: targets must have come through their group's slow start as well.
	AwaitsSlowStart bool
	// Ending: nothing is written to a Pod that is on its way out.
	Ending bool
}

// Gate is one entry of spec.readinessGates with its condition. The status is empty
// while there is no condition.
type Gate struct {
	Type    ConditionType
	Status  corev1.ConditionStatus
	Reason  string
	Message string
	// ByHand: the gate stands in the Pod's template, admission did not add it.
	ByHand bool
}

// Settings of decisions.
type Settings struct {
	// ClaimDeadline is how long a claim that is wrong or missing holds a Pod whose
	// containers are ready; 0 for ever (flag --claim-deadline).
	ClaimDeadline time.Duration
}

// Verdict is what must happen to one Pod's gates now.
type Verdict struct {
	Changes []GateChange  // conditions to write; empty when all is as it should be
	Waits   []health.Wait // targets to ask AWS about
	Recheck time.Duration // when to decide again without an event; 0 for never
}

// GateChange is one condition to write.
type GateChange struct {
	Gate
	// Flips: the status changes, not only reason or message.
	Flips bool
	// Before is the status before; empty while there was no condition.
	Before corev1.ConditionStatus
}

// Decide says what must happen to a Pod's gates. The claims are those whose Service
// selects the Pod, and unresolved ones of its namespace.
func Decide(now time.Time, pod Pod, claims []Evidence, settings Settings) Verdict {
	var verdict Verdict
	if pod.Ending {
		return verdict
	}
	// Caches list in any order: what is shown must not depend on it, or the condition
	// would be written again and again.
	claims = slices.SortedStableFunc(slices.Values(claims), func(a, b Evidence) int {
		return cmp.Or(cmp.Compare(a.Owner.String(), b.Owner.String()), cmp.Compare(a.Backend, b.Backend), cmp.Compare(a.TargetGroup, b.TargetGroup))
	})
	d := decision{now: now, pod: pod, settings: settings, verdict: &verdict}
	for _, gate := range pod.Gates {
		d.gate(gate, StandsFor(gate, pod.Gates, claims))
	}
	return verdict
}

// StandsFor are the claims that hold back through this gate: those whose own gate it
// is, and those that have no own gate on the Pod. Unresolved claims hold only a Pod
// that no other claim wants, and only through gates that are not somebody else's.
func StandsFor(gate Gate, gates []Gate, claims []Evidence) []Evidence {
	has := func(t ConditionType) bool {
		return slices.ContainsFunc(gates, func(g Gate) bool { return g.Type == t })
	}
	var own, homeless, unresolved []Evidence
	for _, claim := range claims {
		switch {
		case slices.Contains(claim.Gates, gate.Type):
			own = append(own, claim)
		case slices.ContainsFunc(claim.Gates, has):
			// holds through its own gate
		case claim.Unresolved:
			unresolved = append(unresolved, claim)
		default:
			homeless = append(homeless, claim)
		}
	}
	stands := append(own, homeless...)
	if len(stands) == 0 && len(claims) == len(unresolved) {
		return unresolved
	}
	return stands
}

type decision struct {
	now      time.Time
	pod      Pod
	settings Settings
	verdict  *Verdict
}

func (d *decision) gate(gate Gate, claims []Evidence) {
	if gate.Status == corev1.ConditionTrue {
		d.open(gate, claims)
		return
	}
	opinion := d.judge(gate, claims)
	d.write(gate, opinion)
	d.again(opinion.recheck)
	d.await(opinion.waits)
}

func (d *decision) await(waits []health.Wait) {
	for _, wait := range waits {
		// A claim without a gate of its own holds through all gates, and is asked about once.
		if !slices.Contains(d.verdict.Waits, wait) {
			d.verdict.Waits = append(d.verdict.Waits, wait)
		}
	}
}

// open: a gate that is open stays open, whatever claims come or checks fail. It
// closes only when the containers have stopped being ready and the Pod has been taken
// out of every group, so that it opens on the next registration and not before.
func (d *decision) open(gate Gate, claims []Evidence) {
	if d.pod.ContainersReady || len(claims) == 0 {
		for _, claim := range claims {
			if claim.TargetGroup != "" && claim.Target != nil && claim.Target.State.Leaving() {
				d.await(d.draining(claim).waits) // or nobody would learn when it can be registered again
			}
		}
		if gate.Reason == Healthy {
			d.onProbation(gate, claims)
		}
		return
	}
	if slices.ContainsFunc(claims, func(e Evidence) bool { return !e.out(d.pod.UID) }) {
		return
	}
	d.write(gate, waitForContainers)
}

// probationPace is the time between two questions about a Pod whose gates are open and
// that is not available yet.
const probationPace = 5 * time.Second

// onProbation: until a Pod is available its health goes on being asked, and a failure closes
// the gate, so that minReadySeconds means what it says: a version that dies after ten
// seconds stops its own rollout. Once it is available, health is the load balancer's
// business alone.
func (d *decision) onProbation(gate Gate, claims []Evidence) {
	if !d.pod.ReadySince.IsZero() {
		left := d.pod.ReadySince.Add(d.pod.MinReady).Sub(d.now)
		if left <= 0 {
			return
		}
		d.again(left)
	}
	for _, claim := range claims {
		if claim.Target == nil || claim.Target.Pod != d.pod.UID || claim.TargetGroup == "" {
			continue
		}
		opinion := d.target(claim)
		if claim.Target.State == model.Unhealthy {
			d.write(gate, opinion)
			d.await(opinion.waits)
			return
		}
		d.await([]health.Wait{{Group: claim.TargetGroup, Address: claim.Address, Since: claim.Target.Since, NotBefore: claim.Target.Asked.Add(probationPace)}})
	}
}

// out reports whether the Pod has left the claim's target group. As long as it is not
// known whose the target is, right after a start, it may be the Pod's own: a gate that
// was closed for that would stay closed for as long as adoption takes.
func (e Evidence) out(pod types.UID) bool {
	if e.TargetGroup == "" || e.Unread {
		return false
	}
	return e.Target == nil || e.Target.State.Leaving() || e.Target.Pod != "" && e.Target.Pod != pod
}

// opinion is what one claim, or all claims of a gate together, say.
type opinion struct {
	open            bool
	reason, message string
	waits           []health.Wait
	recheck         time.Duration
}

// rank is which of several opinions is shown, lowest first: what waits for more than
// AWS's health, what waits for that, what was waited for in vain, and what is well.
func (o opinion) rank() int {
	switch {
	case !o.open && len(o.waits) == 0:
		return 0
	case !o.open:
		return 1
	case o.reason == ClaimDeadline:
		return 2
	case o.reason == NoLoadBalancer:
		return 4
	}
	return 3
}

// waitForContainers is said of new Pods and of those that have left their groups alike:
// what differed from the next decision would be written twice.
var waitForContainers = closed(ContainersNotReady, "waiting for the containers to be ready")

func closed(reason, message string) opinion { return opinion{reason: reason, message: message} }

// judge asks, in this order: the containers, each claim, and what was promised to
// gates that were written by hand.
func (d *decision) judge(gate Gate, claims []Evidence) opinion {
	if !d.pod.ContainersReady {
		return waitForContainers
	}
	if len(claims) == 0 {
		return d.unclaimed(gate)
	}
	var opinions []opinion
	for _, claim := range claims {
		opinions = append(opinions, d.claim(claim))
	}
	shown := slices.MinFunc(opinions, func(a, b opinion) int { return cmp.Compare(a.rank(), b.rank()) })
	joined := opinion{open: true, reason: shown.reason, message: shown.message}
	for _, o := range opinions {
		joined.open = joined.open && o.open
		joined.waits = append(joined.waits, o.waits...)
		if o.recheck > 0 && (joined.recheck == 0 || o.recheck < joined.recheck) {
			joined.recheck = o.recheck
		}
	}
	return joined
}

func (d *decision) unclaimed(gate Gate) opinion {
	subject, isOwn := gate.Type.named()
	if gate.ByHand && isOwn {
		return d.untilDeadline(ClaimMissing, fmt.Sprintf("the gate was written by hand for %s, which does not exist in this namespace or does not select the Pod", subject))
	}
	return d.unexpected()
}

// unexpected opens for a Pod that nobody claims, once a load balancer that is expected has
// been waited for.
func (d *decision) unexpected() opinion {
	if left := d.pod.Since.Add(d.pod.ExpectsFor).Sub(d.now); left > 0 {
		o := closed(LoadBalancerExpected, fmt.Sprintf("no load balancer claims the Pod yet; waiting for one until %s after the containers were ready, as %s asks", d.pod.ExpectsFor, ExpectAnnotation))
		o.recheck = left
		return o
	}
	return opinion{open: true, reason: NoLoadBalancer, message: "no load balancer claims the Pod"}
}

// untilDeadline holds until the claim deadline is over, and then opens.
func (d *decision) untilDeadline(reason, message string) opinion {
	if d.settings.ClaimDeadline == 0 {
		return closed(reason, message)
	}
	left := d.pod.Since.Add(d.settings.ClaimDeadline).Sub(d.now)
	if left <= 0 {
		return opinion{open: true, reason: ClaimDeadline, message: fmt.Sprintf("opened after %s although %s", d.settings.ClaimDeadline, message)}
	}
	o := closed(reason, message)
	o.recheck = left
	return o
}

func (d *decision) write(gate Gate, o opinion) {
	status := corev1.ConditionFalse
	if o.open {
		status = corev1.ConditionTrue
	}
	if gate.Status == status && gate.Reason == o.reason && gate.Message == o.message {
		return
	}
	change := GateChange{Gate: gate, Flips: gate.Status != status, Before: gate.Status}
	change.Status, change.Reason, change.Message = status, o.reason, o.message
	d.verdict.Changes = append(d.verdict.Changes, change)
}

func (d *decision) again(in time.Duration) {
	if in > 0 && (d.verdict.Recheck == 0 || in < d.verdict.Recheck) {
		d.verdict.Recheck = in
	}
}
