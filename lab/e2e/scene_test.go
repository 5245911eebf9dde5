package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/lab/program"
	"github.com/sluice-lb/sluice/lab/spawn"
)

// scene is a namespace of a lab and what a test does in it. Every method ends the test when the
// lab cannot be asked.
type scene struct {
	t         *testing.T
	lab       *spawn.Lab
	namespace string
	client    kubernetes.Interface // for what is asked often; kubectl is a process each time
}

// newScene makes a namespace, named after the test, in the shared lab.
func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneIn(t, theLab(t))
}

func newSceneIn(t *testing.T, lab *spawn.Lab) *scene {
	t.Helper()
	return newSceneNamed(t, lab, t.Name())
}

func newSceneNamed(t *testing.T, lab *spawn.Lab, name string) *scene {
	t.Helper()
	name = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-")
	s := &scene{t: t, lab: lab, namespace: strings.Trim(name[:min(len(name), 50)], "-")}
	s.client = clientOf(t, lab)
	s.kubectl("create", "namespace", s.namespace)
	return s
}

// clientOf asks as an administrator, as often as a test likes.
func clientOf(t *testing.T, lab *spawn.Lab) kubernetes.Interface {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", lab.Dir.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// kubectl runs kubectl in the namespace and returns its output.
func (s *scene) kubectl(args ...string) string {
	s.t.Helper()
	out, err := run(s.t, append([]string{"kubectl", "--dir", string(s.lab.Dir), "--namespace", s.namespace}, args...)...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// apply applies a manifest, written with the indentation of the test.
func (s *scene) apply(manifest string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "manifest.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(manifest, "\t", "")), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.kubectl("apply", "-f", file)
}

func (s *scene) eventually(what string, is func() bool) {
	s.t.Helper()
	eventually(s.t, what, is)
}

// pods are those with the given labels, such as "app=web".
func (s *scene) pods(labels string) []corev1.Pod {
	s.t.Helper()
	list, err := s.client.CoreV1().Pods(s.namespace).List(s.t.Context(), metav1.ListOptions{LabelSelector: labels})
	if err != nil {
		s.t.Fatal(err)
	}
	return list.Items
}

// condition is a Pod's; the zero value if it has none of that type.
func condition(pod corev1.Pod, kind corev1.PodConditionType) corev1.PodCondition {
	for _, one := range pod.Status.Conditions {
		if one.Type == kind {
			return one
		}
	}
	return corev1.PodCondition{}
}

// ready counts the Pods that are Ready.
func (s *scene) ready(labels string) int {
	s.t.Helper()
	n := 0
	for _, pod := range s.pods(labels) {
		if condition(pod, corev1.PodReady).Status == corev1.ConditionTrue {
			n++
		}
	}
	return n
}

// get asks a Pod directly.
func get(url string) (program.Echo, error) {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return program.Echo{}, err
	}
	defer response.Body.Close()
	var echo program.Echo
	return echo, json.NewDecoder(response.Body).Decode(&echo)
}

// hostname is that of the load balancer in the Ingress's status, or "".
func (s *scene) hostname(ingress string) string {
	s.t.Helper()
	object, err := s.client.NetworkingV1().Ingresses(s.namespace).Get(s.t.Context(), ingress, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, balancer := range object.Status.LoadBalancer.Ingress {
		return balancer.Hostname
	}
	return ""
}

// warnings are the notes of the warning events on an Ingress.
func (s *scene) warnings(ingress string) string {
	s.t.Helper()
	list, err := s.client.EventsV1().Events(s.namespace).List(s.t.Context(), metav1.ListOptions{FieldSelector: "type=Warning"})
	if err != nil {
		s.t.Fatal(err)
	}
	var notes []string
	for _, event := range list.Items {
		if event.Regarding.Kind == "Ingress" && event.Regarding.Name == ingress {
			notes = append(notes, event.Note)
		}
	}
	return strings.Join(notes, "\n")
}
