package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/preview"
)

// objects are those of a cluster that load balancers are made from.
type objects struct {
	Ingresses  []networkingv1.Ingress
	Classes    []networkingv1.IngressClass
	Services   []corev1.Service
	Namespaces []corev1.Namespace
	Params     []v1beta1.IngressClassParams
	Bindings   []v1beta1.TargetGroupBinding
}

// objects of all namespaces: Ingresses of several may share a load balancer.
func (c *cluster) objects(ctx context.Context) (objects, error) {
	var o objects
	ingresses, err := c.typed.NetworkingV1().Ingresses(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return o, err
	}
	classes, err := c.typed.NetworkingV1().IngressClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return o, err
	}
	services, err := c.typed.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return o, err
	}
	namespaces, err := c.typed.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return o, err
	}
	o = objects{Ingresses: ingresses.Items, Classes: classes.Items, Services: services.Items, Namespaces: namespaces.Items}
	if o.Params, err = listOf[v1beta1.IngressClassParams](ctx, c, v1beta1.GroupVersion.WithResource("ingressclassparams"), ""); err != nil && !apierrors.IsNotFound(err) {
		return o, err
	}
	if o.Bindings, err = listOf[v1beta1.TargetGroupBinding](ctx, c, v1beta1.GroupVersion.WithResource("targetgroupbindings"), ""); err != nil && !apierrors.IsNotFound(err) {
		return o, err
	}
	return o, nil
}

// cluster is what a preview is made from.
func (o objects) cluster(s settings) preview.Cluster {
	params := map[string]*v1beta1.IngressClassParams{}
	for i := range o.Params {
		params[o.Params[i].Name] = &o.Params[i]
	}
	labels := map[string]map[string]string{}
	for _, namespace := range o.Namespaces {
		labels[namespace.Name] = namespace.Labels
	}
	return preview.Cluster{
		Config: s.Build(), BackendSecurityGroup: s.BackendSecurityGroup,
		Classes: ingress.Classes{
			Flag: s.IngressClass, Classes: o.Classes, Params: params,
			Labels: func(namespace string) map[string]string { return labels[namespace] },
		},
		Ingresses: o.Ingresses, Services: o.Services, Bindings: o.Bindings,
	}
}

// reference names an object of a kind that stacks are made from.
type reference struct{ kind, namespace, name string }

// overlay puts the objects of manifests in the place of the cluster's. It says which ones, and of
// what kinds others were.
func (o *objects) overlay(manifests []unstructured.Unstructured, namespace string) (touched map[reference]bool, ignored []string, err error) {
	touched = map[reference]bool{}
	for _, object := range manifests {
		known := true
		switch object.GroupVersionKind().GroupKind().String() {
		case "Ingress.networking.k8s.io":
			o.Ingresses, err = replaced(o.Ingresses, object, namespace)
		case "IngressClass.networking.k8s.io":
			o.Classes, err = replaced(o.Classes, object, "")
		case "Service":
			o.Services, err = replaced(o.Services, object, namespace)
			defaultPorts(o.Services)
		case "Namespace":
			o.Namespaces, err = replaced(o.Namespaces, object, "")
			nameNamespaces(o.Namespaces)
		case "IngressClassParams.elbv2.k8s.aws":
			o.Params, err = replaced(o.Params, object, "")
		default:
			known = false
			ignored = append(ignored, object.GetKind()+" "+object.GetName())
		}
		if err != nil {
			return nil, nil, fmt.Errorf("reading %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if known {
			touched[referenceOf(object, namespace)] = true
		}
	}
	return touched, ignored, nil
}

func referenceOf(object unstructured.Unstructured, namespace string) reference {
	r := reference{kind: object.GetKind(), name: object.GetName()}
	if r.kind == "Ingress" || r.kind == "Service" {
		r.namespace = cmp.Or(object.GetNamespace(), namespace)
	}
	return r
}

// replaced is a list with an object in the place of the one of its name. What only the
// cluster knows, such as finalizers, stays.
func replaced[T any, P interface {
	*T
	metav1.Object
}](list []T, object unstructured.Unstructured, namespace string) ([]T, error) {
	var fresh T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &fresh); err != nil {
		return nil, err
	}
	next := P(&fresh)
	if namespace != "" && next.GetNamespace() == "" {
		next.SetNamespace(namespace)
	}
	for i := range list {
		before := P(&list[i])
		if before.GetNamespace() != next.GetNamespace() || before.GetName() != next.GetName() {
			continue
		}
		next.SetFinalizers(before.GetFinalizers())
		next.SetUID(before.GetUID())
		next.SetDeletionTimestamp(before.GetDeletionTimestamp())
		inherit(any(before), any(next))
		list[i] = fresh
		return list, nil
	}
	return append(list, fresh), nil
}

// inherit: the API server has given a Service node ports, which its manifest does not name.
func inherit(before, next any) {
	old, ok := before.(*corev1.Service)
	if !ok {
		return
	}
	service := next.(*corev1.Service)
	for i := range service.Spec.Ports {
		for _, port := range old.Spec.Ports {
			if port.Port == service.Spec.Ports[i].Port && service.Spec.Ports[i].NodePort == 0 {
				service.Spec.Ports[i].NodePort = port.NodePort
			}
		}
	}
	service.Spec.ClusterIP = cmp.Or(service.Spec.ClusterIP, old.Spec.ClusterIP)
}

// defaultPorts fills in what the API server does.
func defaultPorts(services []corev1.Service) {
	for i := range services {
		services[i].Spec.Type = cmp.Or(services[i].Spec.Type, corev1.ServiceTypeClusterIP)
		for k := range services[i].Spec.Ports {
			port := &services[i].Spec.Ports[k]
			port.Protocol = cmp.Or(port.Protocol, corev1.ProtocolTCP)
			if port.TargetPort == (intstr.IntOrString{}) {
				port.TargetPort = intstr.FromInt32(port.Port)
			}
		}
	}
}

func nameNamespaces(namespaces []corev1.Namespace) {
	for i := range namespaces {
		labels := map[string]string{}
		maps.Copy(labels, namespaces[i].Labels)
		labels[corev1.LabelMetadataName] = namespaces[i].Name
		namespaces[i].Labels = labels
	}
}

// touches reports whether a stack is made from one of these objects.
func touches(m ingress.Membership, touched map[reference]bool) bool {
	for _, member := range m.Members {
		object := member.Ingress
		if touched[reference{"Ingress", object.Namespace, object.Name}] || touched[reference{"Namespace", "", object.Namespace}] ||
			touched[reference{"IngressClass", "", member.Class.Name}] ||
			member.Class.Params != nil && touched[reference{"IngressClassParams", "", member.Class.Params.Name}] {
			return true
		}
		for _, backend := range ingress.Backends(object) {
			if touched[reference{"Service", object.Namespace, backend.Service}] {
				return true
			}
		}
	}
	for _, object := range m.Leaving {
		if touched[reference{"Ingress", object.Namespace, object.Name}] {
			return true
		}
	}
	return false
}
