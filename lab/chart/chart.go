// Package chart renders charts/sluice by the Helm library, as `helm template` does.
//
// In go values and what a cluster can; out come the manifests, or what is wrong with the values. It asks no
// cluster.
//
//	rendered, err := chart.Render(dir, chart.Options{Values: map[string]any{"clusterName": "prod"}})
package chart

import (
	"cmp"
	"fmt"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/loader"
	"helm.sh/helm/v4/pkg/release"
)

// Options are what a rendering depends on beside the chart.
type Options struct {
	Values      map[string]any
	Namespace   string   // empty: kube-system
	KubeVersion string   // such as v1.34.0; empty: v1.36.0
	APIVersions []string // kinds that the cluster serves; empty: nobody was asked
}

// Rendered is a release that is not installed.
type Rendered struct {
	Manifest string
	Hooks    string
	Notes    string
}

// Render renders the chart in a directory.
func Render(dir string, options Options) (Rendered, error) {
	loaded, err := loader.Load(dir)
	if err != nil {
		return Rendered{}, err
	}
	install := action.NewInstall(action.NewConfiguration())
	install.DryRunStrategy = action.DryRunClient
	install.ReleaseName, install.Namespace = "sluice", cmp.Or(options.Namespace, "kube-system")
	install.APIVersions = options.APIVersions
	// Said in any case: the library's own depends on how this program was built.
	if install.KubeVersion, err = common.ParseKubeVersion(cmp.Or(options.KubeVersion, "v1.36.0")); err != nil {
		return Rendered{}, fmt.Errorf("version of Kubernetes %q: %w", options.KubeVersion, err)
	}
	made, err := install.Run(loaded, options.Values)
	if err != nil {
		return Rendered{}, err
	}
	return read(made)
}

func read(made release.Releaser) (Rendered, error) {
	accessor, err := release.NewAccessor(made)
	if err != nil {
		return Rendered{}, err
	}
	rendered := Rendered{Manifest: accessor.Manifest(), Notes: accessor.Notes()}
	for _, one := range accessor.Hooks() {
		hook, err := release.NewHookAccessor(one)
		if err != nil {
			return Rendered{}, err
		}
		rendered.Hooks += "---\n# Source: " + hook.Path() + "\n" + hook.Manifest() + "\n"
	}
	return rendered, nil
}
