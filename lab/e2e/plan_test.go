package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/lab/spawn"
)

// thePlugin builds the kubectl plugin of this tree, once.
var thePlugin = sync.OnceValues(func() (string, error) {
	if _, err := theController(); err != nil { // it makes the folder
		return "", err
	}
	binary := filepath.Join(shared.dir, "kubectl-sluice")
	out, err := exec.Command("go", "build", "-o", binary, "github.com/sluice-lb/sluice/cmd/kubectl-sluice").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the plugin: %w\n%s", err, out)
	}
	return binary, nil
})

// plugin runs kubectl sluice in the namespace, with the lab's AWS and the flags that its
// controller has, and says how it ended.
func (s *scene) plugin(args ...string) (out string, code int) {
	s.t.Helper()
	binary, err := thePlugin()
	if err != nil {
		s.t.Fatal(err)
	}
	command := exec.CommandContext(s.t.Context(), binary, append(args, "--namespace="+s.namespace)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.lab.Dir.Kubeconfig())
	command.Env = append(command.Env, awsEnvironment(s.t, s.lab)...)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err = command.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		s.t.Fatal(err)
	}
	return stdout.String() + stderr.String(), command.ProcessState.ExitCode()
}

// awsEnvironment is what the lab's aws.env exports.
func awsEnvironment(t *testing.T, lab *spawn.Lab) []string {
	t.Helper()
	text, err := os.ReadFile(lab.Dir.AWSEnv())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(text)) {
		if variable, found := strings.CutPrefix(strings.TrimSpace(line), "export "); found {
			all = append(all, strings.ReplaceAll(variable, "'", ""))
		}
	}
	return all
}

// shape are the flags of the lab's controller that shape load balancers.
func shape(t *testing.T, lab *spawn.Lab) []string {
	t.Helper()
	script, err := os.ReadFile(lab.Dir.ControllerScript())
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for word := range strings.FieldsSeq(strings.NewReplacer("'", "", `"`, "").Replace(string(script))) {
		for _, name := range []string{"--cluster-name=", "--aws-region=", "--aws-vpc-id=", "--default-target-type="} {
			if strings.HasPrefix(word, name) {
				flags = append(flags, word)
			}
		}
	}
	if len(flags) != 4 {
		t.Fatalf("the controller's script has the flags %v:\n%s", flags, script)
	}
	return flags
}

// file writes a manifest for the plugin.
func (s *scene) file(manifest string) string {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(manifest, "\t", "")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// The plan before an Ingress is applied, after it, and for a change of it.
func TestPlanSaysWhatApplyDoes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	a := accountOf(t, s.lab)
	s.apply(three['S'] + "---" + three['D'])
	file := s.file(ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-path: /`))
	before := a.possessions()

	out, code := s.plugin(append(shape(t, s.lab), "plan", "-f", file)...)
	for _, want := range []string{"load balancer of Ingress " + s.namespace + "/web", "+ create load balancer k8s-", "+ create listener", "+ create rule", "+ create target group"} {
		if !strings.Contains(out, want) {
			t.Errorf("the plan does not hold %q", want)
		}
	}
	if code != 1 {
		t.Errorf("the plan for a new Ingress ends with %d", code)
	}
	if t.Failed() {
		t.Fatal(out)
	}

	s.kubectl("apply", "-f", file)
	s.eventually("the Ingress has an address", func() bool { return s.hostname("web") != "" })
	if after := a.possessions(); len(after) <= len(before) {
		t.Errorf("nothing was made: %v", after)
	}
	s.eventually("the plan is empty", func() bool {
		out, code = s.plugin(append(shape(t, s.lab), "plan", "-f", file)...)
		return code == 0
	})
	if !strings.Contains(out, "no change") {
		t.Errorf("the plan for what is there already:\n%s", out)
	}

	t.Log("a change, and a mistake")
	change := s.file(ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-path: /ready`))
	if out, code = s.plugin(append(shape(t, s.lab), "plan", "-f", change)...); code != 1 || !strings.Contains(out, "~ health check path: / → /ready") {
		t.Errorf("the plan for another health check, code %d:\n%s", code, out)
	}
	mistake := s.file(ingressFor("web", "/", "web", `alb.ingress.kubernetes.io/healthcheck-interval-seconds: "4"`))
	if out, code = s.plugin(append(shape(t, s.lab), "plan", "-f", mistake)...); code != 2 || !strings.Contains(out, "! Ingress ") {
		t.Errorf("the plan for a health check every 4 s, code %d:\n%s", code, out)
	}
	if out, code = s.plugin(append(shape(t, s.lab), "plan", "-o", "json", "-f", change)...); code != 1 || !strings.Contains(out, `"effect": "change"`) {
		t.Errorf("in JSON, code %d:\n%s", code, out)
	}
}

