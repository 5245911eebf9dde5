package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// inventory is what the cluster owns in AWS. It fills from a few paged calls for all
// stacks together, and follows every step that is applied. After an error that leaves
// open what happened it is filled anew.
type inventory struct {
	mu     sync.Mutex
	filled bool
	stacks map[model.StackID]*holding
	// filling holds a token while somebody fills: one reading serves all who wait.
	filling chan struct{}
}

// holding is what one stack has. Those in the inventory are never changed: who changes
// one works on a clone and commits it.
type holding struct {
	observed model.Observed
	// deep: listeners and rules are known, because they were read or made by us.
	deep bool
	// attributes: keys whose attributes are known.
	attributes map[model.Key]bool
	// fresh: target groups that were created by this process.
	fresh map[model.Key]bool
}

func newHolding(id model.StackID) *holding {
	return &holding{
		observed:   model.Observed{Stack: model.Stack{ID: id}, IDs: map[model.Key]string{}},
		attributes: map[model.Key]bool{},
		fresh:      map[model.Key]bool{},
	}
}

// holdingOf finds what a stack has, filling the inventory first where needed.
func (c *Cloud) holdingOf(ctx context.Context, id model.StackID) (*holding, error) {
	if err := c.ensureFilled(ctx); err != nil {
		return nil, err
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	h := c.inventory.stacks[id]
	if h == nil {
		h = newHolding(id)
		h.deep = true // there is no load balancer that could have listeners
		c.inventory.stacks[id] = h
	}
	return h, nil
}

func (c *Cloud) ensureFilled(ctx context.Context) error {
	select {
	case c.inventory.filling <- struct{}{}:
		defer func() { <-c.inventory.filling }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c.inventory.mu.Lock()
	filled := c.inventory.filled
	c.inventory.mu.Unlock()
	if filled {
		return nil
	}
	return c.fill(ctx)
}

func (h *holding) clone() *holding {
	out := *h
	out.observed.IDs = maps.Clone(h.observed.IDs)
	out.observed.SecurityGroups, out.observed.TargetGroups = slices.Clone(h.observed.SecurityGroups), slices.Clone(h.observed.TargetGroups)
	out.observed.Listeners, out.observed.Rules = slices.Clone(h.observed.Listeners), slices.Clone(h.observed.Rules)
	if h.observed.LoadBalancer != nil {
		out.observed.LoadBalancer = new(*h.observed.LoadBalancer)
	}
	out.attributes, out.fresh = maps.Clone(h.attributes), maps.Clone(h.fresh)
	return &out
}

// commit puts a changed clone in the place of what it was cloned from. Where the
// inventory has been filled meanwhile, nobody knows which of the two is newer, and the
// stack is read anew.
func (c *Cloud) commit(id model.StackID, from, to *holding) {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	if c.inventory.stacks[id] == from {
		c.inventory.stacks[id] = to
		return
	}
	c.inventory.filled = false
	delete(c.inventory.stacks, id)
}

// Fresh reports whether this process has created the target group with this key, so
// that nobody else can have registered targets before.
func (c *Cloud) Fresh(id model.StackID, group model.Key) bool {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	h := c.inventory.stacks[id]
	return h != nil && h.fresh[group]
}

// Stacks are the IDs of all stacks that have anything in AWS.
func (c *Cloud) Stacks(ctx context.Context) ([]model.StackID, error) {
	if _, err := c.holdingOf(ctx, model.SharedStack); err != nil {
		return nil, err
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	var ids []model.StackID
	for id, h := range c.inventory.stacks {
		if id != model.SharedStack && !h.observed.Empty() {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b model.StackID) int { return strings.Compare(a.String(), b.String()) })
	return ids, nil
}

// Forget throws away what is known of a stack, so that it is read anew. It follows
// every error that leaves open what AWS has.
func (c *Cloud) Forget(id model.StackID) {
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	c.inventory.filled = false
	delete(c.inventory.stacks, id)
}

// fill reads what the cluster owns. Stacks that still have the same resources keep
// what was known of them.
func (c *Cloud) fill(ctx context.Context) error {
	found := map[model.StackID]*holding{}
	for _, list := range []func(context.Context, map[model.StackID]*holding) error{c.listLoadBalancers, c.listTargetGroups, c.listSecurityGroups} {
		if err := list(ctx, found); err != nil {
			return fmt.Errorf("listing what the cluster owns: %w", err)
		}
	}
	c.inventory.mu.Lock()
	defer c.inventory.mu.Unlock()
	old := c.inventory.stacks
	c.inventory.stacks = found
	for id, h := range found {
		if known := old[id]; known != nil && known.deep && sameOwned(known.observed, h.observed) {
			c.inventory.stacks[id] = known
		}
	}
	c.inventory.filled = true
	return nil
}

// sameOwned compares what the lists of AWS show: everything but listeners and rules.
func sameOwned(a, b model.Observed) bool {
	owned := func(o model.Observed) map[model.Key]string {
		out := maps.Clone(o.IDs)
		maps.DeleteFunc(out, func(key model.Key, _ string) bool {
			return strings.HasPrefix(string(key), "listener/") || strings.HasPrefix(string(key), "rule/")
		})
		return out
	}
	return maps.Equal(owned(a), owned(b))
}

func (c *Cloud) listLoadBalancers(ctx context.Context, found map[model.StackID]*holding) error {
	byARN := map[string]elbv2types.LoadBalancer{}
	in := &elbv2.DescribeLoadBalancersInput{}
	for {
		out, err := elbCall(ctx, c, Read, "DescribeLoadBalancers", c.elb.DescribeLoadBalancers, in)
		if err != nil {
			return err
		}
		for _, lb := range out.LoadBalancers {
			if deref(lb.VpcId) == c.vpc && lb.Type == elbv2types.LoadBalancerTypeEnumApplication {
				byARN[deref(lb.LoadBalancerArn)] = lb
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	return c.eachOwned(ctx, slices.Sorted(maps.Keys(byARN)), func(arn string, id model.StackID, tags map[string]string) {
		if tags[model.ResourceTag] != model.LoadBalancerResource {
			return
		}
		h := holdingIn(found, id)
		lb := loadBalancerOf(byARN[arn], tags)
		h.observed.LoadBalancer, h.observed.DNSName = &lb, deref(byARN[arn].DNSName)
		h.observed.IDs[lb.Key] = arn
	})
}

func (c *Cloud) listTargetGroups(ctx context.Context, found map[model.StackID]*holding) error {
	byARN := map[string]elbv2types.TargetGroup{}
	in := &elbv2.DescribeTargetGroupsInput{}
	for {
		out, err := elbCall(ctx, c, Read, "DescribeTargetGroups", c.elb.DescribeTargetGroups, in)
		if err != nil {
			return err
		}
		for _, group := range out.TargetGroups {
			if deref(group.VpcId) == c.vpc {
				byARN[deref(group.TargetGroupArn)] = group
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	return c.eachOwned(ctx, slices.Sorted(maps.Keys(byARN)), func(arn string, id model.StackID, tags map[string]string) {
		if tags[model.ResourceTag] == "" {
			return
		}
		h := holdingIn(found, id)
		group := targetGroupOf(byARN[arn], tags)
		group.Key = freeKey(h, group.Key)
		h.observed.TargetGroups = append(h.observed.TargetGroups, group)
		h.observed.IDs[group.Key] = arn
	})
}

func (c *Cloud) listSecurityGroups(ctx context.Context, found map[model.StackID]*holding) error {
	in := &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{
		{Name: new("vpc-id"), Values: []string{c.vpc}},
		{Name: new("tag:" + model.ClusterTag), Values: []string{c.cluster}},
	}}
	for {
		out, err := ec2Call(ctx, c, Read, "DescribeSecurityGroups", c.ec2.DescribeSecurityGroups, in)
		if err != nil {
			return err
		}
		for _, group := range out.SecurityGroups {
			c.foundSecurityGroup(found, group)
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return nil
		}
	}
}

func (c *Cloud) foundSecurityGroup(found map[model.StackID]*holding, group ec2types.SecurityGroup) {
	tags := ec2Tags(group.Tags)
	id, resource := stackOf(tags), tags[model.ResourceTag]
	switch {
	case tags[model.SharedResourceTag] == model.BackendResource:
		id, resource = model.SharedStack, model.BackendResource
	case id == model.SharedStack || resource == "":
		return
	}
	h := holdingIn(found, id)
	sg := securityGroupOf(group, tags)
	sg.Key = freeKey(h, model.Key("security-group/"+resource))
	h.observed.SecurityGroups = append(h.observed.SecurityGroups, sg)
	h.observed.IDs[sg.Key] = deref(group.GroupId)
}

// eachOwned reads the tags of ARNs, twenty a call as the API allows, and hands on
// those that belong to a stack of the cluster.
func (c *Cloud) eachOwned(ctx context.Context, arns []string, yield func(arn string, id model.StackID, tags map[string]string)) error {
	for chunk := range slices.Chunk(arns, 20) {
		out, err := elbCall(ctx, c, Read, "DescribeTags", c.elb.DescribeTags, &elbv2.DescribeTagsInput{ResourceArns: chunk})
		if err != nil {
			return err
		}
		for _, described := range out.TagDescriptions {
			tags := elbTags(described.Tags)
			if id := stackOf(tags); tags[model.ClusterTag] == c.cluster && id != model.SharedStack {
				yield(deref(described.ResourceArn), id, tags)
			}
		}
	}
	return nil
}

func stackOf(tags map[string]string) model.StackID {
	namespace, name, ok := strings.Cut(tags[model.StackTag], "/")
	if !ok {
		return model.StackID{Name: namespace}
	}
	return model.StackID{Namespace: namespace, Name: name}
}

func holdingIn(found map[model.StackID]*holding, id model.StackID) *holding {
	if found[id] == nil {
		found[id] = newHolding(id)
	}
	return found[id]
}

// freeKey tells a second resource of the same tag apart, so that the plan removes it.
func freeKey(h *holding, key model.Key) model.Key {
	for n := 0; ; n++ {
		if _, taken := h.observed.IDs[key.Nth(n)]; !taken {
			return key.Nth(n)
		}
	}
}
