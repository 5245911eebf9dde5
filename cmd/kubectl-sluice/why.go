package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/diagnose"
)

// patience is how long all look-ups together may take.
const patience = 30 * time.Second

func why(ctx context.Context, flags clientcmd.ClientConfig, words []string, out io.Writer) error {
	name, err := podName(words)
	if err != nil {
		return err
	}
	cluster, err := connect(flags)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	snapshot, err := cluster.gather(ctx, name)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, diagnose.Pod(snapshot))
	return err
}

// podName takes "pod/NAME" or "pod NAME", with the names that kubectl knows for Pods.
func podName(words []string) (string, error) {
	kind, name, found := strings.Cut(strings.Join(words, "/"), "/")
	if !found || name == "" || strings.Contains(name, "/") || !slices.Contains([]string{"pod", "pods", "po"}, kind) {
		return "", fmt.Errorf("why what? Write: kubectl sluice why pod/NAME")
	}
	return name, nil
}

// cluster is where the user's flags point.
type cluster struct {
	typed     kubernetes.Interface
	dynamic   dynamic.Interface
	namespace string
}

// clusterFlags are kubectl's own (--kubeconfig, --context, --namespace …). They come from
// client-go: cli-runtime has the same, and kustomize with it.
func clusterFlags(flags *pflag.FlagSet) clientcmd.ClientConfig {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	flags.StringVar(&rules.ExplicitPath, "kubeconfig", "", "Path to the kubeconfig file")
	overrides := &clientcmd.ConfigOverrides{}
	clientcmd.BindOverrideFlags(overrides, flags, clientcmd.RecommendedConfigOverrideFlags(""))
	return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
}

func connect(flags clientcmd.ClientConfig) (*cluster, error) {
	namespace, _, err := flags.Namespace()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config, err := flags.ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS = -1 // the API server's own fairness rules
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &cluster{typed: typed, dynamic: untyped, namespace: namespace}, nil
}

// gatesWebhook is the configuration of the webhook that injects gates (config/webhook).
const gatesWebhook = "sluice-gates"

// gather reads what matters to a Pod. Only the Pod itself must be readable.
func (c *cluster) gather(ctx context.Context, name string) (diagnose.Snapshot, error) {
	pod, err := c.typed.CoreV1().Pods(c.namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return diagnose.Snapshot{}, err
	}
	snapshot := diagnose.Snapshot{Pod: pod, Now: time.Now()}
	failed := func(what string, err error) {
		snapshot.Failed = append(snapshot.Failed, diagnose.Failure{What: what, Err: err})
	}
	namespace, err := c.typed.CoreV1().Namespaces().Get(ctx, c.namespace, metav1.GetOptions{})
	if err != nil {
		failed("the namespace "+c.namespace, err)
	} else {
		snapshot.Namespace = namespace
	}
	if snapshot.GateSet, err = c.gateSet(ctx); err != nil {
		failed("the gate set of the namespace", err)
	}
	policies, err := c.typed.AdmissionregistrationV1().MutatingAdmissionPolicies().List(ctx, metav1.ListOptions{})
	switch {
	case apierrors.IsNotFound(err): // before Kubernetes 1.36
		snapshot.Policies = map[string]*admissionregistrationv1.MutatingAdmissionPolicy{}
	case err != nil:
		failed("the list of admission policies", err)
	default:
		snapshot.Policies = map[string]*admissionregistrationv1.MutatingAdmissionPolicy{}
		for i := range policies.Items {
			snapshot.Policies[policies.Items[i].Name] = &policies.Items[i]
		}
	}
	snapshot.Webhook, err = c.typed.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, gatesWebhook, metav1.GetOptions{})
	if err != nil {
		snapshot.Webhook = nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		failed("the webhook "+gatesWebhook, err)
	}
	if snapshot.Traffic, err = c.traffic(ctx); err != nil {
		failed("what leads to the Pod", err)
	}
	return snapshot, nil
}

// traffic is what may lead to a Pod of the namespace.
func (c *cluster) traffic(ctx context.Context) (*diagnose.Traffic, error) {
	services, err := c.typed.CoreV1().Services(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	ingresses, err := c.typed.NetworkingV1().Ingresses(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	classes, err := c.typed.NetworkingV1().IngressClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	bindings, err := listOf[v1beta1.TargetGroupBinding](ctx, c, v1beta1.GroupVersion.WithResource("targetgroupbindings"), c.namespace)
	if err != nil {
		return nil, err
	}
	params, err := listOf[v1beta1.IngressClassParams](ctx, c, v1beta1.GroupVersion.WithResource("ingressclassparams"), "")
	if err != nil {
		return nil, err
	}
	namespace, err := c.typed.CoreV1().Namespaces().Get(ctx, c.namespace, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return &diagnose.Traffic{
		Services: services.Items, Ingresses: ingresses.Items, IngressClasses: classes.Items, Bindings: bindings,
		ClassParams: params, NamespaceLabels: namespace.Labels,
	}, nil
}

// listOf are all objects of a kind that client-go does not know.
func listOf[T any](ctx context.Context, c *cluster, resource schema.GroupVersionResource, namespace string) ([]T, error) {
	list, err := c.dynamic.Resource(resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	objects := make([]T, len(list.Items))
	for i := range list.Items {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(list.Items[i].Object, &objects[i]); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// gateSet is nil without an error where there is none.
func (c *cluster) gateSet(ctx context.Context) (*v1alpha1.ReadinessGateSet, error) {
	resource := v1alpha1.GroupVersion.WithResource("readinessgatesets")
	object, err := c.dynamic.Resource(resource).Namespace(c.namespace).
		Get(ctx, v1alpha1.ReadinessGateSetName, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	set := &v1alpha1.ReadinessGateSet{}
	err = runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, set)
	return set, err
}
