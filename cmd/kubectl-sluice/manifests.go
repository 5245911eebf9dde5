package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// manifests reads files, the files of folders, and "-", as kubectl does.
func manifests(names []string, in io.Reader) ([]unstructured.Unstructured, error) {
	var all []unstructured.Unstructured
	for _, name := range names {
		if name == "-" {
			objects, err := decode("-", in)
			if err != nil {
				return nil, err
			}
			all = append(all, objects...)
			continue
		}
		files, err := manifestFiles(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			objects, err := readManifest(file)
			if err != nil {
				return nil, err
			}
			all = append(all, objects...)
		}
	}
	return all, nil
}

// manifestFiles are a file itself, or what a folder directly holds.
func manifestFiles(name string) ([]string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{name}, nil
	}
	entries, err := fs.ReadDir(os.DirFS(name), ".")
	if err != nil {
		return nil, err
	}
	var files []string
	for _, entry := range entries {
		if !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(entry.Name())) {
			files = append(files, filepath.Join(name, entry.Name()))
		}
	}
	return files, nil
}

func readManifest(file string) ([]unstructured.Unstructured, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	return decode(file, opened)
}

// decode reads the objects of a stream; lists count as what they hold.
func decode(name string, in io.Reader) ([]unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(in, 4096)
	var all []unstructured.Unstructured
	for {
		var object unstructured.Unstructured
		err := decoder.Decode(&object.Object)
		switch {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("reading %s: %w", name, err)
		case len(object.Object) == 0: // between two separators
		case object.GetKind() == "" || object.GetAPIVersion() == "":
			return nil, fmt.Errorf("reading %s: an object has no kind or apiVersion; is it a manifest?", name)
		case object.IsList() && strings.HasSuffix(object.GetKind(), "List"):
			list, err := object.ToList()
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			all = append(all, list.Items...)
		default:
			all = append(all, object)
		}
	}
}
