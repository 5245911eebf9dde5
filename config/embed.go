// Package config holds the manifests that a cluster needs for Sluice, as files that
// kubectl can apply and embedded, so that the lab, the tests and the programs read
// the very same bytes.
//
// They are charts/sluice rendered with its default values (make generate): change the
// templates there. install.yaml has all of it in one file, with the Deployment, for people.
//
// They are applied in this order, because each needs the ones before it:
//
//	crd/           the custom resources; generated from the types in api/, by way of the chart
//	policies/      admission policies: readiness gates and draining
//	webhook/       the same for a cluster without such policies (Kubernetes before 1.36):
//	               one of the two is enough, and both at once do no harm
//	rbac/          the service account of the controller and what it may do
//	modes/         what takes its place in the modes gates-only and observe, a file each
//	validation/    what would be refused anyway is refused at once: what a schema cannot say; and
//	               what the service account may change of what it may write. These policies need
//	               Kubernetes 1.31, and nothing else needs them
//	ingressclass/  the class "alb"
//
// The controller itself is in install.yaml alone. Policies and webhook work without it, and outlive it.
package config

import "embed"

// Files are the manifests, by the paths listed above.
//
//go:embed crd/*.yaml policies/*.yaml validation/*.yaml webhook/*.yaml rbac/*.yaml modes/*.yaml ingressclass/*.yaml
var Files embed.FS

// Order lists the folders of Files in the order in which they are applied.
func Order() []string {
	return []string{"crd", "policies", "webhook", "rbac", "validation", "ingressclass"}
}
