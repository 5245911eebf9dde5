package readiness_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

const (
	pod = types.UID("pod-of-now") // the Pod that is decided about

	webGate readiness.ConditionType = "target-health.alb.ingress.k8s.aws/web_80"
	apiGate readiness.ConditionType = "target-health.alb.ingress.k8s.aws/api_80"

	webGroup = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/k8s-shop-web-1/aaaa"
	apiGroup = "arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/k8s-shop-api-1/bbbb"
)

var (
	now     = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ready   = ago(20 * time.Second) // when the Pod's containers became ready
	address = model.TargetAt(netip.MustParseAddrPort("10.0.1.5:8080"))
	patient = readiness.Settings{ClaimDeadline: 10 * time.Minute}
)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// readyPod has these gates; its containers are ready.
func readyPod(gates ...readiness.Gate) readiness.Pod {
	return readiness.Pod{UID: pod, Created: ago(time.Minute), Gates: gates, ContainersReady: true, Since: ready, ReadySince: ready}
}

// onProbation has been Ready for twenty seconds, and has to be so for this long.
func onProbation(minReady time.Duration, gates ...readiness.Gate) readiness.Pod {
	p := readyPod(gates...)
	p.MinReady = minReady
	return p
}

// notReadyYet: its containers are ready, the Pod is not.
func notReadyYet(gates ...readiness.Gate) readiness.Pod {
	p := readyPod(gates...)
	p.ReadySince = time.Time{}
	return p
}

// asking wants targets to be healthy for this long.
func asking(healthyFor time.Duration, gates ...readiness.Gate) readiness.Pod {
	p := notReadyYet(gates...)
	p.HealthyFor = healthyFor
	return p
}

// expecting a load balancer for this long after its containers were ready.
func expecting(d time.Duration, gates ...readiness.Gate) readiness.Pod {
	p := notReadyYet(gates...)
	p.ExpectsFor = d
	return p
}

func awaitingSlowStart(gates ...readiness.Gate) readiness.Pod {
	p := notReadyYet(gates...)
	p.AwaitsSlowStart = true
	return p
}

func unclaimed(name readiness.ConditionType) readiness.Gate {
	return readiness.Gate{Type: name, Status: corev1.ConditionTrue, Reason: readiness.NoLoadBalancer, Message: "no load balancer claims the Pod"}
}

// healthyFor: the first of its healthy answers was asked for this long ago, the last now.
func healthyFor(d time.Duration) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) {
		healthy(e)
		e.Target.HealthySince, e.Target.Asked = ago(d), now
	}
}

func slowStart(d time.Duration) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) { e.SlowStart = d }
}

func later(w health.Wait, notBefore time.Time) health.Wait {
	w.NotBefore = notBefore
	return w
}

func unreadyPod(gates ...readiness.Gate) readiness.Pod {
	return readiness.Pod{UID: pod, Created: ago(time.Minute), Gates: gates, Since: ready}
}

func gate(name readiness.ConditionType) readiness.Gate { return readiness.Gate{Type: name} }

func byHand(name readiness.ConditionType) readiness.Gate {
	return readiness.Gate{Type: name, ByHand: true}
}

func open(name readiness.ConditionType) readiness.Gate {
	return readiness.Gate{Type: name, Status: corev1.ConditionTrue, Reason: readiness.Healthy, Message: "as it was"}
}

func shut(name readiness.ConditionType, reason, message string) readiness.Gate {
	return readiness.Gate{Type: name, Status: corev1.ConditionFalse, Reason: reason, Message: message}
}

// web is a foreseen claim of the Ingress web with a gate of its own.
func web(changes ...func(*readiness.Evidence)) readiness.Evidence {
	return claim("web", webGate, changes)
}

func api(changes ...func(*readiness.Evidence)) readiness.Evidence {
	return claim("api", apiGate, changes)
}

func claim(name string, gate readiness.ConditionType, changes []func(*readiness.Evidence)) readiness.Evidence {
	e := readiness.Evidence{Claim: readiness.Claim{
		Owner: model.Object{Kind: "Ingress", Namespace: "shop", Name: name}, Backend: "service " + name + " port 80",
		Gates: []readiness.ConditionType{gate}, Since: ago(time.Hour),
	}}
	for _, change := range changes {
		change(&e)
	}
	return e
}

