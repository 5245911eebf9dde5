package ingress

import (
	"fmt"
	"net/netip"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/model"
)

// longestName is what ELBv2 allows (API reference, CreateLoadBalancer).
const longestName = 32

func (b *builder) loadBalancer() {
	scheme := b.scheme()
	attributes, err := b.set.StringMap("load-balancer-attributes")
	b.wrong(err)
	addressType, err := b.set.Choice("ip-address-type", "ipv4")
	b.wrong(err)
	name := b.set.String("load-balancer-name", build.LoadBalancerName(b.Config.Cluster, b.stack.ID, scheme))
	if len(name) > longestName {
		b.complain(annotationField(annotations.Prefix+"load-balancer-name"), annotations.ReasonInvalid,
			fmt.Sprintf("%q has %d characters, and AWS allows %d", name, len(name), longestName), "give a shorter name")
	}
	b.stack.LoadBalancer = &model.LoadBalancer{
		Key:            model.LoadBalancerKey,
		Name:           name,
		Scheme:         scheme,
		IPAddressType:  addressType,
		Subnets:        b.subnets(scheme),
		SecurityGroups: []model.Key{model.SecurityGroupKey, model.Key(b.BackendSecurityGroup)},
		Attributes:     attributes,
		Tags:           b.Config.Tags(b.stack.ID, model.LoadBalancerResource, b.userTags(nil)),
	}
}

func (b *builder) scheme() model.Scheme {
	scheme, err := b.set.Choice("scheme", string(b.Config.DefaultScheme))
	b.wrong(err)
	return model.Scheme(scheme)
}

// subnets: those that the user names, else those that the load balancer has, else
// those that are tagged for the purpose.
func (b *builder) subnets(scheme model.Scheme) []string {
	const key = annotations.Prefix + "subnets"
	if named := b.set.StringList("subnets"); len(named) > 0 {
		ids, wrong := build.ChosenSubnets(b.Network, named)
		if wrong != nil {
			b.complain(annotationField(key), "InvalidSubnet", wrong.Message, wrong.Remedy)
		}
		return ids
	}
	if b.Existing != nil && b.Existing.Scheme == scheme {
		return b.Existing.Subnets
	}
	ids, wrong := build.DiscoverSubnets(b.Network, b.Config.Cluster, scheme)
	if wrong != nil {
		b.complain(annotationField(key), "NoSubnets", "no subnets can be found for the scheme "+string(scheme)+": "+wrong.Message, wrong.Remedy)
	}
	return ids
}

// userTags of the Ingress, or of a Service of it, where the Service's win.
func (b *builder) userTags(service map[string]string) map[string]string {
	tags, err := annotations.New(b.Ingress.Annotations, service).StringMap("tags")
	b.wrong(err)
	return tags
}

func (b *builder) securityGroup() {
	b.stack.SecurityGroups = []model.SecurityGroup{{
		Key:         model.SecurityGroupKey,
		Name:        build.SecurityGroupName(b.Config.Cluster, b.stack.ID),
		Description: "[k8s] Managed SecurityGroup for LoadBalancer",
		VPC:         b.Network.VPC,
		Ingress:     b.permissions(),
		Tags:        b.Config.Tags(b.stack.ID, model.SecurityGroupResource, b.userTags(nil)),
	}}
}

// permissions let the inbound CIDRs in to every port that is listened on. IPv6 ranges
// are left out: the load balancer has IPv4 addresses only.
func (b *builder) permissions() []model.Permission {
	cidrs, err := b.set.CIDRList("inbound-cidrs")
	b.wrong(err)
	if len(cidrs) == 0 {
		cidrs = []string{"0.0.0.0/0"}
	}
	var out []model.Permission
	for _, port := range b.ports() {
		for _, cidr := range cidrs {
			if prefix, err := netip.ParsePrefix(cidr); err == nil && prefix.Addr().Is4() {
				out = append(out, model.Permission{Protocol: "tcp", FromPort: port, ToPort: port, CIDR: cidr})
			}
		}
	}
	return out
}
