package balancer

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Mutual is what a listener asks of its clients' certificates ("Mutual authentication with TLS in Application Load
// Balancer", ALB guide). A client without one is turned away when certificates are verified.
type Mutual struct {
	Verify       bool           // false is passthrough: whatever the client shows goes to the target, unverified
	Trusted      *x509.CertPool // of Verify
	IgnoreExpiry bool
	Advertise    bool                                      // the handshake names the authorities that are trusted
	Revoked      func(issuer string, serial *big.Int) bool // may be nil
}

// The headers that say who the client is.
const (
	mutualPrefix = "X-Amzn-Mtls-Clientcert"
	mutualTime   = "2006-01-02T15:04:05Z"
)

// demand adds to the server's side of a handshake what it wants of the client.
func (m *Mutual) demand(config *tls.Config) {
	if m == nil {
		return
	}
	config.ClientAuth = tls.RequestClientCert
	if !m.Verify {
		return
	}
	config.ClientAuth = tls.RequireAnyClientCert
	if m.Advertise {
		config.ClientCAs = m.Trusted
	}
	config.VerifyConnection = func(state tls.ConnectionState) error { return m.verify(state.PeerCertificates) }
}

func (m *Mutual) verify(chain []*x509.Certificate) error {
	if len(chain) == 0 {
		return errors.New("the client has no certificate")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	options := x509.VerifyOptions{Roots: m.Trusted, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if m.IgnoreExpiry && time.Now().After(chain[0].NotAfter) {
		options.CurrentTime = chain[0].NotAfter // of the client's certificate, not of its authority's
	}
	if _, err := chain[0].Verify(options); err != nil {
		return err
	}
	if m.Revoked != nil && m.Revoked(chain[0].Issuer.String(), chain[0].SerialNumber) {
		return errors.New("the client's certificate has been revoked")
	}
	return nil
}

// introduce tells the target who the client is, and keeps clients from telling it themselves.
func (m *Mutual) introduce(state *tls.ConnectionState, header http.Header) {
	if m == nil || state == nil {
		return
	}
	for name := range header {
		if strings.HasPrefix(name, mutualPrefix) {
			header.Del(name)
		}
	}
	if len(state.PeerCertificates) == 0 {
		return
	}
	if !m.Verify {
		header.Set(mutualPrefix, encoded(state.PeerCertificates...))
		return
	}
	leaf := state.PeerCertificates[0]
	header.Set(mutualPrefix+"-Serial-Number", strings.ToUpper(leaf.SerialNumber.Text(16)))
	header.Set(mutualPrefix+"-Issuer", leaf.Issuer.String())
	header.Set(mutualPrefix+"-Subject", leaf.Subject.String())
	header.Set(mutualPrefix+"-Validity", fmt.Sprintf("NotBefore=%s;NotAfter=%s",
		leaf.NotBefore.UTC().Format(mutualTime), leaf.NotAfter.UTC().Format(mutualTime)))
	header.Set(mutualPrefix+"-Leaf", encoded(leaf))
}

// encoded is certificates as PEM, with what a header cannot hold escaped as in a URL; +, = and / stay.
func encoded(chain ...*x509.Certificate) string {
	var text strings.Builder
	for _, c := range chain {
		_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a builder takes everything
	}
	return strings.NewReplacer("%2B", "+", "%3D", "=", "%2F", "/").Replace(url.PathEscape(text.String()))
}