// in binds a claim to a group; the Pod has an endpoint there.
func in(group string) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) { e.TargetGroup, e.Address, e.Adoption = group, address, time.Minute }
}

// registered five seconds ago for the Pod, with this last answer.
func registered(state model.HealthState, reason, description string) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) {
		e.Target = &health.Target{
			Address: address, Pod: pod, Since: ago(5 * time.Second), State: state, Reason: reason, Description: description, Asked: ago(time.Second),
		}
		if state == model.Healthy {
			e.Target.HealthySince = ago(time.Second)
		}
	}
}

func healthy(e *readiness.Evidence) { registered(model.Healthy, "", "")(e) }

func initial(e *readiness.Evidence) {
	registered(model.Initial, "Elb.InitialHealthChecking", "Initial health checks in progress")(e)
}

func draining(e *readiness.Evidence) {
	registered(model.Draining, "Target.DeregistrationInProgress", "Target deregistration is in progress")(e)
}

// of changes for whom the target is registered.
func of(uid types.UID) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) { e.Target.Pod = uid }
}

// adopted five seconds ago; called healthy at these two times, the last of them the last answer.
func adopted(first, last time.Time) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) {
		healthy(e)
		e.Target.Adopted, e.Target.HealthySince, e.Target.Asked = true, first, last
	}
}

func rejected(e *readiness.Evidence) { e.Problem = "the certificate is missing; name one" }

func unresolved(since time.Time) func(*readiness.Evidence) {
	return func(e *readiness.Evidence) { e.Unresolved, e.Since = true, since }
}

// without a gate of its own that any Pod of these tests has.
func without(e *readiness.Evidence) {
	e.Gates = []readiness.ConditionType{"target-health.alb.ingress.k8s.aws/other_80"}
}

// opens and closes are the changes that a verdict holds.
func opens(g readiness.Gate, reason, message string) readiness.GateChange {
	return change(g, corev1.ConditionTrue, reason, message)
}

func closes(g readiness.Gate, reason, message string) readiness.GateChange {
	return change(g, corev1.ConditionFalse, reason, message)
}

func change(g readiness.Gate, status corev1.ConditionStatus, reason, message string) readiness.GateChange {
	c := readiness.GateChange{Gate: g, Flips: g.Status != status, Before: g.Status}
	c.Status, c.Reason, c.Message = status, reason, message
	return c
}

func wait(group string) health.Wait {
	return health.Wait{Group: group, Address: address, Since: ago(5 * time.Second)}
}

// asked is the wait of an adopted address: not before it must have failed as the Pod before.
func asked(notBefore time.Time) health.Wait {
	w := wait(webGroup)
	w.NotBefore = notBefore
	return w
}

func verdict(changes ...readiness.GateChange) readiness.Verdict {
	return readiness.Verdict{Changes: changes}
}

func waiting(waits []health.Wait, changes ...readiness.GateChange) readiness.Verdict {
	return readiness.Verdict{Changes: changes, Waits: waits}
}

func recheck(in time.Duration, changes ...readiness.GateChange) readiness.Verdict {
	return readiness.Verdict{Changes: changes, Recheck: in}
}

// Sentences that many rows expect.
const (
	waitsForContainers = "waiting for the containers to be ready"
	waitsForWebGroup   = "waiting for the target group of Ingress shop/web, service web port 80"
	isHealthy          = "10.0.1.5:8080 in target group k8s-shop-web-1 is healthy"
	isHealthyInAPI     = "10.0.1.5:8080 in target group k8s-shop-api-1 is healthy"
	isChecked          = "10.0.1.5:8080 in target group k8s-shop-web-1 is initial: initial health checks in progress"
	isCheckedInAPI     = "10.0.1.5:8080 in target group k8s-shop-api-1 is initial: initial health checks in progress"
	isAdopted          = "10.0.1.5:8080 in target group k8s-shop-web-1 was registered before this Pod had the address; waiting for a health that can only be its own"
	isTakenOver        = "10.0.1.5:8080 is registered in target group k8s-shop-web-1 for an earlier Pod; waiting to take it over"
	isDraining         = "10.0.1.5:8080 is still draining in target group k8s-shop-web-1 from an earlier registration; it can be registered when the deregistration delay is over"
	nobody             = "no load balancer claims the Pod"
	isRejected         = "Ingress shop/web is not served: the certificate is missing; name one"
	hasNoService       = "Ingress shop/web names a Service that does not exist yet (service web port 80) and may be meant for the Pod"
	isMissing          = "the gate was written by hand for an Ingress backend web_80, which does not exist in this namespace or does not select the Pod"
)

