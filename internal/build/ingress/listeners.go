package ingress

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/sluice-lb/sluice/internal/model"
)

const plainText = "text/plain"

// notFound is the default action where no backend is the default.
var notFound = model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404", ContentType: plainText}}

// listeners and their rules: the rules of all members in the order of the members, and
// in the place of a rejected member those that it had. A listener that redirects to HTTPS
// has none.
func (j *joint) listeners(kept kept) ([]model.Listener, []model.Rule) {
	var listeners []model.Listener
	var rules []model.Rule
	for _, port := range j.ports() {
		listener := j.listener(port, kept)
		listeners = append(listeners, listener)
		if !j.redirects(port) {
			rules = append(rules, j.rulesOf(listener, kept)...)
		}
	}
	for _, listener := range kept.listeners {
		listeners = append(listeners, listener)
		rules = append(rules, j.rulesOf(listener, kept)...)
	}
	return listeners, rules
}

func (j *joint) listener(port int32, kept kept) model.Listener {
	have := j.haveListener(port)
	listener := model.Listener{
		Key: model.ListenerKey(port), Port: port, Protocol: j.saidOf("listen-ports", port),
		Attributes: j.values(listenerAttributeKey(port, "")),
		Default:    j.fallback(port, kept),
	}
	if listener.Protocol == https {
		listener.SSLPolicy = j.sslPolicy(port, have)
		listener.Certificate, listener.SNI = j.certificatesOf(port, have)
	}
	listener.Tags = j.listenerTags(port, have)
	return listener
}

// haveListener is the listener that a port has in AWS; nil where there is none, or where it goes
// with its load balancer.
func (j *joint) haveListener(port int32) *model.Listener {
	for i := range j.Have.Listeners {
		if j.Have.Listeners[i].Port == port && !j.replaced() {
			return &j.Have.Listeners[i]
		}
	}
	return nil
}

// fallback is what a listener does with requests that no rule fits.
func (j *joint) fallback(port int32, kept kept) model.Action {
	if to := j.value("ssl-redirect"); to != "" && j.redirects(port) {
		return model.Action{Redirect: &model.Redirect{Protocol: https, Port: to, StatusCode: "HTTP_301"}}
	}
	if redirect := j.keptRedirect(port); redirect != nil && j.redirects(port) {
		return model.Action{Redirect: redirect}
	}
	for _, p := range j.listeningOn(port) {
		if p.fallback != nil {
			return *p.fallback
		}
	}
	if action, ok := kept.fallback(j.Have, model.ListenerKey(port)); ok {
		return action
	}
	return notFound
}

// listeningOn are the accepted members that listen on a port, in order.
func (j *joint) listeningOn(port int32) []*part {
	var parts []*part
	for _, p := range j.accepted {
		if slices.Contains(p.ports, port) {
			parts = append(parts, p)
		}
	}
	return parts
}

func (j *joint) listenerTags(port int32, have *model.Listener) map[string]string {
	tags := j.Config.RuleTags(j.ID, strconv.Itoa(int(port)), unionTags(j.listeningOn(port)))
	if have == nil {
		return tags
	}
	return j.keepTags(tags, have.Tags)
}

// saidOf is what the members say of a port.
func (j *joint) saidOf(name string, port int32) string {
	return j.value(fmt.Sprintf("%s/%d", name, port))
}

// sslPolicy: what members say, else the default. While a member is rejected that may have said it, the policy that there
// is stays.
func (j *joint) sslPolicy(port int32, have *model.Listener) string {
	said := j.saidOf("ssl-policy", port)
	if said == "" && have != nil && have.Protocol == https && j.incomplete() {
		return have.SSLPolicy
	}
	return cmp.Or(said, j.Config.SSLPolicy, "ELBSecurityPolicy-2016-08")
}
