package cloud

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// Place is what tells the network interface that an endpoint has.
type Place struct {
	// Address of a Pod; not valid where the endpoint is the node itself.
	Address netip.Addr
	// Instance of the node; empty where the node is none of the account (Fargate, HyperPod).
	Instance string
	// Interface is the id of the Pod's own one, where it is known.
	Interface string
	// Beside is an address of the node where that has the Pod's in a prefix (HyperPod).
	Beside netip.Addr
	// Pod is its UID: addresses come again.
	Pod string
}

type networkInterface struct {
	id        string
	primary   bool
	addresses []netip.Addr
	prefixes  []netip.Prefix
	groups    []string
}

func (i networkInterface) has(address netip.Addr) bool {
	return slices.Contains(i.addresses, address) || slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool { return p.Contains(address) })
}

type foundInterface struct {
	networkInterface
	at time.Time
}

type chosenGroup struct {
	id  string
	err error
	at  time.Time
}

// interfaceAge is how long interfaces are believed when an address is found on one of them;
// interfaceRetry, when it is not: the instance may have got another one meanwhile.
const (
	interfaceAge   = 10 * time.Minute
	interfaceRetry = 10 * time.Second
)

// EndpointGroups finds the security group that guards each endpoint: of the interface that
// has its address, or of the primary one of a node. With several groups on an interface,
// exactly one must be tagged for the cluster. Where instances must be read, some of the others
// are read along: they are the next to be asked for. Lost are the endpoints for which there is
// no such group, with the reason.
func (c *Cloud) EndpointGroups(ctx context.Context, places []Place, others []string) (groups map[Place]string, lost map[Place]error, err error) {
	if err := c.readPlaces(ctx, places, others); err != nil {
		return nil, nil, fmt.Errorf("reading the network interfaces of endpoints: %w", err)
	}
	groups, lost = map[Place]string{}, map[Place]error{}
	for _, place := range places {
		found, ok := c.endpoints.interfaceAt(place)
		if !ok {
			lost[place] = fmt.Errorf("%s: EC2 knows no such network interface in the VPC", place)
			continue
		}
		group, wrong, err := c.guard(ctx, found)
		switch {
		case err != nil:
			return nil, nil, err
		case wrong != nil:
			lost[place] = fmt.Errorf("%s: %w", place, wrong)
		default:
			groups[place] = group
		}
	}
	return groups, lost, nil
}

// String is the place for people.
func (p Place) String() string {
	switch {
	case p.Interface != "":
		return "network interface " + p.Interface
	case !p.Address.IsValid():
		return "instance " + p.Instance
	case p.Instance != "":
		return "address " + p.Address.String() + " on instance " + p.Instance
	}
	return "address " + p.Address.String()
}

// single reports whether the interface is found by itself and not by its instance.
func (p Place) single() bool { return p.Interface != "" || p.Instance == "" }

func (e *endpointCache) interfaceAt(place Place) (networkInterface, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if place.single() {
		found, ok := e.single[place]
		return found.networkInterface, ok && found.id != ""
	}
	for _, one := range e.interfaces[place.Instance] {
		if place.Address.IsValid() && one.has(place.Address) || !place.Address.IsValid() && one.primary {
			return one, true
		}
	}
	return networkInterface{}, false
}

// readPlaces reads what is not known of the places' interfaces, or not found on them.
func (c *Cloud) readPlaces(ctx context.Context, places []Place, others []string) error {
	instances := map[string]bool{}
	var single []Place
	for _, place := range places {
		_, found := c.endpoints.interfaceAt(place)
		switch {
		case place.single():
			if c.endpoints.due(place, found) {
				single = append(single, place)
			}
		case c.endpoints.unread(place.Instance, found):
			instances[place.Instance] = true
		}
	}
	if err := c.readInstances(ctx, slices.Sorted(maps.Keys(instances)), others); err != nil {
		return err
	}
	return c.readSingle(ctx, single)
}

// unread reports whether an instance must be read, for something that was found on it or not.
func (e *endpointCache) unread(instance string, found bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Since(e.read[instance]) > believed(found)
}

func (e *endpointCache) due(place Place, found bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Since(e.single[place].at) > believed(found)
}

func believed(found bool) time.Duration {
	if found {
		return interfaceAge
	}
	return interfaceRetry
}

// instancesACall is how many values a filter takes (EC2 API reference, "Filter"). A
// filter, unlike a list of ids, does not fail for an instance that is gone.
const instancesACall = 200

