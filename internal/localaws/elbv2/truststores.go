package elbv2

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// trustStore is CA certificates that clients are checked against, and lists of those that were revoked.
type trustStore struct {
	number       int
	arn, name    string
	active       bool
	bundle       object
	authorities  []*x509.Certificate
	revocations  []*revocation
	lastRevision int
}

// object is where something was read from.
type object struct{ bucket, key string }

type trustStoreBundle struct {
	Bucket  string `form:"CaCertificatesBundleS3Bucket" required:"true"`
	Key     string `form:"CaCertificatesBundleS3Key" required:"true"`
	Version string `form:"CaCertificatesBundleS3ObjectVersion"`
}

type createTrustStoreInput struct {
	Name string `required:"true" range:"1,32"`
	trustStoreBundle
	Tags []tag
}

type trustStoresOutput struct {
	Stores     []trustStoreOutput `xml:"TrustStores>member"`
	NextMarker string             `xml:",omitempty"`
}

type trustStoreOutput struct {
	Name         string
	ARN          string `xml:"TrustStoreArn"`
	Status       string
	Certificates int `xml:"NumberOfCaCertificates"`
	Revoked      int `xml:"TotalRevokedEntries"`
}

func (t *trustStore) output() trustStoreOutput {
	out := trustStoreOutput{Name: t.name, ARN: t.arn, Status: "CREATING", Certificates: len(t.authorities)}
	if t.active {
		out.Status = "ACTIVE"
	}
	for _, r := range t.revocations {
		out.Revoked += r.entries
	}
	return out
}

func (s *Service) createTrustStore(in createTrustStoreInput) (trustStoresOutput, error) {
	if err := checkName("trust store", in.Name); err != nil {
		return trustStoresOutput{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return trustStoresOutput{}, err
	}
	if find(s.stores, func(t *trustStore) bool { return t.name == in.Name }) != nil {
		return trustStoresOutput{}, wire.Errorf("DuplicateTrustStoreName", "A trust store with the same name '%s' exists", in.Name)
	}
	if len(s.stores) >= s.Limits[quota.TrustStores] {
		return trustStoresOutput{}, wire.Errorf("TooManyTrustStores", "The maximum number of trust stores has been reached")
	}
	authorities, err := s.readBundle(in.trustStoreBundle)
	if err != nil {
		return trustStoresOutput{}, err
	}
	t := &trustStore{
		number: s.next(), arn: s.arn(fmt.Sprintf("truststore/%s/%s", in.Name, s.newID())), name: in.Name,
		bundle: object{in.Bucket, in.Key}, authorities: authorities,
	}
	s.stores = append(s.stores, t)
	s.tags[t.arn] = tags
	s.after(s.Clock.Of(s.Delays.TrustStore), func() { t.active = true })
	return trustStoresOutput{Stores: []trustStoreOutput{t.output()}}, nil
}

// readBundle reads the CA certificates of an object. Versions are refused: the store keeps none.
func (s *Service) readBundle(in trustStoreBundle) ([]*x509.Certificate, error) {
	content, found := s.Objects.Get(in.Bucket, in.Key)
	if !found || in.Version != "" {
		return nil, wire.Errorf("CaCertificatesBundleNotFound", "The CA certificates bundle s3://%s/%s is not found", in.Bucket, in.Key)
	}
	invalid := wire.Errorf("InvalidCaCertificatesBundle", "The CA certificates bundle s3://%s/%s is empty or not PEM", in.Bucket, in.Key)
	var authorities []*x509.Certificate
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil || block.Type != "CERTIFICATE" {
			return nil, invalid
		}
		authorities = append(authorities, c)
	}
	if len(authorities) == 0 {
		return nil, invalid
	}
	return authorities, nil
}

func (s *Service) trustStore(arn string) (*trustStore, error) {
	if t := find(s.stores, func(t *trustStore) bool { return t.arn == arn }); t != nil {
		return t, nil
	}
	return nil, trustStoreARN.notFound(arn)
}

func trustStoreNotFound(name string) error {
	return wire.Errorf("TrustStoreNotFound", "Trust store '%s' not found", name)
}

type describeTrustStoresInput struct {
	ARNs  []string `form:"TrustStoreArns"`
	Names []string
	paging
}

