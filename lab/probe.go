package lab

import (
	"context"
	_ "embed" // for probe.yaml
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/lab/manifest"
)

const (
	probeName    = "sluice-lab-probe"
	probeSeen    = "sluice.lab/seen"
	policyWithin = 30 * time.Second
)

//go:embed probe.yaml
var probePolicy []byte

// awaitPolicies waits until admission policies act. The API server takes them up a second or two
// after it has stored them, in their order; Pods made in between would go without gates and
// draining, and nobody would see why.
func (l *Lab) awaitPolicies(ctx context.Context) error {
	objects, err := manifest.Decode(probePolicy)
	if err != nil {
		return err
	}
	applier, err := manifest.NewApplier(l.cluster.Admin)
	if err != nil {
		return err
	}
	if err := applier.Apply(ctx, objects); err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(l.cluster.Admin)
	if err != nil {
		return err
	}
	if err := awaitProbe(ctx, client); err != nil {
		return err
	}
	policies := client.AdmissionregistrationV1()
	return errors.Join(
		policies.MutatingAdmissionPolicyBindings().Delete(ctx, probeName, metav1.DeleteOptions{}),
		policies.MutatingAdmissionPolicies().Delete(ctx, probeName, metav1.DeleteOptions{}),
	)
}

// awaitProbe makes a ConfigMap again and again, without storing it, until the policy has had it.
func awaitProbe(ctx context.Context, client kubernetes.Interface) error {
	ctx, cancel := context.WithTimeout(ctx, policyWithin)
	defer cancel()
	probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: probeName}}
	for {
		got, err := client.CoreV1().ConfigMaps(metav1.NamespaceDefault).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if err == nil && got.Annotations[probeSeen] != "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("admission policies do not act after %s", policyWithin), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
