package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/config"
	"github.com/sluice-lb/sluice/internal/diagnose"
)

// leases are those that a controller may hold; the first is the incumbent's too.
var leases = []string{"aws-load-balancer-controller-leader", "sluice-gates-only", "sluice-observe"}

// status says how Sluice stands, in all namespaces or in the one that was named.
func status(ctx context.Context, flags clientcmd.ClientConfig, named bool, out io.Writer) error {
	cluster, err := connect(flags)
	if err != nil {
		return err
	}
	if !named {
		cluster.namespace = metav1.NamespaceAll
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	snapshot, err := cluster.survey(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(out, diagnose.Status(snapshot))
	return err
}

// survey reads the cluster. Only Pods must be readable.
func (c *cluster) survey(ctx context.Context) (diagnose.StatusSnapshot, error) {
	snapshot := diagnose.StatusSnapshot{Now: time.Now()}
	failed := func(what string, err error) {
		snapshot.Failed = append(snapshot.Failed, diagnose.Failure{What: what, Err: err})
	}
	pods, err := c.typed.CoreV1().Pods(c.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return snapshot, err
	}
	snapshot.Pods = pods.Items
	if list, err := c.typed.CoreV1().Namespaces().List(ctx, metav1.ListOptions{}); err != nil {
		failed("the namespaces", err)
	} else {
		snapshot.Namespaces = list.Items
	}
	if list, err := c.typed.CoordinationV1().Leases(metav1.NamespaceAll).List(ctx, metav1.ListOptions{}); err != nil {
		failed("the Leases", err)
	} else {
		snapshot.Leases = slices.DeleteFunc(list.Items, func(l coordinationv1.Lease) bool { return !slices.Contains(leases, l.Name) })
	}
	if snapshot.GateSets, err = listOf[v1alpha1.ReadinessGateSet](ctx, c, v1alpha1.GroupVersion.WithResource("readinessgatesets"), c.namespace); err != nil {
		failed("the gate sets", err)
	}
	if snapshot.LoadBalancers, err = listOf[v1alpha1.LoadBalancer](ctx, c, v1alpha1.GroupVersion.WithResource("loadbalancers"), metav1.NamespaceAll); err != nil {
		failed("the load balancers", err)
	}
	if snapshot.Injectors, err = c.injectors(ctx); err != nil {
		failed("what injects gates", err)
	}
	return snapshot, nil
}

func (c *cluster) injectors(ctx context.Context) ([]diagnose.Injector, error) {
	var s diagnose.InjectionSnapshot
	var err error
	if s.Shipped.Policies, err = config.Policies(); err != nil {
		return nil, err
	}
	if s.Shipped.Bindings, err = config.Bindings(); err != nil {
		return nil, err
	}
	if s.Shipped.Webhooks, err = config.Webhooks(); err != nil {
		return nil, err
	}
	admission := c.typed.AdmissionregistrationV1()
	webhooks, err := admission.MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	s.Found.Webhooks = webhooks.Items
	policies, err := admission.MutatingAdmissionPolicies().List(ctx, metav1.ListOptions{})
	if apierrors.IsNotFound(err) { // before Kubernetes 1.36
		s.WithoutPolicies = true
		return diagnose.Injection(s), nil
	}
	if err != nil {
		return nil, err
	}
	bindings, err := admission.MutatingAdmissionPolicyBindings().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	s.Found.Policies, s.Found.Bindings = policies.Items, bindings.Items
	return diagnose.Injection(s), nil
}
