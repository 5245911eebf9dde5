package config

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// Policies are the admission policies of the folder policies/.
func Policies() ([]admissionregistrationv1.MutatingAdmissionPolicy, error) {
	return decode[admissionregistrationv1.MutatingAdmissionPolicy]("policies", "MutatingAdmissionPolicy")
}

// Bindings are what puts them to work.
func Bindings() ([]admissionregistrationv1.MutatingAdmissionPolicyBinding, error) {
	return decode[admissionregistrationv1.MutatingAdmissionPolicyBinding]("policies", "MutatingAdmissionPolicyBinding")
}

// Webhooks are the configurations of the folder webhook/.
func Webhooks() ([]admissionregistrationv1.MutatingWebhookConfiguration, error) {
	return decode[admissionregistrationv1.MutatingWebhookConfiguration]("webhook", "MutatingWebhookConfiguration")
}

// decode reads the documents of one kind, in the order of the files.
func decode[T any](folder, kind string) ([]T, error) {
	files, err := fs.Glob(Files, path.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	var found []T
	for _, file := range files {
		text, err := Files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			var head metav1.TypeMeta
			if err := yaml.Unmarshal(document, &head); err != nil {
				return nil, fmt.Errorf("reading %s: %w", file, err)
			}
			if head.Kind != kind {
				continue
			}
			var object T
			if err := yaml.UnmarshalStrict(document, &object); err != nil {
				return nil, fmt.Errorf("reading %s: %w", file, err)
			}
			found = append(found, object)
		}
	}
	return found, nil
}