func (c *Cloud) readInstances(ctx context.Context, unknown, others []string) error {
	if len(unknown) == 0 {
		return nil
	}
	for _, other := range others {
		if len(unknown)%instancesACall != 0 && !slices.Contains(unknown, other) && c.endpoints.unread(other, true) {
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

// readSingle reads interfaces by their ids or their addresses.
func (c *Cloud) readSingle(ctx context.Context, places []Place) error {
	by := map[string][]string{} // values of a filter
	for _, place := range places {
		filter, value := place.filter()
		by[filter] = append(by[filter], value)
		if place.Beside.IsValid() {
			by[privateAddress] = append(by[privateAddress], place.Beside.String())
		}
	}
	var read []networkInterface
	for _, filter := range slices.Sorted(maps.Keys(by)) {
		for chunk := range slices.Chunk(by[filter], instancesACall) {
			out, err := ec2Call(ctx, c, Registration, "DescribeNetworkInterfaces", c.ec2.DescribeNetworkInterfaces, &ec2.DescribeNetworkInterfacesInput{
				Filters: []ec2types.Filter{{Name: new("vpc-id"), Values: []string{c.vpc}}, {Name: new(filter), Values: chunk}},
			})
			if err != nil {
				return err
			}
			for _, i := range out.NetworkInterfaces {
				read = append(read, singleInterfaceOf(i))
			}
		}
	}
	c.endpoints.rememberSingle(places, read)
	return nil
}

const privateAddress = "addresses.private-ip-address"

// filter is how EC2 finds the place's interface.
func (p Place) filter() (name, value string) {
	switch {
	case p.Interface != "":
		return "network-interface-id", p.Interface
	case p.Address.Is6():
		return "ipv6-addresses.ipv6-address", p.Address.String()
	}
	return privateAddress, p.Address.String()
}

func (e *endpointCache) rememberSingle(places []Place, read []networkInterface) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.single == nil {
		e.single = map[Place]foundInterface{}
	}
	maps.DeleteFunc(e.single, func(_ Place, found foundInterface) bool { return time.Since(found.at) > interfaceAge })
	for _, place := range places {
		e.single[place] = foundInterface{at: time.Now()}
		for _, one := range read {
			if place.Interface == one.id || place.Interface == "" && one.has(place.Address) {
				e.single[place] = foundInterface{networkInterface: one, at: time.Now()}
			}
		}
	}
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
	out := networkInterface{id: deref(i.NetworkInterfaceId), primary: i.Attachment != nil && deref(i.Attachment.DeviceIndex) == 0, groups: groupIDs(i.Groups)}
	for _, address := range i.PrivateIpAddresses {
		out.addresses = appendAddress(out.addresses, deref(address.PrivateIpAddress))
	}
	for _, address := range i.Ipv6Addresses {
		out.addresses = appendAddress(out.addresses, deref(address.Ipv6Address))
	}
	for _, prefix := range i.Ipv4Prefixes {
		out.prefixes = appendCIDR(out.prefixes, deref(prefix.Ipv4Prefix))
	}
	for _, prefix := range i.Ipv6Prefixes {
		out.prefixes = appendCIDR(out.prefixes, deref(prefix.Ipv6Prefix))
	}
	return out
}

func singleInterfaceOf(i ec2types.NetworkInterface) networkInterface {
	out := networkInterface{id: deref(i.NetworkInterfaceId), groups: groupIDs(i.Groups)}
	for _, address := range i.PrivateIpAddresses {
		out.addresses = appendAddress(out.addresses, deref(address.PrivateIpAddress))
	}
	for _, address := range i.Ipv6Addresses {
		out.addresses = appendAddress(out.addresses, deref(address.Ipv6Address))
	}
	for _, prefix := range i.Ipv4Prefixes {
		out.prefixes = appendCIDR(out.prefixes, deref(prefix.Ipv4Prefix))
	}
	for _, prefix := range i.Ipv6Prefixes {
		out.prefixes = appendCIDR(out.prefixes, deref(prefix.Ipv6Prefix))
	}
	return out
}

func groupIDs(groups []ec2types.GroupIdentifier) []string {
	var ids []string
	for _, group := range groups {
		ids = append(ids, deref(group.GroupId))
	}
	return ids
}

func appendAddress(list []netip.Addr, text string) []netip.Addr {
	if address, err := netip.ParseAddr(text); err == nil {
		return append(list, address)
	}
	return list
}

// guard is the group of an interface that is opened; wrong: there is none, or too many.
func (c *Cloud) guard(ctx context.Context, i networkInterface) (group string, wrong, err error) {
	switch len(i.groups) {
	case 0:
		return "", fmt.Errorf("network interface %s has no security group", i.id), nil
	case 1:
		return i.groups[0], nil, nil
	}
	key := strings.Join(slices.Sorted(slices.Values(i.groups)), ", ")
	if known, ok := c.endpoints.choice(key); ok {
		return known.id, known.err, nil
	}
	out, err := ec2Call(ctx, c, Read, "DescribeSecurityGroups", c.ec2.DescribeSecurityGroups, &ec2.DescribeSecurityGroupsInput{GroupIds: i.groups})
	if err != nil {
		return "", nil, err
	}
	var fit []string
	for _, one := range out.SecurityGroups {
		if c.tagged(ec2Tags(one.Tags)) {
			fit = append(fit, deref(one.GroupId))
		}
	}
	choice := chosenGroup{at: time.Now()}
	if len(fit) == 1 {
		choice.id = fit[0]
	} else {
		choice.err = fmt.Errorf("of the security groups %s exactly one must have the tags %s, but %d have them", key, c.wantedTags(), len(fit))
	}
	c.endpoints.choose(key, choice)
	return choice.id, choice.err, nil
}

func (e *endpointCache) choice(key string) (chosenGroup, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.chosen[key]
	return known, ok && time.Since(known.at) < interfaceAge
}

func (e *endpointCache) choose(key string, choice chosenGroup) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.chosen == nil {
		e.chosen = map[string]chosenGroup{}
	}
	e.chosen[key] = choice
}

// tagged reports whether a group is the one of several that is opened: the cluster's, and with
// all tags that --service-target-eni-security-group-tags asks for.
func (c *Cloud) tagged(tags map[string]string) bool {
	if _, ok := tags[clusterTagKey(c.cluster)]; !ok {
		return false
	}
	for key, value := range c.endpointTags {
		if have, ok := tags[key]; !ok || have != value {
			return false
		}
	}
	return true
}

func (c *Cloud) wantedTags() string {
	list := []string{clusterTagKey(c.cluster)}
	for _, key := range slices.Sorted(maps.Keys(c.endpointTags)) {
		list = append(list, key+"="+c.endpointTags[key])
	}
	return strings.Join(list, ", ")
}
