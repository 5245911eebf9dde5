package diagnose

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// StatusSnapshot is what is known of a whole cluster, or of the namespaces that somebody may
// read. What is nil could not be read.
type StatusSnapshot struct {
	Now time.Time
	// Leases that controllers of Sluice and the incumbent hold.
	Leases []coordinationv1.Lease
	// Injectors as [Injection] judges them.
	Injectors     []Injector
	Namespaces    []corev1.Namespace
	Pods          []corev1.Pod
	GateSets      []v1alpha1.ReadinessGateSet
	LoadBalancers []v1alpha1.LoadBalancer
	// Failed says what could not be looked up, and why.
	Failed []Failure
}

// StatusReport is how Sluice stands in a cluster.
type StatusReport struct {
	// Controllers are a line each: who holds a Lease, and whether it is renewed.
	Controllers []string
	Injectors   []Injector
	// Asking is how many namespaces ask for gates; Gated, Waiting and Ungated count their Pods:
	// with gates, of these held back by one although the containers are ready, and without one although
	// new Pods like them wait for load balancers.
	Asking, Gated, Waiting, Ungated int
	// Waits are the reasons of gates that hold Pods back, most Pods first.
	Waits []Waits
	// LoadBalancers is how many there are; Troubled those that something is in the way of.
	LoadBalancers int
	Troubled      []Trouble
	Findings      []Finding
}

// Waits are Pods that a gate holds back for one reason.
type Waits struct {
	Reason string
	Pods   int
	// Longest is how long the containers of the longest waiting Pod have been ready, and
	// Pod is its "namespace/name".
	Longest time.Duration
	Pod     string
}

// Trouble is a load balancer and what is in the way of it.
type Trouble struct {
	Source, Error string
}

// Status says how Sluice stands.
func Status(s StatusSnapshot) StatusReport {
	report := StatusReport{Injectors: s.Injectors, LoadBalancers: len(s.LoadBalancers)}
	asking := map[string]bool{}
	for _, namespace := range s.Namespaces {
		if namespace.Labels[readiness.InjectLabel] == injectLabelValue {
			asking[namespace.Name] = true
		}
	}
	report.Asking = len(asking)
	report.count(s, asking)
	for _, balancer := range s.LoadBalancers {
		if balancer.Status.LastError != "" {
			report.Troubled = append(report.Troubled, Trouble{Source: cmp.Or(balancer.Status.Source, balancer.Name), Error: balancer.Status.LastError})
		} else if condition := meta.FindStatusCondition(balancer.Status.Conditions, v1alpha1.ConditionAccepted); condition != nil && condition.Status == "False" {
			report.Troubled = append(report.Troubled, Trouble{Source: cmp.Or(balancer.Status.Source, balancer.Name), Error: condition.Message})
		}
	}
	report.Findings = append(report.controllers(s), report.injection(s)...)
	for _, set := range s.GateSets {
		if set.Status.Message != "" {
			report.Findings = append(report.Findings, Finding{What: fmt.Sprintf("namespace %s: %s", set.Namespace, set.Status.Message)})
		}
	}
	for _, failure := range s.Failed {
		report.Findings = append(report.Findings, Finding{What: fmt.Sprintf("%s could not be read: %v", failure.What, failure.Err), Remedy: "what is said above may be incomplete"})
	}
	return report
}

