package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/internal/diagnose"
)

// What may be abandoned, as the flag --abandon names it.
const (
	services = "services"
	gateways = "gateways"
)

// abandoned are objects whose load balancers only the incumbent keeps.
type abandoned struct {
	what  string // services or gateways
	names []string
}

// abandonNothing makes sure that nobody is left alone unknowingly: where Sluice runs in the place
// of the incumbent, the targets of its Network Load Balancers and Gateways are registered by
// nobody, and their objects cannot be deleted any more.
func abandonNothing(ctx context.Context, client kubernetes.Interface, untyped dynamic.Interface, told []string) error {
	all, err := abandonedNow(ctx, client, untyped, told)
	if err != nil {
		return err
	}
	var refused []string
	for _, one := range all {
		if slices.Contains(told, one.what) {
			log.FromContext(ctx).Info("nobody keeps their load balancers while the incumbent is away", "kind", one.what, "objects", one.names)
			continue
		}
		refused = append(refused, fmt.Sprintf("%s (%s); start with --abandon=%s if that is meant", one.what, strings.Join(one.names, ", "), one.what))
	}
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("aws-load-balancer-controller keeps load balancers that Sluice does not serve, and their targets would be registered by nobody: %s; "+
		"see kubectl sluice preflight", strings.Join(refused, "; "))
}

func abandonedNow(ctx context.Context, client kubernetes.Interface, untyped dynamic.Interface, told []string) ([]abandoned, error) {
	var all []abandoned
	list, err := client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("looking for Services that the incumbent serves: %w", err)
	}
	if names := diagnose.AbandonedServices(list.Items); len(names) > 0 {
		all = append(all, abandoned{services, names})
	}
	resource := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gateways"}
	objects, err := untyped.Resource(resource).List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) { // the cluster has no such kind
		return all, nil
	}
	if apierrors.IsForbidden(err) && slices.Contains(told, gateways) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for Gateways that the incumbent serves (config/rbac/ gives the right to; --abandon=%s does without): %w", gateways, err)
	}
	var found []diagnose.Gateway
	for _, object := range objects.Items {
		found = append(found, diagnose.Gateway{Namespace: object.GetNamespace(), Name: object.GetName(), Finalizers: object.GetFinalizers()})
	}
	if names := diagnose.AbandonedGateways(found); len(names) > 0 {
		all = append(all, abandoned{gateways, names})
	}
	return all, nil
}
