package acm

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type listInput struct {
	Statuses []string `form:"CertificateStatuses" enum:"PENDING_VALIDATION,ISSUED,INACTIVE,EXPIRED,VALIDATION_TIMED_OUT,REVOKED,FAILED"`
	Includes struct {
		ExtendedKeyUsage []string `form:"extendedKeyUsage"`
		KeyUsage         []string `form:"keyUsage"`
		KeyTypes         []string `form:"keyTypes" enum:"RSA_1024,RSA_2048,RSA_3072,RSA_4096,EC_prime256v1,EC_secp384r1,EC_secp521r1"`
		Export           string   `form:"exportOption" enum:"ENABLED,DISABLED"`
		ManagedBy        string   `form:"managedBy" enum:"CLOUDFRONT"`
	}
	NextToken string `range:"1,10000"`
	MaxItems  *int   `range:"1,1000"`
	SortBy    string `enum:"CREATED_AT"`
	SortOrder string `enum:"ASCENDING,DESCENDING"`
}

type listOutput struct {
	Next string    `json:"NextToken,omitempty"`
	List []summary `json:"CertificateSummaryList"`
}

type summary struct {
	ARN         string      `json:"CertificateArn"`
	DomainName  string      `json:"DomainName,omitempty"`
	Names       []string    `json:"SubjectAlternativeNameSummaries"`
	More        bool        `json:"HasAdditionalSubjectAlternativeNames"`
	Status      string      `json:"Status"`
	Type        string      `json:"Type"`
	Algorithm   string      `json:"KeyAlgorithm"`
	KeyUsages   []string    `json:"KeyUsages"`
	Extended    []string    `json:"ExtendedKeyUsages"`
	InUse       bool        `json:"InUse"`
	Eligibility string      `json:"RenewalEligibility"`
	NotBefore   *wire.Epoch `json:"NotBefore,omitempty"`
	NotAfter    *wire.Epoch `json:"NotAfter,omitempty"`
	CreatedAt   *wire.Epoch `json:"CreatedAt,omitempty"`
	IssuedAt    *wire.Epoch `json:"IssuedAt,omitempty"`
	ImportedAt  *wire.Epoch `json:"ImportedAt,omitempty"`
}

// defaultKeyTypes is what a list without keyTypes shows (API reference, Filters: "Default filtering returns only
// RSA_1024 and RSA_2048 certificates that have at least one domain").
var defaultKeyTypes = []string{"RSA_1024", "RSA_2048"}

func (s *Service) listCertificates(in listInput) (listOutput, error) {
	if (in.SortBy == "") != (in.SortOrder == "") {
		return listOutput{}, wire.Errorf("InvalidArgsException", "SortBy and SortOrder are given both or not at all")
	}
	if in.Includes.KeyTypes == nil {
		in.Includes.KeyTypes = defaultKeyTypes
	}
	size := 1000
	if in.MaxItems != nil {
		size = *in.MaxItems
	}
	var found []*certificate
	for _, c := range s.certificates {
		if in.takes(c) {
			found = append(found, c)
		}
	}
	order := func(c *certificate) int { return c.number }
	if in.SortOrder == "DESCENDING" {
		slices.Reverse(found)
		order = func(c *certificate) int { return s.last - c.number }
	}
	page, next, err := wire.Page(found, in.NextToken, size, order)
	if err != nil {
		return listOutput{}, wire.Errorf("ValidationException", "The token '%s' is not valid", in.NextToken)
	}
	out := listOutput{Next: next, List: []summary{}}
	for _, c := range page {
		out.List = append(out.List, s.summary(c))
	}
	return out, nil
}

func (in listInput) takes(c *certificate) bool {
	usage, extended := c.usages()
	return (len(in.Statuses) == 0 || slices.Contains(in.Statuses, c.status)) &&
		slices.Contains(in.Includes.KeyTypes, c.algorithm) && len(c.names) > 0 &&
		anyOf(in.Includes.KeyUsage, usage) && anyOf(in.Includes.ExtendedKeyUsage, extended) &&
		in.Includes.Export != "ENABLED" && in.Includes.ManagedBy == ""
}

// anyOf reports whether a filter, if there is one, has one of the values.
func anyOf(filter, values []string) bool {
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool { return slices.Contains(values, f) })
}

// usages are those of Amazon's certificates, which the imported ones are shown with too.
func (c *certificate) usages() (usage, extended []string) {
	if c.pair == nil {
		return []string{}, []string{}
	}
	return []string{"DIGITAL_SIGNATURE", "KEY_ENCIPHERMENT"}, []string{"TLS_WEB_SERVER_AUTHENTICATION"}
}

func (s *Service) summary(c *certificate) summary {
	usage, extended := c.usages()
	out := summary{
		ARN: c.arn, Names: c.names, Status: c.status, Type: c.kind, Algorithm: c.algorithm, KeyUsages: usage, Extended: extended,
		InUse: len(s.usersOf(c.arn)) > 0, Eligibility: c.eligibility(len(s.usersOf(c.arn))),
		CreatedAt: wire.When(c.created), IssuedAt: wire.When(c.issued), ImportedAt: wire.When(c.imported),
	}
	if len(c.names) > 0 {
		out.DomainName = c.names[0]
	}
	if c.pair != nil {
		out.NotBefore, out.NotAfter = wire.When(c.pair.Leaf.NotBefore), wire.When(c.pair.Leaf.NotAfter)
	}
	return out
}

