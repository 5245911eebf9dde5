package cloud_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// externalTag is managed by somebody else (flag --external-managed-tags).
const externalTag = "cost-centre"

// cluster is what Kubernetes holds: it outlives the controller.
type cluster struct {
	name   string
	scene  scene
	before scene // of which deletions are still told
	// finalizers of an Ingress: the stacks that may have something of it.
	finalizers   map[string]map[model.StackID]*networkingv1.Ingress
	bindings     map[string]binding // by name
	records      map[model.StackID]record
	certificates []string // that listeners can use
}

// binding is a TargetGroupBinding object.
type binding struct {
	model.Binding
	arn string
}

// record is the LoadBalancer object of a stack.
type record struct {
	clean bool
	model model.Stack
	ids   map[model.Key]string
}

func newCluster(name string) *cluster {
	return &cluster{
		name: name, finalizers: map[string]map[model.StackID]*networkingv1.Ingress{},
		bindings: map[string]binding{}, records: map[model.StackID]record{},
	}
}

// controller is one process: what internal/controller does with stacks, in the same
// order, without its queues. It has no memory but its cloud.
type controller struct {
	*testing.T
	*cluster
	wire  *wire
	cloud *cloud.Cloud
}

func newController(t *testing.T, in *cluster, local *localaws.Cloud) *controller {
	t.Helper()
	c := &controller{T: t, cluster: in, wire: &wire{aws: local}}
	c.restart()
	return c
}

// restart forgets everything.
func (c *controller) restart() {
	c.Helper()
	c.wire.dead = false
	fresh, err := cloud.New(c.Context(), cloud.Config{
		Cluster: c.name, Region: "us-west-2", VPC: testVPC, BudgetShare: 1, Endpoint: "http://localaws.invalid", Unlimited: true,
	})
	if err != nil {
		c.Fatal(err)
	}
	c.cloud = fresh.Through(c.wire)
}

// tries is how often the controller goes over all stacks before it is said to be stuck.
const tries = 30

// settle works until every stack is as it should be.
func (c *controller) settle() error {
	var last error
	for range tries {
		if last = c.reconcileAll(); last == nil {
			return nil
		}
		time.Sleep(2 * time.Second)
	}
	return last
}

// reconcileAll goes over all stacks once. Who dies on the way comes back.
func (c *controller) reconcileAll() error {
	var last error
	for _, id := range c.stacks() {
		if err := c.reconcile(c.Context(), id); err != nil {
			last = fmt.Errorf("%s: %w", id, err)
		}
		if c.wire.dead {
			c.restart()
		}
	}
	return last
}

// stacks that Ingresses are in, or have something in.
func (c *controller) stacks() []model.StackID {
	all := map[model.StackID]bool{}
	for _, object := range slices.Concat(c.before.ingresses, c.scene.ingresses) {
		all[groupOf(object)] = true
	}
	for _, stacks := range c.finalizers {
		for id := range stacks {
			all[id] = true
		}
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b model.StackID) int { return cmp.Compare(a.String(), b.String()) })
}

func groupOf(object *networkingv1.Ingress) model.StackID {
	group, err := ingress.Group(object, ingress.Class{})
	if err != nil {
		panic("scenes name groups well: " + err.Error())
	}
	return group
}

func (c *controller) membership(id model.StackID) (members []ingress.Member, leaving []*networkingv1.Ingress) {
	in := map[string]bool{}
	for _, object := range c.scene.ingresses {
		if groupOf(object) == id {
			members = append(members, ingress.Member{Ingress: object, Services: services})
			in[object.Name] = true
		}
	}
	ingress.SortMembers(members)
	for name, stacks := range c.finalizers {
		if object := stacks[id]; object != nil && !in[name] {
			leaving = append(leaving, object)
		}
	}
	return members, leaving
}

func (c *controller) reconcile(ctx context.Context, id model.StackID) error {
	members, leaving := c.membership(id)
	switch {
	case len(members) == 0 && len(leaving) == 0:
		return c.releaseShared(ctx, id, nil)
	case len(members) == 0:
		return c.remove(ctx, id, leaving)
	}
	result, err := c.build(ctx, id, members, len(leaving) > 0)
	if err != nil || result.Stack == nil {
		return err
	}
	for _, member := range members {
		c.hold(member.Ingress, id)
	}
	if err := c.converge(ctx, *result.Stack); err != nil {
		return err
	}
	c.letGo(id, leaving)
	return nil
}

