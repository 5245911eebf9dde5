package ingress

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// part is what one member asks for.
type part struct {
	*Snapshot
	Member
	// overridden is what the class says in the place of annotations.
	overridden map[string]string
	set        annotations.Set
	problems   []model.Problem
	says       []say

	ports        []int32          // that the member listens on
	protocols    map[int32]string // of these ports: "HTTP" or "HTTPS"
	certificates []string         // ARNs, for HTTPS ports; the first is the default one
	tags         map[string]string
	targetGroups []model.TargetGroup
	bindings     []model.Binding
	// rules without listener, priority, key and tags: those depend on the others.
	rules []model.Rule
	// redirectOff: the class gives a redirect that cannot be read.
	redirectOff bool
	// fallback is the action of the default backend; nil when there is none.
	fallback *model.Action
}

func newPart(snapshot *Snapshot, member Member) *part {
	p := &part{Snapshot: snapshot, Member: member, overridden: overrides(member.Class.Params)}
	p.set = annotations.New(member.Ingress.Annotations, nil).Under(p.overridden)
	if problem := member.Class.Problem; problem != nil {
		p.note(*problem)
	}
	p.checkParams()
	p.checkAnnotations()
	p.tags = p.userTags(nil)
	p.listen()
	p.rules = p.paths()
	if backend := member.Ingress.Spec.DefaultBackend; backend != nil {
		p.fallback = new(p.action(*backend, "spec.defaultBackend"))
		p.checkLoop(*p.fallback, false, "spec.defaultBackend")
	}
	p.says = p.statements()
	return p
}

// rejected: nothing is built of the member, and what it has is kept.
func (p *part) rejected() bool {
	return p.Moving || slices.ContainsFunc(p.problems, func(p model.Problem) bool { return !p.Warning })
}

func objectOf(kind, namespace, name string) model.Object {
	return model.Object{Kind: kind, Namespace: namespace, Name: name}
}

func (p *part) object() model.Object {
	return objectOf("Ingress", p.Ingress.Namespace, p.Ingress.Name)
}

// complain notes a problem of the Ingress that takes it out.
func (p *part) complain(field, reason, message, remedy string) {
	p.note(model.Problem{Object: p.object(), Field: field, Reason: reason, Message: message, Remedy: remedy})
}

// note takes each problem once, however often the build runs into it.
func (p *part) note(problem model.Problem) {
	if problem.Object != p.object() {
		problem.Ingress = p.object()
	}
	if !slices.Contains(p.problems, problem) {
		p.problems = append(p.problems, problem)
	}
}

// wrong notes what is wrong with an annotation, where reading it gave an error. What stands
// elsewhere, on a Service, has been told of where it stands (see checkAnnotations).
func (p *part) wrong(err error) {
	finding, ok := errors.AsType[annotations.Finding](err)
	if !ok {
		return
	}
	_, overridden := p.overridden[strings.TrimPrefix(finding.Key, annotations.Prefix)]
	written, found := p.Ingress.Annotations[finding.Key]
	if overridden || found && written == finding.Value || !p.rejected() {
		p.finding(p.object(), finding)
	}
}

// finding makes a problem of a finding. What the class says in the place of an annotation is
// the problem of the class's parameters.
func (p *part) finding(object model.Object, finding annotations.Finding) {
	field := annotationField(finding.Key)
	if name := strings.TrimPrefix(finding.Key, annotations.Prefix); p.overridden[name] != "" {
		object, field = p.source(name)
	}
	// The field names the annotation already.
	message := strings.TrimLeft(strings.TrimPrefix(finding.Message, "annotation "+finding.Key), ": ")
	p.note(model.Problem{
		Object: object, Field: field, Reason: finding.Reason, Message: message, Remedy: finding.Remedy, Warning: !finding.Fatal,
	})
}

func annotationField(key string) string { return fmt.Sprintf("metadata.annotations[%s]", key) }

