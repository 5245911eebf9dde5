package e2e

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/lab/program"
)

// examples are the folders of examples/, and by which test each is run.
var examples = map[string]string{
	"composite-health":   "TestCompositeHealth",
	"helm-hooks":         "TestExampleOfAChartWithHooks",
	"helm-plain":         "TestExampleOfAChartWithoutHooks",
	"phased-deployment":  "TestExampleOfPhases",
	"single-ingress":     "TestQuickStart",
	"slow-health-checks": "TestExampleOfSlowHealthChecks",
	"teams-group":        "TestExampleOfTeams",
	"weighted-canary":    "TestExampleOfACanary",
	"zero-downtime":      "TestExampleOfZeroDowntime",
}

func TestEveryExampleIsRunAndListed(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../examples/README.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := testsByName(t)
	var folders []string
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		name := entry.Name()
		folders = append(folders, name)
		if tests[examples[name]] == "" {
			t.Errorf("no test runs examples/%s; write one and add it to the table of examples", name)
		}
		if !strings.Contains(string(text), "| ["+name+"]("+name+"/") {
			t.Errorf("examples/README.md has no row for %s", name)
		}
	}
	if listed := slices.Sorted(maps.Keys(examples)); !slices.Equal(listed, folders) {
		t.Errorf("the table has %q, the folders are %q", listed, folders)
	}
}

// example is somebody who tries an example in the shared lab.
type example struct {
	*scene
	reads *reader
	aws   *account
}

// newExample is one whose objects are in this namespace, which the example makes.
func newExample(t *testing.T, namespace string) example {
	t.Helper()
	lab := theLab(t)
	return example{
		scene: &scene{t: t, lab: lab, namespace: namespace, client: clientOf(t, lab)},
		reads: newReaderOf(t, lab),
		aws:   accountOf(t, lab),
	}
}

func (e example) types(commands ...string) {
	e.t.Helper()
	for _, command := range commands {
		e.reads.follow(step{command: command})
	}
}

// awaitRollouts waits as somebody would who has just applied a manifest.
func (e example) awaitRollouts(deployments ...string) {
	e.t.Helper()
	for _, name := range deployments {
		e.types("kubectl -n " + e.namespace + " rollout status deployment/" + name + " --timeout=3m")
	}
}

// expectGated: all Pods that stay have gates, and all of these are open.
func (e example) expectGated(labels string, want int) {
	e.t.Helper()
	got := 0
	for _, pod := range e.pods(labels) {
		if pod.DeletionTimestamp != nil {
			continue
		}
		got++
		if len(pod.Spec.ReadinessGates) == 0 {
			e.t.Errorf("Pod %s has no gate", pod.Name)
		}
		for _, gate := range pod.Spec.ReadinessGates {
			if condition(pod, gate.ConditionType).Status != corev1.ConditionTrue {
				e.t.Errorf("the rollout has ended and gate %s of Pod %s is closed", gate.ConditionType, pod.Name)
			}
		}
	}
	if got != want {
		e.t.Errorf("there are %d Pods of %s, want %d", got, labels, want)
	}
}

// awaitServed returns the address of the Ingress's load balancer, which answers there.
func (e example) awaitServed(ingress, path string) string {
	e.t.Helper()
	e.eventually("Ingress "+ingress+" is served", func() bool {
		return e.aws.servesHost(e.hostname(ingress), "shop.example.com", path)
	})
	return e.aws.address(e.hostname(ingress))
}

// expectNoLoss sends requests while something happens.
func (e example) expectNoLoss(address string, happens func()) {
	e.t.Helper()
	ctx, cancel := context.WithCancel(e.t.Context())
	defer cancel()
	var load sync.WaitGroup
	var sent int
	var failed []error
	load.Go(func() { sent, failed = requests(ctx, address) })
	happens()
	cancel()
	load.Wait()
	if len(failed) > 0 || sent == 0 {
		e.t.Errorf("%d of %d requests failed: %v", len(failed), sent, failed)
	}
	e.t.Logf("%d requests", sent)
}