func (s *Service) describeTrustStores(in describeTrustStoresInput) (trustStoresOutput, error) {
	if len(in.ARNs) > 0 && len(in.Names) > 0 {
		return trustStoresOutput{}, wire.Errorf("ValidationError", "Trust store names and trust store ARNs cannot be specified at the same time")
	}
	found, err := pick(s.stores, in.ARNs, func(t *trustStore) string { return t.arn }, trustStoreARN.notFound)
	if err != nil {
		return trustStoresOutput{}, err
	}
	found, err = pick(found, in.Names, func(t *trustStore) string { return t.name }, trustStoreNotFound)
	if err != nil {
		return trustStoresOutput{}, err
	}
	found, next, err := page(found, in.paging, func(t *trustStore) int { return t.number })
	out := trustStoresOutput{NextMarker: next}
	for _, t := range found {
		out.Stores = append(out.Stores, t.output())
	}
	return out, err
}

type trustStoreInput struct {
	ARN string `form:"TrustStoreArn" required:"true"`
}

type modifyTrustStoreInput struct {
	trustStoreInput
	trustStoreBundle
}

func (s *Service) modifyTrustStore(in modifyTrustStoreInput) (trustStoresOutput, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return trustStoresOutput{}, err
	}
	authorities, err := s.readBundle(in.trustStoreBundle)
	if err != nil {
		return trustStoresOutput{}, err
	}
	t.authorities, t.bundle = authorities, object{in.Bucket, in.Key}
	s.republishTrust(t)
	return trustStoresOutput{Stores: []trustStoreOutput{t.output()}}, nil
}

// republishTrust sends the load balancers that use a trust store what it holds now.
func (s *Service) republishTrust(t *trustStore) {
	for _, b := range s.balancers {
		if b.used[t.arn] {
			s.publish(b)
		}
	}
}

func (s *Service) deleteTrustStore(in trustStoreInput) (wire.Empty, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	if len(s.listenersTrusting(t)) > 0 || s.lingers(t.arn) {
		return wire.Empty{}, wire.Errorf("TrustStoreInUse", "Trust store '%s' is currently in use by a listener", t.arn)
	}
	s.stores = slices.DeleteFunc(s.stores, func(other *trustStore) bool { return other == t })
	delete(s.tags, t.arn)
	return wire.Empty{}, nil
}

func (s *Service) listenersTrusting(t *trustStore) []*listener {
	return slices.DeleteFunc(s.allListeners(), func(l *listener) bool { return l.tls.mutual.TrustStore != t.arn })
}

type associationsInput struct {
	trustStoreInput
	paging
}

type associationsOutput struct {
	Associations []associationOutput `xml:"TrustStoreAssociations>member"`
	NextMarker   string              `xml:",omitempty"`
}

type associationOutput struct {
	ARN string `xml:"ResourceArn"`
}

// describeTrustStoreAssociations lists the load balancers that use a trust store, each once.
func (s *Service) describeTrustStoreAssociations(in associationsInput) (associationsOutput, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return associationsOutput{}, err
	}
	users := map[*loadBalancer]bool{}
	for _, l := range s.listenersTrusting(t) {
		users[l.balancer] = true
	}
	sorted := slices.SortedFunc(maps.Keys(users), func(a, b *loadBalancer) int { return a.number - b.number })
	cut, next, err := page(sorted, in.paging, func(b *loadBalancer) int { return b.number })
	out := associationsOutput{NextMarker: next}
	for _, b := range cut {
		out.Associations = append(out.Associations, associationOutput{b.arn})
	}
	return out, err
}

type locationOutput struct {
	Location string
}

func (s *Service) getBundle(in trustStoreInput) (locationOutput, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return locationOutput{}, err
	}
	return locationOutput{s.Objects.URL(t.bundle.bucket, t.bundle.key)}, nil
}

type resourceInput struct {
	ARN string `form:"ResourceArn" required:"true"`
}

// getResourcePolicy: nothing is shared between accounts here, so nothing has a policy.
func (s *Service) getResourcePolicy(in resourceInput) (wire.Empty, error) {
	return wire.Empty{}, wire.Errorf("ResourceNotFound", "There is no resource policy for '%s'", in.ARN)
}

type sharedAssociationInput struct {
	trustStoreInput
	Resource string `form:"ResourceArn" required:"true"`
}

// deleteSharedTrustStoreAssociation is for trust stores of other accounts, which are not here.
func (s *Service) deleteSharedTrustStoreAssociation(in sharedAssociationInput) (wire.Empty, error) {
	t, err := s.trustStore(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	for _, l := range s.listenersTrusting(t) {
		if l.balancer.arn == in.Resource {
			return wire.Empty{}, wire.Errorf("DeleteAssociationSameAccount", "The association is of the same account: modify the listener instead")
		}
	}
	return wire.Empty{}, wire.Errorf("AssociationNotFound", "Trust store '%s' is not associated with '%s'", t.arn, in.Resource)
}
