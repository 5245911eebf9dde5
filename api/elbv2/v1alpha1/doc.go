// Package v1alpha1 is the older version of the API group elbv2.k8s.aws. It is served, and never
// stored: a cluster whose etcd was written with it could not have its CRD replaced by one that
// does not know it. Nobody converts; the schema keeps what both versions have.
//
// TargetGroupBinding has here what it had before it knew address families, node selectors,
// VPCs, protocols and conditions; see v1beta1 for what the fields mean. Whoever writes
// through this version loses what only v1beta1 has.
//
//	apiVersion: elbv2.k8s.aws/v1alpha1
//	kind: TargetGroupBinding
//	metadata: {name: shop, namespace: web}
//	spec:
//	  serviceRef: {name: shop, port: 80}
//	  targetGroupARN: arn:aws:elasticloadbalancing:…
//
// The controller reads and writes v1beta1 only.
//
// +kubebuilder:object:generate=true
// +groupName=elbv2.k8s.aws
package v1alpha1