// eligibility: Amazon renews what it issued and somebody uses ("Managed certificate renewal", ACM guide).
func (c *certificate) eligibility(users int) string {
	if c.kind == "AMAZON_ISSUED" && users > 0 {
		return "ELIGIBLE"
	}
	return "INELIGIBLE"
}

type describeOutput struct {
	Certificate detail `json:"Certificate"`
}

type detail struct {
	ARN         string              `json:"CertificateArn"`
	DomainName  string              `json:"DomainName,omitempty"`
	Names       []string            `json:"SubjectAlternativeNames"`
	Validations []validation        `json:"DomainValidationOptions,omitempty"`
	Serial      string              `json:"Serial,omitempty"`
	Subject     string              `json:"Subject,omitempty"`
	Issuer      string              `json:"Issuer,omitempty"`
	CreatedAt   *wire.Epoch         `json:"CreatedAt,omitempty"`
	IssuedAt    *wire.Epoch         `json:"IssuedAt,omitempty"`
	ImportedAt  *wire.Epoch         `json:"ImportedAt,omitempty"`
	Status      string              `json:"Status"`
	NotBefore   *wire.Epoch         `json:"NotBefore,omitempty"`
	NotAfter    *wire.Epoch         `json:"NotAfter,omitempty"`
	Algorithm   string              `json:"KeyAlgorithm"`
	Signature   string              `json:"SignatureAlgorithm,omitempty"`
	InUseBy     []string            `json:"InUseBy"`
	Type        string              `json:"Type"`
	KeyUsages   []usage             `json:"KeyUsages"`
	Extended    []usage             `json:"ExtendedKeyUsages"`
	Eligibility string              `json:"RenewalEligibility"`
	Options     *certificateOptions `json:"Options,omitempty"`
}

type usage struct {
	Name string `json:"Name"`
	OID  string `json:"OID,omitempty"`
}

type validation struct {
	DomainName       string   `json:"DomainName"`
	ValidationDomain string   `json:"ValidationDomain,omitempty"`
	Status           string   `json:"ValidationStatus"`
	Method           string   `json:"ValidationMethod"`
	Emails           []string `json:"ValidationEmails,omitempty"`
	Record           *record  `json:"ResourceRecord,omitempty"`
}

type record struct {
	Name  string `json:"Name"`
	Type  string `json:"Type"`
	Value string `json:"Value"`
}

func (s *Service) describeCertificate(in certificateInput) (describeOutput, error) {
	c, err := s.find(in.ARN)
	if err != nil {
		return describeOutput{}, err
	}
	short := s.summary(c)
	d := detail{
		ARN: c.arn, DomainName: short.DomainName, Names: c.names, CreatedAt: short.CreatedAt, IssuedAt: short.IssuedAt,
		ImportedAt: short.ImportedAt, Status: c.status, NotBefore: short.NotBefore, NotAfter: short.NotAfter,
		Algorithm: c.algorithm, InUseBy: s.usersOf(c.arn), Type: c.kind, KeyUsages: []usage{}, Extended: []usage{},
		Eligibility: short.Eligibility, Validations: c.validations(s.Account),
	}
	for _, name := range short.KeyUsages {
		d.KeyUsages = append(d.KeyUsages, usage{Name: name})
	}
	for _, name := range short.Extended {
		d.Extended = append(d.Extended, usage{Name: name, OID: "1.3.6.1.5.5.7.3.1"})
	}
	if c.kind == "AMAZON_ISSUED" {
		d.Options = &c.options
	}
	if c.pair != nil {
		leaf := c.pair.Leaf
		d.Serial, d.Subject, d.Issuer = colons(leaf.SerialNumber.Bytes()), leaf.Subject.String(), leaf.Issuer.CommonName
		d.Signature = strings.ReplaceAll(leaf.SignatureAlgorithm.String(), "-", "WITH")
	}
	return describeOutput{d}, nil
}

func colons(data []byte) string {
	parts := make([]string, len(data))
	for i, b := range data {
		parts[i] = fmt.Sprintf("%02x", b)
	}
	return strings.Join(parts, ":")
}

// validations are the records that prove who owns the names. A wildcard has the record of its domain.
func (c *certificate) validations(account string) []validation {
	if c.kind == "IMPORTED" {
		return nil
	}
	var all []validation
	for _, name := range c.names {
		v := validation{DomainName: name, ValidationDomain: name, Status: "PENDING_VALIDATION", Method: c.method}
		if c.status == "ISSUED" {
			v.Status = "SUCCESS"
		}
		base := strings.TrimPrefix(name, "*.")
		if c.method == "DNS" {
			v.Record = &record{
				Name: "_" + digest(account, base) + "." + base + ".", Type: "CNAME",
				Value: "_" + digest(base, account) + ".acm-validations.aws.",
			}
		} else {
			v.Emails = []string{"admin@" + base, "administrator@" + base, "hostmaster@" + base, "postmaster@" + base, "webmaster@" + base}
		}
		all = append(all, v)
	}
	return all
}

type getOutput struct {
	Certificate string `json:"Certificate"`
	Chain       string `json:"CertificateChain,omitempty"`
}

func (s *Service) getCertificate(in certificateInput) (getOutput, error) {
	c, err := s.find(in.ARN)
	if err != nil {
		return getOutput{}, err
	}
	if c.pair == nil {
		return getOutput{}, wire.Errorf("RequestInProgressException", "Certificate %s is in progress.", c.arn)
	}
	return getOutput{Certificate: c.pair.CertificatePEM, Chain: c.pair.ChainPEM}, nil
}
