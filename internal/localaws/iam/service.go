// Package iam is the part of IAM that a load balancer controller meets: server certificates, which listeners can use
// instead of those of ACM, and the role that Elastic Load Balancing makes for itself.
//
//	service := iam.New("123456789012", clock.Uint64)
//	pair, ok := service.Pair("arn:aws:iam::123456789012:server-certificate/web")
package iam

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/keypair"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Service is the state of IAM in one account.
type Service struct {
	account string
	random  func() uint64

	mu           sync.Mutex
	last         int
	certificates []*serverCertificate
	roles        map[string]bool     // service-linked, by service
	uses         map[string][]string // certificates' ARNs by the ARN of the load balancer
}

type serverCertificate struct {
	number int
	meta   metadata
	pair   *keypair.Pair
	tags   []tag
}

// New returns an account without certificates. The function random gives identifiers.
func New(account string, random func() uint64) *Service {
	return &Service{account: account, random: random, roles: map[string]bool{}, uses: map[string][]string{}}
}

// API is the operations of the service.
func (s *Service) API() wire.Service {
	return wire.Service{Dialect: wire.IAM, Operations: map[string]wire.Operation{
		"UploadServerCertificate": locked(s, s.upload),
		"ListServerCertificates":  locked(s, s.list),
		"GetServerCertificate":    locked(s, s.get),
		"DeleteServerCertificate": locked(s, s.remove),
		"CreateServiceLinkedRole": locked(s, s.createServiceLinkedRole),
	}}
}

func locked[In, Out any](s *Service, run func(In) (Out, error)) wire.Operation {
	return wire.Op(func(in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return run(in)
	})
}

// Pair is the certificate and key behind an ARN.
func (s *Service) Pair(arn string) (pair *keypair.Pair, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.certificates {
		if c.meta.ARN == arn {
			return c.pair, true
		}
	}
	return nil, false
}

// Use says which certificates a load balancer uses from now on, instead of those that it used.
func (s *Service) Use(balancerARN string, arns []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses[balancerARN] = arns
}

type tag struct {
	Key   string `required:"true" range:"1,128"`
	Value string `range:"0,256"`
}

type metadata struct {
	Path       string
	Name       string `xml:"ServerCertificateName"`
	ID         string `xml:"ServerCertificateId"`
	ARN        string `xml:"Arn"`
	UploadDate string
	Expiration string
}

type uploadInput struct {
	Path  string `range:"1,512"`
	Name  string `form:"ServerCertificateName" required:"true" range:"1,128"`
	Body  string `form:"CertificateBody" required:"true" range:"1,16384"`
	Key   string `form:"PrivateKey" required:"true" range:"1,16384"`
	Chain string `form:"CertificateChain" range:"1,2097152"`
	Tags  []tag
}

type uploadOutput struct {
	Metadata metadata `xml:"ServerCertificateMetadata"`
	Tags     []tag    `xml:"Tags>member"`
}

func (s *Service) upload(in uploadInput) (uploadOutput, error) {
	if _, err := s.find(in.Name); err == nil {
		return uploadOutput{}, &wire.Error{Status: http.StatusConflict, Code: "EntityAlreadyExists", Message: "The Server Certificate with name " + in.Name + " already exists."}
	}
	pair, err := keypair.Parse([]byte(in.Body), []byte(in.Key), []byte(in.Chain))
	switch {
	case errors.Is(err, keypair.ErrMismatch):
		return uploadOutput{}, wire.Errorf("KeyPairMismatch", "The private key does not match the certificate.")
	case err != nil:
		return uploadOutput{}, wire.Errorf("MalformedCertificate", "Unable to parse certificate or key: %s.", err)
	}
	if in.Path == "" {
		in.Path = "/"
	}
	s.last++
	c := &serverCertificate{number: s.last, pair: pair, tags: in.Tags, meta: metadata{
		Path: in.Path, Name: in.Name, ID: s.id("ASCA"), ARN: fmt.Sprintf("arn:aws:iam::%s:server-certificate%s%s", s.account, in.Path, in.Name),
		UploadDate: timestamp(time.Now()), Expiration: timestamp(pair.Leaf.NotAfter),
	}}
	s.certificates = append(s.certificates, c)
	return uploadOutput{Metadata: c.meta, Tags: c.tags}, nil
}