// awaitEndOf returns when every Pod of before is gone.
func (e example) awaitEndOf(before []corev1.Pod, labels string) {
	e.t.Helper()
	e.eventually("the old Pods are gone", func() bool {
		return !slices.ContainsFunc(e.pods(labels), func(pod corev1.Pod) bool {
			return slices.ContainsFunc(before, func(old corev1.Pod) bool { return old.UID == pod.UID })
		})
	})
}

// followChart types what the page of a chart says. The upgrade loses no request.
func (e example) followChart(page string) {
	e.t.Helper()
	var address string
	for _, step := range pageCommands(e.t, page) {
		switch {
		case strings.HasPrefix(step.command, "helm install"):
			e.reads.follow(step)
			e.expectGated("app=shop", 2)
			address = e.awaitServed("shop", "/")
		case strings.HasPrefix(step.command, "helm upgrade"):
			before := e.pods("app=shop")
			e.expectNoLoss(address, func() {
				e.reads.follow(step)
				e.expectGated("app=shop", 2)
				e.awaitEndOf(before, "app=shop")
			})
		case strings.Contains(step.command, " get ingress/shop"):
			e.reads.follow(step)
			e.eventually("the load balancer that is left answers 503", func() bool {
				err := ask(e.t.Context(), address, "shop.example.com", "/")
				return err != nil && strings.Contains(err.Error(), "503")
			})
		case strings.HasPrefix(step.command, "kubectl delete namespace"):
			if now := e.aws.address(e.hostnameOrNone("shop")); now != "" {
				e.t.Errorf("in the end the load balancer is still at %s", now)
			}
			e.reads.follow(step)
		default:
			e.reads.follow(step)
		}
	}
}

// hostnameOrNone is "" as well when there is no such Ingress.
func (e example) hostnameOrNone(ingress string) string {
	e.t.Helper()
	if e.kubectl("get", "ingress", ingress, "--ignore-not-found", "-o", "name") == "" {
		return ""
	}
	return e.hostname(ingress)
}

func TestExampleOfAChartWithoutHooks(t *testing.T) {
	t.Parallel()
	newExample(t, "plain").followChart("../../examples/helm-plain/README.md")
}

// The page says with "get" what the uninstall leaves, and fails if it is not there.
func TestExampleOfAChartWithHooks(t *testing.T) {
	t.Parallel()
	newExample(t, "hooks").followChart("../../examples/helm-hooks/README.md")
}

func TestExampleOfZeroDowntime(t *testing.T) {
	t.Parallel()
	e := newExample(t, "zero-downtime")
	e.types("kubectl apply -f examples/zero-downtime")
	e.awaitRollouts("shop")
	e.expectGated("app=shop", 4)
	before := e.pods("app=shop")
	e.expectNoLoss(e.awaitServed("shop", "/"), func() {
		e.types("kubectl -n zero-downtime set env deployment/shop RELEASE=2")
		e.awaitRollouts("shop")
		e.awaitEndOf(before, "app=shop")
	})
	e.expectGated("app=shop", 4)
	for _, pod := range before {
		if got := *pod.Spec.TerminationGracePeriodSeconds; got != 50 {
			t.Errorf("Pod %s has a grace period of %d s, and the example says 30 and 20", pod.Name, got)
		}
	}
}

// The wait is for all new Pods at once: none of the old goes before, and all of the new are there together.
func TestExampleOfSlowHealthChecks(t *testing.T) {
	t.Parallel()
	e := newExample(t, "slow-health-checks")
	e.types("kubectl apply -f examples/slow-health-checks")
	e.awaitRollouts("shop")
	e.expectGated("app=shop", 4)
	before := e.pods("app=shop")
	e.types("kubectl -n slow-health-checks set env deployment/shop RELEASE=2")
	e.eventually("all new Pods wait beside the old", func() bool { return e.containersReady("app=shop") == 8 })
	e.awaitRollouts("shop")
	e.awaitEndOf(before, "app=shop")
	e.expectGated("app=shop", 4)
}