// While an Ingress asks for the plan alone, nothing of it is made or changed in AWS, nobody waits for
// it, and what serves already goes on.
func TestPlanAloneOnRequest(t *testing.T) {
	t.Parallel()
	const dryRun = `alb.ingress.kubernetes.io/dry-run: "true"`
	s := newSceneIn(t, startLabWithController(t))
	a := accountOf(t, s.lab)
	before := a.possessions()
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	s.apply(three['S'] + "---" + ingressFor("web", "/", "web", dryRun))
	s.eventually("the plan is on the Ingress", func() bool { return strings.Contains(s.plan("web"), `"effect":"create"`) })
	s.apply(three['D'])
	s.eventually("Pods are Ready: nobody serves them yet", func() bool { return s.ready("app=web") == 2 })
	if diff := strings.Join(before, "\n") != strings.Join(a.possessions(), "\n"); diff {
		t.Errorf("AWS had\n%v\nand has\n%v", before, a.possessions())
	}
	s.kubectl("annotate", "ingress", "web", "alb.ingress.kubernetes.io/dry-run-")
	s.eventually("the Ingress has an address, and no plan", func() bool { return s.hostname("web") != "" && s.plan("web") == "" })

	t.Log("a change is planned, and new Pods are registered all the same")
	s.kubectl("annotate", "ingress", "web", "alb.ingress.kubernetes.io/dry-run=true", "alb.ingress.kubernetes.io/healthcheck-path=/ready")
	s.eventually("the plan is on the Ingress", func() bool {
		return strings.Contains(s.plan("web"), `{"name":"health check path","old":"/","new":"/ready"}`)
	})
	s.kubectl("scale", "deployment", "web", "--replicas=3")
	s.eventually("three targets are healthy", func() bool {
		healthy := 0
		for _, state := range a.states(s.hostname("web")) {
			if state == "healthy" {
				healthy++
			}
		}
		return healthy == 3
	})
	if out, code := s.plugin(append(shape(t, s.lab), "plan", "--all")...); code != 1 || !strings.Contains(out, "asks for the plan alone") {
		t.Errorf("kubectl sluice plan --all, code %d:\n%s", code, out)
	}
	s.kubectl("annotate", "ingress", "web", "alb.ingress.kubernetes.io/dry-run=false", "--overwrite")
	s.eventually("it is applied", func() bool {
		_, code := s.plugin(append(shape(t, s.lab), "plan", "--all")...)
		return code == 0 && s.plan("web") == ""
	})
}

// plan is what a dry run has written to an Ingress.
func (s *scene) plan(ingress string) string {
	s.t.Helper()
	object, err := s.client.NetworkingV1().Ingresses(s.namespace).Get(s.t.Context(), ingress, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return object.Annotations["alb.ingress.kubernetes.io/dry-run-plan"]
}

// A load balancer with more rules than the account allows is not begun.
func TestPlanStopsAtAQuota(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply(three['S'])
	var paths strings.Builder
	for i := range 101 {
		fmt.Fprintf(&paths, "{path: /%d, pathType: Exact, backend: {service: {name: web, port: {number: 80}}}}, ", i)
	}
	file := s.file(strings.Replace(ingressFor("web", "/", "web"), "paths: [", "paths: ["+paths.String(), 1))
	const want = "the load balancer would have 102 rules, and the account allows 100 (quota rules-per-application-load-balancer)"
	if out, code := s.plugin(append(shape(t, s.lab), "plan", "-f", file)...); code != 2 || !strings.Contains(out, want) {
		t.Errorf("code %d:\n%s", code, out)
	}
	s.kubectl("apply", "-f", file)
	s.eventually("the Ingress is told", func() bool { return strings.Contains(s.warnings("web"), want) })
	if name := s.hostname("web"); name != "" {
		t.Errorf("there is a load balancer %s", name)
	}
}
