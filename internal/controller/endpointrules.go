package controller

import (
	"cmp"
	"context"
	"errors"
	"maps"
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

// need is what one binding wants opened for one endpoint.
type need struct {
	place cloud.Place
	targets.Need
}

// endpointRuleController opens the endpoints' security groups for the load balancers. The
// rules of all bindings are joined, so there is one request for all.
type endpointRuleController struct {
	*view
	cloud  *cloud.Cloud
	events Events
	bell   bell

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

// openRules tells what a binding wants opened.
func (c *bindingController) openRules(ctx context.Context, binding *v1beta1.TargetGroupBinding) {
	if binding.Spec.Networking == nil {
		c.needs(nameOf(binding), nil)
		return
	}
	wanted := map[need]bool{}
	for _, endpoint := range c.endpoints(ctx, binding) {
		pod := c.pod(ctx, endpoint.Pod)
		if pod == nil && endpoint.Address.Instance == "" {
			continue
		}
		place, guarded := c.place(ctx, endpoint, pod)
		if !guarded {
			continue
		}
		for _, one := range targets.Needs(binding.Spec.Networking, pod) {
			wanted[need{place, one}] = true
		}
	}
	list := []need{} // not nil: it has told what it wants
	c.needs(nameOf(binding), slices.AppendSeq(list, maps.Keys(wanted)))
}

// note takes down what a binding wants; nil when it goes.
func (c *endpointRuleController) note(binding types.NamespacedName, needs []need) {
	slices.SortFunc(needs, func(a, b need) int {
		return cmp.Or(strings.Compare(a.place.String(), b.place.String()), strings.Compare(a.place.Pod, b.place.Pod), targets.CompareNeeds(a.Need, b.Need))
	})
	c.mu.Lock()
	old, known := c.needs[binding]
	if needs == nil {
		delete(c.needs, binding)
	} else {
		c.needs[binding] = needs
	}
	changed := known != (needs != nil) || !slices.Equal(old, needs)
	c.mu.Unlock()
	if changed {
		c.bell.ring(everything)
	}
}

// Reconcile brings our rules on the endpoints' security groups in line.
func (c *endpointRuleController) Reconcile(ctx context.Context, _ ctrl.Request) (ctrl.Result, error) {
	wanted, lost, err := c.wanted(ctx)
	if err != nil {
		return outcome(ctx, err)
	}
	groups := slices.Collect(maps.Keys(wanted))
	complete := lost == 0 && c.complete(ctx)
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
		permissions := targets.Permissions(wanted[group])
		if c.config.Build.UnrestrictedRules {
			permissions = targets.Union(wanted[group])
		}
		if err := c.cloud.SetEndpointRules(ctx, group, permissions, complete); err != nil {
			failures = append(failures, err)
		}
	}
	if lost > 0 && len(failures) == 0 {
		return ctrl.Result{RequeueAfter: lookAgain}, nil
	}
	return outcome(ctx, errors.Join(failures...))
}

// wanted joins the needs of all bindings by the security group that guards them. Lost is how
// many bindings have an endpoint of which no such group is known: people are told, and what
// is opened already stays.
func (c *endpointRuleController) wanted(ctx context.Context) (wanted map[string][]targets.Need, lost int, err error) {
	c.mu.Lock()
	needs := maps.Clone(c.needs)
	c.mu.Unlock()
	places := map[cloud.Place]bool{}
	for _, list := range needs {
		for _, one := range list {
			places[one.place] = true
		}
	}
	groups, without, err := c.cloud.EndpointGroups(ctx, slices.Collect(maps.Keys(places)), c.instances(ctx))
	if err != nil {
		return nil, 0, err
	}
	wanted = map[string][]targets.Need{}
	for name, list := range needs {
		var reason error
		for _, one := range list {
			if group, ok := groups[one.place]; ok {
				wanted[group] = append(wanted[group], one.Need)
			} else if reason == nil {
				reason = without[one.place]
			}
		}
		if reason != nil {
			lost++
			c.tell(ctx, name, reason)
		}
	}
	return wanted, lost, nil
}

// tell people that an endpoint of a binding cannot be let in.
func (c *endpointRuleController) tell(ctx context.Context, name types.NamespacedName, reason error) {
	var binding v1beta1.TargetGroupBinding
	if c.Get(ctx, name, &binding) == nil {
		c.events.RulesFailed(&binding, reason)
	}
}

// instances are those of all nodes.
func (c *endpointRuleController) instances(ctx context.Context) []string {
	var nodes corev1.NodeList
	if err := c.List(ctx, &nodes, client.UnsafeDisableDeepCopy); err != nil {
		return nil // the cache does not fail once it has synced
	}
	var ids []string
	for i := range nodes.Items {
		if id, ok := targets.Instance(&nodes.Items[i]); ok {
			ids = append(ids, id)
		}
	}
	return ids
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
