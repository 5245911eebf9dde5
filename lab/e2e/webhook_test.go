package e2e

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/config"
)

// The webhook does what the policies do, beside them too, and neither its absence nor its end keeps
// a Pod from being created. One lab for all: each part begins where the one before has ended.
func TestWebhook(t *testing.T) {
	t.Parallel()
	binary, err := theController()
	if err != nil {
		t.Fatal(err)
	}
	lab := startLab(t, "--nodes=1", "--controller=false", "--injection=webhook", "--controller-binary="+binary, withoutStreamedLists)
	t.Run("same-pods", func(t *testing.T) { expectAdmission(t, lab, "webhook") })
	t.Run("no-old-tls", func(t *testing.T) { newSceneIn(t, lab).expectModernTLS() })
	t.Run("hangs", func(t *testing.T) { newGatedScene(t, lab).expectPodsWhileItHangs() })
	t.Run("modes-change", func(t *testing.T) { newGatedScene(t, lab).expectGatesWhileModesChange() })
	t.Run("same-pods-beside-policies", func(t *testing.T) { expectAdmission(t, lab, "both") })
	t.Run("release", func(t *testing.T) { newGatedScene(t, lab).expectReleaseForGood() })
}

func (s *scene) expectModernTLS() {
	s.t.Helper()
	asked, err := url.Parse(*s.configuration("sluice-gates").Webhooks[0].ClientConfig.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	for version, accepted := range map[uint16]bool{tls.VersionTLS12: false, tls.VersionTLS13: true} {
		// What it proves of itself is the API server's concern; here the version is.
		dialer := tls.Dialer{Config: &tls.Config{MaxVersion: version, InsecureSkipVerify: true}}
		connection, err := dialer.DialContext(s.t.Context(), "tcp", asked.Host)
		if err == nil {
			connection.Close()
		}
		if (err == nil) != accepted {
			s.t.Errorf("%s: accepted is to be %v; %v", tls.VersionName(version), accepted, err)
		}
	}
}

// A process that is stopped holds connections and answers nothing: the worst that can happen.
func (s *scene) expectPodsWhileItHangs() {
	s.t.Helper()
	pid := pidIn(s.t, s.lab.Dir.WebhookPID())
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		s.t.Fatal(err)
	}
	defer func() {
		if err := syscall.Kill(pid, syscall.SIGCONT); err != nil {
			s.t.Error(err)
		}
	}()
	began := time.Now()
	pod, err := s.tryPod(s.t.Context())
	if err != nil {
		s.t.Fatalf("a Pod is rejected because the webhook hangs: %v", err)
	}
	s.t.Logf("it was created after %s with gates %v", time.Since(began).Round(time.Millisecond), pod.Spec.ReadinessGates)
}

// First what is new, then away with what was: no Pod is without a gate, and none has two.
func (s *scene) expectGatesWhileModesChange() {
	s.t.Helper()
	stop := s.expectGatesAlways()
	webhooks := map[string]string{}
	for _, name := range []string{"sluice-gates", "sluice-drain"} {
		webhooks[name] = s.withoutAuthority(name)
	}
	s.apply(policies(s.t))
	settle()
	s.kubectl("delete", "mutatingwebhookconfiguration", "sluice-gates", "sluice-drain")
	settle()
	for _, manifest := range webhooks {
		s.apply(manifest)
	}
	s.eventually("the webhook has published its authority anew", func() bool {
		return len(s.configuration("sluice-gates").Webhooks[0].ClientConfig.CABundle) > 0
	})
	settle()
	s.kubectl("delete", "mutatingadmissionpolicybinding", "sluice-anticipating-gate", "sluice-own-gates")
	settle()
	if created := stop(); created < 50 {
		s.t.Errorf("only %d Pods were created meanwhile", created)
	} else {
		s.t.Logf("%d Pods were created meanwhile", created)
	}
}

// expectGatesAlways creates Pods, without storing them, until it is stopped; it returns how many.
func (s *scene) expectGatesAlways() (stop func() int) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var work sync.WaitGroup
	created := 0
	work.Go(func() {
		for ctx.Err() == nil {
			pod, err := s.tryPod(ctx)
			if ctx.Err() != nil {
				return
			}
			if err != nil || len(pod.Spec.ReadinessGates) != 1 || string(pod.Spec.ReadinessGates[0].ConditionType) != anticipatingGate {
				s.t.Errorf("after %d Pods one has gates %v, want the anticipating gate; %v", created, pod.Spec.ReadinessGates, err)
				return
			}
			created++
		}
	})
	return func() int {
		cancel()
		work.Wait()
		return created
	}
}

// expectReleaseForGood: the webhook goes on running, and does not bring its gates back.
func (s *scene) expectReleaseForGood() {
	s.t.Helper()
	plugin := filepath.Join(s.t.TempDir(), "kubectl-sluice")
	if out, err := exec.CommandContext(s.t.Context(), "go", "build", "-o", plugin, "github.com/sluice-lb/sluice/cmd/kubectl-sluice").CombinedOutput(); err != nil {
		s.t.Fatalf("building the plugin: %v\n%s", err, out)
	}
	release := exec.CommandContext(s.t.Context(), plugin, "release", "-A")
	release.Env = append(os.Environ(), "KUBECONFIG="+s.lab.Dir.Kubeconfig())
	if out, err := release.CombinedOutput(); err != nil {
		s.t.Fatalf("releasing: %v\n%s", err, out)
	}
	s.kubectl("label", "namespace", s.namespace, "sluice.dev/drain=auto")
	pid := pidIn(s.t, s.lab.Dir.WebhookPID())
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil { // it starts anew, with all that it does then
		s.t.Fatal(err)
	}
	s.eventually("another webhook drains", func() bool {
		now, err := s.tryPod(s.t.Context())
		return err == nil && now.Annotations["sluice.dev/injected-drain"] == "20"
	})
	pod, err := s.tryPod(s.t.Context())
	if err != nil || len(pod.Spec.ReadinessGates) > 0 {
		s.t.Errorf("a Pod has gates %v after the release; %v", pod.Spec.ReadinessGates, err)
	}
}

// tryPod creates a Pod of a ReplicaSet and does not store it.
func (s *scene) tryPod(ctx context.Context) (*corev1.Pod, error) {
	return s.client.CoreV1().Pods(s.namespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "web-", OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web", UID: "1"}}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
	}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

func (s *scene) configuration(name string) *admissionregistrationv1.MutatingWebhookConfiguration {
	s.t.Helper()
	found, err := s.client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(s.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// withoutAuthority is a configuration as somebody would apply it.
func (s *scene) withoutAuthority(name string) string {
	s.t.Helper()
	found := s.configuration(name)
	found.TypeMeta = metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"}
	found.ObjectMeta = metav1.ObjectMeta{Name: name, Labels: found.Labels}
	for i := range found.Webhooks {
		found.Webhooks[i].ClientConfig.CABundle = nil
	}
	text, err := json.Marshal(found)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// policies are the manifests in config/policies.
func policies(t *testing.T) string {
	t.Helper()
	files, err := fs.Glob(config.Files, "policies/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in config/policies, %v", len(files), err)
	}
	var texts []string
	for _, file := range files {
		text, err := config.Files.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	return strings.Join(texts, "\n---\n")
}

// settle lets the API server take up a change of policies or webhooks: a second or two, and
// nothing tells when it has.
func settle() { time.Sleep(4 * time.Second) }

func pidIn(t *testing.T, file string) int {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}
