package build

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// A load balancer needs eight free addresses in each subnet (Application Load
// Balancers guide, "Subnets for your load balancer").
const addressesNeeded = 8

// An Application Load Balancer needs subnets in two zones (the same page). In Local Zones, Wavelength
// Zones and on Outposts one is enough.
const zonesNeeded = 2

// SubnetError says which subnets were asked for and why they will not do. It is data
// for a Problem.
type SubnetError struct{ Value, Message, Remedy string }

// SubnetSearch finds the subnets of a load balancer, one a zone.
type SubnetSearch struct {
	Network model.Network
	Config  Config
	Scheme  model.Scheme
	// IPv6: the load balancer has IPv6 addresses too.
	IPv6 bool
}

// Named are subnets that a user has named, by id or by Name tag, in their order.
func (s SubnetSearch) Named(names []string) ([]string, *SubnetError) {
	var chosen []model.Subnet
	for _, name := range names {
		subnet, ok := s.find(name, chosen)
		if !ok {
			return nil, &SubnetError{
				Value: name, Message: fmt.Sprintf("subnet %q does not exist in %s", name, s.Network.VPC),
				Remedy: "name subnets of the cluster's VPC by id or Name tag; it has " + subnetIDs(s.Network.Subnets),
			}
		}
		if s.IPv6 && !subnet.IPv6 {
			return nil, &SubnetError{
				Value: name, Message: fmt.Sprintf("subnet %s has no range of IPv6 addresses, which a dualstack load balancer needs", subnet.ID),
				Remedy: "give the subnet a range of IPv6 addresses, name another, or set ip-address-type to ipv4",
			}
		}
		chosen = append(chosen, subnet)
	}
	return s.check(chosen)
}

// find takes an id, or a Name tag: where several subnets have one name, each mention takes
// the next.
func (s SubnetSearch) find(name string, taken []model.Subnet) (model.Subnet, bool) {
	for _, subnet := range s.Network.Subnets {
		byName := !strings.HasPrefix(name, "subnet-") && subnet.Tags["Name"] == name
		used := slices.ContainsFunc(taken, func(s model.Subnet) bool { return s.ID == subnet.ID })
		if subnet.ID == name || byName && !used {
			return subnet, true
		}
	}
	return model.Subnet{}, false
}

// Tagged are the subnets that have one of the values for each of the tags.
func (s SubnetSearch) Tagged(tags map[string][]string) ([]string, *SubnetError) {
	fits := func(subnet model.Subnet) bool {
		for key, values := range tags {
			if value, tagged := subnet.Tags[key]; !tagged || !slices.Contains(values, value) {
				return false
			}
		}
		return true
	}
	var asked []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		asked = append(asked, key+"="+strings.Join(tags[key], "|"))
	}
	return s.pick(fits, fmt.Sprintf("lack the tags %s", strings.Join(asked, ", ")), "tag subnets of two zones so")
}

// Discover finds subnets with the role tag of the scheme. Where no subnet of the VPC has
// it, routes decide: a public load balancer goes where an internet gateway can be reached,
// an internal one where not.
func (s SubnetSearch) Discover() ([]string, *SubnetError) {
	role := RoleTag(s.Scheme)
	tagged := func(subnet model.Subnet) bool {
		value, ok := subnet.Tags[role]
		return ok && (value == "" || value == "1")
	}
	remedy := fmt.Sprintf("tag subnets of two zones with %s=1, or name them in the annotation alb.ingress.kubernetes.io/subnets", role)
	if !s.Config.Gates.NoSubnetsByRoute && !slices.ContainsFunc(s.Network.Subnets, tagged) {
		public := s.Scheme == model.InternetFacing
		lacking := "have no route to an internet gateway"
		if !public {
			lacking = "have a route to an internet gateway"
		}
		return s.pick(func(subnet model.Subnet) bool { return subnet.Public == public }, lacking, remedy)
	}
	return s.pick(tagged, "lack the tag "+role, remedy)
}

// RoleTag marks subnets for load balancers of a scheme.
func RoleTag(scheme model.Scheme) string {
	if scheme == model.InternetFacing {
		return "kubernetes.io/role/elb"
	}
	return "kubernetes.io/role/internal-elb"
}

