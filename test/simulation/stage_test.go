package simulation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// stage is a world in which nothing happens by chance but the small delays of every call: a test tells what people and
// AWS do. The oracle watches as ever.
type stage struct {
	*world
	t         *testing.T
	surprises []string // what the script did not expect
}

// surprise notes what the script did not expect.
func (s *stage) surprise(format string, values ...any) {
	s.surprises = append(s.surprises, fmt.Sprintf(format, values...))
	s.timeline.note("SCRIPT", format, values...)
}

// scripts is one seed for all tests: what it draws is not the point of any.
const scripts = 1

// scripted plays a script, lets all come to rest, and takes everything away; no promise may be broken.
func scripted(t *testing.T, script func(*stage)) {
	t.Helper()
	scriptedFrom(t, scripts, script)
}

func scriptedFrom(t *testing.T, seed uint64, script func(*stage)) {
	t.Helper()
	played := perform(t, seed, plant{}, script)
	for _, text := range played.surprises {
		t.Error(text)
	}
	if broken := played.oracle.verdict(); broken != nil || len(played.surprises) > 0 {
		t.Errorf("%s\n%s", broken, played.timeline.text())
	}
}

// unguarded plays a script without one of the controller's guards: a promise must be seen to break.
func unguarded(t *testing.T, breaks int, without plant, script func(*stage)) {
	t.Helper()
	played := perform(t, scripts, without, script)
	switch broken := played.oracle.verdict(); {
	case broken == nil:
		t.Errorf("invariant %d holds although the guard is taken out\n%s", breaks, played.timeline.text())
	case broken.invariant != breaks:
		t.Errorf("want a violation of invariant %d, got %s\n%s", breaks, broken, played.timeline.text())
	}
}

// perform plays a script in a bubble of its own.
func perform(t *testing.T, seed uint64, without plant, script func(*stage)) (s *stage) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := newWorld(seed, without)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { // also when the script gives up: the world would go on for ever
			if err := w.close(); err != nil {
				t.Error(err)
			}
		}()
		w.begin(w.newReplica())
		s = &stage{world: w, t: t}
		if script(s); w.oracle.verdict() == nil {
			s.comesToRest(10 * time.Minute)
		}
		if w.oracle.verdict() == nil {
			w.leave()
		}
	})
	return s
}

// app is a Deployment of so many Pods, one more and none less in a rollout.
func app(name string, replicas int, changes ...func(*workload)) *workload {
	w := &workload{
		name: name, kind: deployment, replicas: replicas, surge: 1, version: "v1", flaws: map[string]flaw{}, want: map[string]int{}, labels: map[string]string{"tier": "web"},
	}
	for _, change := range changes {
		change(w)
	}
	return w
}

// run creates a workload.
func (s *stage) run(w *workload) *workload {
	s.cluster.acting.Lock()
	defer s.cluster.acting.Unlock()
	s.cluster.add(w)
	w.sync(s.cluster)
	return w
}

// serve makes a Service and an Ingress of a workload's name, with ten seconds between health checks, and targets that drain
// for half a minute.
func (s *stage) serve(name string, changes ...func(*corev1.Service)) {
	front := service(name, map[string]string{"app": name, "tier": "web"})
	for _, change := range changes {
		change(front)
	}
	s.create(front)
	s.create(s.entrance(name, name, "80"))
}

// entrance is an Ingress with ten seconds between health checks, and targets that drain for half a minute.
func (s *stage) entrance(name, service, port string) *networkingv1.Ingress {
	made := s.ingress(name, service, port)
	made.Annotations[annotation+"healthcheck-interval-seconds"] = "10"
	made.Annotations[annotation+"target-group-attributes"] = "deregistration_delay.timeout_seconds=30"
	return made
}

// ready is a workload that is served and at rest.
func (s *stage) ready(w *workload, changes ...func(*corev1.Service)) *workload {
	s.serve(w.name, changes...)
	s.pass(time.Second)
	s.run(w)
	s.comesToRest(5 * time.Minute)
	return w
}

