package cloud

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"

	"github.com/sluice-lb/sluice/internal/model"
)

const (
	// certificatesAge is how old the list of certificates may be when a listener is built
	// from it, as with the incumbent.
	certificatesAge = time.Minute
	// detailsAge is how long what only the description of a certificate says is believed: an
	// imported one can be imported anew with other names.
	detailsAge, importedAge = 10 * time.Hour, 5 * time.Minute
)

// certificateCache holds what lists of certificates do not say, by ARN, and when those of
// the last list expire.
type certificateCache struct {
	remembered[[]model.Certificate]
	mu      sync.Mutex
	details map[string]certificateDetails
	expire  map[string]time.Time
}

type certificateDetails struct {
	model.Certificate
	until time.Time
}

// Certificates that ACM has issued, by ARN, at most a minute old. With detail their authorities
// are told too, which costs a call for each that is new.
func (c *Cloud) Certificates(ctx context.Context, detail bool) ([]model.Certificate, error) {
	certificates, err := c.certificates.get(ctx, certificatesAge, false, func(ctx context.Context) ([]model.Certificate, error) {
		return c.readCertificates(ctx, detail)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the certificates of ACM: %w", err)
	}
	return certificates, nil
}

func (c *Cloud) readCertificates(ctx context.Context, detail bool) ([]model.Certificate, error) {
	listed, err := c.reader().listCertificates(ctx)
	if err != nil {
		return nil, err
	}
	var out []model.Certificate
	for _, summary := range listed {
		certificate := model.Certificate{ARN: deref(summary.CertificateArn), Names: summary.SubjectAlternativeNameSummaries}
		if detail || deref(summary.HasAdditionalSubjectAlternativeNames) {
			if certificate, err = c.describeCertificate(ctx, certificate.ARN); err != nil {
				return nil, err
			}
		}
		out = append(out, certificate)
	}
	slices.SortFunc(out, func(a, b model.Certificate) int { return strings.Compare(a.ARN, b.ARN) })
	return out, nil
}

// listCertificates are all that ACM has issued. When they expire is noted.
func (r reader) listCertificates(ctx context.Context) ([]acmtypes.CertificateSummary, error) {
	in := &acm.ListCertificatesInput{
		CertificateStatuses: []acmtypes.CertificateStatus{acmtypes.CertificateStatusIssued},
		Includes:            &acmtypes.Filters{KeyTypes: acmtypes.KeyAlgorithm("").Values()},
		MaxItems:            new(int32(1000)),
	}
	var all []acmtypes.CertificateSummary
	for {
		page, err := acmRead(ctx, r, "ListCertificates", r.acm.ListCertificates, in)
		if err != nil {
			return nil, err
		}
		all = append(all, page.CertificateSummaryList...)
		if in.NextToken = page.NextToken; in.NextToken == nil {
			r.certificates.noteExpiries(all)
			return all, nil
		}
	}
}

func (c *Cloud) describeCertificate(ctx context.Context, arn string) (model.Certificate, error) {
	c.certificates.mu.Lock()
	known, found := c.certificates.details[arn]
	c.certificates.mu.Unlock()
	if found && time.Now().Before(known.until) {
		return known.Certificate, nil
	}
	out, err := acmCall(ctx, c, Read, "DescribeCertificate", c.acm.DescribeCertificate, &acm.DescribeCertificateInput{CertificateArn: new(arn)})
	if err != nil {
		return model.Certificate{}, err
	}
	described := out.Certificate
	age := detailsAge
	if described.Type == acmtypes.CertificateTypeImported {
		age = importedAge
	}
	known = certificateDetails{
		Certificate: model.Certificate{ARN: arn, Names: described.SubjectAlternativeNames, Authority: deref(described.CertificateAuthorityArn)},
		until:       time.Now().Add(age),
	}
	c.certificates.mu.Lock()
	defer c.certificates.mu.Unlock()
	if c.certificates.details == nil {
		c.certificates.details = map[string]certificateDetails{}
	}
	c.certificates.details[arn] = known
	return known.Certificate, nil
}