type evidence = []readiness.Evidence

func TestDecide(t *testing.T) {
	t.Parallel()
	w, a, early := gate(webGate), gate(apiGate), gate(readiness.Anticipating)
	for _, test := range []struct {
		name     string
		pod      readiness.Pod
		claims   evidence
		settings readiness.Settings
		want     readiness.Verdict
	}{
		// The straight path of an own gate.
		{
			name: "containers-come-first", pod: unreadyPod(w), claims: evidence{web(in(webGroup))},
			want: verdict(closes(w, "ContainersNotReady", waitsForContainers)),
		},
		{
			name: "a-foreseen-claim-holds", pod: readyPod(w), claims: evidence{web()},
			want: verdict(closes(w, "TargetGroupPending", waitsForWebGroup)),
		},
		{
			name: "a-bound-claim-waits-for-the-endpoint", pod: readyPod(w), claims: evidence{web(in(webGroup), func(e *readiness.Evidence) { e.Address = model.TargetID{} })},
			want: verdict(closes(w, "EndpointPending", "waiting for an EndpointSlice to name the Pod for Ingress shop/web, service web port 80")),
		},
		{
			name: "a-bound-claim-waits-for-registration", pod: readyPod(w), claims: evidence{web(in(webGroup))},
			want: verdict(closes(w, "RegistrationPending", "waiting to be registered as 10.0.1.5:8080 in target group k8s-shop-web-1")),
		},
		{
			name: "registered-and-not-yet-asked-about", pod: readyPod(w), claims: evidence{web(in(webGroup), registered("", "", ""))},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Elb.RegistrationInProgress", "10.0.1.5:8080 in target group k8s-shop-web-1: registration is in progress")),
		},
		{
			name: "initial-is-not-yet", pod: readyPod(w), claims: evidence{web(in(webGroup), initial)},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Elb.InitialHealthChecking", isChecked)),
		},
		{
			name: "unhealthy-says-what-aws-says", pod: readyPod(w),
			claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]"))},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Target.ResponseCodeMismatch",
				"10.0.1.5:8080 in target group k8s-shop-web-1 is unhealthy: health checks failed with these codes: [503]")),
		},
		{
			name: "unhealthy-without-a-description", pod: readyPod(w), claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.FailedHealthChecks", ""))},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Target.FailedHealthChecks", "10.0.1.5:8080 in target group k8s-shop-web-1 is unhealthy: no details")),
		},
		{
			name: "unused-waits-for-a-listener", pod: readyPod(w),
			claims: evidence{web(in(webGroup), registered(model.Unused, "Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"))},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Target.NotInUse",
				"10.0.1.5:8080 in target group k8s-shop-web-1 is not used by any listener yet: Target group is not configured to receive traffic from the load balancer")),
		},
		{
			name: "healthy-opens", pod: readyPod(shut(webGate, "Elb.InitialHealthChecking", isChecked)), claims: evidence{web(in(webGroup), healthy)},
			want: verdict(opens(shut(webGate, "Elb.InitialHealthChecking", isChecked), "Healthy", isHealthy)),
		},
		{
			name: "healthy-does-not-open-before-the-containers-are-ready", pod: unreadyPod(w), claims: evidence{web(in(webGroup), healthy)},
			want: verdict(closes(w, "ContainersNotReady", waitsForContainers)),
		},
		{
			name: "an-older-form-of-the-gate-serves-too", pod: readyPod(gate("target-health.elbv2.k8s.aws/k8s-shop-web-1")),
			claims: evidence{web(in(webGroup), healthy, func(e *readiness.Evidence) {
				e.Gates = append(e.Gates, readiness.ForIngressService("web", "web", "80"), readiness.ForBinding("k8s-shop-web-1"))
			})},
			want: verdict(opens(gate("target-health.elbv2.k8s.aws/k8s-shop-web-1"), "Healthy", isHealthy)),
		},

		// Nothing is written twice.
		{
			name: "an-unchanged-condition-is-not-written-again", pod: readyPod(shut(webGate, "Elb.InitialHealthChecking", isChecked)), claims: evidence{web(in(webGroup), initial)},
			want: waiting([]health.Wait{wait(webGroup)}),
		},
		{
			name: "another-reason-is-written-and-does-not-flip", pod: readyPod(shut(webGate, "Elb.RegistrationInProgress", "before")), claims: evidence{web(in(webGroup), initial)},
			want: waiting([]health.Wait{wait(webGroup)}, closes(shut(webGate, "Elb.RegistrationInProgress", "before"), "Elb.InitialHealthChecking", isChecked)),
		},
		{
			name: "an-ending-pod-is-left-alone", pod: readiness.Pod{UID: pod, Gates: []readiness.Gate{w}, ContainersReady: true, Since: ready, Ending: true},
			claims: evidence{web(in(webGroup), healthy)},
		},
		{name: "a-pod-without-gates-is-left-alone", pod: readyPod(), claims: evidence{web(in(webGroup), initial)}},

		// Several claims, several gates.
		{
			name: "two-claims-with-a-gate-each-open-apart", pod: readyPod(w, a), claims: evidence{web(in(webGroup), healthy), api(in(apiGroup), initial)},
			want: waiting([]health.Wait{wait(apiGroup)}, opens(w, "Healthy", isHealthy), closes(a, "Elb.InitialHealthChecking", isCheckedInAPI)),
		},
		{
			name: "two-services-behind-one-gate-open-it-together", pod: readyPod(w),
			claims: evidence{web(in(webGroup), healthy), api(in(apiGroup), initial, func(e *readiness.Evidence) { e.Gates = []readiness.ConditionType{webGate} })},
			want:   waiting([]health.Wait{wait(apiGroup)}, closes(w, "Elb.InitialHealthChecking", isCheckedInAPI)),
		},
		{
			name: "a-claim-without-a-gate-holds-through-all", pod: readyPod(w, early), claims: evidence{web(in(webGroup), healthy), api(in(apiGroup), initial, without)},
			want: waiting([]health.Wait{wait(apiGroup)}, closes(w, "Elb.InitialHealthChecking", isCheckedInAPI), closes(early, "Elb.InitialHealthChecking", isCheckedInAPI)),
		},
		{
			name: "all-healthy-opens-all", pod: readyPod(w, early), claims: evidence{web(in(webGroup), healthy), api(in(apiGroup), healthy, without)},
			want: verdict(opens(w, "Healthy", isHealthy), opens(early, "Healthy", isHealthyInAPI)),
		},
		{
			name: "a-claim-with-a-gate-does-not-hold-the-anticipating-one", pod: readyPod(w, early), claims: evidence{web(in(webGroup), initial)},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Elb.InitialHealthChecking", isChecked), opens(early, "NoLoadBalancer", nobody)),
		},
		{
			name: "what-waits-for-more-than-health-is-shown", pod: readyPod(early), claims: evidence{api(in(apiGroup), initial), web()},
			want: waiting([]health.Wait{wait(apiGroup)}, closes(early, "TargetGroupPending", waitsForWebGroup)),
		},

		// The anticipating gate.
		{
			name: "nobody-claims-the-pod", pod: readyPod(early),
			want: verdict(opens(early, "NoLoadBalancer", nobody)),
		},
		{
			name: "anticipating-and-foreseen", pod: readyPod(early), claims: evidence{web()},
			want: verdict(closes(early, "TargetGroupPending", waitsForWebGroup)),
		},
		{
			name: "anticipating-and-bound", pod: readyPod(early), claims: evidence{web(in(webGroup), initial)},
			want: waiting([]health.Wait{wait(webGroup)}, closes(early, "Elb.InitialHealthChecking", isChecked)),
		},
		{
			name: "anticipating-and-healthy", pod: readyPod(early), claims: evidence{web(in(webGroup), healthy)},
			want: verdict(opens(early, "Healthy", isHealthy)),
		},
		{
			name: "a-claim-that-went-away-holds-nothing", pod: readyPod(shut(webGate, "Elb.InitialHealthChecking", isChecked)),
			want: verdict(opens(shut(webGate, "Elb.InitialHealthChecking", isChecked), "NoLoadBalancer", nobody)),
		},

		// A gate that is open.
		{name: "a-new-claim-closes-nothing", pod: readyPod(open(readiness.Anticipating)), claims: evidence{web()}},
		{name: "a-failing-check-closes-nothing", pod: readyPod(open(webGate)), claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.Timeout", "Request timed out"))}},

		// Until the Pod is available, health goes on being asked.
		{
			name: "on-probation-health-is-asked-for", pod: onProbation(30*time.Second, open(webGate)), claims: evidence{web(in(webGroup), healthy)},
			want: readiness.Verdict{Waits: []health.Wait{later(wait(webGroup), ago(-4*time.Second))}, Recheck: 10 * time.Second},
		},
		{
			name: "on-probation-a-failing-check-closes", pod: onProbation(30*time.Second, open(webGate)), claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.Timeout", "Request timed out"))},
			want: readiness.Verdict{
				Changes: []readiness.GateChange{closes(open(webGate), "Target.Timeout", "10.0.1.5:8080 in target group k8s-shop-web-1 is unhealthy: request timed out")},
				Waits:   []health.Wait{wait(webGroup)}, Recheck: 10 * time.Second,
			},
		},
		{
			name: "a-pod-that-is-not-ready-for-another-gate-is-on-probation", pod: notReadyYet(open(webGate), open(apiGate)),
			claims: evidence{web(in(webGroup), healthy), api(in(apiGroup), registered(model.Unhealthy, "Target.Timeout", "Request timed out"))},
			want: readiness.Verdict{
				Changes: []readiness.GateChange{closes(open(apiGate), "Target.Timeout", "10.0.1.5:8080 in target group k8s-shop-api-1 is unhealthy: request timed out")},
				Waits:   []health.Wait{later(wait(webGroup), ago(-4*time.Second)), wait(apiGroup)},
			},
		},
		{
			name: "probation-is-over-when-the-pod-is-available", pod: onProbation(20*time.Second, open(webGate)),
			claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.Timeout", "Request timed out"))},
		},
		{name: "on-probation-another-pods-target-says-nothing", pod: onProbation(20*time.Second, open(webGate)), claims: evidence{web(in(webGroup), healthy, of("another-pod"))}},
		{
			name: "what-opened-without-a-load-balancer-is-not-on-probation", pod: notReadyYet(unclaimed(webGate)),
			claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.Timeout", "Request timed out"))},
		},

		// Pods may ask for more than one healthy answer.
		{
			name: "healthy-for-long-enough-opens", pod: asking(10*time.Second, w), claims: evidence{web(in(webGroup), healthyFor(10*time.Second))},
			want: verdict(opens(w, "Healthy", isHealthy)),
		},
		{
			name: "healthy-for-too-short-waits", pod: asking(15*time.Second, w), claims: evidence{web(in(webGroup), healthyFor(10*time.Second))},
			want: readiness.Verdict{
				Changes: []readiness.GateChange{closes(w, "HealthyTooShort", "10.0.1.5:8080 in target group k8s-shop-web-1 is healthy; waiting until it has been so for 15s, as the Pod asks")},
				Waits:   []health.Wait{later(wait(webGroup), ago(-5*time.Second))},
			},
		},
		{
			name: "slow-start-is-waited-for-where-the-pod-asks", pod: awaitingSlowStart(w), claims: evidence{web(in(webGroup), healthyFor(10*time.Second), slowStart(30*time.Second))},
			want: readiness.Verdict{
				Changes: []readiness.GateChange{closes(w, "HealthyTooShort", "10.0.1.5:8080 in target group k8s-shop-web-1 is healthy; waiting until it has been so for 30s, as the Pod asks")},
				Waits:   []health.Wait{later(wait(webGroup), ago(-20*time.Second))},
			},
		},
		{
			name: "slow-start-is-not-waited-for-unasked", pod: readyPod(w), claims: evidence{web(in(webGroup), healthyFor(10*time.Second), slowStart(30*time.Second))},
			want: verdict(opens(w, "Healthy", isHealthy)),
		},

		{name: "a-replaced-target-group-closes-nothing", pod: readyPod(open(webGate)), claims: evidence{web(in(webGroup))}},
		{name: "a-blip-of-the-containers-closes-nothing", pod: unreadyPod(open(webGate)), claims: evidence{web(in(webGroup), healthy)}},
		{name: "a-blip-of-a-pod-that-nobody-claims-closes-nothing", pod: unreadyPod(open(readiness.Anticipating))},
		{name: "a-blip-under-a-foreseen-claim-closes-nothing", pod: unreadyPod(open(webGate)), claims: evidence{web()}},
		{
			name: "unready-and-draining-closes", pod: unreadyPod(open(webGate)), claims: evidence{web(in(webGroup), draining)},
			want: verdict(closes(open(webGate), "ContainersNotReady", waitsForContainers)),
		},
		{
			name: "unready-and-gone-closes", pod: unreadyPod(open(webGate)), claims: evidence{web(in(webGroup))},
			want: verdict(closes(open(webGate), "ContainersNotReady", waitsForContainers)),
		},
		{
			name: "unready-and-registered-for-another-closes", pod: unreadyPod(open(webGate)), claims: evidence{web(in(webGroup), healthy, of("another-pod"))},
			want: verdict(closes(open(webGate), "ContainersNotReady", waitsForContainers)),
		},
		{name: "unready-and-out-of-one-group-of-two-closes-nothing", pod: unreadyPod(open(readiness.Anticipating)), claims: evidence{web(in(webGroup)), api(in(apiGroup), healthy)}},
		{name: "a-blip-right-after-a-restart-closes-nothing", pod: unreadyPod(open(webGate)), claims: evidence{web(in(webGroup), func(e *readiness.Evidence) { e.Unread = true })}},
		{name: "a-blip-before-the-registration-is-remembered-closes-nothing", pod: unreadyPod(open(webGate)), claims: evidence{web(in(webGroup), healthy, of(""))}},
		{
			// The containers were ready again before anybody looked: AWS must be asked until
			// the address can be registered.
			name: "an-open-gate-of-a-draining-address-asks-on", pod: readyPod(open(webGate)), claims: evidence{web(in(webGroup), draining)},
			want: waiting([]health.Wait{wait(webGroup)}),
		},
		{
			name: "ready-again-waits-for-the-next-registration", pod: readyPod(shut(webGate, "ContainersNotReady", waitsForContainers)), claims: evidence{web(in(webGroup), draining)},
			want: waiting([]health.Wait{wait(webGroup)}, closes(shut(webGate, "ContainersNotReady", waitsForContainers), "Target.DeregistrationInProgress", isDraining)),
		},

		// An address that another Pod had before.
		{
			name: "the-health-of-another-pod-opens-nothing", pod: readyPod(w), claims: evidence{web(in(webGroup), healthy, of("pod-of-before"))},
			want: verdict(closes(w, "AddressAdopted", isTakenOver)),
		},
		{
			name: "the-health-of-nobody-knows-whom-opens-nothing", pod: readyPod(w), claims: evidence{web(in(webGroup), healthy, of(""))},
			want: verdict(closes(w, "AddressAdopted", isTakenOver)),
		},
		{
			name: "a-draining-address-waits-until-it-is-gone", pod: readyPod(w), claims: evidence{web(in(webGroup), draining, of("pod-of-before"))},
			want: waiting([]health.Wait{wait(webGroup)}, closes(w, "Target.DeregistrationInProgress", isDraining)),
		},
		{
			name: "an-adopted-address-that-is-healthy-once-holds", pod: readiness.Pod{UID: pod, Gates: []readiness.Gate{w}, ContainersReady: true, Since: ago(2 * time.Minute)},
			claims: evidence{web(in(webGroup), adopted(ago(time.Second), ago(time.Second)))},
			want:   waiting([]health.Wait{asked(ago(time.Minute))}, closes(w, "AddressAdopted", isAdopted)),
		},
		{
			name: "an-adopted-address-that-is-healthy-twice-too-early-holds", pod: readyPod(w), claims: evidence{web(in(webGroup), adopted(ago(4*time.Second), ago(time.Second)))},
			want: waiting([]health.Wait{asked(ready.Add(time.Minute))}, closes(w, "AddressAdopted", isAdopted)),
		},
		{
			name: "an-adopted-address-with-an-answer-from-before-its-adoption-holds", pod: readiness.Pod{UID: pod, Gates: []readiness.Gate{w}, ContainersReady: true, Since: ago(2 * time.Minute)},
			claims: evidence{web(in(webGroup), adopted(time.Time{}, ago(6*time.Second)))},
			want:   waiting([]health.Wait{asked(ago(time.Minute))}, closes(w, "AddressAdopted", isAdopted)),
		},
		{
			name: "an-adopted-address-that-is-unhealthy-holds", pod: readyPod(w),
			claims: evidence{web(in(webGroup), registered(model.Unhealthy, "Target.Timeout", "Request timed out"), func(e *readiness.Evidence) { e.Target.Adopted = true })},
			want:   waiting([]health.Wait{asked(ready.Add(time.Minute))}, closes(w, "AddressAdopted", isAdopted)),
		},
		{
			name: "an-adopted-address-that-outlives-the-pod-before-opens", pod: readiness.Pod{UID: pod, Gates: []readiness.Gate{w}, ContainersReady: true, Since: ago(61 * time.Second)},
			claims: evidence{web(in(webGroup), adopted(ago(40*time.Second), ago(time.Second)))},
			want:   verdict(opens(w, "Healthy", isHealthy)),
		},

		// What is wrong or missing holds for a stated time.
		{
			name: "a-rejected-claim-holds-until-its-deadline", pod: readyPod(w), claims: evidence{web(rejected)}, settings: patient,
			want: recheck(9*time.Minute+40*time.Second, closes(w, "ClaimRejected", isRejected)),
		},
		{
			name: "a-rejected-claim-opens-after-its-deadline", pod: readyPod(w), claims: evidence{web(rejected)}, settings: readiness.Settings{ClaimDeadline: 20 * time.Second},
			want: verdict(opens(w, "ClaimDeadline", "opened after 20s although "+isRejected)),
		},
		{
			name: "without-a-deadline-a-rejected-claim-holds-for-ever", pod: readyPod(w), claims: evidence{web(rejected)},
			want: verdict(closes(w, "ClaimRejected", isRejected)),
		},
		{
			name: "a-bound-claim-stays-although-its-owner-is-rejected", pod: readyPod(w), claims: evidence{web(rejected, in(webGroup), healthy)}, settings: patient,
			want: verdict(opens(w, "Healthy", isHealthy)),
		},
		{
			name: "a-deadline-that-is-over-is-told-beside-a-healthy-claim", pod: readyPod(early), claims: evidence{web(rejected), api(in(apiGroup), healthy)},
			settings: readiness.Settings{ClaimDeadline: 20 * time.Second},
			want:     verdict(opens(early, "ClaimDeadline", "opened after 20s although "+isRejected)),
		},
		{
			name: "a-deadline-that-is-over-opens-nothing-for-another-claim", pod: readyPod(early), claims: evidence{web(in(webGroup), initial), api(rejected)},
			settings: readiness.Settings{ClaimDeadline: 20 * time.Second},
			want:     waiting([]health.Wait{wait(webGroup)}, closes(early, "Elb.InitialHealthChecking", isChecked)),
		},
		{
			name: "a-gate-written-by-hand-for-nothing-waits", pod: readyPod(byHand(webGate)), settings: patient,
			want: recheck(9*time.Minute+40*time.Second, closes(byHand(webGate), "ClaimMissing", isMissing)),
		},
		{
			name: "a-gate-written-by-hand-for-nothing-opens-after-the-deadline", pod: readyPod(byHand(webGate)), settings: readiness.Settings{ClaimDeadline: 20 * time.Second},
			want: verdict(opens(byHand(webGate), "ClaimDeadline", "opened after 20s although "+isMissing)),
		},
		{
			name: "a-gate-written-by-hand-for-something-serves-it", pod: readyPod(byHand(webGate)), claims: evidence{web(in(webGroup), healthy)}, settings: patient,
			want: verdict(opens(byHand(webGate), "Healthy", isHealthy)),
		},
		{
			name: "an-anticipating-gate-written-by-hand-waits-for-nothing", pod: readyPod(byHand(readiness.Anticipating)), settings: patient,
			want: verdict(opens(byHand(readiness.Anticipating), "NoLoadBalancer", nobody)),
		},

		// A load balancer that is expected.
		{
			name: "an-expected-load-balancer-is-waited-for", pod: expecting(time.Minute, early),
			want: recheck(40*time.Second, closes(early, "LoadBalancerExpected",
				"no load balancer claims the Pod yet; waiting for one until 1m0s after the containers were ready, as sluice.dev/expect-load-balancer asks")),
		},
		{
			name: "but-not-for-ever", pod: expecting(20*time.Second, early),
			want: verdict(opens(early, "NoLoadBalancer", nobody)),
		},
		{
			name: "one-that-has-come-counts-as-any", pod: expecting(time.Minute, early), claims: evidence{api(in(apiGroup), healthy)},
			want: verdict(opens(early, "Healthy", isHealthyInAPI)),
		},
		{
			name: "an-open-gate-does-not-close-for-it", pod: expecting(time.Minute, unclaimed(readiness.Anticipating)),
			want: verdict(),
		},

		// A Service that does not exist.
		{
			name: "a-young-ingress-may-mean-the-pod", pod: readyPod(early), claims: evidence{web(unresolved(ago(time.Minute)))},
			want: recheck(10*time.Second, closes(early, "ServicePending", hasNoService)),
		},
		{
			name: "a-young-ingress-holds-for-half-a-minute", pod: readiness.Pod{UID: pod, Gates: []readiness.Gate{early}, ContainersReady: true, Since: ago(30 * time.Second)},
			claims: evidence{web(unresolved(ago(time.Minute)))},
			want:   verdict(opens(early, "NoLoadBalancer", nobody)),
		},
		{
			name: "an-old-ingress-has-lost-its-service-for-good", pod: readyPod(early), claims: evidence{web(unresolved(ago(time.Hour)))},
			want: verdict(opens(early, "NoLoadBalancer", nobody)),
		},
		{
			name: "an-unresolved-claim-does-not-hold-a-pod-that-another-wants", pod: readyPod(early), claims: evidence{api(in(apiGroup), healthy), web(unresolved(ago(time.Minute)))},
			want: verdict(opens(early, "Healthy", isHealthyInAPI)),
		},
		{
			name: "an-unresolved-claim-holds-its-own-gate", pod: readyPod(w, a), claims: evidence{api(in(apiGroup), healthy), web(unresolved(ago(time.Minute)))},
			want: recheck(10*time.Second, closes(w, "ServicePending", hasNoService), opens(a, "Healthy", isHealthyInAPI)),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := readiness.Decide(now, test.pod, test.claims, test.settings)
			if diff := cmp.Diff(test.want, got, compareAddresses); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
			// Once that is written there is nothing left to write, in whatever order the
			// cache lists the claims.
			test.pod.Gates = written(test.pod.Gates, got.Changes)
			slices.Reverse(test.claims)
			if again := readiness.Decide(now, test.pod, test.claims, test.settings); len(again.Changes) > 0 {
				t.Errorf("decided again, it writes once more: %+v", again.Changes)
			}
		})
	}
}

