package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// A load balancer needs eight free addresses in each subnet (Application Load
// Balancers guide, "Subnets for your load balancer").
const addressesNeeded = 8

// An Application Load Balancer needs subnets in two zones (the same page).
const zonesNeeded = 2

// SubnetError says which subnets were asked for and why they will not do. It is data
// for a Problem.
type SubnetError struct{ Value, Message, Remedy string }

// ChosenSubnets resolves subnets that a user has named, by id or by Name tag, and keeps
// their order.
func ChosenSubnets(network model.Network, names []string) ([]string, *SubnetError) {
	var chosen []model.Subnet
	for _, name := range names {
		subnet, ok := findSubnet(network, name, chosen)
		if !ok {
			return nil, &SubnetError{
				Value: name, Message: fmt.Sprintf("subnet %q does not exist in %s", name, network.VPC),
				Remedy: "name subnets of the cluster's VPC by id or Name tag; it has " + subnetIDs(network.Subnets),
			}
		}
		chosen = append(chosen, subnet)
	}
	return checkZones(chosen)
}

func findSubnet(network model.Network, name string, taken []model.Subnet) (model.Subnet, bool) {
	for _, subnet := range network.Subnets {
		byName := !strings.HasPrefix(name, "subnet-") && subnet.Tags["Name"] == name
		used := slices.ContainsFunc(taken, func(s model.Subnet) bool { return s.ID == subnet.ID })
		if subnet.ID == name || byName && !used {
			return subnet, true
		}
	}
	return model.Subnet{}, false
}

func checkZones(subnets []model.Subnet) ([]string, *SubnetError) {
	byZone := map[string]string{}
	var ids []string
	for _, subnet := range subnets {
		if other, taken := byZone[subnet.Zone]; taken {
			return nil, &SubnetError{
				Value: subnet.ID, Message: fmt.Sprintf("subnets %s and %s are both in zone %s", other, subnet.ID, subnet.Zone),
				Remedy: "name one subnet a zone",
			}
		}
		byZone[subnet.Zone] = subnet.ID
		ids = append(ids, subnet.ID)
	}
	if len(ids) < zonesNeeded {
		return nil, &SubnetError{
			Value: strings.Join(ids, ","), Message: fmt.Sprintf("an Application Load Balancer needs subnets in %d zones, and there are %d", zonesNeeded, len(ids)),
			Remedy: "add a subnet of another zone",
		}
	}
	return ids, nil
}

// DiscoverSubnets picks one subnet a zone from those with the role tag of the scheme:
// first one that is tagged for the cluster, then the lowest id.
func DiscoverSubnets(network model.Network, cluster string, scheme model.Scheme) ([]string, *SubnetError) {
	role := "kubernetes.io/role/internal-elb"
	if scheme == model.InternetFacing {
		role = "kubernetes.io/role/elb"
	}
	var untagged, foreign, full int
	byZone := map[string]model.Subnet{}
	for _, subnet := range network.Subnets { // ascending ids
		value, tagged := subnet.Tags[role]
		switch {
		case !tagged || value != "" && value != "1":
			untagged++
		case otherClusters(subnet, cluster):
			foreign++
		case subnet.FreeAddresses < addressesNeeded:
			full++
		default:
			best, taken := byZone[subnet.Zone]
			if !taken || own(subnet, cluster) && !own(best, cluster) {
				byZone[subnet.Zone] = subnet
			}
		}
	}
	var picked []model.Subnet
	for _, subnet := range byZone {
		picked = append(picked, subnet)
	}
	slices.SortFunc(picked, func(a, b model.Subnet) int { return strings.Compare(a.ID, b.ID) })
	ids, problem := checkZones(picked)
	if problem != nil {
		problem.Message += fmt.Sprintf(" (of %d subnets in %s, %d lack the tag %s, %d are tagged for other clusters only, %d have fewer than %d free addresses)",
			len(network.Subnets), network.VPC, untagged, role, foreign, full, addressesNeeded)
		problem.Remedy = fmt.Sprintf("tag subnets of two zones with %s=1, or name them in the annotation alb.ingress.kubernetes.io/subnets", role)
	}
	return ids, problem
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