// checkAnnotations reads every annotation of the Ingress and of its Services, whether
// or not the build comes across it: nothing that a user wrote is ignored in silence. What the
// class overrides does not count, be it right or wrong.
func (p *part) checkAnnotations() {
	check := func(object model.Object, on annotations.Object, values map[string]string, set annotations.Set) {
		for _, finding := range annotations.Check(on, values) {
			if _, overridden := p.overridden[strings.TrimPrefix(finding.Key, annotations.Prefix)]; !overridden {
				finding.Fatal = finding.Fatal && !unused(p.Ingress, finding.Key)
				if without := p.idle(set, finding.Key); without != "" && finding.Fatal {
					finding.Fatal, finding.Message, finding.Remedy = false, "it has no effect "+without, "remove it"
				}
				p.finding(object, finding)
			}
		}
	}
	check(p.object(), annotations.OnIngress, p.Ingress.Annotations, p.set)
	for _, backend := range Backends(p.Ingress) {
		if service := p.Services[backend.Service]; service != nil {
			check(objectOf("Service", service.Namespace, service.Name), annotations.OnService, service.Annotations, p.backend(service))
		}
	}
}

// backend lays the annotations of a Service over those of the Ingress, and the class's word
// over both.
func (p *part) backend(service *corev1.Service) annotations.Set {
	var own map[string]string
	if service != nil {
		own = service.Annotations
	}
	return annotations.New(p.Ingress.Annotations, own).Under(p.overridden)
}