func (c *controller) hold(object *networkingv1.Ingress, id model.StackID) {
	if c.finalizers[object.Name] == nil {
		c.finalizers[object.Name] = map[model.StackID]*networkingv1.Ingress{}
	}
	c.finalizers[object.Name][id] = object
}

func (c *controller) letGo(id model.StackID, leaving []*networkingv1.Ingress) {
	for _, object := range leaving {
		delete(c.finalizers[object.Name], id)
		if len(c.finalizers[object.Name]) == 0 {
			delete(c.finalizers, object.Name)
		}
	}
}

func (c *controller) remove(ctx context.Context, id model.StackID, leaving []*networkingv1.Ingress) error {
	if err := c.converge(ctx, model.Stack{ID: id}); err != nil {
		return err
	}
	if err := c.releaseShared(ctx, id, leaving); err != nil {
		return err
	}
	if err := c.wire.pass("delete record", func() error { delete(c.records, id); return nil }); err != nil {
		return err
	}
	c.letGo(id, leaving)
	return nil
}

func (c *controller) releaseShared(ctx context.Context, id model.StackID, leaving []*networkingv1.Ingress) error {
	if !c.isLast(id, leaving) {
		return nil
	}
	return c.apply(ctx, model.Stack{ID: model.SharedStack})
}

// isLast: no Ingress but these has, or will have, a load balancer.
func (c *controller) isLast(id model.StackID, leaving []*networkingv1.Ingress) bool {
	others := 0
	for name, stacks := range c.finalizers {
		others += len(stacks)
		if stacks[id] != nil && slices.ContainsFunc(leaving, func(o *networkingv1.Ingress) bool { return o.Name == name }) {
			others--
		}
	}
	return others == 0 && len(c.scene.ingresses) == 0
}

// build is what the stack should be, as internal/controller builds it.
func (c *controller) build(ctx context.Context, id model.StackID, members []ingress.Member, leaving bool) (ingress.Result, error) {
	shared := c.config().Shared(testVPC)
	if err := c.apply(ctx, shared); err != nil {
		return ingress.Result{}, err
	}
	common, err := c.cloud.Observe(ctx, shared)
	if err != nil {
		return ingress.Result{}, err
	}
	have, err := c.known(ctx, id)
	if err != nil {
		return ingress.Result{}, err
	}
	snapshot := ingress.Snapshot{
		Config: c.config(), BackendSecurityGroup: common.IDs[model.BackendSecurityGroupKey], Have: have, ID: id, Members: members, Leaving: leaving,
	}
	if snapshot.Network, err = c.cloud.Network(ctx, false); err != nil {
		return ingress.Result{}, err
	}
	if ingress.Needed(members, c.config()).Around.SecurityGroups {
		if snapshot.Network.SecurityGroups, err = c.cloud.SecurityGroups(ctx, false); err != nil {
			return ingress.Result{}, err
		}
	}
	result := ingress.Stack(snapshot)
	if slices.ContainsFunc(result.Problems, func(p model.Problem) bool { return !p.Warning }) && have.LoadBalancer != nil {
		if snapshot.Have, err = c.observe(ctx, model.Stack{ID: id}); err != nil {
			return ingress.Result{}, err
		}
		result = ingress.Stack(snapshot)
	}
	c.retype(&result)
	finery{seed: c.scene.finery, certificates: c.certificates}.dress(result.Stack, func(group model.Key) bool { return c.isRejected(group, &result) })
	return result, nil
}

func (c *controller) config() build.Config {
	return build.Config{Cluster: c.name, DefaultScheme: model.Internal, DefaultTargetType: "ip"}
}

// retype gives target groups of some Services another protocol or target type.
func (c *controller) retype(result *ingress.Result) {
	if result.Stack == nil {
		return
	}
	for i := range result.Stack.TargetGroups {
		group := &result.Stack.TargetGroups[i]
		kind := c.scene.kinds[serviceOf(group.Key)]
		if kind == "" || c.isRejected(group.Key, result) {
			continue
		}
		before := group.Name
		group.Name = group.Name[:len(group.Name)-1] + kind[:1]
		if kind == "instance" {
			group.TargetType = kind
		} else {
			group.Protocol, group.HealthCheck.Protocol = kind, kind
		}
		for j := range result.Stack.Bindings {
			if b := &result.Stack.Bindings[j]; b.TargetGroup == group.Key && b.Name == before {
				b.Protocol, b.TargetType, b.Name = group.Protocol, group.TargetType, group.Name
			}
		}
	}
}

