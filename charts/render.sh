#!/bin/bash
# Renders charts/sluice into config/: what kubectl applies, what the programs embed, and
# config/install.yaml for people. Everything in config/ but its Go code is written by this.
#
#   charts/render.sh HELM
set -euo pipefail

helm=$1
cd "$(dirname "$0")/.."
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

# Without what Helm alone needs: where a document comes from, labels and annotations of releases,
# and empty lines where a document ends.
plain() {
	sed -E -e '/^# Source: /d' -e '/^ +(helm\.sh\/|app\.kubernetes\.io\/instance: )/d' |
		awk '/^$/ { empty = empty "\n"; next } { if ($0 != "---") printf "%s", empty; empty = ""; print }'
}

# render FOLDER... [-- SETTING...]: the templates in these folders, a file each.
render() {
	local folders=() folder file
	while [[ $# -gt 0 && $1 != -- ]]; do folders+=("$1") && shift; done
	"$helm" template sluice charts/sluice --namespace kube-system --kube-version v1.36.0 --no-hooks --output-dir "$rendered" \
		--set clusterName=YOUR-CLUSTER,vpcId=YOUR-VPC,image.repository=your-registry/sluice "${@:2}" >/dev/null
	for folder in "${folders[@]}"; do
		rm -rf "config/$folder" && mkdir "config/$folder"
		for file in "$rendered/sluice/templates/$folder"/*.yaml; do
			plain <"$file" | sed -e '1{/^---$/d}' >"config/$folder/$(basename "$file")"
		done
	done
}

# Definitions as the types say, without what a release adds to them.
rm -rf config/crd && cp -r charts/sluice/files/crds config/crd
render policies rbac validation ingressclass -- --set injection=policies
render webhook -- --set injection=webhook
# The rights of the other modes.
rm -rf config/modes && mkdir config/modes
for mode in gates-only observe; do
	"$helm" template sluice charts/sluice --namespace kube-system --kube-version v1.36.0 --no-hooks --set mode=$mode,injection=none,clusterName=YOUR-CLUSTER,image.repository=your-registry/sluice \
		--show-only templates/rbac/rbac.yaml | plain | sed -e '1{/^---$/d}' >config/modes/$mode.yaml
done

{
	cat <<'HEAD'
# Sluice in one file, for clusters that use no Helm: everything that charts/sluice makes of its
# default values, for Kubernetes 1.36 and newer. Before you apply it, say where you keep the image
# (your-registry/sluice; the Dockerfile builds it), and in the arguments of the Deployment "sluice"
#
#   --cluster-name=YOUR-CLUSTER   the name that the cluster's AWS resources are tagged with
#   --aws-vpc-id=YOUR-VPC         the id of the cluster's VPC, vpc-…
#
# and let the service account kube-system/sluice have its IAM role: by a Pod Identity association,
# or by the annotation eks.amazonaws.com/role-arn. Then
#
#   kubectl apply --server-side -f install.yaml
#
# Before it is taken away again run `kubectl sluice release -A`, which ends injection and opens all
# gates, and leave the CustomResourceDefinitions, with which all their objects would go.
HEAD
	"$helm" template sluice charts/sluice --namespace kube-system --kube-version v1.36.0 --no-hooks --set injection=policies \
		--set clusterName=YOUR-CLUSTER,vpcId=YOUR-VPC,image.repository=your-registry/sluice | plain
} >config/install.yaml
