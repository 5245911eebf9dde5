package config_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
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

// TestAdmission applies everything in this folder to the API server behind
// KUBECONFIG_ADMISSION (1.36 or newer) and creates the Pod of each case there.
func TestAdmission(t *testing.T) {
	kubeconfig := os.Getenv("KUBECONFIG_ADMISSION")
	if kubeconfig == "" {
		t.Skip("KUBECONFIG_ADMISSION names no API server to test the policies on")
	}
	cluster := connect(t, kubeconfig)
	cluster.applyEmbedded(t)
	cluster.applyFile(t, filepath.Join("testdata", "admission-extra", "late-sidecar.yaml"))
	cases := admissioncases.Load(t, filepath.Join("testdata", "admission"))
	cluster.waitForPolicies(t, cases)

	for round := range rounds {
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
	if diff := cmp.Diff(tc.Want, got, cmpopts.EquateEmpty()); diff != "" {
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
		if diff := cmp.Diff(container.Env, after.Spec.Containers[i].Env, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("variables of container %s changed (-before +after):\n%s", container.Name, diff)
		}
		if diff := cmp.Diff(container.Ports, after.Spec.Containers[i].Ports, cmpopts.EquateEmpty(), noProtocol); diff != "" {
			t.Errorf("ports of container %s changed (-before +after):\n%s", container.Name, diff)
		}
	}
}

// waitForPolicies waits until the API server evaluates what has just been applied: until one
// case of each policy comes out as it must.
func (c *cluster) waitForPolicies(t *testing.T, cases []admissioncases.Case) {
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
				diff = cmp.Diff(tc.Want, got, cmpopts.EquateEmpty())
				return err == nil && diff == "", nil
			})
		if err != nil {
			t.Fatalf("%s: the policies do not take effect (-want +got):\n%s", tc.Name, diff)
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
