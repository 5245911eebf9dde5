package simulation

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
)

// planted are bugs, each with the invariant that it must be seen to break by one of the first seeds.
var planted = []struct {
	name   string
	breaks int
	plant  plant
}{
	{"opens-on-registration", openedInVain, plant{calls: healthAnswers(func(_ *memory, text string) string {
		return regexp.MustCompile(`<State>(initial|unhealthy|unused)</State>`).ReplaceAllString(text, "<State>healthy</State>")
	})}},
	{"trusts-stale-health", openedInVain, plant{calls: healthAnswers(onceHealthyAlwaysHealthy)}},
	{"forgets-the-uid", openedInVain, plant{sees: addressesForUIDs, writes: withoutUID}},
	{"drops-a-claim", openedInVain, plant{sees: func(_ *world, o client.Object) client.Object {
		if binding, ok := o.(*v1beta1.TargetGroupBinding); ok && byHand(binding) {
			blind := binding.DeepCopy()
			blind.Spec.TargetType = new(v1beta1.TargetTypeInstance)
			return blind
		}
		return o
	}}},
	{"deregisters-the-last-target", promiseBroken, plant{sees: func(_ *world, o client.Object) client.Object {
		if pod, ok := o.(*corev1.Pod); ok && pod.Status.Phase == corev1.PodRunning && conditionIs(pod, corev1.ContainersReady, corev1.ConditionFalse) {
			ended := pod.DeepCopy()
			ended.Status.Phase = corev1.PodFailed
			return ended
		}
		return o
	}}},
	// The brake holds what serves, so this one shows in Pods that wait.
	{"acts-before-it-has-seen-all", stuck, plant{sees: func(w *world, o client.Object) client.Object {
		if slice, ok := o.(*discoveryv1.EndpointSlice); ok && w.leader != nil && w.leader.ctx.Err() != nil {
			empty := slice.DeepCopy()
			empty.Endpoints = nil
			return empty
		}
		return o
	}}},
	{"never-deregisters", promiseBroken, plant{calls: pretend("DeregisterTargets")}},
	{"does-not-see-a-target", stuck, plant{calls: healthAnswers(func(_ *memory, text string) string {
		return regexp.MustCompile(`(?s)<member>.{0,40}<Target>.{0,40}<Id>10\.0\.1\..*?</TargetHealth>.*?</member>`).ReplaceAllString(text, "")
	})}},
	{"closes-for-a-new-claim", closedInVain, plant{calls: func(w *world, operation string, _ url.Values, send func() *http.Response) *http.Response {
		if operation == "CreateTargetGroup" {
			closeAGate(w)
		}
		return send()
	}}},
	{"leaves-target-groups-behind", foreignOrLeftOver, plant{calls: pretend("DeleteTargetGroup")}},
	{"takes-what-is-not-its-own", foreignOrLeftOver, plant{sees: func(w *world, o client.Object) client.Object {
		if binding, ok := o.(*v1beta1.TargetGroupBinding); ok {
			wrong := binding.DeepCopy()
			wrong.Spec.TargetGroupARN = w.foreign
			return wrong
		}
		return o
	}}},
}

// plantedSeeds is within how many seeds each planted bug must be found.
const plantedSeeds = 200

func TestPlantedBugsAreFound(t *testing.T) {
	t.Parallel()
	for _, bug := range planted {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			found := map[int]int{}
			for seed := uint64(1); seed <= plantedSeeds; seed++ {
				broken, _ := simulate(t, seed, actions, bug.plant)
				if broken == nil {
					continue
				}
				if found[broken.invariant]++; broken.invariant == bug.breaks {
					t.Logf("seed %d: %s", seed, broken.text)
					return
				}
			}
			t.Errorf("invariant %d was not seen to break within %d seeds, but %v", bug.breaks, plantedSeeds, found)
		})
	}
}

// memory is what a planted bug remembers in one run.
type memory map[string]bool

// healthAnswers corrupts what AWS says of targets.
func healthAnswers(how func(*memory, string) string) func(*world, string, url.Values, func() *http.Response) *http.Response {
	return func(w *world, operation string, form url.Values, send func() *http.Response) *http.Response {
		answer := send()
		if operation != "DescribeTargetHealth" || answer == nil || answer.StatusCode != http.StatusOK {
			return answer
		}
		body, _ := io.ReadAll(answer.Body) // it is in memory
		w.mu.Lock()
		defer w.mu.Unlock()
		return answerOf(http.StatusOK, answer.Header, []byte(how(w.memoryOf(form.Get("TargetGroupArn")), string(body))))
	}
}

func onceHealthyAlwaysHealthy(seen *memory, text string) string {
	return member.ReplaceAllStringFunc(text, func(part string) string {
		match := member.FindStringSubmatch(part)
		if match[2] == "healthy" {
			(*seen)[match[1]] = true
		}
		if (*seen)[match[1]] && match[2] != "draining" {
			return strings.Replace(part, "<State>"+match[2], "<State>healthy", 1)
		}
		return part
	})
}

// pretend answers a call with success and does nothing.
func pretend(operation string) func(*world, string, url.Values, func() *http.Response) *http.Response {
	return func(_ *world, called string, _ url.Values, send func() *http.Response) *http.Response {
		if called != operation {
			return send()
		}
		body := fmt.Sprintf(`<%[1]sResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"><%[1]sResult/></%[1]sResponse>`, operation)
		return answerOf(http.StatusOK, http.Header{"Content-Type": {"text/xml"}}, []byte(body))
	}
}

// addressesForUIDs makes all Pods that have an address one after the other the same.
func addressesForUIDs(_ *world, o client.Object) client.Object {
	switch o := o.(type) {
	case *corev1.Pod:
		if o.Status.PodIP != "" {
			same := o.DeepCopy()
			same.UID = types.UID("at-" + o.Status.PodIP)
			return same
		}
	case *discoveryv1.EndpointSlice:
		same := o.DeepCopy()
		for i, endpoint := range same.Endpoints {
			same.Endpoints[i].TargetRef.UID = types.UID("at-" + endpoint.Addresses[0])
		}
		return same
	}
	return o
}

func withoutUID(_ *world, o client.Object, patch client.Patch) client.Patch {
	data, err := patch.Data(o)
	if _, isPod := o.(*corev1.Pod); !isPod || err != nil {
		return patch
	}
	return client.RawPatch(patch.Type(), bytes.ReplaceAll(data, fmt.Appendf(nil, `"uid":%q`, o.GetUID()), []byte(`"labels":{}`)))
}

// closeAGate closes a gate of a Pod that has long been ready.
func closeAGate(w *world) {
	for _, pod := range list[*corev1.Pod](w.kube) {
		ready := conditionOf(pod, corev1.PodReady)
		if ready == nil || ready.Status != corev1.ConditionTrue || time.Since(ready.LastTransitionTime.Time) < time.Minute || len(pod.Spec.ReadinessGates) == 0 {
			continue
		}
		edit(w.kube, pod.Namespace, pod.Name, true, func(p *corev1.Pod) { setCondition(p, p.Spec.ReadinessGates[0].ConditionType, false) })
		return
	}
}
