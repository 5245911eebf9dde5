package ingress_test

import (
	order "cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden reads testdata/<case>.in.yaml: an Ingress, its Services and the cluster. The
// model that is built, with its problems, is <case>.model.yaml; the steps that lead
// there are <case>.plan.yaml. Where AWS is not empty before, <case>.before.yaml holds the
// objects from which it was made.
func TestGolden(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases in testdata: %v", err)
	}
	for _, path := range cases {
		base := strings.TrimSuffix(path, ".in.yaml")
		t.Run(filepath.Base(base), func(t *testing.T) {
			t.Parallel()
			runCase(t, base)
		})
	}
}

func runCase(t *testing.T, base string) {
	t.Helper()
	snapshot := read(t, base+".in.yaml").Snapshot
	if _, err := os.Stat(base + ".before.yaml"); err == nil {
		before := read(t, base+".before.yaml")
		snapshot.Have = authenticated(observed(t, before.Snapshot), before.authenticated)
	}
	have := snapshot.Have
	result := built{Stack: model.Stack{ID: have.ID}}
	if len(snapshot.Members) > 0 {
		r := ingress.Stack(snapshot)
		result.Problems = r.Problems
		if r.Stack == nil {
			result.Rejected = true
		} else {
			result.Stack = *r.Stack
		}
	}
	compare(t, base+".model.yaml", result)
	if !result.Rejected {
		options := plan.Options{ExternalTags: snapshot.Config.ExternalTags}
		compare(t, base+".plan.yaml", sentences(plan.Steps(result.Stack, have, options)))
	}
}

// built is what a golden file holds of a result.
type built struct {
	Rejected bool            `json:"rejected,omitempty"`
	Problems []model.Problem `json:"problems,omitempty"`
	Stack    model.Stack     `json:"stack,omitzero"`
}

func sentences(steps []plan.Step) []string {
	lines := []string{}
	for _, step := range steps {
		line := step.String()
		if len(step.After) > 0 {
			line += fmt.Sprintf(" (after %v)", step.After)
		}
		lines = append(lines, line)
	}
	return lines
}

// observed is AWS as applying the plan of an earlier snapshot has left it.
func observed(t *testing.T, before ingress.Snapshot) model.Observed {
	t.Helper()
	result := ingress.Stack(before)
	if result.Stack == nil {
		t.Fatalf("what was before is rejected: %v", result.Problems)
	}
	have := model.Observed{Stack: *result.Stack, IDs: map[model.Key]string{}, DNSName: "web.elb.amazonaws.com"}
	add := func(key model.Key) { have.IDs[key] = "id of " + string(key) }
	add(have.LoadBalancer.Key)
	for _, group := range have.SecurityGroups {
		add(group.Key)
	}
	for _, group := range have.TargetGroups {
		add(group.Key)
	}
	for _, listener := range have.Listeners {
		add(listener.Key)
	}
	for _, rule := range have.Rules {
		add(rule.Key)
	}
	return have
}

// authenticated puts a guard that the model cannot say before the actions of rules.
func authenticated(have model.Observed, priorities []int32) model.Observed {
	for i, rule := range have.Rules {
		if slices.Contains(priorities, rule.Priority) {
			have.Rules[i].Action = model.Action{Forward: rule.Action.Forward, Unknown: "authenticates and then does what it did"}
		}
	}
	return have
}

// cluster is the part of a case that is no Kubernetes object.
type cluster struct {
	Kind                 string            `json:"kind"`
	Network              model.Network     `json:"network"`
	BackendSecurityGroup string            `json:"backendSecurityGroup"`
	Leaving              bool              `json:"leaving,omitempty"` // an Ingress of before leaves the group
	Tags                 map[string]string `json:"defaultTags,omitempty"`
	Target               string            `json:"defaultTargetType,omitempty"`
	Config               build.Config      `json:"config,omitzero"` // what other flags say
	Authenticated        []int32           `json:"authenticated,omitempty"`
}

// given is what a file says.
type given struct {
	ingress.Snapshot
	authenticated []int32
}

func read(t *testing.T, path string) given {
	t.Helper()
	objects := readObjects(t, path)
	return given{objects.snapshot(), objects.authenticated}
}

func readObjects(t *testing.T, path string) *objects {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	objects := &objects{
		services: map[string]map[string]*corev1.Service{}, namespaces: map[string]map[string]string{},
		classes: ingress.Classes{Params: map[string]*v1beta1.IngressClassParams{}},
	}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		objects.decode(t, path, document)
	}
	return objects
}

// objects are the documents of a case.
type objects struct {
	cluster    ingress.Snapshot
	classes    ingress.Classes
	namespaces map[string]map[string]string // labels by name
	ingresses  []*networkingv1.Ingress
	services   map[string]map[string]*corev1.Service // by namespace and name
	// authenticated are the priorities of rules that somebody else has put a guard before.
	authenticated []int32
}

// snapshot holds the Ingresses that are ours: all of them where a case has no class.
func (o *objects) snapshot() ingress.Snapshot {
	snapshot := o.cluster
	o.classes.Flag = "alb"
	o.classes.Labels = func(namespace string) map[string]string { return o.namespaces[namespace] }
	for _, object := range o.ingresses {
		class, ours := o.classes.Of(object)
		if len(o.classes.Classes) == 0 {
			class, ours = ingress.Class{}, true
		}
		if !ours {
			continue
		}
		snapshot.ID, _ = ingress.Group(object, class)
		snapshot.Members = append(snapshot.Members, ingress.Member{Ingress: object, Class: class, Services: o.services[object.Namespace]})
	}
	ingress.SortMembers(snapshot.Members)
	return snapshot
}

func (o *objects) decode(t *testing.T, path, document string) {
	t.Helper()
	var kind struct{ Kind string }
	strictly := func(into any) {
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	switch kind.Kind {
	case "Cluster":
		var c cluster
		strictly(&c)
		o.cluster.Config = c.Config
		o.cluster.Config.Cluster = "prod"
		o.cluster.Config.DefaultScheme = order.Or(c.Config.DefaultScheme, model.Internal)
		o.cluster.Config.DefaultTags, o.cluster.Config.DefaultTargetType = c.Tags, c.Target
		o.authenticated = c.Authenticated
		o.cluster.Network, o.cluster.BackendSecurityGroup, o.cluster.Leaving = c.Network, c.BackendSecurityGroup, c.Leaving
	case "Ingress":
		var object networkingv1.Ingress
		strictly(&object)
		o.ingresses = append(o.ingresses, &object)
	case "IngressClass":
		var class networkingv1.IngressClass
		strictly(&class)
		o.classes.Classes = append(o.classes.Classes, class)
	case "IngressClassParams":
		var params v1beta1.IngressClassParams
		strictly(&params)
		o.classes.Params[params.Name] = &params
	case "Namespace":
		var namespace corev1.Namespace
		strictly(&namespace)
		o.namespaces[namespace.Name] = namespace.Labels
	case "Service":
		var service corev1.Service
		strictly(&service)
		if o.services[service.Namespace] == nil {
			o.services[service.Namespace] = map[string]*corev1.Service{}
		}
		o.services[service.Namespace][service.Name] = &service
	default:
		t.Fatalf("%s: kind %q is none that a snapshot holds", path, kind.Kind)
	}
}

func compare(t *testing.T, path string, got any) {
	t.Helper()
	text, err := yaml.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (make golden writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
