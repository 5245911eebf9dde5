package acm

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/keypair"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type arnOutput struct {
	ARN string `json:"CertificateArn"`
}

type importInput struct {
	ARN         string `form:"CertificateArn" range:"20,2048"`
	Certificate []byte `required:"true" range:"1,32768"`
	PrivateKey  []byte `required:"true" range:"1,5120"`
	Chain       []byte `form:"CertificateChain" range:"1,2097152"`
	Tags        []tag
}

// importable are the algorithms that ACM takes and Elastic Load Balancing can use ("Prerequisites for importing
// certificates", ACM guide).
var importable = []string{"RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"}

// importCertificate takes a new certificate, or a new pair for one that was imported before.
func (s *Service) importCertificate(in importInput) (arnOutput, error) {
	pair, err := parse(in)
	if err != nil {
		return arnOutput{}, err
	}
	tags, err := merged(nil, in.Tags)
	if err != nil {
		return arnOutput{}, err
	}
	if in.ARN == "" {
		c := s.add(&certificate{kind: "IMPORTED", status: "ISSUED", tags: tags})
		c.take(pair)
		return arnOutput{c.arn}, nil
	}
	c, err := s.find(in.ARN)
	switch {
	case err != nil:
		return arnOutput{}, err
	case len(in.Tags) > 0:
		return arnOutput{}, wire.Errorf("ValidationException", "Tagging is not permitted on re-import.")
	case c.kind != "IMPORTED":
		return arnOutput{}, wire.Errorf("ValidationException", "The certificate %s was not imported, so it cannot be reimported.", c.arn)
	case c.algorithm != pair.Algorithm():
		return arnOutput{}, wire.Errorf("ValidationException", "The key algorithm of a reimported certificate must stay %s.", c.algorithm)
	}
	c.take(pair)
	return arnOutput{c.arn}, nil
}

// take makes an imported pair the certificate's.
func (c *certificate) take(pair *keypair.Pair) {
	c.pair, c.names, c.algorithm, c.imported = pair, pair.Names(), pair.Algorithm(), time.Now()
}

func parse(in importInput) (*keypair.Pair, error) {
	pair, err := keypair.Parse(in.Certificate, in.PrivateKey, in.Chain)
	switch {
	case errors.Is(err, keypair.ErrCertificate):
		return nil, wire.Errorf("ValidationException", "The certificate field contains more than one certificate, or none in PEM format. You can specify only one certificate in this field.")
	case errors.Is(err, keypair.ErrKey):
		return nil, wire.Errorf("ValidationException", "The private key is not in PEM format, is encrypted, or is not supported.")
	case errors.Is(err, keypair.ErrMismatch):
		return nil, wire.Errorf("ValidationException", "The private key does not match the certificate.")
	case err != nil:
		return nil, wire.Errorf("ValidationException", "Provided certificate is not a valid self signed. Please provide either a valid self-signed certificate or certificate chain.")
	case !slices.Contains(importable, pair.Algorithm()):
		return nil, wire.Errorf("ValidationException", "The key algorithm of the certificate is not supported.")
	case time.Now().After(pair.Leaf.NotAfter):
		return nil, wire.Errorf("ValidationException", "The certificate has expired. Choose a certificate that has not expired.")
	}
	return pair, nil
}

type certificateOptions struct {
	Transparency string `form:"CertificateTransparencyLoggingPreference" json:"CertificateTransparencyLoggingPreference" enum:"ENABLED,DISABLED"`
	Export       string `json:"Export" enum:"ENABLED,DISABLED"`
}

type requestInput struct {
	DomainName       string   `required:"true" range:"1,253"`
	ValidationMethod string   `enum:"EMAIL,DNS,HTTP"`
	Alternatives     []string `form:"SubjectAlternativeNames" range:"1,100"`
	Token            string   `form:"IdempotencyToken" range:"1,32"`
	Validations      []struct {
		DomainName       string `required:"true"`
		ValidationDomain string `required:"true"`
	} `form:"DomainValidationOptions"`
	Options      *certificateOptions
	Authority    string `form:"CertificateAuthorityArn"`
	Tags         []tag
	KeyAlgorithm string `enum:"RSA_1024,RSA_2048,RSA_3072,RSA_4096,EC_prime256v1,EC_secp384r1,EC_secp521r1"`
}

