// Package keypair is certificates with their keys: it reads what users bring in PEM, with the checks that ACM and IAM
// make, and issues certificates of a CA of its own for what users ask for.
//
//	pair, err := keypair.Parse(certificate, key, chain)
//	authority, err := keypair.NewAuthority()
//	pair, err = authority.Issue("RSA_2048", []string{"www.example.com"}, time.Now())
//
// It knows no ARNs and keeps nothing but the CA.
package keypair

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strconv"
)

// Pair is a certificate and its key. The Leaf is always there.
type Pair struct {
	tls.Certificate
	CertificatePEM, ChainPEM string
}

// The reasons for which Parse refuses; ACM and IAM have codes of their own for them.
var (
	ErrCertificate = errors.New("the certificate is not a PEM-encoded X.509 certificate")
	ErrKey         = errors.New("the private key is not an unencrypted PEM-encoded private key")
	ErrMismatch    = errors.New("the private key does not match the certificate")
	ErrChain       = errors.New("the certificate chain is not a series of certificates that begins with the issuer")
)

// Parse reads one certificate, its key, and the chain above it, which may be empty.
func Parse(certificate, key, chain []byte) (*Pair, error) {
	leaves, err := certificates(certificate)
	if err != nil || len(leaves) != 1 {
		return nil, ErrCertificate
	}
	private, err := privateKey(key)
	if err != nil {
		return nil, ErrKey
	}
	if !sameKey(leaves[0].PublicKey, private) {
		return nil, ErrMismatch
	}
	above, err := certificates(chain)
	if err != nil {
		return nil, ErrChain
	}
	if len(above) > 0 && !bytes.Equal(above[0].RawSubject, leaves[0].RawIssuer) {
		return nil, ErrChain
	}
	pair := &Pair{CertificatePEM: string(certificate), ChainPEM: string(chain)}
	pair.Leaf, pair.PrivateKey = leaves[0], private
	for _, c := range append(leaves, above...) {
		pair.Certificate.Certificate = append(pair.Certificate.Certificate, c.Raw)
	}
	return pair, nil
}

func certificates(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for len(bytes.TrimSpace(text)) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil || block.Type != "CERTIFICATE" {
			return nil, ErrCertificate
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
		}
		found = append(found, c)
	}
	return found, nil
}

func privateKey(text []byte) (crypto.Signer, error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return nil, ErrKey
		}
		switch block.Type {
		case "RSA PRIVATE KEY":
			return signer(x509.ParsePKCS1PrivateKey(block.Bytes))
		case "EC PRIVATE KEY":
			return signer(x509.ParseECPrivateKey(block.Bytes))
		case "PRIVATE KEY":
			return signer(x509.ParsePKCS8PrivateKey(block.Bytes))
		case "EC PARAMETERS": // openssl writes them before the key
		default:
			return nil, ErrKey
		}
	}
}

func signer[K any](key K, err error) (crypto.Signer, error) {
	if err != nil {
		return nil, err
	}
	s, ok := any(key).(crypto.Signer)
	if !ok {
		return nil, ErrKey
	}
	return s, nil
}

func sameKey(public any, private crypto.Signer) bool {
	have, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && have.Equal(public)
}

// Algorithm is the kind of key in the words of ACM's API: RSA_2048, EC_prime256v1; empty for a kind that ACM has not.
func (p *Pair) Algorithm() string {
	switch key := p.Leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA_" + strconv.Itoa(key.N.BitLen())
	case *ecdsa.PublicKey:
		for name, curve := range curves {
			if curve == key.Curve {
				return name
			}
		}
	}
	return ""
}

// Names are the names in the certificate, those of the common name first, each once.
func (p *Pair) Names() []string {
	names := []string{}
	seen := map[string]bool{}
	for _, name := range append([]string{p.Leaf.Subject.CommonName}, p.Leaf.DNSNames...) {
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
