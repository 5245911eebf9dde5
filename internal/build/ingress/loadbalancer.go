package ingress

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

func (j *joint) loadBalancer() *model.LoadBalancer {
	scheme := j.scheme()
	subnets, _ := j.subnets(scheme)
	name := j.value("load-balancer-name")
	if name == "" {
		name = build.LoadBalancerName(j.Config.Cluster, j.ID, scheme)
	}
	attributes := j.values("load-balancer-attributes/")
	if len(attributes) == 0 {
		attributes = nil
	}
	lb := &model.LoadBalancer{
		Key:            model.LoadBalancerKey,
		Name:           name,
		Scheme:         scheme,
		IPAddressType:  "ipv4",
		Subnets:        subnets,
		SecurityGroups: []model.Key{model.SecurityGroupKey, model.Key(j.BackendSecurityGroup)},
		Attributes:     attributes,
		Tags:           j.Config.Tags(j.ID, model.LoadBalancerResource, j.values("tags/")),
	}
	if have := j.Have.LoadBalancer; have != nil && !j.replaced() {
		lb.Tags = j.keepTags(lb.Tags, have.Tags)
	}
	return lb
}

// replaced: the load balancer that there is goes, with its listeners and all that is known
// only from them.
func (j *joint) replaced() bool {
	return j.Have.LoadBalancer != nil && j.Have.LoadBalancer.Scheme != j.scheme()
}

// scheme: what members say, else the default. Another scheme is another load balancer, so
// the scheme that there is stays while a member is rejected that may have said it, or that
// has something on the load balancer: its rules are nowhere else, and a crash between the
// old load balancer and the new one would lose them.
func (j *joint) scheme() model.Scheme {
	said := model.Scheme(j.value("scheme"))
	if have := j.Have.LoadBalancer; have != nil && j.incomplete() && (said == "" || j.holds()) {
		return have.Scheme
	}
	return cmp.Or(said, j.Config.DefaultScheme)
}

// holds reports whether a rejected member has target groups or rules that are nobody else's.
func (j *joint) holds() bool {
	kept := keep(j.Have, j)
	return len(kept.targetGroups)+len(kept.rules) > 0
}

// warnOfScheme tells the member whose scheme has to wait for another to be mended.
func (j *joint) warnOfScheme() {
	said, by := j.value("scheme"), j.said["scheme"].by
	if said == "" || model.Scheme(said) == j.scheme() {
		return
	}
	for _, p := range j.accepted {
		if p.object() == by {
			p.note(model.Problem{
				Object: by, Field: annotationField(annotations.Prefix + "scheme"), Reason: "SchemeWaits", Warning: true,
				Message: fmt.Sprintf("the load balancer stays %s: it would have to be replaced, and what a rejected member of the group has on it would be lost", j.scheme()),
				Remedy:  "mend the members that are rejected, or take them out of the group",
			})
		}
	}
}

// checkSubnets makes it a problem of every member when there are no subnets; named ones
// are the problem of who named them.
func (j *joint) checkSubnets() {
	_, wrong := j.subnets(j.scheme())
	if wrong == nil {
		return
	}
	j.hopeless = true
	field := annotationField(annotations.Prefix + "subnets")
	for _, p := range j.accepted {
		switch by := j.said["subnets"].by; {
		case by == p.object():
			p.complain(field, "InvalidSubnet", wrong.Message, wrong.Remedy)
		case by == model.Object{}:
			p.complain(field, "NoSubnets", fmt.Sprintf("no subnets can be found for the scheme %s: %s", j.scheme(), wrong.Message), wrong.Remedy)
		}
	}
}

// subnets: those that members name, else those that the load balancer has, else those
// that are tagged for the purpose.
func (j *joint) subnets(scheme model.Scheme) ([]string, *build.SubnetError) {
	for _, p := range j.accepted {
		if named := p.set.StringList("subnets"); len(named) > 0 {
			return build.ChosenSubnets(j.Network, named)
		}
	}
	if have := j.Have.LoadBalancer; have != nil && have.Scheme == scheme {
		return have.Subnets, nil
	}
	return build.DiscoverSubnets(j.Network, j.Config.Cluster, scheme)
}

func (j *joint) securityGroup(kept kept) model.SecurityGroup {
	group := model.SecurityGroup{
		Key:         model.SecurityGroupKey,
		Name:        build.SecurityGroupName(j.Config.Cluster, j.ID),
		Description: "[k8s] Managed SecurityGroup for LoadBalancer",
		VPC:         j.Network.VPC,
		Ingress:     append(j.permissions(), kept.permissions...),
		Tags:        j.Config.Tags(j.ID, model.SecurityGroupResource, j.values("tags/")),
	}
	for _, have := range j.Have.SecurityGroups {
		if have.Key == model.SecurityGroupKey {
			group.Tags = j.keepTags(group.Tags, have.Tags)
		}
	}
	return group
}

// permissions let the inbound CIDRs in to every port that is listened on. IPv6 ranges
// are left out: the load balancer has IPv4 addresses only.
func (j *joint) permissions() []model.Permission {
	var out []model.Permission
	for _, port := range j.ports() {
		cidrs := []string{"0.0.0.0/0"}
		if said := j.value(fmt.Sprintf("inbound-cidrs/%d", port)); said != "" {
			cidrs = strings.Split(said, ",")
		} else if have := j.permissionsOf(port); j.incomplete() && len(have) > 0 {
			out = append(out, have...)
			continue
		}
		for _, cidr := range cidrs {
			if prefix, err := netip.ParsePrefix(cidr); err == nil && prefix.Addr().Is4() {
				out = append(out, model.Permission{Protocol: "tcp", FromPort: port, ToPort: port, CIDR: cidr})
			}
		}
	}
	return out
}

// permissionsOf are the permissions that there are for a port.
func (j *joint) permissionsOf(port int32) []model.Permission {
	var out []model.Permission
	for _, group := range j.Have.SecurityGroups {
		for _, permission := range group.Ingress {
			if group.Key == model.SecurityGroupKey && permission.FromPort == port {
				out = append(out, permission)
			}
		}
	}
	return out
}

// keepTags: while a member is rejected, tags that it may have given stay.
func (j *joint) keepTags(want, have map[string]string) map[string]string {
	if !j.incomplete() {
		return want
	}
	out := maps.Clone(have)
	maps.Copy(out, want)
	return out
}

func unionTags(parts []*part) map[string]string {
	out := map[string]string{}
	for _, p := range slices.Backward(parts) {
		maps.Copy(out, p.tags)
	}
	return out
}