// comesToRest waits until every workload is complete.
func (s *stage) comesToRest(atMost time.Duration) {
	s.settle(atMost)
	s.cluster.acting.Lock()
	defer s.cluster.acting.Unlock()
	for _, w := range s.cluster.everyWorkload() {
		if s.oracle.verdict() == nil && !w.gone && w.steadyAt.IsZero() {
			s.surprise("%s is not complete after %s", w.name, atMost)
		}
	}
}

// pod waits for a Pod of a workload that fits.
func (s *stage) pod(of *workload, fits func(*corev1.Pod) bool) *corev1.Pod {
	for range 600 {
		if all := of.pods(s.cluster); s.oracle.verdict() == nil {
			if at := slices.IndexFunc(all, fits); at >= 0 {
				return all[at]
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Fatalf("no such Pod of %s within a minute\n%s", of.name, s.timeline.text())
	return nil
}

func anyPod(p *corev1.Pod) bool { return p.DeletionTimestamp == nil && p.Status.PodIP != "" }

// heirOf is the Pod that has the address of another one.
func heirOf(old *corev1.Pod) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return p.UID != old.UID && anyPod(p) && p.Status.PodIP == old.Status.PodIP }
}

func of(version string) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return anyPod(p) && p.Labels["version"] == version }
}

// sees waits until a Pod's gates say something.
func (s *stage) sees(pod *corev1.Pod, status corev1.ConditionStatus, reason string, within time.Duration) {
	for end := time.Now().Add(within); s.oracle.verdict() == nil; time.Sleep(100 * time.Millisecond) {
		said := s.gatesOf(pod)
		if slices.ContainsFunc(said, func(c corev1.PodCondition) bool { return c.Status == status && c.Reason == reason }) {
			return
		}
		if time.Now().After(end) {
			s.surprise("Pod %s does not say %s %s within %s, but %v", pod.Name, status, reason, within, said)
			return
		}
	}
}

// stays expects a Pod's gates to keep a status for a while.
func (s *stage) stays(pod *corev1.Pod, status corev1.ConditionStatus, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end) && s.oracle.verdict() == nil; time.Sleep(100 * time.Millisecond) {
		if said := s.gatesOf(pod); slices.ContainsFunc(said, func(c corev1.PodCondition) bool { return c.Status != status }) {
			s.surprise("want the gates of Pod %s to stay %s for %s, got %v", pod.Name, status, d, said)
			return
		}
	}
}

func (s *stage) gatesOf(pod *corev1.Pod) []corev1.PodCondition {
	now := get[*corev1.Pod](s.kube, pod.Namespace, pod.Name)
	if now == nil || now.UID != pod.UID {
		return nil
	}
	var said []corev1.PodCondition
	for _, condition := range now.Status.Conditions {
		if readiness.IsGate(string(condition.Type)) {
			condition.LastTransitionTime.Reset()
			said = append(said, condition)
		}
	}
	return said
}

// groups are the ARNs of the target groups that Ingresses have now.
func (s *stage) groups() []string {
	var arns []string
	for _, match := range arnPattern.FindAllStringSubmatch(s.byHand(elbv2Version, "DescribeTargetGroups"), -1) {
		arns = append(arns, match[1])
	}
	return s.oracle.without(arns)
}

// registered are the ports by which a Pod's address is in target groups, and not on its way out.
func (s *stage) registered(address string) (ports []int) {
	for _, t := range s.aws.Targets() {
		if t.Address.Addr().String() == address && t.State != "draining" {
			ports = append(ports, int(t.Address.Port()))
		}
	}
	return ports
}

// happened reports whether the timeline has a line with all these words.
func (s *stage) happened(words ...string) bool {
	return slices.ContainsFunc(strings.Split(s.timeline.text(), "\n"), func(line string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) })
	})
}

func (v *violation) String() string {
	if v == nil {
		return "no invariant is broken"
	}
	return fmt.Sprintf("invariant %d is broken: %s", v.invariant, v.text)
}
