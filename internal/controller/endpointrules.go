package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/targets"
)

// need is what one binding wants opened on one node.
type need struct {
	node    string
	address netip.Addr // of one of the binding's Pods there
	targets.Need
}

// endpointRuleController opens the nodes' security groups for the load balancers. The
// rules of all bindings are joined, so there is one request for all.
type endpointRuleController struct {
	*view
	cloud *cloud.Cloud
	bell  bell

	mu    sync.Mutex
	needs map[types.NamespacedName][]need
}

// everything is the one request of this controller.
var everything = types.NamespacedName{Name: "all"}

func (c *endpointRuleController) setup(manager ctrl.Manager) error {
	// Once at the start: a former process may have left rules that nobody wants.
	atStart := source.Func(func(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		queue.Add(reconcile.Request{NamespacedName: everything})
		return nil
	})
	return ctrl.NewControllerManagedBy(manager).Named("endpointRules").WatchesRawSource(atStart).WatchesRawSource(c.bell.source()).
		WithOptions(controller.Options{RateLimiter: backOff()}).Complete(c)
}

// openRules tells what a binding wants opened, one need a node.
func (c *bindingController) openRules(ctx context.Context, binding *v1beta1.TargetGroupBinding) {
	if binding.Spec.Networking == nil {
		c.needs(nameOf(binding), nil)
		return
	}
	list := []need{}
	endpoints := c.endpoints(ctx, binding)
	for _, endpoint := range endpoints {
		pod := c.pod(ctx, endpoint.Pod)
		if pod == nil {
			continue
		}
		for _, wanted := range targets.Needs(binding.Spec.Networking, pod) {
			n := need{endpoint.Node, endpoint.Address.IP, wanted}
			known := func(o need) bool { return o.node == n.node && o.Need == n.Need }
			if !slices.ContainsFunc(list, known) {
				list = append(list, n)
			}
		}
	}
	c.needs(nameOf(binding), list)
}

// note takes down what a binding wants; nil when it goes.
func (c *endpointRuleController) note(binding types.NamespacedName, needs []need) {
	slices.SortFunc(needs, func(a, b need) int {
		return cmp.Or(strings.Compare(a.node, b.node), targets.CompareNeeds(a.Need, b.Need))
	})
	same := func(a, b need) bool { return a.node == b.node && a.Need == b.Need }
	c.mu.Lock()
	old, known := c.needs[binding]
	if needs == nil {
		delete(c.needs, binding)
	} else {
		c.needs[binding] = needs
	}
	changed := known != (needs != nil) || !slices.EqualFunc(old, needs, same)
	c.mu.Unlock()
	if changed {
		c.bell.ring(everything)
	}
}

// Reconcile brings our rules on the nodes' security groups in line.
func (c *endpointRuleController) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	wanted, err := c.wanted(ctx)
	if err != nil {
		return outcome(ctx, err)
	}
	groups := slices.Collect(func(yield func(string) bool) {
		for group := range wanted {
			if !yield(group) {
				return
			}
		}
	})
	complete := c.complete(ctx)
	if complete {
		seen, err := c.cloud.EndpointGroupsWithRules(ctx)
		if err != nil {
			return outcome(ctx, err)
		}
		groups = append(groups, seen...)
	}
	slices.Sort(groups)
	var failures []error
	for _, group := range slices.Compact(groups) {
		if err := c.cloud.SetEndpointRules(ctx, group, targets.Permissions(wanted[group]), complete); err != nil {
			failures = append(failures, err)
		}
	}
	return outcome(ctx, errors.Join(failures...))
}

// wanted joins the needs of all bindings by the security group that guards them.
func (c *endpointRuleController) wanted(ctx context.Context) (map[string][]targets.Need, error) {
	c.mu.Lock()
	var all []need
	for _, needs := range c.needs {
		all = append(all, needs...)
	}
	c.mu.Unlock()
	instances := map[netip.Addr]string{}
	for _, n := range all {
		instance, err := c.instance(ctx, n.node)
		if err != nil {
			return nil, err
		}
		instances[n.address] = instance
	}
	groups, err := c.cloud.EndpointGroups(ctx, instances, c.instances(ctx))
	if err != nil {
		return nil, err
	}
	out := map[string][]targets.Need{}
	for _, n := range all {
		out[groups[n.address]] = append(out[groups[n.address]], n.Need)
	}
	return out, nil
}

// instances are those of all nodes.
func (c *endpointRuleController) instances(ctx context.Context) []string {
	var nodes corev1.NodeList
	if err := c.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache does not fail once it has synced
	}
	var ids []string
	for i := range nodes.Items {
		if id, ok := instanceOf(&nodes.Items[i]); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// instanceOf is the EC2 instance of a node: the last part of its provider ID.
func instanceOf(node *corev1.Node) (string, bool) {
	id := node.Spec.ProviderID[strings.LastIndex(node.Spec.ProviderID, "/")+1:]
	return id, strings.HasPrefix(id, "i-")
}

func (c *endpointRuleController) instance(ctx context.Context, name string) (string, error) {
	var node corev1.Node
	if err := c.Get(ctx, types.NamespacedName{Name: name}, &node); err != nil {
		return "", client.IgnoreNotFound(err)
	}
	id, ok := instanceOf(&node)
	if !ok {
		return "", fmt.Errorf("node %s: spec.providerID %q names no EC2 instance; its Pods cannot be let in by security group", name, node.Spec.ProviderID)
	}
	return id, nil
}

// complete reports whether every binding that wants rules has said which since this
// process started. Before, rules are added and none is taken away.
func (c *endpointRuleController) complete(ctx context.Context) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, binding := range c.bindings(ctx) {
		if _, told := c.needs[nameOf(&binding)]; !told && binding.DeletionTimestamp == nil && binding.Spec.Networking != nil && refusal(&binding) == "" {
			return false
		}
	}
	return true
}
