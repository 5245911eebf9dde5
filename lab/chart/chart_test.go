package chart

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/lab/manifest"
)

const directory = "../../charts/sluice"

var update = flag.Bool("update", false, "rewrite golden files and the table in the chart's README")

// rendering is a case: values, what the cluster can, and which folders of templates are looked at whole. Of the rest
// the golden file has the names.
type rendering struct {
	KubeVersion string         `json:"kubeVersion,omitempty"`
	APIVersions []string       `json:"apiVersions,omitempty"`
	Show        []string       `json:"show,omitempty"`
	Values      map[string]any `json:"values"`
}

func cases(t *testing.T) map[string]rendering {
	t.Helper()
	files, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	found := map[string]rendering{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var one rendering
		if err := yaml.UnmarshalStrict(text, &one); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		found[strings.TrimSuffix(filepath.Base(file), ".in.yaml")] = one
	}
	return found
}

func (r rendering) render(t *testing.T) Rendered {
	t.Helper()
	rendered, err := Render(directory, Options{Values: r.Values, KubeVersion: r.KubeVersion, APIVersions: r.APIVersions})
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

func TestRender(t *testing.T) {
	t.Parallel()
	for name, one := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered := one.render(t)
			got := golden(t, rendered, one.Show)
			if again := golden(t, one.render(t), one.Show); again != got {
				t.Errorf("the same values are rendered otherwise the second time:\n%s", cmp.Diff(got, again))
			}
			file := filepath.Join("testdata", name+".yaml")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("rendered (-want +got), -update rewrites it:\n%s", diff)
			}
		})
	}
}

var source = regexp.MustCompile(`(?m)^# Source: sluice/templates/(.*)\n`)

// golden is a list of all objects, and those documents whole that come from the given folders or files.
func golden(t *testing.T, rendered Rendered, show []string) string {
	t.Helper()
	var names, whole strings.Builder
	for document := range strings.SplitSeq(rendered.Manifest+"\n"+rendered.Hooks, "\n---\n") {
		from := source.FindStringSubmatch(document)
		objects, err := manifest.Decode([]byte(document))
		if err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
		for _, object := range objects {
			names.WriteString(strings.TrimSuffix("# "+object.GetKind()+" "+object.GetNamespace()+"/"+object.GetName(), "\n") + "\n")
		}
		if from != nil && slices.ContainsFunc(show, func(folder string) bool { return strings.HasPrefix(from[1], folder) }) {
			whole.WriteString("---\n" + strings.TrimSpace(source.ReplaceAllString(strings.TrimPrefix(document, "---\n"), "")) + "\n")
		}
	}
	return names.String() + whole.String()
}

// withoutTypes are kinds of the Prometheus operator, of which no Go types are here.
var withoutTypes = []string{"ServiceMonitor", "PrometheusRule"}

// A field that a kind does not have would be dropped by some API servers and refused by others.
func TestObjectsHaveNoUnknownFields(t *testing.T) {
	t.Parallel()
	known := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(known); err != nil {
			t.Fatal(err)
		}
	}
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, known, known, json.SerializerOptions{Yaml: true, Strict: true})
	for name, one := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered := one.render(t)
			for document := range strings.SplitSeq(rendered.Manifest+"\n"+rendered.Hooks, "\n---\n") {
				objects, err := manifest.Decode([]byte(document))
				if err != nil {
					t.Fatal(err)
				}
				if len(objects) == 0 || slices.Contains(withoutTypes, objects[0].GetKind()) || objects[0].GetKind() == "CustomResourceDefinition" {
					continue
				}
				if _, _, err := strict.Decode([]byte(document), nil, nil); err != nil {
					t.Errorf("%v:\n%s", err, document)
				}
			}
		})
	}
}

