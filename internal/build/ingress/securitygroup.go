package ingress

import (
	"net/netip"
	"strings"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

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

// permissions let clients in to every port that is listened on. While a member is rejected
// that may have said from where, what there is stays.
func (j *joint) permissions() []model.Permission {
	var out []model.Permission
	for _, port := range j.ports() {
		cidrs, lists := split(j.saidOf("inbound-cidrs", port)), split(j.saidOf("security-group-prefix-lists", port))
		if len(cidrs)+len(lists) == 0 {
			if have := j.permissionsOf(port); j.incomplete() && len(have) > 0 {
				out = append(out, have...)
				continue
			}
			cidrs = []string{"0.0.0.0/0", "::/0"}
		}
		out = append(out, j.permissionsFrom(port, cidrs, lists)...)
	}
	return out
}

// permissionsFrom: IPv6 ranges are left out where the load balancer has IPv4 addresses only.
// EC2 drops the bits behind a range's length, so they must not count.
func (j *joint) permissionsFrom(port int32, cidrs, prefixLists []string) []model.Permission {
	var out []model.Permission
	base := model.Permission{Protocol: "tcp", FromPort: port, ToPort: port}
	add := func(set func(*model.Permission)) {
		permission := base
		set(&permission)
		out = append(out, permission)
	}
	for _, cidr := range cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		switch {
		case err != nil: // the member that said so is rejected
		case prefix.Addr().Is4():
			add(func(p *model.Permission) { p.CIDR = prefix.Masked().String() })
		case dualStack(j.ipAddressType()):
			add(func(p *model.Permission) { p.CIDR6 = prefix.Masked().String() })
		}
	}
	for _, list := range prefixLists {
		add(func(p *model.Permission) { p.PrefixList = list })
	}
	return out
}

func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
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
