package incumbent

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// Bindings are TargetGroupBindings.
var Bindings = schema.GroupVersionResource{Group: "elbv2.k8s.aws", Version: "v1beta1", Resource: "targetgroupbindings"}

const gatePrefix = "target-health.elbv2.k8s.aws/"

// Gates are the conditions that Pods of a Service wait for, by the target groups of the scenes.
func (w *Writer) Gates(ctx context.Context, scenes map[string]Scene, service string) ([]string, error) {
	object, err := w.Kubernetes.CoreV1().Services(w.Namespace).Get(ctx, service, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	var gates []string
	for _, scene := range scenes {
		for _, group := range scene.Stack.TargetGroups {
			if group.Service == service && !group.Instance {
				gates = append(gates, gatePrefix+w.targetGroupName(scene.Stack, group, object))
			}
		}
	}
	slices.Sort(gates)
	return gates, nil
}

// bind makes the TargetGroupBinding, registers what it names, and opens the gates.
func (w *Writer) bind(ctx context.Context, s Stack, g TargetGroup, arn string) error {
	service, err := w.Kubernetes.CoreV1().Services(w.Namespace).Get(ctx, g.Service, metav1.GetOptions{})
	if err != nil {
		return err
	}
	name := w.targetGroupName(s, g, service)
	object := &unstructured.Unstructured{Object: map[string]any{"spec": w.bindingSpec(g, service, arn)}}
	object.SetGroupVersionKind(schema.GroupVersionKind{Group: "elbv2.k8s.aws", Version: "v1beta1", Kind: "TargetGroupBinding"})
	object.SetName(name)
	object.SetFinalizers([]string{"elbv2.k8s.aws/resources"})
	object.SetAnnotations(map[string]string{"elbv2.k8s.aws/checkpoint": "jKq3_of/x0-9dA", "elbv2.k8s.aws/checkpoint-timestamp": "1790000000"})
	object.SetLabels(map[string]string{"ingress.k8s.aws/stack-namespace": w.Namespace, "ingress.k8s.aws/stack-name": s.Ingress})
	if s.Group != "" {
		object.SetLabels(map[string]string{"ingress.k8s.aws/stack": s.Group})
	}
	made, err := w.Objects.Resource(Bindings).Namespace(w.Namespace).Create(ctx, object, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	if err := unstructured.SetNestedField(made.Object, made.GetGeneration(), "status", "observedGeneration"); err != nil {
		return err
	}
	if _, err := w.Objects.Resource(Bindings).Namespace(w.Namespace).UpdateStatus(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	return w.register(ctx, g, service, name, arn)
}

func (w *Writer) bindingSpec(g TargetGroup, service *corev1.Service, arn string) map[string]any {
	var port any = g.Port
	if number, err := strconv.ParseInt(g.Port, 10, 32); err == nil {
		port = number
	}
	spec := map[string]any{
		"targetGroupARN": arn, "targetType": g.targetType(), "targetGroupProtocol": g.protocol(), "ipAddressType": "ipv4", "vpcID": w.VPC,
		"serviceRef": map[string]any{"name": g.Service, "port": port},
	}
	if g.MultiCluster {
		spec["multiClusterTargetGroup"] = true
	}
	if g.Instance && g.NodeLabels != nil {
		wanted := map[string]any{}
		for key, value := range g.NodeLabels {
			wanted[key] = value
		}
		spec["nodeSelector"] = map[string]any{"matchLabels": wanted}
	}
	if g.Unmanaged {
		return spec
	}
	target, number := any(int64(g.TargetPort)), g.TargetPort
	switch {
	case g.Instance:
		number = service.Spec.Ports[0].NodePort
		target = int64(number)
	case g.TargetPortName != "":
		target = g.TargetPortName
	}
	ports := []any{target}
	w.networks = append(w.networks, number)
	if g.HealthPort > 0 {
		ports = append(ports, int64(g.HealthPort))
		w.networks = append(w.networks, g.HealthPort)
	}
	if w.Unrestricted {
		ports = []any{nil} // one entry, for all
	}
	var entries []any
	for _, port := range ports {
		opened := map[string]any{"protocol": "TCP"}
		if port != nil {
			opened["port"] = port
		}
		entries = append(entries, map[string]any{
			"from":  []any{map[string]any{"securityGroup": map[string]any{"groupID": w.backend}}},
			"ports": []any{opened},
		})
	}
	spec["networking"] = map[string]any{"ingress": entries}
	return spec
}

// register puts the Service's Pods, or all nodes, into the target group.
func (w *Writer) register(ctx context.Context, g TargetGroup, service *corev1.Service, name, arn string) error {
	var targets []elbv2types.TargetDescription
	var ids []string
	add := func(id string, port int32) {
		targets = append(targets, elbv2types.TargetDescription{Id: &id, Port: &port})
		ids = append(ids, fmt.Sprintf("%s:%d", id, port))
	}
	pods, err := w.Kubernetes.CoreV1().Pods(w.Namespace).List(ctx, metav1.ListOptions{LabelSelector: labels.SelectorFromSet(service.Spec.Selector).String()})
	if err != nil {
		return err
	}
	if g.Instance {
		nodes, err := w.Kubernetes.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, node := range nodes.Items {
			add(node.Spec.ProviderID[strings.LastIndex(node.Spec.ProviderID, "/")+1:], service.Spec.Ports[0].NodePort)
		}
	} else {
		for _, pod := range pods.Items {
			add(pod.Status.PodIP, g.TargetPort)
		}
	}
	if g.MultiCluster {
		list := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "aws-lbc-targets-" + name}, Data: map[string]string{"targets": strings.Join(ids, ",")}}
		if _, err := w.Kubernetes.CoreV1().ConfigMaps(w.Namespace).Create(ctx, list, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	if _, err := w.ELB.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &arn, Targets: targets}); err != nil {
		return err
	}
	for _, pod := range pods.Items {
		if err := w.open(ctx, pod, corev1.PodConditionType(gatePrefix+name)); err != nil {
			return err
		}
	}
	return nil
}

// open sets a gate to True as the incumbent does for a healthy target: without a word.
func (w *Writer) open(ctx context.Context, pod corev1.Pod, gate corev1.PodConditionType) error {
	if !slices.Contains(pod.Spec.ReadinessGates, corev1.PodReadinessGate{ConditionType: gate}) {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []corev1.PodCondition{{
		Type: gate, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Now(),
	}}}})
	if err != nil {
		return err
	}
	_, err = w.Kubernetes.CoreV1().Pods(w.Namespace).Patch(ctx, pod.Name, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	return err
}

// ingresses get their finalizers, and where they are served.
func (w *Writer) ingresses(ctx context.Context, s Stack, dnsName string) error {
	finalizer := "ingress.k8s.aws/resources"
	if s.Group != "" {
		finalizer = "group.ingress.k8s.aws/" + s.Group
	}
	var ports []networkingv1.IngressPortStatus
	for _, listener := range s.Listeners {
		ports = append(ports, networkingv1.IngressPortStatus{Port: listener.Port})
	}
	for _, name := range s.Ingresses() {
		ingresses := w.Kubernetes.NetworkingV1().Ingresses(w.Namespace)
		object, err := ingresses.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		object.Finalizers = append(object.Finalizers, finalizer)
		if object, err = ingresses.Update(ctx, object, metav1.UpdateOptions{}); err != nil {
			return err
		}
		object.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{Hostname: strings.ToLower(dnsName), Ports: ports}}
		if _, err := ingresses.UpdateStatus(ctx, object, metav1.UpdateOptions{}); err != nil {
			return err
		}
	}
	return nil
}
