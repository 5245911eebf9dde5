package elbv2

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// tlsInput is the part of a listener's calls that is about TLS.
type tlsInput struct {
	Policy       string             `form:"SslPolicy"`
	Certificates []certificateInput `form:"Certificates"`
	ALPN         []string           `form:"AlpnPolicy"`
	Mutual       *mutualInput       `form:"MutualAuthentication"`
}

type mutualInput struct {
	Mode         string
	TrustStore   string `form:"TrustStoreArn"`
	IgnoreExpiry *bool  `form:"IgnoreClientCertificateExpiry"`
	Status       string `form:"TrustStoreAssociationStatus" enum:"active,removed"`
	Advertise    string `form:"AdvertiseTrustStoreCaNames" enum:"on,off"`
}

// tlsSettings is how a listener speaks TLS.
type tlsSettings struct {
	policy      string
	certificate string // the default one
	alpn        string
	mutual      mutualAuthentication
}

// mutualAuthentication is what a listener asks of its clients ("Mutual authentication with TLS", ALB guide).
type mutualAuthentication struct {
	Mode         string `xml:"Mode"`
	TrustStore   string `xml:"TrustStoreArn,omitempty"`
	IgnoreExpiry *bool  `xml:"IgnoreClientCertificateExpiry"`
	Status       string `xml:"TrustStoreAssociationStatus,omitempty"`
	Advertise    string `xml:"AdvertiseTrustStoreCaNames,omitempty"`
}

func (m mutualAuthentication) equal(other mutualAuthentication) bool {
	return m.Mode == other.Mode && m.TrustStore == other.TrustStore && m.Advertise == other.Advertise &&
		isTrue(m.IgnoreExpiry) == isTrue(other.IgnoreExpiry)
}

func isTrue(b *bool) bool { return b != nil && *b }

func (t tlsSettings) equal(other tlsSettings) bool {
	return t.policy == other.policy && t.certificate == other.certificate && t.alpn == other.alpn && t.mutual.equal(other.mutual)
}

func speaksTLS(protocol string) bool { return protocol == "HTTPS" || protocol == "TLS" }

// over returns the settings that a listener of a protocol has after a call; what the call leaves out stays.
func (s *Service) tlsOver(had tlsSettings, protocol string, in tlsInput) (tlsSettings, error) {
	if !speaksTLS(protocol) {
		return tlsSettings{}, in.checkAbsent(protocol)
	}
	t := had
	if in.Policy != "" {
		t.policy = in.Policy
	}
	fill(&t.policy, defaultPolicy)
	if _, err := findPolicy(t.policy); err != nil {
		return t, err
	}
	if err := s.overCertificate(&t, protocol, in.Certificates); err != nil {
		return t, err
	}
	if err := overALPN(&t, protocol, in.ALPN); err != nil {
		return t, err
	}
	return t, s.overMutual(&t, protocol, in.Mutual)
}

// checkAbsent refuses what only makes sense with TLS.
func (in tlsInput) checkAbsent(protocol string) error {
	switch {
	case in.Policy != "":
		return wire.Errorf("ValidationError", "An SSL policy cannot be specified for %s listeners", protocol)
	case len(in.Certificates) > 0:
		return wire.Errorf("ValidationError", "A certificate cannot be specified for %s listeners", protocol)
	case len(in.ALPN) > 0:
		return wire.Errorf("ValidationError", "An ALPN policy cannot be specified for %s listeners", protocol)
	case in.Mutual != nil:
		return wire.Errorf("ValidationError", "Mutual authentication cannot be specified for %s listeners", protocol)
	}
	return nil
}

// overCertificate: exactly one certificate, without IsDefault (API reference, CreateListener).
func (s *Service) overCertificate(t *tlsSettings, protocol string, given []certificateInput) error {
	switch {
	case len(given) == 0 && t.certificate == "":
		return wire.Errorf("ValidationError", "A certificate must be specified for %s listeners", protocol)
	case len(given) == 0:
		return nil
	case len(given) > 1:
		return wire.Errorf("ValidationError", "Up to one certificate can be specified as the default certificate")
	case given[0].IsDefault != nil:
		return wire.Errorf("ValidationError", "IsDefault cannot be specified for the default certificate")
	}
	t.certificate = given[0].ARN
	return s.checkCertificate(given[0].ARN)
}

// certificateARN is of ACM or of IAM.
var certificateARN = regexp.MustCompile(`^arn:aws[a-z-]*:(acm:[a-z0-9-]+:\d{12}:certificate|iam::\d{12}:server-certificate)/.+$`)

// checkCertificate checks that a certificate is there and issued. The code for one that is not is none of the model's;
// users report it (hashicorp/terraform-provider-aws).
func (s *Service) checkCertificate(arn string) error {
	pair, found := s.Certificate(arn)
	switch {
	case !certificateARN.MatchString(arn):
		return wire.Errorf("ValidationError", "Certificate ARN '%s' is not valid", arn)
	case !found:
		return wire.Errorf("CertificateNotFound", "Certificate '%s' not found", arn)
	case pair == nil:
		return wire.Errorf("UnsupportedCertificate", "The certificate '%s' must have a fully-qualified domain name, a supported signature, and a supported key size.", arn)
	}
	return nil
}

// alpnPolicies: "ALPN policies" in the NLB guide.
var alpnPolicies = []string{"HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"}

func overALPN(t *tlsSettings, protocol string, given []string) error {
	switch {
	case len(given) == 0:
		return nil
	case protocol != "TLS":
		return wire.Errorf("ValidationError", "An ALPN policy cannot be specified for %s listeners", protocol)
	case len(given) > 1:
		return wire.Errorf("ValidationError", "Up to one ALPN policy can be specified")
	case !slices.Contains(alpnPolicies, given[0]):
		return wire.Errorf("ALPNPolicyNotFound", "ALPN policy '%s' not found: there are %s", given[0], strings.Join(alpnPolicies, ", "))
	}
	t.alpn = given[0]
	return nil
}

func (s *Service) overMutual(t *tlsSettings, protocol string, in *mutualInput) error {
	if protocol != "HTTPS" {
		if in != nil {
			return wire.Errorf("ValidationError", "Mutual authentication cannot be specified for %s listeners", protocol)
		}
		return nil
	}
	if in == nil {
		fill(&t.mutual.Mode, "off")
		return nil
	}
	m := mutualAuthentication{Mode: in.Mode, TrustStore: in.TrustStore, IgnoreExpiry: in.IgnoreExpiry, Advertise: in.Advertise}
	fill(&m.Mode, "off")
	switch {
	case !slices.Contains([]string{"off", "passthrough", "verify"}, m.Mode):
		return wire.Errorf("ValidationError", "Mutual authentication mode '%s' must be one of 'off, passthrough, verify'", m.Mode)
	case m.Mode != "verify" && (m.TrustStore != "" || m.IgnoreExpiry != nil || m.Advertise != ""):
		return wire.Errorf("ValidationError", "A trust store and its options can only be specified for mutual authentication mode 'verify'")
	case m.Mode != "verify":
		t.mutual = m
		return nil
	case m.TrustStore == "":
		return wire.Errorf("ValidationError", "A trust store ARN must be specified for mutual authentication mode 'verify'")
	}
	store, err := s.trustStore(m.TrustStore)
	if err != nil {
		return err
	}
	if !store.active {
		return wire.Errorf("TrustStoreNotReady", "Trust store '%s' is not active", store.arn)
	}
	m.Status = "active"
	fill(&m.Advertise, "off")
	if m.IgnoreExpiry == nil {
		m.IgnoreExpiry = new(false)
	}
	t.mutual = m
	return nil
}