func TestExampleOfACanary(t *testing.T) {
	t.Parallel()
	e := newExample(t, "weighted-canary")
	e.types("kubectl apply -f examples/weighted-canary")
	e.awaitRollouts("stable", "canary")
	e.expectGated("app=stable", 2)
	e.expectGated("app=canary", 2)
	address := e.awaitServed("shop", "/")
	if got := e.answersOf(address); got["canary"] == 0 || got["stable"] <= got["canary"] {
		t.Errorf("of 200 requests %v were answered by each, want both, and most by stable", got)
	}
	e.expectNoLoss(address, func() {
		e.types(`sed 's/"weight": 90/"weight": 0/; s/"weight": 10/"weight": 100/' examples/weighted-canary/shop.yaml | kubectl apply -f -`)
		e.eventually("the canary answers all", func() bool { return e.answersOf(address)["canary"] == 200 })
	})
}

// answersOf counts who answers 200 requests, by the name of the Deployment.
func (e example) answersOf(address string) map[string]int {
	e.t.Helper()
	counts := map[string]int{}
	client := http.Client{Timeout: 10 * time.Second}
	for range 200 {
		response, err := client.Get("http://" + address + "/")
		if err != nil {
			e.t.Fatal(err)
		}
		var echo program.Echo
		err = json.NewDecoder(response.Body).Decode(&echo)
		response.Body.Close()
		if err != nil {
			e.t.Fatal(err)
		}
		name, _, _ := strings.Cut(echo.Pod, "-")
		counts[name]++
	}
	return counts
}

// What one team does wrong is told to that team, and what the other changes takes effect.
func TestExampleOfTeams(t *testing.T) {
	t.Parallel()
	cart := newExample(t, "team-cart")
	pay := cart
	pay.scene = &scene{t: t, lab: cart.lab, namespace: "team-pay", client: cart.client}
	cart.types("kubectl apply -f examples/teams-group")
	cart.awaitRollouts("cart")
	pay.awaitRollouts("pay")
	address := cart.awaitServed("cart", "/cart")
	if other := pay.awaitServed("pay", "/pay"); other != address {
		t.Errorf("the teams have load balancers at %s and %s, want one", address, other)
	}

	pay.types("kubectl -n team-pay annotate ingress pay --overwrite alb.ingress.kubernetes.io/healthcheck-interval-seconds=often")
	pay.eventually("the team is told", func() bool { return strings.Contains(pay.warnings("pay"), "often") })
	cart.types(`kubectl -n team-cart patch ingress cart --type=json -p '[{"op":"replace","path":"/spec/rules/0/http/paths/0/path","value":"/basket"}]'`)
	cart.awaitServed("cart", "/basket")
	if err := ask(t.Context(), address, "shop.example.com", "/pay"); err != nil {
		t.Errorf("what was served of the team's is no longer: %v", err)
	}
	if notes := cart.warnings("cart"); notes != "" {
		t.Errorf("the other team is told:\n%s", notes)
	}
}

// With gates a phase ends when its load balancer serves; without, nobody has waited for it.
func TestExampleOfPhases(t *testing.T) {
	t.Parallel()
	page := "../../examples/phased-deployment/README.md"
	e := newExample(t, "phased-deployment")
	for _, step := range pageCommands(t, page) {
		e.reads.follow(step)
		namespace, name := phaseOf(step.command)
		if name == "" {
			continue
		}
		phase := e
		phase.scene = &scene{t: t, lab: e.lab, namespace: namespace, client: e.client}
		if namespace == "ungated" {
			for _, pod := range phase.pods("app=" + name) {
				if len(pod.Spec.ReadinessGates) != 0 {
					t.Errorf("Pod %s has gates %v", pod.Name, pod.Spec.ReadinessGates)
				}
			}
			t.Logf("without gates, at the end of the phase the load balancer serves: %t", phase.aws.servesHost(phase.hostname(name), "shop.example.com", "/"))
			continue
		}
		phase.expectGated("app="+name, 2)
		if !phase.aws.servesHost(phase.hostname(name), "shop.example.com", "/") {
			t.Errorf("after %q the load balancer does not serve", step.command)
		}
	}
}

// phaseOf is what a command of the page waits for.
func phaseOf(command string) (namespace, deployment string) {
	words := strings.Fields(command)
	switch {
	case strings.HasPrefix(command, "helm install"):
		return words[slices.Index(words, "--namespace")+1], words[2]
	case strings.Contains(command, " rollout status "):
		return words[slices.Index(words, "-n")+1], strings.TrimPrefix(words[slices.Index(words, "status")+1], "deployment/")
	}
	return "", ""
}
