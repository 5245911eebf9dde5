// Package v1beta1 holds the objects of the API group elbv2.k8s.aws, version
// v1beta1: TargetGroupBinding and IngressClassParams.
//
// Group, version, kinds and field names are those of
// aws-load-balancer-controller, so that objects which are already in a cluster
// go on working without being touched. The types say what can be written; they
// hold no behaviour. Defaults that depend on AWS (the type or the VPC of a target
// group) are filled in by the controller and not by the schema.
//
// A binding of one Service port to a target group that somebody else made:
//
//	apiVersion: elbv2.k8s.aws/v1beta1
//	kind: TargetGroupBinding
//	metadata: {name: shop, namespace: web}
//	spec:
//	  serviceRef: {name: shop, port: 80}
//	  targetGroupARN: arn:aws:elasticloadbalancing:…
//
// +kubebuilder:object:generate=true
// +groupName=elbv2.k8s.aws
package v1beta1