func (r *StatusReport) count(s StatusSnapshot, asking map[string]bool) {
	waits := map[string]*Waits{}
	for i := range s.Pods {
		pod := &s.Pods[i]
		subject := readiness.PodOf(pod)
		if len(subject.Gates) == 0 {
			if asking[pod.Namespace] && !subject.Ending && !optsOut(pod) && (asks(pod) || ownedBy(pod, "ReplicaSet", "StatefulSet")) {
				r.Ungated++
			}
			continue
		}
		r.Gated++
		closed := slices.IndexFunc(subject.Gates, func(g readiness.Gate) bool { return g.Status != corev1.ConditionTrue })
		if closed < 0 || !subject.ContainersReady || subject.Ending {
			continue
		}
		r.Waiting++
		reason := cmp.Or(subject.Gates[closed].Reason, "(nobody has written the condition)")
		if waits[reason] == nil {
			waits[reason] = &Waits{Reason: reason}
		}
		w := waits[reason]
		w.Pods++
		if waited := s.Now.Sub(subject.Since); waited > w.Longest || w.Pod == "" {
			w.Longest, w.Pod = waited, pod.Namespace+"/"+pod.Name
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(waits)) {
		r.Waits = append(r.Waits, *waits[reason])
	}
	slices.SortStableFunc(r.Waits, func(a, b Waits) int { return cmp.Compare(b.Pods, a.Pods) })
}

// controllers fills in who holds which Lease.
func (r *StatusReport) controllers(s StatusSnapshot) []Finding {
	alive := false
	for _, lease := range s.Leases {
		if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" || lease.Spec.RenewTime == nil {
			continue
		}
		ago, lasts := s.Now.Sub(lease.Spec.RenewTime.Time), time.Duration(0)
		if lease.Spec.LeaseDurationSeconds != nil {
			lasts = time.Duration(*lease.Spec.LeaseDurationSeconds) * time.Second
		}
		line := fmt.Sprintf("%s/%s is held by %s, renewed %s ago", lease.Namespace, lease.Name, *lease.Spec.HolderIdentity, short(ago))
		if ago > lasts {
			line += ": nobody leads"
		} else {
			alive = true
		}
		r.Controllers = append(r.Controllers, line)
	}
	if alive || s.Leases == nil {
		return nil
	}
	return []Finding{{
		What:   "no controller leads: gates stay as they are, and targets are neither registered nor taken out",
		Remedy: "see the controller's Pods; if it cannot be mended soon, kubectl sluice release -A lets all Pods go",
	}}
}

func (r *StatusReport) injection(s StatusSnapshot) []Finding {
	if s.Injectors == nil {
		return nil
	}
	return InjectionFindings(s.Injectors)
}

// String renders the report for a terminal.
func (r StatusReport) String() string {
	var text strings.Builder
	line := func(subject, format string, args ...any) {
		fmt.Fprintf(&text, "%-16s%s\n", subject, fmt.Sprintf(format, args...))
	}
	for _, controller := range r.Controllers {
		line("controller", "%s", controller)
	}
	for _, injector := range r.Injectors {
		if injector.State != Missing && injector.State != Unserved {
			line("injection", "%s %s: %s", injector.By, injector.Name, injector.State)
		}
	}
	line("gates", "%d namespaces ask for them; %d Pods have some, %d of these wait, %d have none", r.Asking, r.Gated, r.Waiting, r.Ungated)
	for _, w := range r.Waits {
		line("", "%d wait for %s, the longest for %s: %s", w.Pods, w.Reason, short(w.Longest), w.Pod)
	}
	line("load balancers", "%d, %d with trouble", r.LoadBalancers, len(r.Troubled))
	for _, trouble := range r.Troubled {
		line("", "%s: %s", trouble.Source, trouble.Error)
	}
	for _, finding := range r.Findings {
		fmt.Fprintf(&text, "\n- %s\n", finding.What)
		if finding.Remedy != "" {
			fmt.Fprintf(&text, "  → %s\n", finding.Remedy)
		}
	}
	if len(r.Waits) > 0 {
		fmt.Fprintf(&text, "\nfor one of them: kubectl sluice why pod/%s -n %s\n", after(r.Waits[0].Pod), before(r.Waits[0].Pod))
	}
	return text.String()
}

func before(name string) string { namespace, _, _ := strings.Cut(name, "/"); return namespace }
func after(name string) string  { _, own, _ := strings.Cut(name, "/"); return own }
