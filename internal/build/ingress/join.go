package ingress

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// joint is what the members of a stack say together.
type joint struct {
	*Snapshot
	parts    []*part // all, in order
	accepted []*part
	said     map[string]statement
	// settled is what the first member's class says of attributes; nobody contradicts it.
	settled  map[string]string
	problems []model.Problem
	// hopeless: the load balancer cannot be made, whatever the members say.
	hopeless bool
}

// statement is a value and the member that stated it first.
type statement struct {
	value string
	by    model.Object
}

// join takes members in their order. A member that is wrong by itself, or contradicts
// one before it, or does not go with what all say together, is rejected with a problem,
// and says nothing to the whole.
func join(snapshot Snapshot) *joint {
	j := &joint{Snapshot: &snapshot, settled: map[string]string{}}
	for _, member := range snapshot.Members {
		j.parts = append(j.parts, newPart(&snapshot, member))
	}
	j.settle()
	for {
		j.accept()
		for _, p := range j.accepted {
			j.checkTogether(p)
		}
		if !slices.ContainsFunc(j.accepted, (*part).rejected) {
			break
		}
	}
	if len(j.accepted) > 0 {
		j.checkNetwork()
		j.warnOfScheme()
	}
	for _, p := range j.parts {
		if !p.Moving { // the stack that it belongs to now tells of them
			j.problems = append(j.problems, p.problems...)
		}
	}
	return j
}

// accept takes the members that are not wrong, and notes what they say.
func (j *joint) accept() {
	j.accepted, j.said = nil, map[string]statement{}
	for _, p := range j.parts {
		if p.rejected() {
			continue
		}
		j.contradictions(p)
		if p.rejected() {
			continue
		}
		j.accepted = append(j.accepted, p)
		for _, s := range p.says {
			if _, known := j.said[s.key]; !known {
				j.said[s.key] = statement{s.value, p.object()}
			}
		}
	}
	if slices.ContainsFunc(j.accepted, func(p *part) bool { return p.redirectOff }) {
		delete(j.said, "ssl-redirect")
	}
}

// settle reads the attributes of classes: of the load balancer from the first member's, of a
// listener from the first that listens there.
func (j *joint) settle() {
	seen := map[int32]bool{}
	for i, p := range j.parts {
		if i == 0 && p.Class.Params != nil {
			for key, value := range attributesOf(p.Class.Params.Spec.LoadBalancerAttributes) {
				j.settled[attributeKey(key)] = value
			}
		}
		for _, port := range p.ports {
			if seen[port] {
				continue
			}
			seen[port] = true
			for key, value := range listenerAttributes(p.Class.Params, p.protocols[port], port) {
				j.settled[listenerAttributeKey(port, key)] = value
			}
		}
	}
}

func (j *joint) contradictions(p *part) {
	for _, s := range p.says {
		before, known := j.said[s.key]
		_, settled := j.settled[s.key]
		if !known || settled || before.value == s.value {
			continue
		}
		problem := model.Problem{
			Object: s.object, Field: s.field, Reason: "ConflictInGroup",
			Message: fmt.Sprintf("%s is %q, but %s, which comes before it in the group, says %q", s.key, s.value, before.by, before.value),
			Remedy:  "say the same in both, or take one out of the group",
		}
		if port, ok := strings.CutPrefix(s.key, "default-backend/"); ok {
			problem.Object, problem.Field = p.object(), "spec.defaultBackend"
			problem.Message = fmt.Sprintf("port %s has the default backend of %s, which comes before it in the group", port, before.by)
			problem.Remedy = "keep one default backend a port, or take one Ingress out of the group"
		}
		p.note(problem)
	}
}

// checkTogether finds what of a member does not go with what all say.
func (j *joint) checkTogether(p *part) {
	redirect := p.redirectPort()
	if redirect != "" && j.saidOf("listen-ports", portNumber(redirect)) != https {
		object, field := p.source("ssl-redirect")
		p.note(model.Problem{
			Object: object, Field: field, Reason: annotations.ReasonInvalid,
			Message: fmt.Sprintf("the load balancer does not listen with HTTPS on port %s, to which it would redirect", redirect),
			Remedy:  `name an HTTPS port of listen-ports, such as [{"HTTP": 80}, {"HTTPS": 443}]`,
		})
	}
	for _, port := range p.ports {
		if p.protocols[port] == "HTTP" && !j.redirects(port) {
			p.checkVersions(port)
		}
	}
	for _, group := range p.targetGroups {
		if group.IPAddressType == ipv6 && !dualStack(j.ipAddressType()) {
			p.complain(annotationField(annotations.Prefix+"ip-address-type"), annotations.ReasonInvalid,
				fmt.Sprintf("the Service of target group %s has IPv6 addresses, and the load balancer is %s", group.Key.Resource(), j.ipAddressType()),
				"set ip-address-type to dualstack, or make the Service IPv4")
		}
	}
}

// redirects reports whether the listener on a port only redirects to HTTPS.
func (j *joint) redirects(port int32) bool {
	return j.saidOf("listen-ports", port) == "HTTP" && (j.value("ssl-redirect") != "" || j.keptRedirect(port) != nil)
}

// keptRedirect is the redirect to HTTPS that a listener has for a rejected member: without it
// the rules of the others would be served without TLS. It is nil where there is none.
func (j *joint) keptRedirect(port int32) *model.Redirect {
	asked := slices.ContainsFunc(j.parts, func(p *part) bool { return p.rejected() && p.set.Has("ssl-redirect") })
	for _, have := range j.Have.Listeners {
		if to := have.Default.Redirect; asked && have.Port == port && to != nil && to.Protocol == https {
			return to
		}
	}
	return nil
}

func portNumber(text string) int32 {
	number, _ := strconv.ParseInt(text, 10, 32) // it was read from a number before
	return int32(number)
}

// value is what the members say of a key; "" when none does.
func (j *joint) value(key string) string { return j.said[key].value }

// values are the entries that members state under a prefix, by the rest of their keys, and over
// them what is settled. It is nil when there are none.
func (j *joint) values(prefix string) map[string]string {
	out := map[string]string{}
	for key, s := range j.said {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			out[rest] = s.value
		}
	}
	for key, value := range j.settled {
		if rest, ok := strings.CutPrefix(key, prefix); ok {
			out[rest] = value
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// incomplete: a member that is rejected may have said something that nobody says now.
func (j *joint) incomplete() bool { return len(j.accepted) < len(j.parts) }

// ports that any accepted member listens on, ascending.
func (j *joint) ports() []int32 {
	var ports []int32
	for _, p := range j.accepted {
		ports = append(ports, p.ports...)
	}
	slices.Sort(ports)
	return slices.Compact(ports)
}