// userTags of the Ingress, or of a Service of it, where the Service's win; those of the class
// win over both.
func (p *part) userTags(service *corev1.Service) map[string]string {
	tags, err := p.backend(service).StringMap("tags")
	p.wrong(err)
	tags = maps.Clone(tags)
	if params := p.Class.Params; params != nil && len(params.Spec.Tags) > 0 {
		if tags == nil {
			tags = map[string]string{}
		}
		for _, tag := range params.Spec.Tags {
			tags[tag.Key] = tag.Value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if slices.Contains(p.Config.ExternalTags, key) {
			object, field := p.tagSource(key)
			if service != nil && object == p.object() && service.Annotations[annotations.Prefix+"tags"] != "" {
				object = objectOf("Service", service.Namespace, service.Name)
			}
			p.note(model.Problem{
				Object: object, Field: field, Reason: annotations.ReasonInvalid,
				Message: fmt.Sprintf("the tag %q is managed outside of this cluster (flag --external-managed-tags)", key), Remedy: "take it out, or out of the flag",
			})
		}
	}
	return tags
}

// listen fills in the ports that the member listens on, and their certificates.
func (p *part) listen() {
	p.certificates = p.set.StringList("certificate-arn")
	listen, err := p.set.ListenPorts()
	p.wrong(err)
	switch {
	case listen != nil:
	case len(p.certificates) > 0:
		listen = []annotations.ListenPort{{Protocol: https, Port: 443}}
	default:
		listen = []annotations.ListenPort{{Protocol: "HTTP", Port: 80}}
	}
	p.protocols = map[int32]string{}
	for _, port := range listen {
		p.ports = append(p.ports, port.Port)
		p.protocols[port.Port] = port.Protocol
	}
	if p.secure() && len(p.certificates) == 0 {
		p.findCertificates()
	}
}

const https = "HTTPS"

// secure reports whether the member listens with TLS anywhere.
func (p *part) secure() bool {
	return slices.ContainsFunc(p.ports, func(port int32) bool { return p.protocols[port] == https })
}

// say is one thing that a member states about what all members share. Members that
// state the same key must state the same value.
type say struct {
	key    string // "scheme", "tags/team", "inbound-cidrs/80"
	value  string
	object model.Object // that states it: the Ingress, or the parameters of its class
	field  string
}

// statements are what the member says about the load balancer.
func (p *part) statements() []say {
	var out []say
	state := func(name, key, value string) {
		object, field := p.source(name)
		out = append(out, say{key, value, object, field})
	}
	for _, name := range []string{"scheme", "load-balancer-name", "ip-address-type"} {
		if p.set.Has(name) {
			state(name, name, p.set.String(name, ""))
		}
	}
	if subnets := p.subnets(); subnets != "" {
		state("subnets", "subnets", subnets)
	}
	if groups := p.set.StringList("security-groups"); len(groups) > 0 {
		state("security-groups", "security-groups", strings.Join(groups, ","))
	}
	if p.set.Has(manageRules) {
		manage, err := p.set.Bool(manageRules, false)
		p.wrong(err)
		state(manageRules, manageRules, strconv.FormatBool(manage))
	}
	if port := p.redirectPort(); port != "" {
		state("ssl-redirect", "ssl-redirect", port)
	}
	attributes, err := p.set.StringMap("load-balancer-attributes")
	p.wrong(err)
	for key, value := range attributes {
		state("load-balancer-attributes", attributeKey(key), value)
	}
	for key, value := range p.tags {
		object, field := p.tagSource(key)
		out = append(out, say{"tags/" + key, value, object, field})
	}
	for _, port := range p.ports {
		p.statementsOf(port, state)
	}
	slices.SortFunc(out, func(a, b say) int { return cmp.Compare(a.key, b.key) })
	return out
}

// statementsOf are what the member says about the listener on a port.
func (p *part) statementsOf(port int32, state func(name, key, value string)) {
	of := func(name string) string { return name + "/" + strconv.Itoa(int(port)) }
	state("listen-ports", of("listen-ports"), p.protocols[port])
	cidrs, err := p.set.CIDRList("inbound-cidrs")
	p.wrong(err)
	slices.Sort(cidrs)
	if len(cidrs) > 0 {
		state("inbound-cidrs", of("inbound-cidrs"), strings.Join(slices.Compact(cidrs), ","))
	}
	prefixes := p.set.StringList("security-group-prefix-lists")
	slices.Sort(prefixes)
	if len(prefixes) > 0 {
		state("security-group-prefix-lists", of("security-group-prefix-lists"), strings.Join(slices.Compact(prefixes), ","))
	}
	if p.protocols[port] == https && p.set.Has("ssl-policy") {
		state("ssl-policy", of("ssl-policy"), p.set.String("ssl-policy", ""))
	}
	name := fmt.Sprintf("listener-attributes.%s-%d", p.protocols[port], port)
	attributes, err := p.set.StringMap(name)
	p.wrong(err)
	for key, value := range attributes {
		state(name, listenerAttributeKey(port, key), value)
	}
	if p.fallback != nil {
		state("", of("default-backend"), p.object().String())
	}
}

const manageRules = "manage-backend-security-group-rules"

func attributeKey(attribute string) string { return "load-balancer-attributes/" + attribute }

func listenerAttributeKey(port int32, attribute string) string {
	return fmt.Sprintf("listener-attributes/%d/%s", port, attribute)
}

// subnets are those that the member wants, as text that two members must agree on: ids or
// names, or the tags by which the class chooses them. A class and an annotation never agree, as
// with the incumbent.
func (p *part) subnets() string {
	if tags := p.subnetTags(); len(tags) > 0 {
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			parts = append(parts, key+"="+strings.Join(slices.Sorted(slices.Values(tags[key])), "|"))
		}
		return "tagged " + strings.Join(parts, ",")
	}
	subnets := p.set.StringList("subnets")
	slices.Sort(subnets)
	text := strings.Join(subnets, ",")
	if p.overridden["subnets"] != "" {
		text += " by the class"
	}
	return text
}

// subnetTags are the tags by which the class chooses subnets; nil where it does not.
func (p *part) subnetTags() map[string][]string {
	if params := p.Class.Params; params != nil && params.Spec.Subnets != nil && len(params.Spec.Subnets.IDs) == 0 {
		return params.Spec.Subnets.Tags
	}
	return nil
}

// redirectPort is the port to which HTTP listeners redirect; "" for none. A class that gives
// no number switches the redirect off, for the whole group, as with the incumbent.
func (p *part) redirectPort() string {
	port, err := p.set.Int32("ssl-redirect", 0)
	if finding, wrong := errors.AsType[annotations.Finding](err); wrong {
		if p.overridden["ssl-redirect"] != "" {
			p.redirectOff, finding.Fatal = true, false
			finding.Remedy += "; no Ingress of the load balancer redirects until then"
		}
		p.finding(p.object(), finding)
		return ""
	}
	if port == 0 {
		return ""
	}
	return strconv.Itoa(int(port))
}
