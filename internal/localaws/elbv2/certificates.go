package elbv2

import (
	"slices"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type certificateInput struct {
	ARN       string `form:"CertificateArn"`
	IsDefault *bool
}

type certificateOutput struct {
	ARN       string `xml:"CertificateArn"`
	IsDefault *bool  `xml:"IsDefault"`
}

type certificatesOutput struct {
	Certificates []certificateOutput `xml:"Certificates>member"`
	NextMarker   string              `xml:",omitempty"`
}

type listenerCertificatesInput struct {
	listenerInput
	Certificates []certificateInput `required:"true"`
}

// oneCertificate applies what both calls ask for: a secure listener, and one certificate a call (API reference,
// AddListenerCertificates: "You can specify one certificate per call. Set CertificateArn … but do not set IsDefault").
func (s *Service) oneCertificate(in listenerCertificatesInput) (*listener, string, error) {
	l, err := s.listener(in.ARN)
	switch {
	case err != nil:
		return nil, "", err
	case !speaksTLS(l.protocol):
		return nil, "", wire.Errorf("ValidationError", "Certificates cannot be specified for %s listeners", l.protocol)
	case len(in.Certificates) != 1:
		return nil, "", wire.Errorf("ValidationError", "Exactly one certificate must be specified")
	case in.Certificates[0].IsDefault != nil:
		return nil, "", wire.Errorf("ValidationError", "IsDefault cannot be specified")
	}
	return l, in.Certificates[0].ARN, nil
}

// addListenerCertificates succeeds also for a certificate that is in the list already.
func (s *Service) addListenerCertificates(in listenerCertificatesInput) (certificatesOutput, error) {
	l, arn, err := s.oneCertificate(in)
	if err != nil {
		return certificatesOutput{}, err
	}
	if err := s.checkCertificate(arn); err != nil {
		return certificatesOutput{}, err
	}
	if !slices.Contains(l.more, arn) {
		if l.balancer.countCertificates() >= s.Limits[quota.CertificatesPerLoadBalancer] {
			return certificatesOutput{}, wire.Errorf("TooManyCertificates", "The maximum number of certificates has been reached on load balancer '%s'", l.balancer.arn)
		}
		l.more = append(l.more, arn)
		s.changed(l.balancer)
	}
	return certificatesOutput{Certificates: []certificateOutput{{ARN: arn, IsDefault: new(false)}}}, nil
}

// countCertificates counts what the quota counts: default certificates are free.
func (b *loadBalancer) countCertificates() int {
	count := 0
	for _, l := range b.listeners {
		count += len(l.more)
	}
	return count
}

// removeListenerCertificates succeeds also for a certificate that is not in the list, but not for the default one.
func (s *Service) removeListenerCertificates(in listenerCertificatesInput) (wire.Empty, error) {
	l, arn, err := s.oneCertificate(in)
	switch {
	case err != nil:
		return wire.Empty{}, err
	case arn == l.tls.certificate && !slices.Contains(l.more, arn):
		return wire.Empty{}, wire.Errorf("OperationNotPermitted", "Default certificate '%s' cannot be removed from the listener", arn)
	}
	l.more = slices.DeleteFunc(l.more, func(other string) bool { return other == arn })
	s.changed(l.balancer)
	return wire.Empty{}, nil
}

type describeListenerCertificatesInput struct {
	listenerInput
	paging
}

// describeListenerCertificates lists the default certificate, and once more if it was also added (API reference).
func (s *Service) describeListenerCertificates(in describeListenerCertificatesInput) (certificatesOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return certificatesOutput{}, err
	}
	type numbered struct {
		number int
		certificateOutput
	}
	var list []numbered
	if l.tls.certificate != "" {
		list = append(list, numbered{0, certificateOutput{l.tls.certificate, new(true)}})
	}
	for i, arn := range l.more {
		list = append(list, numbered{i + 1, certificateOutput{arn, new(false)}})
	}
	cut, next, err := page(list, in.paging, func(n numbered) int { return n.number })
	out := certificatesOutput{NextMarker: next}
	for _, n := range cut {
		out.Certificates = append(out.Certificates, n.certificateOutput)
	}
	return out, err
}
