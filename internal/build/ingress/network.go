package ingress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// checkNetwork makes it a problem of every member when the load balancer cannot stand in the
// VPC; what a member has named is the problem of who named it.
func (j *joint) checkNetwork() {
	if _, wrong := j.subnets(j.scheme()); wrong != nil {
		j.fail("subnets", "InvalidSubnet", "NoSubnets", wrong.Message, wrong.Remedy)
	}
	if _, message := j.namedSecurityGroups(); message != "" {
		j.fail("security-groups", "InvalidSecurityGroup", "", message, "name security groups of the cluster's VPC by id or Name tag")
	}
	if j.managesRules() && j.value("security-groups") != "" && j.BackendSecurityGroup == "" {
		asks := manageRules
		if j.value(manageRules) == "" {
			asks = "security-groups" // the flag asks for rules, for whoever names security groups
		}
		j.fail(asks, "InvalidAnnotation", "", "the shared backend security group is switched off (flag --enable-backend-security-group=false)",
			"switch it on, or manage the rules of the Pods' security groups yourself")
	}
}

// fail: the load balancer cannot be made. Who stated the key hears the first reason; where
// nobody did, all hear the second.
func (j *joint) fail(key, named, found, message, remedy string) {
	j.hopeless = true
	for _, p := range j.accepted {
		switch by := j.said[key].by; {
		case by == p.object():
			object, field := p.source(key)
			p.note(model.Problem{Object: object, Field: field, Reason: named, Message: message, Remedy: remedy})
		case by == model.Object{}:
			object, field := p.source(key)
			p.note(model.Problem{
				Object: object, Field: field, Reason: found, Remedy: remedy,
				Message: fmt.Sprintf("no subnets can be found for the scheme %s: %s", j.scheme(), message),
			})
		}
	}
}

// subnets: those that members name, else those that their class chooses by tags, else those
// that the load balancer has, else those that are tagged for the purpose.
func (j *joint) subnets(scheme model.Scheme) ([]string, *build.SubnetError) {
	search := build.SubnetSearch{Network: j.Network, Config: j.Config, Scheme: scheme, IPv6: dualStack(j.ipAddressType())}
	for _, p := range j.accepted {
		if tags := p.subnetTags(); len(tags) > 0 {
			return search.Tagged(tags)
		}
		if named := p.set.StringList("subnets"); len(named) > 0 {
			return search.Named(named)
		}
	}
	if have := j.Have.LoadBalancer; have != nil && have.Scheme == scheme {
		return have.Subnets, nil
	}
	return search.Discover()
}

// securityGroups of the load balancer, and whether one of them is the stack's own: that one
// and the shared one, or those that members name, with the shared one where its rules are
// wanted all the same.
func (j *joint) securityGroups() (groups []model.Key, own bool) {
	backend := model.Key(j.BackendSecurityGroup)
	switch named, _ := j.namedSecurityGroups(); {
	case len(named) > 0 && j.managesRules() && backend != "":
		return append(named, backend), false
	case len(named) > 0:
		return named, false
	case j.keepsSecurityGroups():
		return j.Have.LoadBalancer.SecurityGroups, false
	case backend == "":
		return []model.Key{model.SecurityGroupKey}, true
	}
	return []model.Key{model.SecurityGroupKey, backend}, true
}

// keepsSecurityGroups: the load balancer has security groups of its users, and who named them
// may be among those that are rejected now.
func (j *joint) keepsSecurityGroups() bool {
	have := j.Have.LoadBalancer
	if !j.incomplete() || have == nil || len(have.SecurityGroups) == 0 {
		return false
	}
	return !slices.Contains(have.SecurityGroups, model.SecurityGroupKey)
}

func (j *joint) managesRules() bool {
	if said := j.value(manageRules); said != "" {
		return said == "true"
	}
	return j.Config.ManageBackendRules
}

// namedSecurityGroups resolves what members name, and says what of it does not exist.
func (j *joint) namedSecurityGroups() (groups []model.Key, wrong string) {
	said := j.value("security-groups")
	if said == "" {
		return nil, ""
	}
	taken := map[string]bool{}
	for name := range strings.SplitSeq(said, ",") {
		id := j.findSecurityGroup(name, taken)
		if id == "" {
			return nil, fmt.Sprintf("security group %q does not exist in %s", name, j.Network.VPC)
		}
		taken[id] = true
		groups = append(groups, model.Key(id))
	}
	return groups, ""
}

// findSecurityGroup takes an id, or a Name tag. Where several groups have one name, each
// mention takes the next.
func (j *joint) findSecurityGroup(name string, taken map[string]bool) string {
	for _, group := range j.Network.SecurityGroups {
		if group.ID == name || !strings.HasPrefix(name, "sg-") && group.Name == name && !taken[group.ID] {
			return group.ID
		}
	}
	return ""
}

// endpointSource is the security group that the targets let in; "" where their security
// groups are somebody else's to keep.
func (j *joint) endpointSource() string {
	groups, own := j.securityGroups()
	for _, group := range groups {
		if j.BackendSecurityGroup != "" && group == model.Key(j.BackendSecurityGroup) {
			return j.BackendSecurityGroup
		}
	}
	if own {
		return string(model.SecurityGroupKey)
	}
	return ""
}
