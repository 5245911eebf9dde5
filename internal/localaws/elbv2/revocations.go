package elbv2

import (
	"crypto/x509"
	"encoding/pem"
	"slices"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// revocation is one list of revoked certificates of a trust store.
type revocation struct {
	id      int
	object  object
	entries int
	list    *x509.RevocationList
}

type revocationContent struct {
	Bucket  string `form:"S3Bucket"`
	Key     string `form:"S3Key"`
	Version string `form:"S3ObjectVersion"`
	Type    string `form:"RevocationType" enum:"CRL"`
}

type addRevocationsInput struct {
	trustStoreInput
	Contents []revocationContent `form:"RevocationContents"`
}

type revocationsOutput struct {
	Revocations []revocationOutput `xml:"TrustStoreRevocations>member"`
	NextMarker  string             `xml:",omitempty"`
}

type revocationOutput struct {
	Store   string `xml:"TrustStoreArn"`
	ID      int    `xml:"RevocationId"`
	Type    string `xml:"RevocationType"`
	Entries int    `xml:"NumberOfRevokedEntries"`
}

func (t *trustStore) outputs(revocations []*revocation) []revocationOutput {
	var out []revocationOutput
	for _, r := range revocations {
		out = append(out, revocationOutput{Store: t.arn, ID: r.id, Type: "CRL", Entries: r.entries})
	}
	return out
}

// addTrustStoreRevocations adds all lists of a call, or none.
func (s *Service) addTrustStoreRevocations(in addRevocationsInput) (revocationsOutput, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return revocationsOutput{}, err
	}
	var added []*revocation
	for _, content := range in.Contents {
		list, err := s.readRevocations(content)
		if err != nil {
			return revocationsOutput{}, err
		}
		added = append(added, &revocation{object: object{content.Bucket, content.Key}, entries: len(list.RevokedCertificateEntries), list: list})
	}
	for _, r := range added {
		t.lastRevision++
		r.id = t.lastRevision
	}
	t.revocations = append(t.revocations, added...)
	s.republishTrust(t)
	return revocationsOutput{Revocations: t.outputs(added)}, nil
}

// readRevocations reads a list in PEM or DER.
func (s *Service) readRevocations(in revocationContent) (*x509.RevocationList, error) {
	content, found := s.Objects.Get(in.Bucket, in.Key)
	if !found || in.Version != "" {
		return nil, wire.Errorf("RevocationContentNotFound", "The revocation file s3://%s/%s is not found", in.Bucket, in.Key)
	}
	if block, _ := pem.Decode(content); block != nil {
		content = block.Bytes
	}
	list, err := x509.ParseRevocationList(content)
	if err != nil {
		return nil, wire.Errorf("InvalidRevocationContent", "The revocation file s3://%s/%s is not a revocation list", in.Bucket, in.Key)
	}
	return list, nil
}

type describeRevocationsInput struct {
	trustStoreInput
	IDs []int `form:"RevocationIds"`
	paging
}

func (s *Service) describeTrustStoreRevocations(in describeRevocationsInput) (revocationsOutput, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return revocationsOutput{}, err
	}
	for _, id := range in.IDs {
		if _, err := t.revocation(id); err != nil {
			return revocationsOutput{}, err
		}
	}
	found := slices.DeleteFunc(slices.Clone(t.revocations), func(r *revocation) bool {
		return len(in.IDs) > 0 && !slices.Contains(in.IDs, r.id)
	})
	cut, next, err := page(found, in.paging, func(r *revocation) int { return r.id })
	return revocationsOutput{Revocations: t.outputs(cut), NextMarker: next}, err
}

func (t *trustStore) revocation(id int) (*revocation, error) {
	if r := find(t.revocations, func(r *revocation) bool { return r.id == id }); r != nil {
		return r, nil
	}
	return nil, wire.Errorf("RevocationIdNotFound", "Revocation '%d' not found in trust store '%s'", id, t.arn)
}

type removeRevocationsInput struct {
	trustStoreInput
	IDs []int `form:"RevocationIds" required:"true"`
}

func (s *Service) removeTrustStoreRevocations(in removeRevocationsInput) (wire.Empty, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	for _, id := range in.IDs {
		if _, err := t.revocation(id); err != nil {
			return wire.Empty{}, err
		}
	}
	t.revocations = slices.DeleteFunc(t.revocations, func(r *revocation) bool { return slices.Contains(in.IDs, r.id) })
	s.republishTrust(t)
	return wire.Empty{}, nil
}

type revocationInput struct {
	trustStoreInput
	ID *int `form:"RevocationId" required:"true"`
}

func (s *Service) getRevocationContent(in revocationInput) (locationOutput, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return locationOutput{}, err
	}
	r, err := t.revocation(*in.ID)
	if err != nil {
		return locationOutput{}, err
	}
	return locationOutput{s.Objects.URL(r.object.bucket, r.object.key)}, nil
}
