package ingress

import (
	"strings"

	"github.com/sluice-lb/sluice/internal/annotations"
)

// idle says why an annotation that is not built has no effect with the incumbent either: then
// the Ingress can be served as it is. It is empty where the annotation does something.
func (p *part) idle(set annotations.Set, key string) string {
	name := strings.TrimPrefix(key, annotations.Prefix)
	isOn := func(switched string) bool {
		on, err := set.Bool(switched, false)
		return err != nil || on
	}
	switch {
	case name != "auth-type" && strings.HasPrefix(name, "auth-") && nobody(set):
		return "without auth-type"
	case p.plain() && (strings.HasPrefix(name, "auth-") || name == "jwt-validation" || name == "mutual-authentication"):
		return "without a listener for HTTPS"
	case strings.HasPrefix(name, "frontend-nlb-") && !isOn("enable-frontend-nlb"):
		return "without enable-frontend-nlb"
	case name == "acm-pca-arn" && !isOn("create-acm-cert"):
		return "without create-acm-cert"
	}
	return ""
}

// nobody authenticates users.
func nobody(set annotations.Set) bool { return set.String("auth-type", "none") == "none" }

// plain reports whether the member listens for HTTP alone, as far as that can be read.
func (p *part) plain() bool {
	listen, err := p.set.ListenPorts()
	if err != nil || listen == nil {
		return err == nil && len(p.set.StringList("certificate-arn")) == 0
	}
	for _, port := range listen {
		if port.Protocol == https {
			return false
		}
	}
	return true
}
