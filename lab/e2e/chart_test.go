package e2e

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/sluice-lb/sluice/lab/spawn"
)

const chartDir = "../../charts/sluice"

// bareLab has nothing of Sluice's in it, and takes no Pod into kube-system that is not as restricted as can be.
func bareLab(t *testing.T) *spawn.Lab {
	t.Helper()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	lab := startLab(t, "--bare", "--controller-binary="+binary)
	if _, err := run(t, "kubectl", "--dir", string(lab.Dir), "label", "namespace", "kube-system", "pod-security.kubernetes.io/enforce=restricted"); err != nil {
		t.Fatal(err)
	}
	return lab
}

// helm runs Helm in kube-system.
func (s *scene) helm(args ...string) (string, error) {
	s.t.Helper()
	return run(s.t, append([]string{"helm", "--dir", string(s.lab.Dir), "--namespace", "kube-system"}, args...)...)
}

func (s *scene) mustHelm(args ...string) string {
	s.t.Helper()
	out, err := s.helm(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// where are the values that say in which cluster the chart is, and those that make tests short.
func (s *scene) where() []string {
	s.t.Helper()
	settings := []string{"clusterName=lab", "image.repository=registry.example.com/sluice", "vpcId=" + s.vpc(), "defaultTargetType=ip", "awsBudgetShare=1"}
	return []string{"--set", strings.Join(settings, ","), "--wait", "--timeout=90s"}
}

func (s *scene) vpc() string {
	s.t.Helper()
	for _, variable := range awsEnvironment(s.t, s.lab) {
		if vpc, found := strings.CutPrefix(variable, "LAB_VPC="); found {
			return vpc
		}
	}
	s.t.Fatal("the lab does not say which VPC it is")
	return ""
}

func (s *scene) install(args ...string) {
	s.t.Helper()
	s.mustHelm(slices.Concat([]string{"install", "sluice", chartDir}, s.where(), args)...)
}

func (s *scene) upgrade(args ...string) {
	s.t.Helper()
	s.mustHelm(append([]string{"upgrade", "sluice", chartDir, "--reuse-values", "--wait", "--timeout=90s"}, args...)...)
}

// A version of which no Pod ever becomes healthy for its load balancer.
const neverHealthy = `
	apiVersion: v1
	kind: Service
	metadata: {name: away}
	spec:
	  selector: {app: away}
	  ports: [{port: 80, targetPort: http}]
	---
	apiVersion: apps/v1
	kind: Deployment
	metadata: {name: away}
	spec:
	  replicas: 2
	  selector: {matchLabels: {app: away}}
	  template:
	    metadata: {labels: {app: away}}
	    spec:
	      containers:
	      - name: web
	        image: sluice.lab/web
	        env: [{name: PATHS, value: /health=500}]
	        ports: [{name: http, containerPort: 8080}]
	        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
	`

// The controller comes, changes and goes under load, as Pods of a release.
func TestChartLosesNoRequest(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, bareLab(t))
	s.install()
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled", "sluice.dev/drain=auto")
	eventually(t, "policies inject gates", func() bool { return s.gatesOfANewPod() > 0 })
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", "alb.ingress.kubernetes.io/scheme: internet-facing", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "6"`))
	s.apply(rolled)
	aws := accountOf(t, s.lab)
	s.eventually("four Pods are Ready", func() bool { return s.ready("app=web") == 4 })
	s.eventually("the Ingress is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var load sync.WaitGroup
	var sent int
	var failed []error
	address := aws.address(s.hostname("web"))
	load.Go(func() { sent, failed = requests(ctx, address) })
	calm := s.watchCalm("app=web")

	s.kubectl("rollout", "restart", "deployment/web")
	s.upgrade("--set", "logLevel=debug")
	s.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
	s.kubectl("rollout", "restart", "deployment/web")
	s.mustHelm("rollback", "sluice", "1", "--wait", "--timeout=90s")
	s.kubectl("rollout", "status", "deployment/web", "--timeout=90s")
	s.expectNoDrift()

	s.apply(neverHealthy + "---" + ingressFor("away", "/away", "away", "alb.ingress.kubernetes.io/healthcheck-path: /health"))
	s.eventually("two Pods wait behind their gates", func() bool { return s.containersReady("app=away") == 2 && s.ready("app=away") == 0 })
	groups := s.kubectl("get", "targetgroupbindings", "-o", "jsonpath={.items[*].spec.targetGroupARN}")
	s.mustHelm("uninstall", "sluice", "--timeout=90s")
	s.eventually("the gates that were closed are open", func() bool { return s.ready("app=away") == 2 })
	calm()
	cancel()
	load.Wait()
	if len(failed) > 0 {
		t.Errorf("%d of %d requests failed, the first one with: %v", len(failed), sent, failed[0])
	}
	t.Logf("%d requests", sent)

	if after := s.kubectl("get", "targetgroupbindings", "-o", "jsonpath={.items[*].spec.targetGroupARN}"); after != groups || after == "" {
		t.Errorf("bindings are to %q after the uninstall, and were to %q", after, groups)
	}
	if left := s.kubectl("get", "mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,clusterroles,clusterrolebindings",
		"-l", "app.kubernetes.io/name=sluice", "-o", "name") + s.kubectl("get", "deployments,jobs,serviceaccounts,roles,secrets", "--namespace=kube-system", "-o", "name", "-l", "app.kubernetes.io/name=sluice"); left != "" {
		t.Errorf("left are:\n%s", left)
	}
	s.eventually("a new Pod is given no gate", func() bool { return s.gatesOfANewPod() == 0 })
}

// gatesOfANewPod is how many gates a Pod of a ReplicaSet would get.
func (s *scene) gatesOfANewPod() int {
	s.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "trial", Labels: map[string]string{"sluice.dev/readiness-gate": "on"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "trial", Image: "trial"}}},
	}
	got, err := s.client.CoreV1().Pods(s.namespace).Create(s.t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		s.t.Fatal(err)
	}
	return len(got.Spec.ReadinessGates)
}

