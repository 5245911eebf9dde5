// Package manifest reads manifests and applies them, of whatever kinds they are.
//
// In go YAML or JSON documents; out come objects in the order of the files, and, after Apply, a
// cluster that has them. Applying twice changes nothing, and custom resources may stand behind
// their definitions in the same list: Apply waits until the API server serves them.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Decode reads all documents; lists are taken apart, empty documents left out.
func Decode(text []byte) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var objects []*unstructured.Unstructured
	for number := 1; ; number++ {
		var fields map[string]any
		err := decoder.Decode(&fields)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		if len(fields) == 0 {
			continue
		}
		object := &unstructured.Unstructured{Object: fields}
		if object.GetKind() == "" || object.GetAPIVersion() == "" {
			return nil, fmt.Errorf("document %d has no apiVersion or no kind; is it a Kubernetes manifest?", number)
		}
		if !object.IsList() {
			objects = append(objects, object)
			continue
		}
		err = object.EachListItem(func(item runtime.Object) error {
			objects = append(objects, item.(*unstructured.Unstructured))
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
	}
}

// DecodeFolders reads the YAML files of the given folders, in that order and by name within.
func DecodeFolders(files fs.FS, folders []string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, folder := range folders {
		names, err := fs.Glob(files, path.Join(folder, "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			found, err := Decode(text)
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			objects = append(objects, found...)
		}
	}
	return objects, nil
}
