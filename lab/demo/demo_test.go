package demo

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }

func TestTally(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		successes, failures []float64
		end                 float64
		want                Loss
	}{
		"gap-in-the-middle":       {[]float64{1, 2, 5}, nil, 6, Loss{Requests: 3, Seconds: 6, LongestGapSeconds: 3}},
		"gap-at-the-start":        {[]float64{4, 5}, nil, 6, Loss{Requests: 2, Seconds: 6, LongestGapSeconds: 4}},
		"gap-at-the-end":          {[]float64{1}, []float64{2, 3}, 6, Loss{Requests: 3, Failed: 2, Seconds: 6, LongestGapSeconds: 5}},
		"failures-close-no-gap":   {[]float64{1, 4}, []float64{2, 3}, 4.5, Loss{Requests: 4, Failed: 2, Seconds: 4.5, LongestGapSeconds: 3}},
		"answers-out-of-order":    {[]float64{3, 1, 4}, nil, 4, Loss{Requests: 3, Seconds: 4, LongestGapSeconds: 3}},
		"nothing-ever-comes-back": {nil, []float64{1}, 10, Loss{Requests: 1, Failed: 1, Seconds: 10, LongestGapSeconds: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tally := newTally(start)
			for _, s := range c.successes {
				tally.count(at(s), "")
			}
			for _, s := range c.failures {
				tally.count(at(s), "status 503")
			}
			tally.end(at(c.end))
			got := tally.loss(at(99))
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreUnexported(Loss{})); diff != "" {
				t.Errorf("loss (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReasonsNameTheMostFrequentFirst(t *testing.T) {
	t.Parallel()
	loss := Loss{reasons: map[string]int{"timeout": 1, "status 503": 7, "status 502": 1}}
	if got, want := loss.Reasons(), "7× status 503, 1× status 502, 1× timeout"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

const gate = corev1.PodConditionType("target-health.alb.ingress.k8s.aws/web_80")

// podWith is a new Pod with one gate and the given conditions that are True or, after "!", False.
func podWith(conditions ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-1", UID: types.UID("new")}}
	pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: gate}, {ConditionType: "example.com/not-ours"}}
	pod.Status.PodIP = "127.70.1.1"
	for _, text := range conditions {
		status := corev1.ConditionTrue
		name, isFalse := strings.CutPrefix(text, "!")
		if isFalse {
			status = corev1.ConditionFalse
		}
		if name == "gate" {
			name = string(gate)
		}
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: corev1.PodConditionType(name), Status: status})
	}
	return pod
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	times := newTimelines([]corev1.Pod{{ObjectMeta: metav1.ObjectMeta{UID: "old"}}})
	times.see(at(0), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "old", Name: "web-0"}})
	times.see(at(1), podWith())
	times.see(at(4), podWith("ContainersReady", "!gate"))
	times.targets(at(5), at(5.1), []targetState{{"127.70.1.1", "initial"}})
	times.targets(at(34), at(34.1), []targetState{{"127.70.1.1", "initial"}})
	times.see(at(34.5), podWith("ContainersReady", "gate"))
	times.see(at(34.6), podWith("ContainersReady", "gate", "Ready"))
	times.targets(at(35), at(35.1), []targetState{{"127.70.1.1", "healthy"}})

	pods, problems := times.report()
	want := []PodTimeline{{Name: "web-1", CreatedAt: at(1), ContainersReady: new(3.0), Registered: new(4.1), Healthy: new(33.6), Ready: new(33.6)}}
	if diff := cmp.Diff(want, pods); diff != "" {
		t.Errorf("Pods (-want +got):\n%s", diff)
	}
	if len(problems) > 0 {
		t.Errorf("problems: %q", problems)
	}
}

