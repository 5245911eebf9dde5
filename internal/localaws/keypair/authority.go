package keypair

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

var curves = map[string]elliptic.Curve{
	"EC_prime256v1": elliptic.P256(), "EC_secp384r1": elliptic.P384(), "EC_secp521r1": elliptic.P521(),
}

// Authority is the CA that stands in for Amazon's.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
	rootPEM     string
}

// NewAuthority makes a CA that nobody trusts yet.
func NewAuthority(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the local CA: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Local AWS", Organization: []string{"Local AWS"}},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(10, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the local CA: %w", err)
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("making the local CA: %w", err)
	}
	return &Authority{certificate: certificate, key: key, rootPEM: encode(raw)}, nil
}

// Root is the CA's own certificate in PEM, for clients that shall trust it.
func (a *Authority) Root() string { return a.rootPEM }

// validity is how long a certificate of ACM is valid ("Managed certificate renewal", ACM guide).
const validity = 395 * 24 * time.Hour

// Issue makes a key of an algorithm, in ACM's words, and a certificate for the names.
func (a *Authority) Issue(algorithm string, names []string, now time.Time) (*Pair, error) {
	key, err := newKey(algorithm)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("making a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: names[0]}, DNSNames: names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity),
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate: %w", err)
	}
	pair := &Pair{CertificatePEM: encode(raw), ChainPEM: a.rootPEM}
	pair.Certificate.Certificate = [][]byte{raw, a.certificate.Raw}
	pair.Leaf, pair.PrivateKey = leaf, key
	return pair, nil
}

func newKey(algorithm string) (crypto.Signer, error) {
	if curve, ok := curves[algorithm]; ok {
		return ecdsa.GenerateKey(curve, rand.Reader)
	}
	bits, err := strconv.Atoi(strings.TrimPrefix(algorithm, "RSA_"))
	if err != nil {
		return nil, fmt.Errorf("there is no key algorithm %q", algorithm)
	}
	return rsa.GenerateKey(rand.Reader, bits)
}

func encode(raw []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}))
}