// written are the gates after a verdict's changes.
func written(gates []readiness.Gate, changes []readiness.GateChange) []readiness.Gate {
	gates = slices.Clone(gates)
	for i, gate := range gates {
		for _, change := range changes {
			if change.Type == gate.Type {
				gates[i] = change.Gate
			}
		}
	}
	return gates
}

// While AWS goes on saying the same, time alone changes no message: a condition that
// held a clock would rewrite itself for ever.
func TestMessagesDoNotChangeWithTime(t *testing.T) {
	t.Parallel()
	for name, claim := range map[string]readiness.Evidence{
		"foreseen": web(), "bound": web(in(webGroup)), "registered": web(in(webGroup), initial), "draining": web(in(webGroup), draining),
		"adopted": web(in(webGroup), adopted(ago(4*time.Second), ago(time.Second))), "rejected": web(rejected), "unresolved": web(unresolved(ago(time.Minute))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod := readyPod(gate(webGate))
			first := readiness.Decide(now, pod, evidence{claim}, patient)
			pod.Gates = written(pod.Gates, first.Changes)
			if claim.Target != nil {
				again := *claim.Target
				again.Asked = again.Asked.Add(time.Second)
				claim.Target = &again
			}
			if later := readiness.Decide(now.Add(time.Second), pod, evidence{claim}, patient); len(later.Changes) > 0 {
				t.Errorf("a second later it writes once more: %+v", later.Changes)
			}
		})
	}
}

var compareAddresses = cmp.Comparer(func(a, b model.TargetID) bool { return a == b })
