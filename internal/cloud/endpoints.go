package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// endpointCache holds the interfaces of instances (they rarely change while the
// instance lives) and the rules of endpoint security groups (read once, then followed).
type endpointCache struct {
	mu         sync.Mutex
	interfaces map[string][]networkInterface // by instance id
	read       map[string]time.Time
	single     map[Place]foundInterface      // of endpoints that no instance of ours has
	chosen     map[string]chosenGroup        // by the groups that it was chosen from
	rules      map[string][]model.Permission // by security group id; only those that are ours
}

// EndpointGroupsWithRules are the security groups on which rules of ours were seen
// since start, so that rules that nobody wants any more are found again, and those of
// the cluster's own groups, which a former process may have opened.
func (c *Cloud) EndpointGroupsWithRules(ctx context.Context) ([]string, error) {
	if err := c.ensureFilled(ctx); err != nil {
		return nil, err
	}
	c.endpoints.mu.Lock()
	defer c.endpoints.mu.Unlock()
	return slices.Sorted(maps.Keys(c.endpoints.rules)), nil
}

// learn takes the rules of the cluster's own groups from a list of all, once: from then
// on they are followed.
func (e *endpointCache) learn(cluster string, groups []ec2types.SecurityGroup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.rules != nil {
		return
	}
	e.rules = map[string][]model.Permission{}
	for _, group := range groups {
		if _, ok := ec2Tags(group.Tags)[clusterTagKey(cluster)]; ok {
			e.rules[deref(group.GroupId)] = endpointRules(group)
		}
	}
}

// clusterTagKey marks what belongs to a cluster itself.
func clusterTagKey(cluster string) string { return "kubernetes.io/cluster/" + cluster }

// endpointRules are those of a group that are ours.
func endpointRules(group ec2types.SecurityGroup) []model.Permission {
	return slices.DeleteFunc(permissionsOf(group.IpPermissions), func(p model.Permission) bool { return p.Description != model.EndpointRuleDescription })
}

func (c *Cloud) readEndpointRules(ctx context.Context, group string) error {
	out, err := ec2Call(ctx, c, Registration, "DescribeSecurityGroups", c.ec2.DescribeSecurityGroups, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})
	if err != nil {
		return err
	}
	for _, found := range out.SecurityGroups {
		c.endpoints.setRules(deref(found.GroupId), endpointRules(found))
	}
	return nil
}

// SetEndpointRules makes our rules on an endpoint's security group what is wanted;
// rules without our description are not looked at. It opens before it closes, and
// closes only if told to: until then it opens nothing that a wider rule lets in, or the
// first that are known of many to come would be opened only to be closed again. Calls for one
// group must not overlap.
func (c *Cloud) SetEndpointRules(ctx context.Context, group string, want []model.Permission, mayRevoke bool) error {
	if _, err := c.EndpointGroupsWithRules(ctx); err != nil {
		return err
	}
	if !c.endpoints.knows(group) {
		if err := c.readEndpointRules(ctx, group); err != nil {
			return err
		}
	}
	have := c.endpoints.rulesOf(group)
	without := func(a, b []model.Permission) []model.Permission {
		return slices.DeleteFunc(slices.Clone(a), func(p model.Permission) bool {
			return slices.ContainsFunc(b, func(q model.Permission) bool { return p.Identity() == q.Identity() })
		})
	}
	missing := without(want, have)
	if !mayRevoke {
		missing = slices.DeleteFunc(missing, func(p model.Permission) bool { return slices.ContainsFunc(have, p.Within) })
	}
	if len(missing) > 0 {
		if err := c.authorize(ctx, group, missing); err != nil {
			c.endpoints.forget(group)
			return fmt.Errorf("opening endpoint security group %s: %w", group, err)
		}
	}
	if !mayRevoke {
		c.endpoints.setRules(group, append(missing, have...))
		return nil
	}
	if surplus := without(have, want); len(surplus) > 0 {
		if err := c.revoke(ctx, group, surplus); err != nil {
			c.endpoints.forget(group)
			return fmt.Errorf("closing endpoint security group %s: %w", group, err)
		}
	}
	c.endpoints.setRules(group, want)
	return nil
}

func (e *endpointCache) knows(group string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.rules[group]
	return ok
}

func (e *endpointCache) rulesOf(group string) []model.Permission {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.rules[group]
}

func (e *endpointCache) setRules(group string, rules []model.Permission) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.rules[group] = slices.Clone(rules)
}

func (e *endpointCache) forget(group string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.rules, group)
}