func TestBadValues(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values map[string]any
		want   []string
	}{
		"nothing": {nil, []string{"clusterName: give the name", "image.repository: say where", "vpcId: mode full needs"}},
		"misspelt": {
			map[string]any{"clusterNames": "prod", "brake": map[string]any{"deletion": 3}},
			[]string{"additional properties 'clusterNames' not allowed", "at '/brake': additional properties 'deletion' not allowed"},
		},
		"words": {map[string]any{"mode": "gates", "injection": "policy"}, []string{
			"at '/mode': value must be one of 'full', 'gates-only', 'observe'", "at '/injection': value must be one of 'auto', 'policies', 'webhook', 'both', 'none'",
		}},
		"types": {map[string]any{"replicaCount": "two", "unreadyGrace": 10}, []string{"at '/replicaCount': got string, want integer", "at '/unreadyGrace': got number, want string"}},
		"of-the-incumbent": {
			map[string]any{"clusterName": "prod", "vpcId": "vpc-1", "enableWaf": false, "syncPeriod": "1h", "enableShield": nil},
			[]string{"enableWaf: a value of aws-load-balancer-controller that means nothing here: WAF is not called", "syncPeriod: a value of"},
		},
		"dry-run-elsewhere": {map[string]any{"clusterName": "prod", "mode": "gates-only", "dryRun": true}, []string{"dryRun: only mode full"}},
		"monitor-without-service": {
			map[string]any{"clusterName": "prod", "mode": "observe", "serviceMonitor": map[string]any{"enabled": true}, "metricsService": map[string]any{"enabled": false}},
			[]string{"serviceMonitor.enabled: it finds the Pods by the Service"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Render(directory, Options{Values: c.values})
			if err == nil {
				t.Fatal("nothing is wrong with them")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "enableShield") {
				t.Errorf("a value that is empty is refused: %v", err)
			}
		})
	}
}

// The files are others' rooms; here they must arrive whole.
func TestAlertsAndDashboardArriveWhole(t *testing.T) {
	t.Parallel()
	rendered := cases(t)["watched"].render(t)
	objects, err := manifest.Decode([]byte(rendered.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]any{}
	for _, object := range objects {
		switch object.GetKind() {
		case "PrometheusRule":
			got["alerts"] = object.Object["spec"]
		case "ConfigMap":
			dashboard, _, err := unstructured.NestedString(object.Object, "data", "sluice.json")
			if err != nil {
				t.Fatal(err)
			}
			got["dashboard"] = parsed(t, dashboard)
		}
	}
	want := map[string]any{"alerts": parsed(t, content(t, directory+"/files/alerts.yaml")), "dashboard": parsed(t, content(t, directory+"/files/dashboard.json"))}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the cluster (-files +rendered):\n%s", diff)
	}
}

func parsed(t *testing.T, text string) (value any) {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := utiljson.Unmarshal(asJSON, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// image is where the tests keep it.
var image = map[string]any{"repository": "registry.example.com/sluice"}

// On a new cluster the kind is not there before the release is.
func TestClassParamsNeedTheirKind(t *testing.T) {
	t.Parallel()
	options := Options{
		Values:      map[string]any{"clusterName": "prod", "vpcId": "vpc-1", "image": image, "ingressClassParams": map[string]any{"spec": map[string]any{"scheme": "internal"}}},
		APIVersions: []string{"v1/Pod"},
	}
	if _, err := Render(directory, options); err == nil || !strings.Contains(err.Error(), "install first without it") {
		t.Errorf("error: %v", err)
	}
	options.APIVersions = append(options.APIVersions, "elbv2.k8s.aws/v1beta1/IngressClassParams")
	if _, err := Render(directory, options); err != nil {
		t.Error(err)
	}
}

func TestInjectionByWhatTheClusterCan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		version string
		kinds   []string
		want    string
	}{
		"asked-and-there":   {"v1.36.0-eks-1234", []string{"v1/Pod", "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy"}, "policies"},
		"asked-and-absent":  {"v1.36.0-eks-1234", []string{"v1/Pod"}, "webhook"},
		"not-asked-new":     {"v1.36.0", nil, "policies"},
		"not-asked-old":     {"v1.35.4-eks-1234", nil, "webhook"},
		"asked-by-an-older": {"v1.31.0", []string{"v1/Pod"}, "webhook"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rendered, err := Render(directory, Options{Values: map[string]any{"clusterName": "prod", "vpcId": "vpc-1", "image": image}, KubeVersion: c.version, APIVersions: c.kinds})
			if err != nil {
				t.Fatal(err)
			}
			got := map[bool]string{true: "policies"}[strings.Contains(rendered.Manifest, "\nkind: MutatingAdmissionPolicy\n")]
			if strings.Contains(rendered.Manifest, "\nkind: MutatingWebhookConfiguration\n") {
				got += "webhook"
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
