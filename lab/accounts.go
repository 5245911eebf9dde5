package lab

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/iam"
	"github.com/sluice-lb/sluice/lab/manifest"
)

// accountOf is the service account of a mode's controller. In a cluster there is one mode and one
// account; a lab has controllers of all modes, and each has the rights of its own.
func accountOf(mode iam.Mode) string {
	if mode == iam.Full {
		return "sluice"
	}
	return "sluice-" + string(mode)
}

// AccountsOfModes are config/modes with names that differ.
func AccountsOfModes() (all []*unstructured.Unstructured, err error) {
	for _, mode := range []iam.Mode{iam.GatesOnly, iam.Observe} {
		text, err := config.Files.ReadFile("modes/" + string(mode) + ".yaml")
		if err != nil {
			return nil, err
		}
		objects, err := manifest.Decode(text)
		if err != nil {
			return nil, fmt.Errorf("config/modes/%s.yaml: %w", mode, err)
		}
		for _, object := range objects {
			renamed(object.Object, accountOf(mode))
			all = append(all, object)
		}
	}
	return all, nil
}

// renamed gives an object, and those that it refers to, the name of another account.
func renamed(object map[string]any, account string) {
	rename := func(in any) {
		if fields, ok := in.(map[string]any); ok {
			if name, ok := fields["name"].(string); ok {
				fields["name"] = strings.Replace(name, "sluice", account, 1)
			}
		}
	}
	rename(object["metadata"])
	rename(object["roleRef"])
	if subjects, ok := object["subjects"].([]any); ok {
		for _, subject := range subjects {
			rename(subject)
		}
	}
}

// writeAccounts writes a kubeconfig for each mode's controller.
func (l *Lab) writeAccounts(ctx context.Context) error {
	for _, mode := range iam.Modes() {
		if err := l.cluster.WriteServiceAccountKubeconfig(ctx, l.dir.controllerKubeconfigOf(mode), "kube-system", accountOf(mode)); err != nil {
			return err
		}
	}
	return nil
}