// watchCalm reports every Pod that was Ready and no longer is, though nobody deletes it, until the returned
// function is called.
func (s *scene) watchCalm(labels string) (end func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	watcher, err := s.client.CoreV1().Pods(s.namespace).Watch(ctx, metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		s.t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		ready := map[string]bool{}
		for event := range watcher.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if !ok || event.Type == watch.Deleted || pod.DeletionTimestamp != nil {
				continue
			}
			now := condition(*pod, corev1.PodReady).Status == corev1.ConditionTrue
			if ready[pod.Name] && !now {
				s.t.Errorf("Pod %s has become unready: %+v", pod.Name, pod.Status.Conditions)
			}
			ready[pod.Name] = now
		}
	})
	return func() { cancel(); watcher.Stop(); done.Wait() }
}

// Who uses no Helm fills in two words.
func TestPlainManifest(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, bareLab(t))
	text, err := os.ReadFile("../../config/install.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "install.yaml")
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	for _, vpc := range []string{"YOUR-VPC", s.vpc()} {
		filled := strings.NewReplacer("YOUR-CLUSTER", "lab", "YOUR-VPC", vpc).Replace(string(text))
		if err := os.WriteFile(file, []byte(filled), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, "kubectl", "--dir", string(s.lab.Dir), "apply", "--server-side", "-f", file); err != nil {
			t.Fatal(err)
		}
		if vpc == "YOUR-VPC" {
			s.eventually("the controller says what is to be filled in", func() bool {
				out, err := run(t, "kubectl", "--dir", string(s.lab.Dir), "logs", "--namespace=kube-system", "deployment/sluice", "--all-pods")
				return err == nil && strings.Contains(out, "--aws-vpc-id=YOUR-VPC: give the id of the cluster's VPC")
			})
		}
	}
	s.kubectl("rollout", "status", "deployment/sluice", "--namespace=kube-system", "--timeout=90s")
	s.eventually("policies inject gates", func() bool { return s.gatesOfANewPod() > 0 })
}

