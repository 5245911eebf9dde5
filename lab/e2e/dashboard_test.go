package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// watchedScene is a lab with Prometheus in which all happens that the dashboard shows: gates open and stay closed, AWS
// throttles and denies, things are wrong, and a drain is cut short.
type watchedScene struct {
	*scene
	prometheus *prometheus
	controller *process
}

func newWatchedScene(t *testing.T) watchedScene {
	t.Helper()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	s := newSceneNamed(t, startLab(t, append(flags, "--controller=false", "--injection=webhook")...), "shop")

	controller := startController(t, s.lab, "--drift-interval=20s")
	p := startPrometheus(t, map[string][]string{
		"sluice":             {controller.metrics, metricsOf(t, s.lab.Dir.WebhookPID())},
		"kube-state-metrics": {startKubeState(t, s.client)},
	})
	return watchedScene{s, p, controller}
}

// bare is a Pod that gets no gate: nothing owns it, and nothing claims it when it is created.
const bare = `
	apiVersion: v1
	kind: Pod
	metadata: {name: bare, labels: {app: bare}}
	spec:
	  containers:
	  - name: web
	    image: sluice.lab/web
	    env: [{name: START_DELAY, value: 6s}]
	    ports: [{name: http, containerPort: 8080}]
	    readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
`

// wrongBinding is of a target group that there is not. It claims no Pod: those would wait for it.
const wrongBinding = `
	apiVersion: v1
	kind: Service
	metadata: {name: nobody}
	spec: {selector: {app: nobody}, ports: [{port: 80}]}
	---
	apiVersion: elbv2.k8s.aws/v1beta1
	kind: TargetGroupBinding
	metadata: {name: wrong}
	spec:
	  serviceRef: {name: nobody, port: 80}
	  targetType: ip
	  targetGroupARN: arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/gone/0123456789abcdef
`

// rollout is a rolling update with a fault or two, and what goes wrong beside it.
func (w watchedScene) rollout(aws *account) {
	w.t.Helper()
	w.kubectl("label", "namespace", w.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled", "sluice.dev/drain=auto")
	certificate, _ := aws.importCertificate()
	w.apply(bare)
	w.apply(three['S'] + "---" + ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`,
		"alb.ingress.kubernetes.io/certificate-arn: "+certificate, `alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'`))
	w.apply(rolled)
	w.apply(strings.NewReplacer("name: web", "name: bare", "app: web", "app: bare").Replace(three['S']) + "---" +
		ingressFor("bare", "/", "bare", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`))
	w.apply(ingressFor("wrong", "/", "nobody", "alb.ingress.kubernetes.io/scheme: internet-facin") + "---" + wrongBinding)
	w.eventually("four Pods are Ready", func() bool { return w.ready("app=web") == 4 })
	aws.fault("--operation=DescribeTargetHealth", "--code=Throttling", "--count=3")
	aws.fault("--operation=DescribeTargetHealth", "--code=AccessDenied", "--skip=3", "--count=2")
	w.kubectl("rollout", "restart", "deployment/web")
	w.kubectl("rollout", "status", "deployment/web", "--timeout=120s")
	staying := slices.DeleteFunc(w.pods("app=web"), func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
	w.kubectl("delete", "pod", staying[0].Name, "--grace-period=2", "--wait=false")
	w.eventually("the drain that was cut short is told", func() bool {
		return strings.Contains(w.kubectl("get", "events", "--field-selector", "reason=DrainCutShort"), "was given 2 s to end")
	})
}

// Every query of every panel has an answer. Then Sluice is stopped in the middle of a rollout, and who waits for it
// is told by kube-state-metrics alone.
func TestDashboardAndAlertsOfARealPrometheus(t *testing.T) {
	t.Parallel()
	w := newWatchedScene(t)
	w.rollout(accountOf(t, w.lab))
	w.expectPanelsWithData()
	if *picture {
		drawDashboard(t, panels(t), w.prometheus.history)
	}
	w.expectAlertsWhileStopped()
}

var grafanaVariable = regexp.MustCompile(`\$(__rate_interval|\w+)`)

// filledIn is a query as Grafana would send it with nothing chosen.
func filledIn(query string) string {
	return grafanaVariable.ReplaceAllStringFunc(query, func(name string) string {
		switch name {
		case "$__rate_interval":
			return "20s"
		case "$job":
			return "sluice"
		}
		return ".*"
	})
}

// panel is one of the dashboard; a row is one without queries.
type panel struct {
	Type, Title string
	GridPos     struct{ H, W, X, Y int }
	FieldConfig struct{ Defaults struct{ Unit string } }
	Targets     []struct{ Expr, LegendFormat string }
}

func panels(t *testing.T) (all []panel) {
	t.Helper()
	text, err := os.ReadFile("../../charts/sluice/files/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	return dashboard.Panels
}

func (w watchedScene) expectPanelsWithData() {
	w.t.Helper()
	for _, panel := range panels(w.t) {
		for _, target := range panel.Targets {
			deadline := time.Now().Add(within)
			for !w.prometheus.tells(filledIn(target.Expr)) {
				if time.Now().After(deadline) {
					w.t.Errorf("panel %q has no answer to\n%s", panel.Title, target.Expr)
					break
				}
				time.Sleep(time.Second)
			}
		}
	}
}

// patience is for how long the alert about Pods that nobody opens the gates of is waited for: their containers
// have to be ready for a minute, and that has to be so for another.
const patience = 4 * time.Minute

func (w watchedScene) expectAlertsWhileStopped() {
	w.t.Helper()
	const alert = "SluiceDownPodsHeldBack"
	if found := w.prometheus.alerts(alert); len(found) > 0 {
		w.t.Fatalf("while Sluice runs: %v", found)
	}
	w.controller.stop()
	w.kubectl("rollout", "restart", "deployment/web")
	var firing []alertNow
	for deadline := time.Now().Add(patience); len(firing) == 0 && time.Now().Before(deadline); time.Sleep(time.Second) {
		for _, one := range w.prometheus.alerts(alert) {
			if one.State == "firing" {
				firing = append(firing, one)
			}
		}
	}
	if len(firing) != 1 || firing[0].Labels["namespace"] != w.namespace || firing[0].Labels["owner_kind"] != "ReplicaSet" {
		w.t.Fatalf("firing for Pods that wait while Sluice is stopped: %v", firing)
	}
	w.t.Log(firing[0].Annotations["summary"])
	for _, pod := range w.pods("app=web") {
		held := condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue && condition(pod, corev1.PodReady).Status != corev1.ConditionTrue
		if held && !strings.Contains(firing[0].Annotations["description"], "kubectl sluice release -n "+w.namespace) {
			w.t.Errorf("the way out is not told: %s", firing[0].Annotations["description"])
		}
	}
	startController(w.t, w.lab, "--metrics-bind-addr="+w.controller.metrics)
	w.eventually("the rollout has gone on", func() bool { return w.ready("app=web") == 4 })
	w.eventually("the alert is gone", func() bool { return len(w.prometheus.alerts(alert)) == 0 })
}
