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
// tagged for the cluster.
func (c *Cloud) EndpointGroups(ctx context.Context, instances map[netip.Addr]string) (map[netip.Addr]string, error) {
	if err := c.readInstances(ctx, slices.Sorted(maps.Values(instances))); err != nil {
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
		if _, ok := ec2Tags(group.Tags)["kubernetes.io/cluster/"+c.cluster]; ok {
			tagged = append(tagged, deref(group.GroupId))
		}
	}
	if len(tagged) != 1 {
		return "", fmt.Errorf("instance %s has the security groups %s: exactly one must have the tag kubernetes.io/cluster/%s, but %d have it",
			instance, strings.Join(i.groups, ", "), c.cluster, len(tagged))
	}
	return tagged[0], nil
}

func (c *Cloud) readInstances(ctx context.Context, ids []string) error {
	c.endpoints.mu.Lock()
	var unknown []string
	for _, id := range slices.Compact(ids) {
		if time.Since(c.endpoints.read[id]) > interfaceAge {
			unknown = append(unknown, id)
		}
	}
	c.endpoints.mu.Unlock()
	// 200 ids a call: DescribeInstances names no limit for ids, but long lists time out.
	for chunk := range slices.Chunk(unknown, 200) {
		out, err := ec2Call(ctx, c, Registration, "DescribeInstances", c.ec2.DescribeInstances, &ec2.DescribeInstancesInput{InstanceIds: chunk})
		if err != nil {
			return err
		}
		c.endpoints.remember(out.Reservations)
	}
	return nil
}

func (e *endpointCache) remember(reservations []ec2types.Reservation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.interfaces == nil {
		e.interfaces, e.read = map[string][]networkInterface{}, map[string]time.Time{}
	}
	for _, reservation := range reservations {
		for _, instance := range reservation.Instances {
			var interfaces []networkInterface
			for _, i := range instance.NetworkInterfaces {
				interfaces = append(interfaces, interfaceOf(i))
			}
			e.interfaces[deref(instance.InstanceId)], e.read[deref(instance.InstanceId)] = interfaces, time.Now()
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
	c.endpoints.mu.Lock()
	read := c.endpoints.rules != nil
	c.endpoints.mu.Unlock()
	if !read {
		if err := c.readEndpointRules(ctx, ec2types.Filter{Name: new("tag-key"), Values: []string{"kubernetes.io/cluster/" + c.cluster}}); err != nil {
			return nil, fmt.Errorf("reading the cluster's security groups: %w", err)
		}
	}
	c.endpoints.mu.Lock()
	defer c.endpoints.mu.Unlock()
	return slices.Sorted(maps.Keys(c.endpoints.rules)), nil
}

func (c *Cloud) readEndpointRules(ctx context.Context, filter ec2types.Filter) error {
	in := &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: new("vpc-id"), Values: []string{c.vpc}}, filter}}
	out, err := ec2Call(ctx, c, Registration, "DescribeSecurityGroups", c.ec2.DescribeSecurityGroups, in)
	if err != nil {
		return err
	}
	c.endpoints.mu.Lock()
	defer c.endpoints.mu.Unlock()
	if c.endpoints.rules == nil {
		c.endpoints.rules = map[string][]model.Permission{}
	}
	for _, group := range out.SecurityGroups {
		ours := slices.DeleteFunc(permissionsOf(group.IpPermissions), func(p model.Permission) bool { return p.Description != model.EndpointRuleDescription })
		c.endpoints.rules[deref(group.GroupId)] = ours
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
		if err := c.readEndpointRules(ctx, ec2types.Filter{Name: new("group-id"), Values: []string{group}}); err != nil {
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