// requestable are the algorithms that can be requested for a public certificate (API reference, RequestCertificate).
var requestable = []string{"RSA_2048", "EC_prime256v1", "EC_secp384r1"}

var domainPattern = regexp.MustCompile(`^(\*\.|(\*\.)?([A-Za-z0-9-]{1,63}\.)+)[A-Za-z0-9-]{1,63}$`)

// requestCertificate begins the life of a certificate: it is pending until its validation is through.
func (s *Service) requestCertificate(in requestInput) (arnOutput, error) {
	c, err := newRequest(in)
	if err != nil {
		return arnOutput{}, err
	}
	if c.tags, err = merged(nil, in.Tags); err != nil {
		return arnOutput{}, err
	}
	for _, have := range s.certificates {
		if in.Token != "" && have.token == in.Token && slices.Equal(have.names, c.names) {
			return arnOutput{have.arn}, nil
		}
	}
	s.add(c)
	if c.method == "DNS" {
		s.Clock.After(s.Clock.Of(s.Validation), func() { s.work.Go(func() { s.issue(c) }) })
	}
	return arnOutput{c.arn}, nil
}

// newRequest checks a request. A method that needs a person, EMAIL, stays pending for ever.
func newRequest(in requestInput) (*certificate, error) {
	c := &certificate{
		kind: "AMAZON_ISSUED", status: "PENDING_VALIDATION", names: []string{strings.ToLower(in.DomainName)},
		method: in.ValidationMethod, algorithm: in.KeyAlgorithm, token: in.Token,
		options: certificateOptions{Transparency: "ENABLED", Export: "DISABLED"},
	}
	if c.method == "" {
		c.method = "EMAIL" // API reference: the default
	}
	if c.algorithm == "" {
		c.algorithm = "RSA_2048"
	}
	if in.Options != nil && in.Options.Transparency != "" {
		c.options.Transparency = in.Options.Transparency
	}
	for _, name := range in.Alternatives {
		if name = strings.ToLower(name); !slices.Contains(c.names, name) {
			c.names = append(c.names, name)
		}
	}
	const most = 10 // "Quotas", ACM guide: domain names per certificate
	switch {
	case in.Authority != "":
		return nil, wire.Errorf("InvalidArnException", "There is no private CA '%s': the local AWS has none", in.Authority)
	case c.method == "HTTP":
		return nil, wire.Errorf("InvalidParameterException", "HTTP validation is only possible for certificates that CloudFront manages")
	case !slices.Contains(requestable, c.algorithm):
		return nil, wire.Errorf("InvalidParameterException", "KeyAlgorithm %s cannot be requested for a public certificate", c.algorithm)
	case len(c.names) > most:
		return nil, wire.Errorf("LimitExceededException", "Error: the number of names in the certificate exceeds the limit of %d", most)
	}
	for _, name := range c.names {
		if !domainPattern.MatchString(name) {
			return nil, wire.Errorf("ValidationException", "The domain name '%s' is not valid", name)
		}
	}
	for _, v := range in.Validations {
		if !slices.Contains(c.names, strings.ToLower(v.DomainName)) || !strings.HasSuffix(v.DomainName, v.ValidationDomain) {
			return nil, wire.Errorf("InvalidDomainValidationOptionsException", "The validation domain '%s' does not fit to '%s'", v.ValidationDomain, v.DomainName)
		}
	}
	return c, nil
}

// issue makes the key outside of the lock and of the clock's goroutine: RSA takes its time.
func (s *Service) issue(c *certificate) {
	pair, err := s.authority.Issue(c.algorithm, c.names, time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil { // out of randomness: the certificate stays pending
		c.pair, c.status, c.issued = pair, "ISSUED", time.Now()
	}
}