func TestTimelineProblems(t *testing.T) {
	t.Parallel()
	type step func(*timelines)
	see := func(s float64, conditions ...string) step {
		return func(times *timelines) { times.see(at(s), podWith(conditions...)) }
	}
	seen := func(s float64, state string) step {
		return func(times *timelines) { times.targets(at(s), at(s+0.1), []targetState{{"127.70.1.1", state}}) }
	}
	for name, c := range map[string]struct {
		steps []step
		want  string
	}{
		"never-set":       {[]step{see(1, "ContainersReady")}, "never set"},
		"born-open":       {[]step{see(1, "gate")}, "without ever having been False"},
		"stays-closed":    {[]step{see(1, "!gate")}, "never True"},
		"opened-too-soon": {[]step{see(1, "!gate", "ContainersReady"), see(2, "gate", "Ready"), seen(4, "initial"), seen(5, "healthy")}, "Ready while AWS"},
		"never-healthy":   {[]step{see(1, "!gate", "ContainersReady"), see(2, "gate", "Ready")}, "Ready while AWS"},
		"nothing-seen":    {nil, "no new Pod"},
		"no-gate": {[]step{func(times *timelines) {
			pod := podWith("Ready", "ContainersReady")
			pod.Spec.ReadinessGates = nil
			times.see(at(1), pod)
			times.targets(at(0), at(0.1), []targetState{{"127.70.1.1", "healthy"}})
		}}, "no readiness gate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			times := newTimelines(nil)
			for _, step := range c.steps {
				step(times)
			}
			_, problems := times.report()
			if len(problems) != 1 || !strings.Contains(problems[0], c.want) {
				t.Errorf("problems: %q", problems)
			}
		})
	}
}

func TestOurSides(t *testing.T) {
	t.Parallel()
	sides, err := ourSides()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, s := range sides {
		got[s.name] = s.objects[0].GetLabels()
		if s.ingress.Namespace != s.deployment.Namespace || s.path != "/" || s.host != "" {
			t.Errorf("side %s: %+v", s.name, s)
		}
	}
	want := map[string]map[string]string{"gated": {injectLabel: "enabled", drainLabel: "auto"}, "drainOnly": {drainLabel: "auto"}, "bare": nil}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

func TestUserSide(t *testing.T) {
	t.Parallel()
	const deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop, namespace: s}\nspec: {selector: {matchLabels: {app: shop}}}\n---\n"
	const service = "apiVersion: v1\nkind: Service\nmetadata: {name: shop, namespace: s}\n---\n"
	const ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: shop, namespace: s}\nspec:\n  rules:\n  - host: '*.example.com'\n    http: {paths: [{path: /cart/*, pathType: ImplementationSpecific}]}\n"
	read := func(t *testing.T, text string) ([]side, error) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "shop.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return userSide(file)
	}
	t.Run("complete", func(t *testing.T) {
		t.Parallel()
		sides, err := read(t, deployment+service+ingress)
		if err != nil {
			t.Fatal(err)
		}
		if s := sides[0]; s.name != "gated" || s.host != "demo.example.com" || s.path != "/cart/" || s.deployment.String() != "s/shop" {
			t.Errorf("side %+v", s)
		}
	})
	t.Run("no-ingress", func(t *testing.T) {
		t.Parallel()
		if _, err := read(t, deployment+service); err == nil || !strings.Contains(err.Error(), "there is no Ingress") {
			t.Errorf("error: %v", err)
		}
	})
}

func TestReportText(t *testing.T) {
	t.Parallel()
	report := &Report{
		Gated: &Loss{Requests: 3000, Seconds: 15, LongestGapSeconds: 0.04},
		Pods:  []PodTimeline{{Name: "web-1", CreatedAt: start, ContainersReady: new(3.0), Ready: new(33.6)}},
	}
	report.judge()
	var out bytes.Buffer
	if err := report.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"gates and draining   3000", "0.04 s", "+3.0 s", "never", "+33.6 s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	if len(report.Problems) > 0 {
		t.Errorf("problems: %q", report.Problems)
	}
}

func TestLabLinesKeepStepsAndComplaints(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	text := "  0.1s  addresses are 127.70.0.0/16\n\nThe lab is ready. In another terminal:\n  . aws.env\nsluice-lab: no\n"
	if _, err := (labLines{&out}).Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "  0.1s  addresses are 127.70.0.0/16\nsluice-lab: no\n"; got != want {
		t.Errorf("got %q", got)
	}
}
