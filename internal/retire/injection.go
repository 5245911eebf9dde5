package retire

import (
	"context"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/sluice-lb/sluice/internal/readiness"
)

// What injects gates: bindings of policies, and configurations of webhooks. Those of draining
// stay.
var (
	injectingPolicies = []string{"sluice-anticipating-gate", "sluice-own-gates"}
	injectingWebhooks = []string{"sluice-gates"}
)

// stopInjection takes the label off one namespace, or takes away for all what injects.
func stopInjection(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	if namespace != metav1.NamespaceAll {
		return unlabel(ctx, client, namespace, out)
	}
	registered := client.AdmissionregistrationV1()
	for _, name := range injectingPolicies {
		if err := remove(ctx, "policy", name, registered.MutatingAdmissionPolicyBindings().Delete, out); err != nil {
			return err
		}
	}
	for _, name := range injectingWebhooks {
		if err := remove(ctx, "webhook", name, registered.MutatingWebhookConfigurations().Delete, out); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes what may not be there, or not be known to an older Kubernetes.
func remove(ctx context.Context, what, name string, del func(context.Context, string, metav1.DeleteOptions) error, out io.Writer) error {
	err := del(ctx, name, metav1.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("ending injection by %s %s: %w", what, name, err)
	}
	_, err = fmt.Fprintf(out, "nothing is injected by %s %s any more; to take it back: apply it anew\n", what, name)
	return err
}

func unlabel(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:null}}}`, readiness.InjectLabel)
	if _, err := client.CoreV1().Namespaces().Patch(ctx, namespace, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("taking the label %s off namespace %s: %w", readiness.InjectLabel, namespace, err)
	}
	_, err := fmt.Fprintf(out, "namespace %s has no label %s any more; to take it back: kubectl label namespace %s %s=enabled\n", namespace, readiness.InjectLabel, namespace, readiness.InjectLabel)
	return err
}
