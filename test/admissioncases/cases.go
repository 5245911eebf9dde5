// Package admissioncases reads the table of what admission makes of Pods: the files in
// config/testdata/admission. A case is the namespace, its list of gates and the Pod that is
// created, and what must have become of it. The admission policies and the webhook have to
// agree with every case; each is tested where it lives.
package admissioncases

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
)

// Case is a file of the table.
type Case struct {
	// Name of the file, without its ending.
	Name string `json:"-"`

	Namespace struct {
		Labels      map[string]string `json:"labels,omitempty"`
		Annotations map[string]string `json:"annotations,omitempty"`
	} `json:"namespace"`
	// Gates is the spec of the gate set; there is no such object where it is absent.
	Gates []v1alpha1.Gate `json:"gates,omitempty"`
	Pod   corev1.Pod      `json:"pod"`
	// ThenLabel is set on the Pod after its creation.
	ThenLabel map[string]string `json:"thenLabel,omitempty"`
	Want      Outcome           `json:"want"`
}

// Outcome is what admission may have changed.
type Outcome struct {
	Gates []string `json:"gates"`
	// Annotations with our prefix.
	Annotations map[string]string `json:"annotations,omitempty"`
	// PreStop says for each container that has one what it does.
	PreStop      map[string]string `json:"preStop,omitempty"`
	GraceSeconds int64             `json:"graceSeconds"`
}

// Load reads all cases in a folder.
func Load(t *testing.T, folder string) []Case {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("looking for cases in %s: %d found, %v", folder, len(files), err)
	}
	cases := make([]Case, len(files))
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		cases[i].Name = strings.TrimSuffix(filepath.Base(file), ".yaml")
		if err := yaml.UnmarshalStrict(text, &cases[i]); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return cases
}

// OutcomeOf is what has become of a Pod that the API server has given its defaults.
func OutcomeOf(pod *corev1.Pod) Outcome {
	got := Outcome{
		Annotations:  map[string]string{},
		PreStop:      map[string]string{},
		GraceSeconds: *pod.Spec.TerminationGracePeriodSeconds,
	}
	for _, gate := range pod.Spec.ReadinessGates {
		got.Gates = append(got.Gates, string(gate.ConditionType))
	}
	for key, value := range pod.Annotations {
		if strings.HasPrefix(key, "sluice.dev/") {
			got.Annotations[key] = value
		}
	}
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, container := range containers {
			if container.Lifecycle == nil || container.Lifecycle.PreStop == nil {
				continue
			}
			if sleep := container.Lifecycle.PreStop.Sleep; sleep != nil {
				got.PreStop[container.Name] = fmt.Sprintf("sleep %d", sleep.Seconds)
			} else {
				got.PreStop[container.Name] = "exec"
			}
		}
	}
	return got
}
