package manifest

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// fieldManager is who owns what the lab applies.
const fieldManager = "sluice-lab"

// established bounds the wait for a new custom resource to be served.
const established = 20 * time.Second

// Applier applies objects to one cluster, on the server's side.
type Applier struct {
	client dynamic.Interface
	mapper *restmapper.DeferredDiscoveryRESTMapper
}

// NewApplier asks the API server for nothing yet.
func NewApplier(config *rest.Config) (*Applier, error) {
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	finder, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	return &Applier{client: client, mapper: restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(finder))}, nil
}

// Apply applies the objects in their order, taking over fields that others own. Objects without a
// namespace go to "default" where their kind has namespaces.
func (a *Applier) Apply(ctx context.Context, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		resource, err := a.resource(ctx, object)
		if err != nil {
			return fmt.Errorf("applying %s: %w", nameOf(object), err)
		}
		if _, err := resource.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: fieldManager, Force: true}); err != nil {
			return fmt.Errorf("applying %s: %w", nameOf(object), err)
		}
	}
	return nil
}

// resource waits for kinds that are not known: their definition may have been applied just now.
func (a *Applier) resource(ctx context.Context, object *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	ctx, cancel := context.WithTimeout(ctx, established)
	defer cancel()
	kind := object.GroupVersionKind()
	for {
		mapping, err := a.mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err == nil {
			return a.inNamespace(mapping, object), nil
		}
		if !meta.IsNoMatchError(err) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; is its CustomResourceDefinition applied?", err)
		case <-time.After(100 * time.Millisecond):
			a.mapper.Reset()
		}
	}
}

func (a *Applier) inNamespace(mapping *meta.RESTMapping, object *unstructured.Unstructured) dynamic.ResourceInterface {
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return a.client.Resource(mapping.Resource)
	}
	if object.GetNamespace() == "" {
		object.SetNamespace(metav1.NamespaceDefault)
	}
	return a.client.Resource(mapping.Resource).Namespace(object.GetNamespace())
}

func nameOf(object *unstructured.Unstructured) string {
	if namespace := object.GetNamespace(); namespace != "" {
		return fmt.Sprintf("%s %s/%s", object.GetKind(), namespace, object.GetName())
	}
	return object.GetKind() + " " + object.GetName()
}

// AwaitDefinitions waits until every CustomResourceDefinition among the objects is established.
func (a *Applier) AwaitDefinitions(ctx context.Context, objects []*unstructured.Unstructured) error {
	ctx, cancel := context.WithTimeout(ctx, established)
	defer cancel()
	for _, object := range objects {
		if object.GetKind() != "CustomResourceDefinition" {
			continue
		}
		for {
			done, err := a.isEstablished(ctx, object)
			if err != nil {
				return fmt.Errorf("waiting for %s: %w", nameOf(object), err)
			}
			if done {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%s is not established after %s; see its conditions", nameOf(object), established)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

func (a *Applier) isEstablished(ctx context.Context, object *unstructured.Unstructured) (bool, error) {
	resource, err := a.resource(ctx, object)
	if err != nil {
		return false, err
	}
	found, err := resource.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return false, err
	}
	conditions, _, err := unstructured.NestedSlice(found.Object, "status", "conditions")
	if err != nil {
		return false, err
	}
	for _, one := range conditions {
		condition, _ := one.(map[string]any)
		if condition["type"] == "Established" && condition["status"] == "True" {
			return true, nil
		}
	}
	return false, nil
}