// expectNoDrift applies what the release holds once more, without storing it, as GitOps controllers do to see whether
// anything has changed: nothing may.
func (s *scene) expectNoDrift() {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "release.yaml")
	if err := os.WriteFile(file, []byte(s.mustHelm("get", "manifest", "sluice")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	ask := func(args ...string) map[string]any {
		out, err := run(s.t, append([]string{"kubectl", "--dir", string(s.lab.Dir), "-f", file, "-o", "json"}, args...)...)
		if err != nil {
			s.t.Fatal(err)
		}
		return objectsIn(s.t, out)
	}
	live, applied := ask("get"), ask("apply", "--server-side", "--force-conflicts", "--field-manager=gitops", "--dry-run=server")
	if len(live) < 10 {
		s.t.Errorf("only %d objects are in the release", len(live))
	}
	if diff := cmp.Diff(live, applied); diff != "" {
		s.t.Errorf("the release and the cluster differ (-cluster +release):\n%s", diff)
	}
}

// objectsIn are the objects of a list, by kind and name, without what every write changes.
func objectsIn(t *testing.T, text string) map[string]any {
	t.Helper()
	found := map[string]any{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		all := []unstructured.Unstructured{*object}
		if object.IsList() {
			list, err := object.ToList()
			if err != nil {
				t.Fatal(err)
			}
			all = list.Items
		}
		for _, one := range all {
			one.SetManagedFields(nil)
			one.SetResourceVersion("")
			one.SetGeneration(0)
			delete(one.Object, "status")
			found[one.GetKind()+" "+one.GetNamespace()+"/"+one.GetName()] = one.Object
		}
	}
}

// From measuring to gates, with kinds and bindings that another controller's chart has left in the cluster, and with
// the webhook in the place of policies.
func TestChartBesideWhatIsThere(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, bareLab(t))
	s.installIncumbent()
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	s.apply(three['S'])
	s.bind("targetType: ip, targetGroupARN: arn:aws:elasticloadbalancing:us-west-2:111122223333:targetgroup/theirs/0123456789abcdef")

	arguments := slices.Concat([]string{"install", "sluice", chartDir, "--set", "mode=observe"}, s.where())
	if _, err := s.helm(arguments...); err == nil || !strings.Contains(err.Error(), "cannot be imported into the current release") {
		t.Fatalf("kinds that belong to nobody are taken over without being asked: %v", err)
	}
	s.mustHelm(append(arguments, "--take-ownership", "--force-conflicts")...)
	s.expectRights("observe", "patch pods --subresource=status", false)
	s.expectRights("observe", "create readinessgatesets.sluice.dev", false)
	if n := s.gatesOfANewPod(); n != 0 {
		t.Errorf("mode observe gives a Pod %d gates", n)
	}

	s.upgrade("--set", "mode=gates-only")
	s.eventually("policies inject gates", func() bool { return s.gatesOfANewPod() > 0 })
	s.expectRights("gates-only", "patch pods --subresource=status", true)
	s.expectRights("gates-only", "update ingresses.networking.k8s.io", false)
	s.expectRights("gates-only", "delete targetgroupbindings.elbv2.k8s.aws", false)

	t.Log("from policies to the webhook, and no Pod goes without gates")
	s.upgrade("--set", "injection=both")
	s.awaitAuthority()
	s.upgrade("--set", "injection=webhook")
	s.eventually("the policies are out of use", func() bool { return s.kubectl("get", "mutatingadmissionpolicies", "-o", "name") == "" })
	for range 20 {
		if n := s.gatesOfANewPod(); n == 0 {
			t.Error("the webhook gives a Pod no gate")
		}
	}
	s.expectNoDrift()

	s.mustHelm("uninstall", "aws-load-balancer-controller")
	s.expectBinding("the other controller's release")
	s.mustHelm("uninstall", "sluice", "--timeout=90s")
	s.eventually("a new Pod is given no gate", func() bool { return s.gatesOfANewPod() == 0 })
	s.expectBinding("Sluice's release")
}

// installIncumbent installs what matters of another controller's chart: its kinds, which Helm creates where they are not
// there and notes nothing on, and its class.
func (s *scene) installIncumbent() {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), "aws-load-balancer-controller")
	files := map[string]string{
		"Chart.yaml":           "apiVersion: v2\nname: aws-load-balancer-controller\nversion: 3.5.0\n",
		"templates/class.yaml": "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: alb}\nspec: {controller: ingress.k8s.aws/alb}\n",
	}
	for _, name := range []string{"targetgroupbindings", "ingressclassparams"} {
		text, err := os.ReadFile("../../config/crd/elbv2.k8s.aws_" + name + ".yaml")
		if err != nil {
			s.t.Fatal(err)
		}
		files["crds/"+name+".yaml"] = regexp.MustCompile(`description: ([A-Za-z])`).ReplaceAllString(string(text), "description: Another $1")
	}
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.mustHelm("install", "aws-load-balancer-controller", dir, "--wait")
}

// expectBinding: with its kind the binding would go, and with it the targets.
func (s *scene) expectBinding(gone string) {
	s.t.Helper()
	if left := strings.TrimSpace(s.kubectl("get", "targetgroupbindings", "-o", "name")); left != "targetgroupbinding.elbv2.k8s.aws/web" {
		s.t.Errorf("after the end of %s the bindings are %q", gone, left)
	}
}

// expectRights asks whether the controller's account may do something.
func (s *scene) expectRights(mode, what string, want bool) {
	s.t.Helper()
	arguments := append([]string{"kubectl", "--dir", string(s.lab.Dir), "auth", "can-i", "--as=system:serviceaccount:kube-system:sluice", "-A"}, strings.Fields(what)...)
	out, err := run(s.t, arguments...)
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatal(err)
	}
	if got := strings.TrimSpace(out) == "yes"; got != want {
		s.t.Errorf("in mode %s the controller may %s: %t", mode, what, got)
	}
}

// awaitAuthority waits until the webhook has said by whom its certificate is signed, and the API server has heard it.
func (s *scene) awaitAuthority() {
	s.t.Helper()
	s.eventually("the webhook has published its authority", func() bool {
		return !strings.Contains(s.kubectl("get", "mutatingwebhookconfiguration", "sluice-gates", "-o", "jsonpath={.webhooks[*].clientConfig}"), `"caBundle":"Cg=="`) &&
			strings.Contains(s.kubectl("get", "mutatingwebhookconfiguration", "sluice-gates", "-o", "json"), "caBundle")
	})
}
