package config_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/config"
)

// cluster is an API server that a test may fill.
type cluster struct {
	typed   kubernetes.Interface
	dynamic dynamic.Interface
	mapper  *restmapper.DeferredDiscoveryRESTMapper
}

func connect(t *testing.T, kubeconfig string) *cluster {
	t.Helper()
	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	restConfig.QPS, restConfig.Burst = 200, 200
	// Some cases are about things the API server warns of.
	restConfig.WarningHandler = rest.NoWarnings{}
	typed, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	untyped, err := dynamic.NewForConfig(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(typed.Discovery()))
	return &cluster{typed: typed, dynamic: untyped, mapper: mapper}
}

// applyEmbedded applies folders of the embedded manifests.
func (c *cluster) applyEmbedded(t *testing.T, folders ...string) {
	t.Helper()
	for _, folder := range folders {
		files, err := fs.Glob(config.Files, path.Join(folder, "*.yaml"))
		if err != nil || len(files) == 0 {
			t.Fatalf("looking for manifests in %s: %d found, %v", folder, len(files), err)
		}
		for _, file := range files {
			text, err := config.Files.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c.apply(t, file, text)
		}
	}
}

func (c *cluster) applyFile(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c.apply(t, file, text)
}

func (c *cluster) apply(t *testing.T, file string, text []byte) {
	t.Helper()
	decoder := yamlutil.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := c.applyObject(t.Context(), object); err != nil {
			t.Fatalf("%s: applying %s %s: %v", file, object.GetKind(), object.GetName(), err)
		}
	}
}

func (c *cluster) applyObject(ctx context.Context, object *unstructured.Unstructured) error {
	gvk := object.GroupVersionKind()
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return err
	}
	var client dynamic.ResourceInterface = c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		client = c.dynamic.Resource(mapping.Resource).Namespace(object.GetNamespace())
	}
	_, err = client.Apply(ctx, object.GetName(), object, metav1.ApplyOptions{FieldManager: "sluice-test", Force: true})
	return err
}

func (c *cluster) createGateSet(t *testing.T, namespace string, gates []v1alpha1.Gate) {
	t.Helper()
	set := &v1alpha1.ReadinessGateSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "ReadinessGateSet"},
		ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.ReadinessGateSetName, Namespace: namespace},
		Spec:       v1alpha1.ReadinessGateSetSpec{Gates: gates},
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(set)
	if err != nil {
		t.Fatal(err)
	}
	resource := v1alpha1.GroupVersion.WithResource("readinessgatesets")
	_, err = c.dynamic.Resource(resource).Namespace(namespace).
		Create(t.Context(), &unstructured.Unstructured{Object: content}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("creating the gate set: %v", err)
	}
}

// deleteNamespace has a context of its own: that of the test is over when it runs.
func (c *cluster) deleteNamespace(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// A namespace that stays behind does no harm to other cases.
	_ = c.typed.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
}
