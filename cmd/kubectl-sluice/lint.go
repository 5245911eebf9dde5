package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// lint says what is wrong with the annotations of manifests, or of what is in the namespace.
// With manifests it asks no cluster. Anything that is wrong makes exit code 1.
func lint(ctx context.Context, flags clientcmd.ClientConfig, files []string, in io.Reader, out io.Writer) error {
	objects, err := manifests(files, in)
	if len(files) == 0 {
		objects, err = linted(ctx, flags)
	}
	if err != nil {
		return exit{2, err}
	}
	count := 0
	for _, object := range objects {
		on, values, known := annotated(object)
		if !known {
			continue
		}
		for _, finding := range annotations.Check(on, values) {
			count++
			fmt.Fprintf(out, "%s %s\n  %s\n  remedy: %s\n", strings.ToLower(object.GetKind()), named(object), finding.Message, finding.Remedy)
		}
	}
	if count > 0 {
		return exit{1, nil}
	}
	_, err = fmt.Fprintf(out, "nothing is wrong with the annotations of %d objects\n", len(objects))
	return err
}

func named(object unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return object.GetName()
	}
	return object.GetNamespace() + "/" + object.GetName()
}

// annotated is what an object says in annotations, and what kind of object reads them: a
// workload's are those of its Pods.
func annotated(object unstructured.Unstructured) (on annotations.Object, values map[string]string, known bool) {
	switch kind := object.GetKind(); {
	case kind == "Ingress":
		return annotations.OnIngress, object.GetAnnotations(), true
	case kind == "Service":
		return annotations.OnService, object.GetAnnotations(), true
	case kind == "Pod":
		return annotations.OnPod, object.GetAnnotations(), true
	case kind == "Namespace":
		return annotations.OnNamespace, object.GetAnnotations(), true
	case slices.Contains([]string{"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job"}, kind):
		values, _, _ := unstructured.NestedStringMap(object.Object, "spec", "template", "metadata", "annotations")
		return annotations.OnPod, values, true
	}
	return 0, nil, false
}

// linted are the objects of the namespace, as manifests.
func linted(ctx context.Context, flags clientcmd.ClientConfig) ([]unstructured.Unstructured, error) {
	c, err := connect(flags)
	if err != nil {
		return nil, err
	}
	var all []unstructured.Unstructured
	add := func(kind string, object runtime.Object) error {
		values, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
		all = append(all, unstructured.Unstructured{Object: values})
		all[len(all)-1].SetKind(kind)
		return err
	}
	ingresses, err := c.typed.NetworkingV1().Ingresses(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	services, err := c.typed.CoreV1().Services(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	pods, err := c.typed.CoreV1().Pods(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	namespace, err := c.typed.CoreV1().Namespaces().Get(ctx, c.namespace, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	errs := []error{add("Namespace", namespace)}
	for i := range ingresses.Items {
		errs = append(errs, add("Ingress", &ingresses.Items[i]))
	}
	for i := range services.Items {
		errs = append(errs, add("Service", &services.Items[i]))
	}
	for i := range pods.Items {
		errs = append(errs, add("Pod", &pods.Items[i]))
	}
	return all, errors.Join(errs...)
}
