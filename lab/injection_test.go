package lab

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
	celenvironment "k8s.io/apiserver/pkg/cel/environment"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/lab/manifest"
)

// What would run in the cluster is left out, and what asks it asks this machine.
func TestWebhookIsAskedOnThisMachine(t *testing.T) {
	t.Parallel()
	objects, err := manifest.DecodeFolders(config.Files, ByWebhook.folders())
	if err != nil {
		t.Fatal(err)
	}
	l := &Lab{}
	if objects, err = l.redirectWebhook(objects); err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, object := range objects {
		if object.GetKind() == "Deployment" {
			t.Errorf("Deployment %s would wait for an image that is not there", object.GetName())
		}
		webhooks, _, err := unstructured.NestedSlice(object.Object, "webhooks")
		if err != nil {
			t.Fatal(err)
		}
		for _, webhook := range webhooks {
			asked++
			if url, _, _ := unstructured.NestedString(webhook.(map[string]any), "clientConfig", "url"); !strings.HasPrefix(url, fmt.Sprintf("https://localhost:%d/", l.webhookPort)) {
				t.Errorf("%s is asked at %q", webhook.(map[string]any)["name"], url)
			}
		}
	}
	if asked != 3 {
		t.Errorf("%d webhooks, want 3", asked)
	}
	if _, err := ParseInjection("both"); err == nil || !strings.Contains(err.Error(), "policies, webhook, none") {
		t.Errorf("a word that means nothing: %v", err)
	}
}

// The webhook is for older clusters, so what the API server evaluates for it must be in the
// language that these have.
func TestMatchConditionsAreForOldClusters(t *testing.T) {
	t.Parallel()
	configurations, err := config.Webhooks()
	if err != nil {
		t.Fatal(err)
	}
	env, err := celenvironment.MustBaseEnvSet(version.MajorMinor(1, 28)).Extend(celenvironment.VersionedOptions{
		IntroducedVersion: version.MajorMinor(1, 0), EnvOptions: []cel.EnvOption{cel.Variable("object", cel.DynType)},
	})
	if err != nil {
		t.Fatal(err)
	}
	compile := func(expression string) error {
		_, issues := env.NewExpressionsEnv().Compile(expression)
		return issues.Err()
	}
	if compile("ip('127.0.0.1')") == nil { // of Kubernetes 1.30
		t.Error("what is newer compiles, too, so this test finds nothing")
	}
	for _, configuration := range configurations {
		for _, webhook := range configuration.Webhooks {
			for _, condition := range webhook.MatchConditions {
				if err := compile(condition.Expression); err != nil {
					t.Errorf("%s: %s: %v", webhook.Name, condition.Name, err)
				}
			}
		}
	}
}
