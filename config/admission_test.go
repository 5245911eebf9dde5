package config_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/test/admissioncases"
)

// rounds is how often every case runs. The API server puts the policies in a new,
// arbitrary order whenever one of them changes, and the result must not depend on it.
const rounds = 5

// TestAdmission applies the folders of this package to the API server behind
// KUBECONFIG_ADMISSION and creates the Pod of each case there. ADMISSION_BY says what injects:
// the policies (Kubernetes 1.36 or newer), which it applies; the webhook, which must be there;
// or both.
func TestAdmission(t *testing.T) {
	kubeconfig, by := os.Getenv("KUBECONFIG_ADMISSION"), cmp.Or(os.Getenv("ADMISSION_BY"), "policies")
	if kubeconfig == "" {
		t.Skip("KUBECONFIG_ADMISSION names no API server to test admission on")
	}
	cluster := connect(t, kubeconfig)
	cluster.applyEmbedded(t, "crd", "rbac", "ingressclass")
	if by != "webhook" {
		cluster.applyEmbedded(t, "policies")
	}
	if by == "policies" {
		cluster.applyFile(t, filepath.Join("testdata", "admission-extra", "late-sidecar.yaml"))
	} else {
		cluster.addSidecarsByWebhook(t)
	}
	cases := admissioncases.Load(t, filepath.Join("testdata", "admission"))
	cluster.waitForInjection(t, cases)

	for round := range map[string]int{"policies": rounds, "webhook": 1, "both": 2}[by] {
		cluster.shufflePolicies(t)
		// A group: its parallel cases are over before the next round begins.
		t.Run(fmt.Sprintf("round-%d", round), func(t *testing.T) {
			for _, c := range cases {
				t.Run(c.Name, func(t *testing.T) {
					t.Parallel()
					cluster.expect(t, c)
				})
			}
		})
	}
}

func (c *cluster) expect(t *testing.T, tc admissioncases.Case) {
	t.Helper()
	got, err := c.create(t, tc)
	if err != nil {
		t.Fatalf("admission must never reject a Pod: %v", err)
	}
	if diff := gocmp.Diff(tc.Want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("admission made something else of the Pod (-want +got):\n%s", diff)
	}
}

// create makes the namespace of the case with all that is in it, then the Pod, and says what
// the Pod has become. The namespace is gone afterwards.
func (c *cluster) create(t *testing.T, tc admissioncases.Case) (admissioncases.Outcome, error) {
	t.Helper()
	ctx := t.Context()
	namespace, err := c.typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "admission-",
			Labels:       tc.Namespace.Labels,
			Annotations:  tc.Namespace.Annotations,
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return admissioncases.Outcome{}, fmt.Errorf("creating the namespace: %w", err)
	}
	defer c.deleteNamespace(namespace.Name)
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default", Namespace: namespace.Name}}
	_, err = c.typed.CoreV1().ServiceAccounts(namespace.Name).Create(ctx, account, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return admissioncases.Outcome{}, fmt.Errorf("creating the service account: %w", err)
	}
	if tc.Gates != nil {
		c.createGateSet(t, namespace.Name, tc.Gates)
	}
	pod, err := createPod(ctx, c.typed, namespace.Name, tc)
	if err != nil {
		return admissioncases.Outcome{}, err
	}
	expectUntouched(t, &tc.Pod, pod)
	return admissioncases.OutcomeOf(pod), nil
}

// createPod is a dry run, which goes through admission as the real thing does, unless the case
// changes the Pod afterwards.
func createPod(ctx context.Context, client kubernetes.Interface, namespace string, tc admissioncases.Case) (*corev1.Pod, error) {
	pods := client.CoreV1().Pods(namespace)
	if tc.ThenLabel == nil {
		return pods.Create(ctx, tc.Pod.DeepCopy(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	}
	if _, err := pods.Create(ctx, tc.Pod.DeepCopy(), metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": tc.ThenLabel}})
	if err != nil {
		return nil, err
	}
	return pods.Patch(ctx, tc.Pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
}

// expectUntouched compares what admission has no business with, and a merge could damage.
func expectUntouched(t *testing.T, before, after *corev1.Pod) {
	t.Helper()
	noProtocol := cmpopts.IgnoreFields(corev1.ContainerPort{}, "Protocol", "HostPort")
	for i, container := range before.Spec.Containers {
		if diff := gocmp.Diff(container.Env, after.Spec.Containers[i].Env, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("variables of container %s changed (-before +after):\n%s", container.Name, diff)
		}
		if diff := gocmp.Diff(container.Ports, after.Spec.Containers[i].Ports, cmpopts.EquateEmpty(), noProtocol); diff != "" {
			t.Errorf("ports of container %s changed (-before +after):\n%s", container.Name, diff)
		}
	}
}

// waitForInjection waits until the API server does what has just been applied: until one
// case of each policy comes out as it must.
func (c *cluster) waitForInjection(t *testing.T, cases []admissioncases.Case) {
	t.Helper()
	telling := map[string]bool{
		"replicaset-pod-waits-for-what-may-come": true,
		"known-claim-names-its-gate":             true,
		"drain-auto":                             true,
		"drain-by-namespace":                     true,
		"drain-late-sidecar":                     true,
	}
	for _, tc := range cases {
		if !telling[tc.Name] {
			continue
		}
		var diff string
		err := wait.PollUntilContextTimeout(t.Context(), 200*time.Millisecond, 30*time.Second, true,
			func(context.Context) (bool, error) {
				got, err := c.create(t, tc)
				diff = gocmp.Diff(tc.Want, got, cmpopts.EquateEmpty())
				return err == nil && diff == "", nil
			})
		if err != nil {
			t.Fatalf("%s: injection does not take effect (-want +got):\n%s", tc.Name, diff)
		}
	}
}

// shufflePolicies changes a label of each policy, upon which the API server orders them anew, within
// two seconds. Nothing can be watched to see that it has.
func (c *cluster) shufflePolicies(t *testing.T) {
	t.Helper()
	policies := c.typed.AdmissionregistrationV1().MutatingAdmissionPolicies()
	list, err := policies.List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{"shuffled":"%d"}}}`, time.Now().UnixNano())
	for _, policy := range list.Items {
		if !bytes.HasPrefix([]byte(policy.Name), []byte("sluice-")) {
			continue
		}
		if _, err := policies.Patch(t.Context(), policy.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(2 * time.Second)
}