// pick takes one subnet a zone from those that fit: first one that is tagged for the
// cluster, then the lowest id.
func (s SubnetSearch) pick(fits func(model.Subnet) bool, lacking, remedy string) ([]string, *SubnetError) {
	var unfit, foreign, full, without int
	byZone := map[string]model.Subnet{}
	for _, subnet := range s.Network.Subnets { // ascending ids
		switch {
		case !fits(subnet):
			unfit++
		case !s.Config.Gates.NoSubnetsClusterTagCheck && otherClusters(subnet, s.Config.Cluster):
			foreign++
		case subnet.FreeAddresses < addressesNeeded:
			full++
		case s.IPv6 && !subnet.IPv6:
			without++
		default:
			best, taken := byZone[subnet.Zone]
			if !taken || own(subnet, s.Config.Cluster) && !own(best, s.Config.Cluster) {
				byZone[subnet.Zone] = subnet
			}
		}
	}
	picked := slices.SortedFunc(maps.Values(byZone), func(a, b model.Subnet) int { return strings.Compare(a.ID, b.ID) })
	ids, problem := s.check(picked)
	if problem != nil {
		problem.Message += fmt.Sprintf(" (of %d subnets in %s, %d %s, %d are tagged for other clusters only, %d have fewer than %d free addresses",
			len(s.Network.Subnets), s.Network.VPC, unfit, lacking, foreign, full, addressesNeeded)
		if s.IPv6 {
			problem.Message += fmt.Sprintf(", %d have no IPv6 addresses", without)
		}
		problem.Message += ")"
		problem.Remedy = remedy
	}
	return ids, problem
}

// check: one subnet a zone, all of one locale, and of enough zones.
func (s SubnetSearch) check(subnets []model.Subnet) ([]string, *SubnetError) {
	byZone, byLocale := map[string]string{}, map[string]string{}
	var ids []string
	for _, subnet := range subnets {
		if other, taken := byZone[subnet.Zone]; taken {
			return nil, &SubnetError{
				Value: subnet.ID, Message: fmt.Sprintf("subnets %s and %s are both in zone %s", other, subnet.ID, subnet.Zone),
				Remedy: "name one subnet a zone",
			}
		}
		byZone[subnet.Zone] = subnet.ID
		byLocale[locale(subnet)] = subnet.ID
		ids = append(ids, subnet.ID)
	}
	if len(byLocale) > 1 {
		locales := slices.Sorted(maps.Keys(byLocale))
		return nil, &SubnetError{
			Value: strings.Join(ids, ","), Message: fmt.Sprintf("subnet %s is in %s and subnet %s in %s, and a load balancer stands in one kind of place",
				byLocale[locales[0]], locales[0], byLocale[locales[1]], locales[1]),
			Remedy: "name subnets of one kind",
		}
	}
	needed := zonesNeeded
	if _, ordinary := byLocale[ordinaryZones]; !ordinary && len(ids) > 0 || s.Config.Gates.SingleSubnet {
		needed = 1
	}
	if len(ids) < needed {
		return nil, &SubnetError{
			Value: strings.Join(ids, ","), Message: fmt.Sprintf("an Application Load Balancer needs subnets in %d zones, and there are %d", needed, len(ids)),
			Remedy: "add a subnet of another zone",
		}
	}
	return ids, nil
}

const ordinaryZones = "availability zones"

// locale is the kind of place where a subnet lies.
func locale(subnet model.Subnet) string {
	switch {
	case subnet.Outpost != "":
		return "an Outpost"
	case subnet.ZoneType == "local-zone":
		return "a Local Zone"
	case subnet.ZoneType == "wavelength-zone":
		return "a Wavelength Zone"
	}
	return ordinaryZones
}

func own(subnet model.Subnet, cluster string) bool {
	_, ok := subnet.Tags["kubernetes.io/cluster/"+cluster]
	return ok
}

// otherClusters reports whether a subnet is tagged for clusters, and not for ours.
func otherClusters(subnet model.Subnet, cluster string) bool {
	if own(subnet, cluster) {
		return false
	}
	for key := range subnet.Tags {
		if strings.HasPrefix(key, "kubernetes.io/cluster") {
			return true
		}
	}
	return false
}

func subnetIDs(subnets []model.Subnet) string {
	var ids []string
	for _, subnet := range subnets {
		ids = append(ids, subnet.ID)
	}
	return strings.Join(ids, ", ")
}
