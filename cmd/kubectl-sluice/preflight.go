package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/diagnose"
	"github.com/sluice-lb/sluice/internal/preview"
)

// incumbent is the value of the name label of the controller that Sluice takes over from.
const incumbent = "aws-load-balancer-controller"

// preflight says what stands in the way of a change from the incumbent to Sluice.
func preflight(ctx context.Context, flags clientcmd.ClientConfig, said *pflag.FlagSet, format string, out io.Writer) error {
	if !slices.Contains([]string{"", "json", "yaml"}, format) {
		return exit{failed, fmt.Errorf("--output=%s: write json or yaml, or leave it out", format)}
	}
	cluster, err := connect(flags)
	if err != nil {
		return exit{failed, err}
	}
	ctx, cancel := context.WithTimeout(ctx, planning)
	defer cancel()
	shape, err := cluster.settings(ctx, said, []string{incumbent, "sluice"})
	if err != nil {
		return exit{failed, err}
	}
	report := diagnose.Preflight(cluster.inspect(ctx, shape))
	if format != "" {
		err = marshal(out, format, report)
	} else {
		_, err = fmt.Fprint(out, report)
	}
	switch {
	case err != nil:
		return exit{failed, err}
	case report.Stopped():
		return exit{code: differs}
	}
	return nil
}

// inspection is a snapshot while it is gathered.
type inspection struct {
	*cluster
	ctx      context.Context
	snapshot diagnose.PreflightSnapshot
}

// read notes what could not be read; a kind that the cluster does not know has no objects.
func (i *inspection) read(what string, err error) {
	if err != nil && !apierrors.IsNotFound(err) {
		i.snapshot.Failed = append(i.snapshot.Failed, diagnose.Failure{What: what, Err: err})
	}
}

// inspect reads cluster and account.
func (c *cluster) inspect(ctx context.Context, s settings) diagnose.PreflightSnapshot {
	i := &inspection{cluster: c, ctx: ctx, snapshot: diagnose.PreflightSnapshot{
		Now: time.Now(), Cluster: s.Cluster, VPC: s.VPC, From: s.from, Foreign: s.foreign, Account: account,
	}}
	i.controllers()
	i.webhooks()
	i.kinds()
	i.gateways()
	i.rights()
	have, err := c.objects(ctx)
	i.read("what load balancers are made from", err)
	if err == nil {
		of := have.cluster(s)
		i.snapshot.Ingresses, i.snapshot.Services, i.snapshot.Bindings, i.snapshot.Classes = of.Ingresses, of.Services, of.Bindings, of.Classes
		i.read("AWS", i.account(s, of))
	}
	return i.snapshot
}

func (i *inspection) controllers() {
	held, err := i.typed.CoordinationV1().Leases(metav1.NamespaceAll).List(i.ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + leases[0]})
	i.read("the Leases", err)
	if err == nil {
		i.snapshot.Leases = held.Items
	}
	deployments, err := i.typed.AppsV1().Deployments(metav1.NamespaceAll).List(i.ctx, metav1.ListOptions{LabelSelector: nameLabel + "=" + incumbent})
	i.read("the Deployments of the incumbent", err)
	if err == nil {
		for _, deployment := range deployments.Items {
			i.snapshot.Incumbents = append(i.snapshot.Incumbents, deployment.Namespace+"/"+deployment.Name)
		}
	}
}

func (i *inspection) webhooks() {
	mutating, err := i.typed.AdmissionregistrationV1().MutatingWebhookConfigurations().List(i.ctx, metav1.ListOptions{})
	i.read("the mutating webhooks", err)
	if err == nil {
		i.snapshot.Mutating = mutating.Items
	}
	validating, err := i.typed.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(i.ctx, metav1.ListOptions{})
	i.read("the validating webhooks", err)
	if err == nil {
		i.snapshot.Validating = validating.Items
	}
	i.snapshot.Endpoints = map[string]int{}
	for _, hooks := range diagnose.IncumbentWebhooks(i.snapshot.Mutating, i.snapshot.Validating) {
		namespace, name, _ := strings.Cut(hooks.Service, "/")
		found, err := i.typed.DiscoveryV1().EndpointSlices(namespace).List(i.ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + name})
		i.read("the endpoints of Service "+hooks.Service, err)
		if err == nil {
			i.snapshot.Endpoints[hooks.Service] = ready(found.Items)
		}
	}
}

// ready counts endpoints; what does not say counts as ready.
func ready(found []discoveryv1.EndpointSlice) int {
	count := 0
	for _, slice := range found {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				count++
			}
		}
	}
	return count
}

func (i *inspection) kinds() {
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	kinds, err := i.dynamic.Resource(resource).List(i.ctx, metav1.ListOptions{})
	i.read("the custom resources", err)
	if err != nil {
		return
	}
	i.snapshot.CRDs = []metav1.PartialObjectMetadata{}
	for _, kind := range kinds.Items {
		i.snapshot.CRDs = append(i.snapshot.CRDs, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: kind.GetName(), Annotations: kind.GetAnnotations()}})
	}
}

// gateways are those whose class is the incumbent's, and those that bear its finalizers.
func (i *inspection) gateways() {
	resource := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gatewayclasses"}
	classes, err := i.dynamic.Resource(resource).List(i.ctx, metav1.ListOptions{})
	i.read("the GatewayClasses", err)
	if err != nil {
		return
	}
	served := map[string]bool{}
	for _, class := range classes.Items {
		controller, _, _ := unstructured.NestedString(class.Object, "spec", "controllerName")
		served[class.GetName()] = controller == "gateway.k8s.aws/alb" || controller == "gateway.k8s.aws/nlb"
	}
	resource.Resource = "gateways"
	list, err := i.dynamic.Resource(resource).List(i.ctx, metav1.ListOptions{})
	i.read("the Gateways", err)
	if err != nil {
		return
	}
	for _, gateway := range list.Items {
		class, _, _ := unstructured.NestedString(gateway.Object, "spec", "gatewayClassName")
		one := diagnose.Gateway{Namespace: gateway.GetNamespace(), Name: gateway.GetName(), Class: class, Finalizers: gateway.GetFinalizers()}
		if served[class] || len(diagnose.AbandonedGateways([]diagnose.Gateway{one})) > 0 {
			i.snapshot.Gateways = append(i.snapshot.Gateways, one)
		}
	}
}

// account asks AWS what there is, and for the plan of every stack.
func (i *inspection) account(s settings, of preview.Cluster) error {
	aws, err := s.aws(i.ctx)
	if err != nil {
		return err
	}
	network, err := aws.Network(i.ctx, false)
	if err != nil {
		return err
	}
	i.snapshot.Subnets = len(network.Subnets)
	owned, err := aws.Stacks(i.ctx)
	if err != nil {
		return err
	}
	for _, id := range owned {
		i.snapshot.Owned = append(i.snapshot.Owned, id.String())
	}
	previews, err := preview.Of(i.ctx, aws, of, func(ingress.Membership) bool { return true })
	if err != nil {
		return err
	}
	i.snapshot.Asked, i.snapshot.Previews = true, previews
	return nil
}
