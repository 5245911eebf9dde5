package e2e

import (
	"encoding/json"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/lab/e2e/incumbent"
)

// The incumbent dies in the middle of a rollout: it has registered the new Pods with one of their
// two load balancers. The controller finishes what was begun, and is itself gone in the middle of
// the next one, which `sluice retire` then sees through.
func TestTakeoverInTheMiddleOfARollout(t *testing.T) {
	t.Parallel()
	w := newTakeover(t)
	maps.DeleteFunc(w.scenes, func(name string, _ incumbent.Scene) bool { return !strings.HasPrefix(name, "gated") })
	w.applyScenes()
	if err := w.writer.Write(t.Context(), w.scenes); err != nil {
		t.Fatal(err)
	}
	w.eventually("all Pods are Ready", func() bool { return w.ready("app=gated") == 3 })
	objects := w.kubernetes()
	old := w.names()
	w.kubectl("set", "env", "deployment/gated", "VERSION=2")
	w.eventually("three new Pods wait", func() bool { return w.waitingBeside(old) == 3 })
	w.registerWith("first", old)
	without := withoutTargets(w.state())

	w.forgetCalls()
	controller := startController(t, w.lab)
	w.eventually("the rollout is done", func() bool {
		w.expectHealthyWhereReady(old)
		return w.ready("app=gated") == 3 && w.waitingBeside(nil) == 0 && !slices.ContainsFunc(w.pods("app=gated"), func(pod corev1.Pod) bool { return old[pod.Name] })
	})
	w.expectOnlyTargetsChanged(without, objects)

	t.Log("and back")
	old = w.names()
	w.kubectl("set", "env", "deployment/gated", "VERSION=3")
	w.eventually("three new Pods wait", func() bool { return w.waitingBeside(old) == 3 })
	controller.stop()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), binary, "retire", "--kubeconfig="+w.kubeconfigOf("sluice-retire")).CombinedOutput(); err != nil {
		t.Fatalf("retiring: %v\n%s", err, out)
	}
	w.kubectl("rollout", "status", "deployment/gated", "--timeout=60s")
	w.expectOnlyTargetsChanged(without, objects)
}

// names are those of the gated Pods now.
func (w *takeover) names() map[string]bool {
	w.t.Helper()
	names := map[string]bool{}
	for _, pod := range w.pods("app=gated") {
		names[pod.Name] = true
	}
	return names
}

// waitingBeside counts the gated Pods, other than the old ones, whose containers are ready, and that are not.
func (w *takeover) waitingBeside(old map[string]bool) (n int) {
	w.t.Helper()
	for _, pod := range w.pods("app=gated") {
		ready := condition(pod, corev1.PodReady).Status == corev1.ConditionTrue
		if !old[pod.Name] && !ready && condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue {
			n++
		}
	}
	return n
}

// registerWith puts all but the old Pods into the target group of an Ingress.
func (w *takeover) registerWith(ingress string, old map[string]bool) {
	w.t.Helper()
	var targets []elbv2types.TargetDescription
	for _, pod := range w.pods("app=gated") {
		if !old[pod.Name] {
			targets = append(targets, elbv2types.TargetDescription{Id: &pod.Status.PodIP, Port: aws.Int32(8080)})
		}
	}
	group := w.kubectl("get", "targetgroupbindings.elbv2.k8s.aws", "-l", "ingress.k8s.aws/stack-name="+ingress, "-o", "jsonpath={.items[0].spec.targetGroupARN}")
	if _, err := w.account.elb.RegisterTargets(w.t.Context(), &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: targets}); err != nil {
		w.t.Fatal(err)
	}
}

// expectHealthyWhereReady: no new Pod is Ready before both load balancers have found it healthy.
func (w *takeover) expectHealthyWhereReady(old map[string]bool) {
	w.t.Helper()
	pods := w.pods("app=gated")
	for _, ingress := range []string{"first", "second"} {
		states := w.account.states(w.hostname(ingress)) // after the Pods: healthy then is healthy now
		for _, pod := range pods {
			ready := condition(pod, corev1.PodReady).Status == corev1.ConditionTrue && pod.DeletionTimestamp == nil
			if ready && !old[pod.Name] && states[pod.Status.PodIP] != "healthy" {
				w.t.Errorf("Pod %s is Ready, and its target for Ingress %s %q", pod.Name, ingress, states[pod.Status.PodIP])
			}
		}
	}
}

func (w *takeover) expectOnlyTargetsChanged(state incumbent.State, objects map[string]object) {
	w.t.Helper()
	changes := w.changes()
	delete(changes, "RegisterTargets")
	delete(changes, "DeregisterTargets")
	if len(changes) > 0 {
		w.t.Errorf("AWS was changed by %v", changes)
	}
	if diff := cmp.Diff(state, withoutTargets(w.state())); diff != "" {
		w.t.Errorf("AWS, -before +after:\n%s", diff)
	}
	if diff := cmp.Diff(objects, w.kubernetes()); diff != "" {
		w.t.Errorf("Kubernetes, -before +after:\n%s", diff)
	}
}

func withoutTargets(state incumbent.State) incumbent.State {
	for key, text := range state {
		var fields map[string]any
		if err := json.Unmarshal([]byte(text), &fields); err != nil || fields["targets"] == nil {
			continue
		}
		delete(fields, "targets")
		short, err := json.Marshal(fields)
		if err != nil {
			panic("what was just read can be written: " + err.Error())
		}
		state[key] = string(short)
	}
	return state
}
