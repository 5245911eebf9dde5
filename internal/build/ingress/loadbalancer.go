package ingress

import (
	"cmp"
	"fmt"
	"maps"
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
	groups, _ := j.securityGroups()
	lb := &model.LoadBalancer{
		Key:            model.LoadBalancerKey,
		Name:           name,
		Scheme:         scheme,
		IPAddressType:  j.ipAddressType(),
		Subnets:        subnets,
		SecurityGroups: groups,
		Attributes:     j.values(attributeKey("")),
		Tags:           j.Config.Tags(j.ID, model.LoadBalancerResource, j.values("tags/")),
	}
	if have := j.Have.LoadBalancer; have != nil && !j.replaced() {
		lb.Tags = j.keepTags(lb.Tags, have.Tags)
	}
	return lb
}

const (
	ipv4 = "ipv4"
	ipv6 = "ipv6"
)

// dualStack: the load balancer has IPv6 addresses too.
func dualStack(addressType string) bool { return strings.HasPrefix(addressType, "dualstack") }

// ipAddressType: what members say, else IPv4. While a member is rejected that may have said
// it, what there is stays.
func (j *joint) ipAddressType() string {
	said := j.value("ip-address-type")
	if have := j.Have.LoadBalancer; said == "" && have != nil && j.incomplete() {
		return have.IPAddressType
	}
	return cmp.Or(said, ipv4)
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

// holds reports whether the load balancer has anything that is a rejected member's alone.
func (j *joint) holds() bool {
	theirs := keep(j.Have, j)
	return len(theirs.targetGroups)+len(theirs.rules)+len(theirs.listeners) > 0 ||
		slices.ContainsFunc(j.Have.Listeners, func(l model.Listener) bool {
			action, kept := theirs.fallback(j.Have, l.Key)
			return kept && !model.SameAction(notFound, action) || j.keptRedirect(l.Port) != nil
		})
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

// keepTags: while a member is rejected, tags that it may have given stay.
func (j *joint) keepTags(want, have map[string]string) map[string]string {
	if !j.incomplete() {
		return want
	}
	if want == nil {
		return nil // nobody looks after the tags
	}
	out := maps.Clone(want)
	for key, value := range have {
		if _, wanted := want[key]; !wanted {
			out[key] = value
		}
	}
	return out
}

func unionTags(parts []*part) map[string]string {
	out := map[string]string{}
	for _, p := range slices.Backward(parts) {
		maps.Copy(out, p.tags)
	}
	return out
}
