package cloud

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
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
	rules      map[string][]model.Permission // by security group id; only those that are ours
}

type networkInterface struct {
	primary   bool
	addresses []netip.Addr
	prefixes  []netip.Prefix
	groups    []string
}

// interfaceAge is how long interfaces of an instance are believed when a Pod's address
// is found on one of them.
const interfaceAge = 10 * time.Minute

// EndpointGroups finds the security group that guards each Pod address: of the
// interface of the Pod's instance that has the address (or its prefix), else of the
// instance's primary one. With several groups on an interface, exactly one must be
// tagged for the cluster. Where instances must be read, some of the others are read along:
// they are the next to be asked for.
func (c *Cloud) EndpointGroups(ctx context.Context, instances map[netip.Addr]string, others []string) (map[netip.Addr]string, error) {
	if err := c.readInstances(ctx, slices.Sorted(maps.Values(instances)), others); err != nil {
		return nil, fmt.Errorf("reading the network interfaces of instances: %w", err)
	}
	out := map[netip.Addr]string{}
	for address, instance := range instances {
		c.endpoints.mu.Lock()
		interfaces := c.endpoints.interfaces[instance]
		c.endpoints.mu.Unlock()
		group, err := c.guard(ctx, instance, interfaceWith(interfaces, address))
		if err != nil {
			return nil, err
		}
		out[address] = group
	}
	return out, nil
}

func interfaceWith(interfaces []networkInterface, address netip.Addr) networkInterface {
	var primary networkInterface
	for _, i := range interfaces {
		if slices.Contains(i.addresses, address) || slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool { return p.Contains(address) }) {
			return i
		}
		if i.primary {
			primary = i
		}
	}
	return primary
}

func (c *Cloud) guard(ctx context.Context, instance string, i networkInterface) (string, error) {
	switch len(i.groups) {
	case 0:
		return "", fmt.Errorf("instance %s has no network interface with a security group", instance)
	case 1:
		return i.groups[0], nil
	}
	out, err := ec2Call(ctx, c, Read, "DescribeSecurityGroups", c.ec2.DescribeSecurityGroups, &ec2.DescribeSecurityGroupsInput{GroupIds: i.groups})
	if err != nil {
		return "", err
	}
	var tagged []string
	for _, group := range out.SecurityGroups {
		if _, ok := ec2Tags(group.Tags)[clusterTagKey(c.cluster)]; ok {
			tagged = append(tagged, deref(group.GroupId))
		}
	}
	if len(tagged) != 1 {
		return "", fmt.Errorf("instance %s has the security groups %s: exactly one must have the tag %s, but %d have it",
			instance, strings.Join(i.groups, ", "), clusterTagKey(c.cluster), len(tagged))
	}
	return tagged[0], nil
}

// instancesACall is how many values a filter takes (EC2 API reference, "Filter"). A
// filter, unlike a list of ids, does not fail for an instance that is gone.
const instancesACall = 200

func (c *Cloud) readInstances(ctx context.Context, ids, others []string) error {
	unknown := c.endpoints.unread(slices.Compact(ids))
	if len(unknown) == 0 {
		return nil
	}
	for _, other := range c.endpoints.unread(others) {
		if len(unknown)%instancesACall != 0 && !slices.Contains(unknown, other) {
			unknown = append(unknown, other)
		}
	}
	for chunk := range slices.Chunk(unknown, instancesACall) {
		out, err := ec2Call(ctx, c, Registration, "DescribeInstances", c.ec2.DescribeInstances, &ec2.DescribeInstancesInput{Filters: []ec2types.Filter{{Name: new("instance-id"), Values: chunk}}})
		if err != nil {
			return err
		}
		c.endpoints.remember(chunk, out.Reservations)
	}
	return nil
}

// unread are the instances of which nothing is known, or nothing new enough.
func (e *endpointCache) unread(ids []string) []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return time.Since(e.read[id]) <= interfaceAge })
}

func (e *endpointCache) remember(asked []string, reservations []ec2types.Reservation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.interfaces == nil {
		e.interfaces, e.read = map[string][]networkInterface{}, map[string]time.Time{}
	}
	for _, id := range asked {
		e.read[id] = time.Now()
		delete(e.interfaces, id)
	}
	for _, reservation := range reservations {
		for _, instance := range reservation.Instances {
			var interfaces []networkInterface
			for _, i := range instance.NetworkInterfaces {
				interfaces = append(interfaces, interfaceOf(i))
			}
			e.interfaces[deref(instance.InstanceId)] = interfaces
		}
	}
}

func interfaceOf(i ec2types.InstanceNetworkInterface) networkInterface {
	out := networkInterface{primary: i.Attachment != nil && deref(i.Attachment.DeviceIndex) == 0}
	for _, group := range i.Groups {
		out.groups = append(out.groups, deref(group.GroupId))
	}
	for _, address := range i.PrivateIpAddresses {
		if parsed, err := netip.ParseAddr(deref(address.PrivateIpAddress)); err == nil {
			out.addresses = append(out.addresses, parsed)
		}
	}
	for _, address := range i.Ipv6Addresses {
		if parsed, err := netip.ParseAddr(deref(address.Ipv6Address)); err == nil {
			out.addresses = append(out.addresses, parsed)
		}
	}
	for _, prefix := range i.Ipv4Prefixes {
		out.prefixes = appendCIDR(out.prefixes, deref(prefix.Ipv4Prefix))
	}
	for _, prefix := range i.Ipv6Prefixes {
		out.prefixes = appendCIDR(out.prefixes, deref(prefix.Ipv6Prefix))
	}
	return out
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
// closes only if told to. Calls for one group must not overlap.
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
	if missing := without(want, have); len(missing) > 0 {
		if err := c.authorize(ctx, group, missing); err != nil {
			c.endpoints.forget(group)
			return fmt.Errorf("opening endpoint security group %s: %w", group, err)
		}
	}
	surplus := without(have, want)
	if !mayRevoke {
		c.endpoints.setRules(group, append(slices.Clone(want), surplus...))
		return nil
	}
	if len(surplus) > 0 {
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