// id is an identifier in the form of IAM: a kind and seventeen letters and digits.
func (s *Service) id(kind string) string {
	return strings.ToUpper(fmt.Sprintf("%s%017x", kind, s.random()))
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (s *Service) find(name string) (*serverCertificate, error) {
	for _, c := range s.certificates {
		if c.meta.Name == name {
			return c, nil
		}
	}
	return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchEntity", Message: "The Server Certificate with name " + name + " cannot be found."}
}

type listInput struct {
	PathPrefix string `range:"1,512"`
	Marker     string
	MaxItems   *int `range:"1,1000"`
}

type listOutput struct {
	List      []metadata `xml:"ServerCertificateMetadataList>member"`
	Truncated bool       `xml:"IsTruncated"`
	Marker    string     `xml:",omitempty"`
}

func (s *Service) list(in listInput) (listOutput, error) {
	size := 100
	if in.MaxItems != nil {
		size = *in.MaxItems
	}
	found := slices.DeleteFunc(slices.Clone(s.certificates), func(c *serverCertificate) bool { return !strings.HasPrefix(c.meta.Path, in.PathPrefix) })
	page, next, err := wire.Page(found, in.Marker, size, func(c *serverCertificate) int { return c.number })
	if err != nil {
		return listOutput{}, wire.Errorf("ValidationError", "The marker '%s' is not valid", in.Marker)
	}
	out := listOutput{Truncated: next != "", Marker: next}
	for _, c := range page {
		out.List = append(out.List, c.meta)
	}
	return out, nil
}

type nameInput struct {
	Name string `form:"ServerCertificateName" required:"true" range:"1,128"`
}

type getOutput struct {
	Certificate struct {
		Metadata metadata `xml:"ServerCertificateMetadata"`
		Body     string   `xml:"CertificateBody"`
		Chain    string   `xml:"CertificateChain,omitempty"`
		Tags     []tag    `xml:"Tags>member"`
	} `xml:"ServerCertificate"`
}

func (s *Service) get(in nameInput) (getOutput, error) {
	var out getOutput
	c, err := s.find(in.Name)
	if err != nil {
		return out, err
	}
	out.Certificate.Metadata, out.Certificate.Body = c.meta, c.pair.CertificatePEM
	out.Certificate.Chain, out.Certificate.Tags = c.pair.ChainPEM, c.tags
	return out, nil
}

func (s *Service) remove(in nameInput) (wire.Empty, error) {
	c, err := s.find(in.Name)
	if err != nil {
		return wire.Empty{}, err
	}
	for balancer, used := range s.uses {
		if slices.Contains(used, c.meta.ARN) {
			return wire.Empty{}, &wire.Error{Status: http.StatusConflict, Code: "DeleteConflict", Message: "Certificate: " + c.meta.ID + " is currently in use by " + balancer}
		}
	}
	s.certificates = slices.DeleteFunc(s.certificates, func(other *serverCertificate) bool { return other == c })
	return wire.Empty{}, nil
}

type linkedRoleInput struct {
	Service     string `form:"AWSServiceName" required:"true" range:"1,128"`
	Description string `range:"0,1000"`
	Suffix      string `form:"CustomSuffix" range:"1,64"`
}

type linkedRoleOutput struct {
	Role role
}

type role struct {
	Path, RoleName string
	ID             string `xml:"RoleId"`
	ARN            string `xml:"Arn"`
	Created        string `xml:"CreateDate"`
	Policy         string `xml:"AssumeRolePolicyDocument"`
	Description    string `xml:",omitempty"`
}

var servicePattern = regexp.MustCompile(`^[a-z0-9-]+\.amazonaws\.com$`)

// HasServiceRole says whether a service has its role.
func (s *Service) HasServiceRole(service string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.roles[service]
}

// MakeServiceRole is what a service does that needs its role and has none.
func (s *Service) MakeServiceRole(service string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[service] = true
}

// createServiceLinkedRole makes the one role of a service; the second time is an error, as with AWS.
func (s *Service) createServiceLinkedRole(in linkedRoleInput) (linkedRoleOutput, error) {
	const name = "AWSServiceRoleForElasticLoadBalancing"
	switch {
	case !servicePattern.MatchString(in.Service):
		return linkedRoleOutput{}, wire.Errorf("InvalidInput", "The service name %s is not valid", in.Service)
	case in.Service != "elasticloadbalancing.amazonaws.com":
		return linkedRoleOutput{}, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchEntity", Message: "The local AWS knows no service-linked role of " + in.Service}
	case in.Suffix != "":
		return linkedRoleOutput{}, wire.Errorf("InvalidInput", "Custom suffix is not allowed for %s", in.Service)
	case s.roles[in.Service]:
		return linkedRoleOutput{}, wire.Errorf("InvalidInput", "Service role name %s has been taken in this account, please try a different suffix.", name)
	}
	s.roles[in.Service] = true
	path := "/aws-service-role/" + in.Service + "/"
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":{"Service":["` + in.Service + `"]}}]}`
	return linkedRoleOutput{role{
		Path: path, RoleName: name, ID: s.id("AROA"), ARN: "arn:aws:iam::" + s.account + ":role" + path + name,
		Created: timestamp(time.Now()), Policy: url.QueryEscape(policy), Description: in.Description,
	}}, nil
}
