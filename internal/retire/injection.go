package retire

import (
	"context"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// injectLabel is what asks for gates in a namespace; its value is "enabled".
const injectLabel = "elbv2.k8s.aws/pod-readiness-gate-inject"

// injecting are the policies that inject gates. That of draining stays.
var injecting = []string{"sluice-anticipating-gate", "sluice-own-gates"}

// stopInjection takes the label off one namespace, or takes away for all what injects.
func stopInjection(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	if namespace != metav1.NamespaceAll {
		return unlabel(ctx, client, namespace, out)
	}
	bindings := client.AdmissionregistrationV1().MutatingAdmissionPolicyBindings()
	for _, name := range injecting {
		err := bindings.Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("deleting the binding of policy %s: %w", name, err)
		}
		if err == nil {
			fmt.Fprintf(out, "nothing is injected by policy %s any more; to take it back: apply the policies anew\n", name)
		}
	}
	return nil
}

func unlabel(ctx context.Context, client kubernetes.Interface, namespace string, out io.Writer) error {
	patch := fmt.Appendf(nil, `{"metadata":{"labels":{%q:null}}}`, injectLabel)
	if _, err := client.CoreV1().Namespaces().Patch(ctx, namespace, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("taking the label %s off namespace %s: %w", injectLabel, namespace, err)
	}
	_, err := fmt.Fprintf(out, "namespace %s has no label %s any more; to take it back: kubectl label namespace %s %s=enabled\n", namespace, injectLabel, namespace, injectLabel)
	return err
}
