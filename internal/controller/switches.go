package controller

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
	"github.com/sluice-lb/sluice/internal/targets"
)

const (
	// switchPatience is how long a target group is waited for before it gets requests all the
	// same.
	switchPatience = 5 * time.Minute
	// switchPace is how often a stack is looked at while it switches; an answer about health
	// has it looked at sooner.
	switchPace = 2 * time.Second
	// switchSettles is how long after a switch the nodes of a load balancer may still send requests to
	// the group before: changes reach all of them within seconds.
	switchSettles = 10 * time.Second
)

// switches remember, by stack, since when target groups wait to get requests, since when others
// get none any more, and since when Ingresses move to another stack. A restart begins anew.
type switches struct {
	mu      sync.Mutex
	waiting map[model.StackID]map[model.Key]time.Time
	left    map[model.StackID]map[model.Key]time.Time
	// heldOn are the groups that a stack waits to hear of, by ARN.
	heldOn map[errand][]string
	// moving are the Ingresses that leave a stack for another.
	moving map[model.StackID]map[types.UID]time.Time
}

// errand is what a stack waits to hear of AWS for.
type errand struct {
	stack model.StackID
	why   string
}

const (
	switching = "switch of"    // to other target groups
	moving    = "moves out of" // of Ingresses, to another stack
)

func newSwitches() *switches {
	return &switches{
		waiting: map[model.StackID]map[model.Key]time.Time{}, left: map[model.StackID]map[model.Key]time.Time{},
		heldOn: map[errand][]string{}, moving: map[model.StackID]map[types.UID]time.Time{},
	}
}

// wait notes which groups wait now, and returns those that have waited for too long.
func (s *switches) wait(id model.StackID, unready map[model.Key]bool, now time.Time) map[model.Key]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	since, tired := map[model.Key]time.Time{}, map[model.Key]bool{}
	for key := range unready {
		since[key] = now
		if before, known := s.waiting[id][key]; known {
			since[key] = before
		}
		if now.Sub(since[key]) >= switchPatience {
			tired[key] = true
		}
	}
	s.waiting[id] = since
	return tired
}

// leftNow are the groups that the wanted stack has no use for and that got requests a moment ago.
func (s *switches) leftNow(want model.Stack, have model.Observed, now time.Time) map[model.Key]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want.LoadBalancer == nil || have.LoadBalancer == nil {
		return nil
	}
	if s.left[want.ID] == nil {
		s.left[want.ID] = map[model.Key]time.Time{}
	}
	for _, key := range plan.Left(want, have) {
		s.left[want.ID][key] = now
	}
	maps.DeleteFunc(s.left[want.ID], func(_ model.Key, at time.Time) bool { return now.Sub(at) >= switchSettles })
	spared := map[model.Key]bool{}
	for key := range s.left[want.ID] {
		spared[key] = true
	}
	return spared
}

// leave notes that requests leave these groups now: the call that switches them may have waited
// for long.
func (s *switches) leave(id model.StackID, groups []model.Key, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range groups {
		if s.left[id] == nil {
			s.left[id] = map[model.Key]time.Time{}
		}
		s.left[id][key] = now
	}
}

func (s *switches) forget(id model.StackID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.waiting, id)
	delete(s.left, id)
	delete(s.heldOn, errand{id, switching})
	delete(s.heldOn, errand{id, moving})
	delete(s.moving, id)
}

// movingFor is since when an Ingress is known to leave a stack for another.
func (s *switches) movingFor(id model.StackID, ingress types.UID, now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moving[id] == nil {
		s.moving[id] = map[types.UID]time.Time{}
	}
	if _, known := s.moving[id][ingress]; !known {
		s.moving[id][ingress] = now
	}
	return now.Sub(s.moving[id][ingress])
}

// movers forgets all but these.
func (s *switches) movers(id model.StackID, now map[types.UID]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.moving[id], func(ingress types.UID, _ time.Time) bool { return !now[ingress] })
}

// hold notes which groups a stack waits to hear of, and why.
func (s *switches) hold(what errand, groups []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(groups) == 0 {
		delete(s.heldOn, what)
		return
	}
	s.heldOn[what] = groups
}

// on are the stacks that wait to hear of a group.
func (s *switches) on(group string) []types.NamespacedName {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []types.NamespacedName
	for what, groups := range s.heldOn {
		if slices.Contains(groups, group) {
			names = append(names, types.NamespacedName{Namespace: what.stack.Namespace, Name: what.stack.Name})
		}
	}
	return names
}

// gently is the stack to plan towards now: the wanted one, unless requests would go to
// target groups that cannot serve them yet.
func (c *stackController) gently(ctx context.Context, want model.Stack, have model.Observed) plan.Interim {
	unready := map[model.Key]bool{}
	if want.LoadBalancer != nil && len(have.Listeners) > 0 && have.LoadBalancer.Scheme == want.LoadBalancer.Scheme {
		for _, key := range plan.Newly(want, have) {
			if !c.serves(ctx, want, key, have.IDs[key]) {
				unready[key] = true
			}
		}
	}
	tired := c.switches.wait(want.ID, unready, time.Now())
	maps.DeleteFunc(unready, func(key model.Key, _ bool) bool { return tired[key] })
	on := plan.Gently(want, have, unready)
	on.Abrupt = append(on.Abrupt, slices.Sorted(maps.Keys(tired))...)
	c.listen(ctx, want, have, on.Held)
	return on
}

// serves reports whether all endpoints that are ready are healthy in their group. A group
// without any serves nobody, now or later.
func (c *stackController) serves(ctx context.Context, want model.Stack, group model.Key, arn string) bool {
	for _, endpoint := range c.ready(ctx, want, group) {
		target, known := c.book.Target(arn, endpoint.Address)
		if !known || target.State != model.Healthy {
			return false
		}
	}
	return true
}

// ready are the endpoints of a wanted target group that could serve.
func (c *stackController) ready(ctx context.Context, want model.Stack, group model.Key) []targets.Endpoint {
	i := slices.IndexFunc(want.Bindings, func(b model.Binding) bool { return b.TargetGroup == group })
	if i < 0 {
		return nil
	}
	binding := want.Bindings[i]
	object := &v1beta1.TargetGroupBinding{ObjectMeta: metav1.ObjectMeta{Namespace: binding.Namespace, Name: binding.Name}, Spec: bindingSpec(binding, "")}
	return serving(c.endpoints(ctx, object))
}

// listen has AWS asked about the groups that are waited for.
func (c *stackController) listen(ctx context.Context, want model.Stack, have model.Observed, held []model.Key) {
	var waits []health.Wait
	var groups []string
	for _, key := range held {
		arn := have.IDs[key]
		if arn == "" {
			continue // it is about to be made
		}
		groups = append(groups, arn)
		for _, endpoint := range c.ready(ctx, want, key) {
			if target, known := c.book.Target(arn, endpoint.Address); known && target.State != model.Healthy {
				waits = append(waits, health.Wait{Group: arn, Address: endpoint.Address, Since: target.Since})
			}
		}
	}
	c.hear(errand{want.ID, switching}, groups, waits)
}

// hear has AWS asked about these groups until something else is to be heard.
func (c *stackController) hear(what errand, groups []string, waits []health.Wait) {
	c.switches.hold(what, groups)
	c.await(what.why+" "+what.stack.String(), waits)
}
