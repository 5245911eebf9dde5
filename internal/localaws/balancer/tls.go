package balancer

import (
	"crypto/tls"
	"slices"
	"strings"
)

// TLS is how a listener speaks TLS with its clients. A change takes effect with the next handshake.
type TLS struct {
	Certificates []tls.Certificate // the listener's default first; each must have its Leaf
	MinVersion   uint16            // as the security policy says, tls.VersionTLS12 for example; 0 is TLS 1.2
	MaxVersion   uint16            // 0 is TLS 1.3
	Mutual       *Mutual           // what clients have to show; nil is nothing
	ALPN         []string          // of a TLS listener of a network load balancer; HTTPS listeners decide themselves
}

// config is the server's side of a handshake that may agree on the protocols.
func (t *TLS) config(protocols []string) *tls.Config {
	lowest := t.MinVersion
	if lowest == 0 {
		lowest = tls.VersionTLS12
	}
	config := &tls.Config{
		MinVersion: lowest, // #nosec G402 -- the security policy decides
		MaxVersion: t.MaxVersion, NextProtos: protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return t.certificateFor(hello) },
	}
	t.Mutual.demand(config)
	return config
}

// certificateFor chooses by the name that the client asks for: a certificate with exactly that name, then one with a
// wildcard for it, then the default. Of several, one whose key the client can use wins. ("HTTPS listeners for your
// Application Load Balancer", ALB guide: the default certificate is used where no other fits, and without SNI.)
func (t *TLS) certificateFor(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	_, parent, _ := strings.Cut(name, ".")
	for _, wanted := range []string{name, "*." + parent} {
		if found := t.named(hello, wanted); found != nil && name != "" {
			return found, nil
		}
	}
	if len(t.Certificates) == 0 {
		return nil, errNoCertificate
	}
	return &t.Certificates[0], nil
}

func (t *TLS) named(hello *tls.ClientHelloInfo, name string) *tls.Certificate {
	var found *tls.Certificate
	for i := range t.Certificates {
		c := &t.Certificates[i]
		if c.Leaf == nil || !slices.ContainsFunc(c.Leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, name) }) {
			continue
		}
		if hello.SupportsCertificate(c) == nil {
			return c
		}
		if found == nil {
			found = c
		}
	}
	return found
}