// serviceOf is the Service that a target group was made for.
func serviceOf(group model.Key) string {
	_, rest, _ := strings.Cut(group.Resource(), "-")
	service, _, _ := strings.Cut(rest, ":")
	return service
}

// isRejected: what a rejected member has is left alone.
func (c *controller) isRejected(group model.Key, result *ingress.Result) bool {
	member, _, _ := strings.Cut(strings.TrimPrefix(group.Resource(), shop+"/"), "-")
	return result.Rejected(model.Object{Kind: "Ingress", Namespace: shop, Name: member})
}

// converge notes in the stack's record when it begins and when it is done.
func (c *controller) converge(ctx context.Context, want model.Stack) error {
	if known := c.records[want.ID]; known.clean && reflect.DeepEqual(known.model, want) {
		if err := c.cloud.Trust(ctx, want, known.ids); err != nil {
			return err
		}
	}
	if err := c.apply(ctx, want); err != nil || want.LoadBalancer == nil {
		return err
	}
	have, err := c.observe(ctx, want)
	if err != nil {
		return err
	}
	return c.wire.pass("write record", func() error {
		c.records[want.ID] = record{clean: true, model: want, ids: maps.Clone(have.IDs)}
		return nil
	})
}

// apply plans and runs the steps, one after the other, until one fails.
func (c *controller) apply(ctx context.Context, want model.Stack) error {
	steps, err := c.plan(ctx, want)
	if err != nil || len(steps) == 0 {
		return err
	}
	if err := c.wire.pass("mark record", func() error { c.records[want.ID] = record{}; return nil }); err != nil {
		return err
	}
	for _, step := range steps {
		if err := c.step(ctx, want.ID, step); err != nil {
			return err
		}
	}
	return nil
}

func (c *controller) plan(ctx context.Context, want model.Stack) ([]plan.Step, error) {
	have, err := c.observe(ctx, want)
	if err != nil {
		return nil, err
	}
	steps := plan.Steps(want, have, plan.Options{ExternalTags: []string{externalTag}})
	if want.ID == model.SharedStack && len(want.SecurityGroups) > 0 {
		steps = plan.NoDelete(steps)
	}
	return steps, nil
}

func (c *controller) step(ctx context.Context, id model.StackID, step plan.Step) error {
	switch action := step.Action.(type) {
	case plan.CreateBinding:
		return c.bind(ctx, id, action.Want)
	case plan.ModifyBinding:
		return c.bind(ctx, id, action.Want)
	case plan.DeleteBinding:
		return c.wire.pass(step.String(), func() error { delete(c.bindings, action.Name); return nil })
	}
	return c.cloud.Apply(ctx, id, step)
}

func (c *controller) bind(ctx context.Context, id model.StackID, want model.Binding) error {
	have, err := c.cloud.Observe(ctx, model.Stack{ID: id})
	if err != nil {
		return err
	}
	arn := have.IDs[want.TargetGroup]
	if arn == "" {
		return fmt.Errorf("binding %s: its target group has no ARN", want.Name)
	}
	return c.wire.pass("write binding", func() error {
		c.bindings[want.Name] = binding{Binding: want, arn: arn}
		return nil
	})
}

func (c *controller) known(ctx context.Context, id model.StackID) (model.Observed, error) {
	have, err := c.cloud.Known(ctx, id)
	return c.withBindings(have), err
}

func (c *controller) observe(ctx context.Context, want model.Stack) (model.Observed, error) {
	have, err := c.cloud.Observe(ctx, want)
	return c.withBindings(have), err
}

// withBindings adds what Kubernetes has, with keys by the target groups' ARNs.
func (c *controller) withBindings(have model.Observed) model.Observed {
	for _, b := range c.bindings {
		if !maps.Equal(b.Labels, ingress.BindingLabels(have.ID)) {
			continue
		}
		group := model.Key(b.arn)
		for key, id := range have.IDs {
			if id == b.arn {
				group = key
			}
		}
		b.TargetGroup, b.Key = group, model.BindingKey(group)
		have.Bindings = append(have.Bindings, b.Binding)
	}
	have.Sort()
	return have
}
