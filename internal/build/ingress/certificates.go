package ingress

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/annotations"
	"github.com/sluice-lb/sluice/internal/model"
)

// hosts that the Ingress serves, by its rules and its spec.tls, ascending.
func (p *part) hosts() []string {
	var hosts []string
	for _, rule := range p.Ingress.Spec.Rules {
		if rule.Host != "" {
			hosts = append(hosts, rule.Host)
		}
	}
	for _, tls := range p.Ingress.Spec.TLS {
		hosts = append(hosts, tls.Hosts...)
	}
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// findCertificates takes all certificates of ACM that have the name of a host. Each host needs
// one.
func (p *part) findCertificates() {
	field := annotationField(annotations.Prefix + "certificate-arn")
	hosts := p.hosts()
	if len(hosts) == 0 {
		p.complain(field, "NoCertificate", "the Ingress listens with HTTPS, names no certificate, and has no host by which one could be found",
			"give the ARN of a certificate, or a host in spec.rules or spec.tls")
		return
	}
	for _, host := range hosts {
		found := false
		for _, certificate := range p.Network.Certificates {
			if p.trusted(certificate) && slices.ContainsFunc(certificate.Names, func(name string) bool { return covers(name, host) }) {
				p.certificates, found = append(p.certificates, certificate.ARN), true
			}
		}
		if !found {
			p.complain(field, "NoCertificate", fmt.Sprintf("ACM has issued no certificate for the host %s", host), "request one, or give its ARN")
		}
	}
	slices.Sort(p.certificates)
	p.certificates = slices.Compact(p.certificates)
}

// trusted reports whether a certificate may be found (flag --allowed-certificate-authority-arns).
func (p *part) trusted(certificate model.Certificate) bool {
	return len(p.Config.AllowedAuthorities) == 0 || slices.Contains(p.Config.AllowedAuthorities, certificate.Authority)
}

// covers: the name of a certificate is the host, or has "*" in the place of its first label.
func covers(name, host string) bool {
	if rest, wildcard := strings.CutPrefix(name, "*."); wildcard {
		_, domain, found := strings.Cut(host, ".")
		return found && domain == rest
	}
	return name == host
}

// certificatesOf are the certificates of a listener: the default one is the first of the first
// member that has any, and all are there to be chosen by the name that a client asks for.
// While a member is rejected that may have brought them, those that there are stay.
func (j *joint) certificatesOf(port int32, have *model.Listener) (standard string, sni []string) {
	first := true // no member that is rejected comes before
	for _, p := range j.parts {
		switch {
		case p.rejected():
			first = first && standard != ""
		case p.protocols[port] == https && len(p.certificates) > 0:
			if standard == "" {
				standard = p.certificates[0]
			}
			sni = append(sni, p.certificates...)
		}
	}
	if have != nil && j.incomplete() {
		sni = append(sni, have.SNI...)
		if !first && have.Certificate != "" {
			standard = have.Certificate
		}
	}
	slices.Sort(sni)
	return standard, slices.Compact(sni)
}
