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
// in the place of a rejected member those that it had.
func (j *joint) listeners(kept kept) ([]model.Listener, []model.Rule) {
	var listeners []model.Listener
	var rules []model.Rule
	for _, port := range j.ports() {
		listener := j.listener(port, kept)
		listeners = append(listeners, listener)
		rules = append(rules, j.rulesOf(listener, kept)...)
	}
	for _, listener := range kept.listeners {
		listeners = append(listeners, listener)
		rules = append(rules, j.rulesOf(listener, kept)...)
	}
	return listeners, rules
}

func (j *joint) listener(port int32, kept kept) model.Listener {
	listener := model.Listener{Key: model.ListenerKey(port), Port: port, Protocol: j.saidOf("listen-ports", port), Default: notFound}
	if listener.Protocol == https {
		listener.Certificate, listener.SSLPolicy = j.saidOf("certificate-arn", port), j.sslPolicy(port)
	}
	if action, ok := kept.fallback(j.Have, listener.Key); ok {
		listener.Default = action
	}
	var parts []*part
	for _, p := range j.accepted {
		if !slices.Contains(p.ports, port) {
			continue
		}
		parts = append(parts, p)
		if p.fallback != nil {
			listener.Default = *p.fallback
		}
	}
	listener.Tags = j.Config.Tags(j.ID, strconv.Itoa(int(port)), unionTags(parts))
	for _, have := range j.Have.Listeners {
		if have.Key == listener.Key && !j.replaced() {
			listener.Tags = j.keepTags(listener.Tags, have.Tags)
		}
	}
	return listener
}

// saidOf is what the members say of a port.
func (j *joint) saidOf(name string, port int32) string {
	return j.value(fmt.Sprintf("%s/%d", name, port))
}

// sslPolicy: what members say, else the default. While a member is rejected that may have said it, the policy that there
// is stays.
func (j *joint) sslPolicy(port int32) string {
	said := j.saidOf("ssl-policy", port)
	for _, have := range j.Have.Listeners {
		if said == "" && have.Port == port && have.Protocol == https && j.incomplete() {
			return have.SSLPolicy
		}
	}
	return cmp.Or(said, "ELBSecurityPolicy-2016-08")
}
