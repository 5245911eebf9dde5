package ingress

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// override is a field of IngressClassParams that stands in the place of an annotation.
type override struct {
	annotation, field string
	value             func(v1beta1.IngressClassParamsSpec) string // "" where the field is not set
}

// overrideTable holds the fields that replace a whole annotation. Tags and attributes are merged by
// key, and are not here.
var overrideTable = []override{
	{"group.name", "spec.group.name", func(s v1beta1.IngressClassParamsSpec) string {
		if s.Group == nil {
			return ""
		}
		return s.Group.Name
	}},
	{"load-balancer-name", "spec.loadBalancerName", func(s v1beta1.IngressClassParamsSpec) string { return s.LoadBalancerName }},
	{"scheme", "spec.scheme", func(s v1beta1.IngressClassParamsSpec) string { return text(s.Scheme) }},
	{"ip-address-type", "spec.ipAddressType", func(s v1beta1.IngressClassParamsSpec) string { return text(s.IPAddressType) }},
	{"target-type", "spec.targetType", func(s v1beta1.IngressClassParamsSpec) string { return text(s.TargetType) }},
	{"subnets", "spec.subnets.ids", func(s v1beta1.IngressClassParamsSpec) string {
		var ids []string
		if s.Subnets != nil {
			for _, id := range s.Subnets.IDs {
				ids = append(ids, string(id))
			}
		}
		return strings.Join(ids, ",")
	}},
	{"ssl-redirect", "spec.sslRedirectPort", func(s v1beta1.IngressClassParamsSpec) string { return s.SSLRedirectPort }},
	{"ssl-policy", "spec.sslPolicy", func(s v1beta1.IngressClassParamsSpec) string { return s.SSLPolicy }},
	{"certificate-arn", "spec.certificateArn", func(s v1beta1.IngressClassParamsSpec) string { return strings.Join(s.CertificateArn, ",") }},
	{"inbound-cidrs", "spec.inboundCIDRs", func(s v1beta1.IngressClassParamsSpec) string { return strings.Join(s.InboundCIDRs, ",") }},
	{"security-group-prefix-lists", "spec.prefixListsIDs", func(s v1beta1.IngressClassParamsSpec) string {
		if len(s.PrefixListsIDs) > 0 {
			return strings.Join(s.PrefixListsIDs, ",")
		}
		return strings.Join(s.PrefixListsIDsLegacy, ",")
	}},
	{"wafv2-acl-arn", "spec.wafv2AclArn", func(s v1beta1.IngressClassParamsSpec) string { return s.WAFv2ACLArn }},
	{"wafv2-acl-name", "spec.wafv2AclName", func(s v1beta1.IngressClassParamsSpec) string { return s.WAFv2ACLName }},
	{"minimum-load-balancer-capacity", "spec.minimumLoadBalancerCapacity", func(s v1beta1.IngressClassParamsSpec) string {
		if s.MinimumLoadBalancerCapacity == nil {
			return ""
		}
		return fmt.Sprintf("CapacityUnits=%d", s.MinimumLoadBalancerCapacity.CapacityUnits)
	}},
	{"ipam-ipv4-pool-id", "spec.ipamConfiguration.ipv4IPAMPoolId", func(s v1beta1.IngressClassParamsSpec) string {
		if s.IPAMConfiguration == nil {
			return ""
		}
		return text(s.IPAMConfiguration.IPv4IPAMPoolId)
	}},
}

func text[T ~string](value *T) string {
	if value == nil {
		return ""
	}
	return string(*value)
}

// overrides are what parameters say in the place of annotations, by their names.
func overrides(params *v1beta1.IngressClassParams) map[string]string {
	out := map[string]string{}
	if params == nil {
		return out
	}
	for _, each := range overrideTable {
		if value := each.value(params.Spec); value != "" {
			out[each.annotation] = value
		}
	}
	if params.Spec.Subnets != nil && len(params.Spec.Subnets.Tags) > 0 {
		out["subnets"] = "" // chosen by their tags
	}
	return out
}

// source is where a value that may be the class's stands: the object and the field in it.
func (p *part) source(name string) (model.Object, string) {
	if name == "subnets" && len(p.subnetTags()) > 0 {
		return objectOf(paramsKind, "", p.Class.Params.Name), "spec.subnets.tags"
	}
	if _, overridden := p.overridden[name]; overridden {
		for _, each := range overrideTable {
			if each.annotation == name {
				return objectOf(paramsKind, "", p.Class.Params.Name), each.field
			}
		}
	}
	return p.object(), annotationField(annotations.Prefix + name)
}

// tagSource is where a tag stands: tags of the class win by key.
func (p *part) tagSource(key string) (model.Object, string) {
	params := p.Class.Params
	if params != nil && slices.ContainsFunc(params.Spec.Tags, func(tag v1beta1.Tag) bool { return tag.Key == key }) {
		return objectOf(paramsKind, "", params.Name), "spec.tags"
	}
	return p.source("tags")
}

// checkParams finds the fields of parameters that this build does not serve.
func (p *part) checkParams() {
	for _, name := range slices.Sorted(maps.Keys(p.overridden)) {
		for _, finding := range annotations.Check(annotations.OnIngress, map[string]string{annotations.Prefix + name: p.overridden[name]}) {
			if name == "ssl-redirect" && finding.Reason == annotations.ReasonInvalid || name == "subnets" {
				continue // see redirectPort
			}
			p.finding(p.object(), finding)
		}
	}
}

// attributesOf makes a map of a list; of two entries with one key the last counts.
func attributesOf(list []v1beta1.Attribute) map[string]string {
	out := map[string]string{}
	for _, attribute := range list {
		out[attribute.Key] = attribute.Value
	}
	return out
}

// listenerAttributes are what parameters say of the listener on a port: the first entry for it.
func listenerAttributes(params *v1beta1.IngressClassParams, protocol string, port int32) map[string]string {
	if params == nil {
		return nil
	}
	for _, listener := range params.Spec.Listeners {
		if string(listener.Protocol) == protocol && listener.Port == port {
			return attributesOf(listener.ListenerAttributes)
		}
	}
	return nil
}
