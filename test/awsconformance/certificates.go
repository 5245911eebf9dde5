package awsconformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// certificates is about ACM and the certificates of listeners.
func certificates() []assertion {
	describe := func(arn func(*fixture) string, read func(*acmtypes.CertificateDetail) string) func(context.Context, *fixture) (string, error) {
		return func(ctx context.Context, f *fixture) (string, error) {
			out, err := f.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: aws.String(arn(f))})
			if err != nil {
				return "", err
			}
			return read(out.Certificate), nil
		}
	}
	first := func(f *fixture) string { return f.certificate }
	list := func(change func(*acm.ListCertificatesInput)) func(context.Context, *fixture) (bool, error) {
		return func(ctx context.Context, f *fixture) (bool, error) {
			in := &acm.ListCertificatesInput{}
			change(in)
			for pages := acm.NewListCertificatesPaginator(f.acm, in); pages.HasMorePages(); {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return false, err
				}
				for _, c := range page.CertificateSummaryList {
					if *c.CertificateArn == f.certificate {
						return true, nil
					}
				}
			}
			return false, nil
		}
	}
	keyTypes := func(types ...acmtypes.KeyAlgorithm) func(*acm.ListCertificatesInput) {
		return func(in *acm.ListCertificatesInput) { in.Includes = &acmtypes.Filters{KeyTypes: types} }
	}
	listener := func(change func(context.Context, *fixture) error) func(context.Context, *fixture) error {
		return change
	}
	add := listener(func(ctx context.Context, f *fixture) error {
		return second(f.elb.AddListenerCertificates(ctx, &elbv2.AddListenerCertificatesInput{ListenerArn: &f.secureListener, Certificates: []elbv2types.Certificate{{CertificateArn: &f.second}}}))
	})
	remove := func(arn func(*fixture) string) func(context.Context, *fixture) error {
		return func(ctx context.Context, f *fixture) error {
			return second(f.elb.RemoveListenerCertificates(ctx, &elbv2.RemoveListenerCertificatesInput{ListenerArn: &f.secureListener, Certificates: []elbv2types.Certificate{{CertificateArn: aws.String(arn(f))}}}))
		}
	}
	count := func(ctx context.Context, f *fixture) (int, error) {
		out, err := f.elb.DescribeListenerCertificates(ctx, &elbv2.DescribeListenerCertificatesInput{ListenerArn: &f.secureListener})
		if err != nil {
			return 0, err
		}
		return len(out.Certificates), nil
	}
	return []assertion{
		is("acm.imported.status", "an imported certificate is issued at once", "ACM guide, import certificates", "ISSUED", describe(first, func(d *acmtypes.CertificateDetail) string { return string(d.Status) })),
		is("acm.imported.type", "it is of type IMPORTED", "ACM API reference, CertificateDetail", "IMPORTED", describe(first, func(d *acmtypes.CertificateDetail) string { return string(d.Type) })),
		is("acm.imported.names", "its names are those in the certificate", "ACM API reference, CertificateDetail", "shop.example.com [shop.example.com]", describe(first, func(d *acmtypes.CertificateDetail) string {
			return fmt.Sprint(*d.DomainName, " ", d.SubjectAlternativeNames)
		})),
		is("acm.imported.key", "its key algorithm is told", "ACM API reference, CertificateDetail", "EC_prime256v1", describe(first, func(d *acmtypes.CertificateDetail) string { return string(d.KeyAlgorithm) })),
		becomes("acm.in-use-by", "a certificate names the load balancer that uses it", "ACM API reference, CertificateDetail", "1", describe(first, func(d *acmtypes.CertificateDetail) string { return fmt.Sprint(len(d.InUseBy)) })),
		is("acm.list.default", "without key types only RSA certificates are listed", "ACM API reference, Filters", false, list(func(*acm.ListCertificatesInput) {})),
		is("acm.list.key-types", "with its key type a certificate is listed", "ACM API reference, Filters", true, list(keyTypes(acmtypes.KeyAlgorithmEcPrime256v1))),
		is("acm.list.other-key-type", "with another it is not", "ACM API reference, Filters", false, list(keyTypes(acmtypes.KeyAlgorithmRsa4096))),
		is("acm.list.status", "certificates are listed by status", "ACM API reference, ListCertificates", false, list(func(in *acm.ListCertificatesInput) {
			keyTypes(acmtypes.KeyAlgorithmEcPrime256v1)(in)
			in.CertificateStatuses = []acmtypes.CertificateStatus{acmtypes.CertificateStatusExpired}
		})),
		is("acm.list.pages", "pages of one lead to all", "ACM API reference, ListCertificates", true, list(func(in *acm.ListCertificatesInput) {
			keyTypes(acmtypes.KeyAlgorithmEcPrime256v1)(in)
			in.MaxItems = aws.Int32(1)
		})),
		call("acm.delete.in-use", "a certificate in use cannot be deleted", "ACM API reference, DeleteCertificate", "ResourceInUseException", func(ctx context.Context, f *fixture) error {
			return second(f.acm.DeleteCertificate(ctx, &acm.DeleteCertificateInput{CertificateArn: &f.certificate}))
		}),
		call("acm.import.mismatch", "a key must fit to its certificate", "ACM guide, prerequisites for importing", "ValidationException", func(ctx context.Context, f *fixture) error {
			certificate, _, err := selfSigned("a.example.com")
			if err != nil {
				return err
			}
			_, key, err := selfSigned("b.example.com")
			if err != nil {
				return err
			}
			return second(f.importCertificate(ctx, certificate, key))
		}),
		call("acm.import.text", "a certificate is PEM", "ACM guide, prerequisites for importing", "ValidationException", func(ctx context.Context, f *fixture) error {
			_, key, err := selfSigned("b.example.com")
			if err != nil {
				return err
			}
			return second(f.importCertificate(ctx, []byte("certificate"), key))
		}),
		call("acm.arn", "an ARN must be one", "ACM API reference, DescribeCertificate", "InvalidArnException", func(ctx context.Context, f *fixture) error {
			return second(f.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: aws.String("certificate/of-nobody-at-all")}))
		}),
		is("listener.certificates.default", "a listener shows its default certificate", "API reference, DescribeListenerCertificates", 1, count),
		call("listener.certificates.add", "a listener takes another certificate", "API reference, AddListenerCertificates", ok, add),
		call("listener.certificates.add-again", "also twice", "API reference, AddListenerCertificates", ok, add),
		is("listener.certificates.two", "then it has two", "API reference, DescribeListenerCertificates", 2, count),
		call("listener.certificates.remove-default", "the default certificate cannot be removed", "API model, errors of RemoveListenerCertificates", "OperationNotPermitted", remove(first)),
		call("listener.certificates.remove", "others can", "API reference, RemoveListenerCertificates", ok, remove(func(f *fixture) string { return f.second })),
		is("listener.certificates.one", "then it has one again", "API reference, DescribeListenerCertificates", 1, count),
		call("listener.certificates.add-default", "it takes its default certificate too", "API reference, AddListenerCertificates", ok, func(ctx context.Context, f *fixture) error {
			return second(f.elb.AddListenerCertificates(ctx, &elbv2.AddListenerCertificatesInput{ListenerArn: &f.secureListener, Certificates: []elbv2types.Certificate{{CertificateArn: &f.certificate}}}))
		}),
		is("listener.certificates.default-twice", "which is then shown twice", "API reference, DescribeListenerCertificates", 2, count),
		call("listener.certificates.remove-added-default", "as an added one it can be removed", unconfirmed, ok, remove(first)),
		call("listener.certificates.http", "an HTTP listener takes none", unconfirmed, "ValidationError", func(ctx context.Context, f *fixture) error {
			return second(f.elb.AddListenerCertificates(ctx, &elbv2.AddListenerCertificatesInput{ListenerArn: &f.listener, Certificates: []elbv2types.Certificate{{CertificateArn: &f.second}}}))
		}),
	}
}
