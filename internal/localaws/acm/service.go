// Package acm is AWS Certificate Manager: certificates that users import or request, and what load balancers use of
// them.
//
// Calls come in through API. The data plane asks for the pair behind an ARN; Elastic Load Balancing says which
// certificates a load balancer uses, since those cannot be deleted:
//
//	service, err := acm.New(acm.Config{…})
//	pair, ok := service.Pair("arn:aws:acm:…")
//	service.Use("arn:aws:elasticloadbalancing:…:loadbalancer/…", []string{"arn:aws:acm:…"})
//
// Requested certificates are issued after some seconds of AWS's time, without looking for their validation records:
// there is no DNS here. They are of a CA of this process.
package acm

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/keypair"
	"github.com/sluice-lb/sluice/internal/localaws/pace"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Config is what a Service stands on. Every field is needed.
type Config struct {
	Region, Account string
	Clock           *pace.Clock
	Validation      pace.Span // how long it takes until a requested certificate is issued
}

// Service is the certificates of one account and Region.
type Service struct {
	Config
	authority *keypair.Authority
	work      sync.WaitGroup // certificates being issued

	mu           sync.Mutex
	last         int
	certificates []*certificate
	uses         map[string][]string // certificates' ARNs by the ARN of the load balancer
}

type certificate struct {
	number    int
	arn       string
	kind      string // IMPORTED or AMAZON_ISSUED
	status    string // PENDING_VALIDATION or ISSUED
	names     []string
	algorithm string
	method    string // of validation
	token     string // that makes a second request the same
	options   certificateOptions
	pair      *keypair.Pair // nil until issued
	tags      map[string]string

	created, issued, imported time.Time
}

// New returns a service without certificates.
func New(config Config) (*Service, error) {
	authority, err := keypair.NewAuthority(time.Now())
	return &Service{Config: config, authority: authority, uses: map[string][]string{}}, err
}

// API is the operations of the service.
func (s *Service) API() wire.Service {
	return wire.Service{Dialect: wire.JSON("CertificateManager", "ValidationException"), Operations: map[string]wire.Operation{
		"ImportCertificate":         locked(s, s.importCertificate),
		"RequestCertificate":        locked(s, s.requestCertificate),
		"ListCertificates":          locked(s, s.listCertificates),
		"DescribeCertificate":       locked(s, s.describeCertificate),
		"GetCertificate":            locked(s, s.getCertificate),
		"DeleteCertificate":         locked(s, s.deleteCertificate),
		"AddTagsToCertificate":      locked(s, s.addTags),
		"RemoveTagsFromCertificate": locked(s, s.removeTags),
		"ListTagsForCertificate":    locked(s, s.listTags),
	}}
}

func locked[In, Out any](s *Service, run func(In) (Out, error)) wire.Operation {
	return wire.Op(func(in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return run(in)
	})
}

// Close waits for what is being issued. The clock must be closed before.
func (s *Service) Close() { s.work.Wait() }

// Root is the certificate of the CA that issues what is requested, in PEM.
func (s *Service) Root() string { return s.authority.Root() }

// Pair is the certificate and key behind an ARN. It is nil, and there, for one that is not issued yet.
func (s *Service) Pair(arn string) (pair *keypair.Pair, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.certificates {
		if c.arn == arn {
			return c.pair, true
		}
	}
	return nil, false
}

// Use says which certificates a load balancer uses from now on, instead of those that it used.
func (s *Service) Use(balancerARN string, arns []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(arns) == 0 {
		delete(s.uses, balancerARN)
		return
	}
	s.uses[balancerARN] = arns
}

// Tagged calls f with every certificate and its tags.
func (s *Service) Tagged(f func(arn string, tags map[string]string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.certificates {
		f(c.arn, c.tags)
	}
}

// usersOf are the load balancers that use a certificate.
func (s *Service) usersOf(arn string) []string {
	users := []string{}
	for balancer, used := range s.uses {
		if slices.Contains(used, arn) {
			users = append(users, balancer)
		}
	}
	slices.Sort(users)
	return users
}

var arnPattern = regexp.MustCompile(`^arn:[\w+=/,.@-]+:acm:[\w+=/,.@-]*:[0-9]+:certificate/[\w+=,.@-]+$`)

func (s *Service) find(arn string) (*certificate, error) {
	if !arnPattern.MatchString(arn) {
		return nil, wire.Errorf("InvalidArnException", "'%s' is not a valid ARN of a certificate", arn)
	}
	for _, c := range s.certificates {
		if c.arn == arn {
			return c, nil
		}
	}
	return nil, wire.Errorf("ResourceNotFoundException", "Could not find certificate %s.", arn)
}

func (s *Service) add(c *certificate) *certificate {
	s.last++
	c.number = s.last
	id := fmt.Sprintf("%016x%016x", s.Clock.Uint64(), s.Clock.Uint64())
	c.arn = fmt.Sprintf("arn:aws:acm:%s:%s:certificate/%s-%s-%s-%s-%s", s.Region, s.Account, id[:8], id[8:12], id[12:16], id[16:20], id[20:])
	c.created = time.Now()
	s.certificates = append(s.certificates, c)
	return c
}

type certificateInput struct {
	ARN string `form:"CertificateArn" required:"true" range:"20,2048"`
}

// deleteCertificate refuses what a load balancer uses.
func (s *Service) deleteCertificate(in certificateInput) (wire.Empty, error) {
	c, err := s.find(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	if users := s.usersOf(c.arn); len(users) > 0 {
		return wire.Empty{}, wire.Errorf("ResourceInUseException", "Certificate %s in account %s is in use by %s.", c.arn, s.Account, strings.Join(users, ", "))
	}
	s.certificates = slices.DeleteFunc(s.certificates, func(other *certificate) bool { return other == c })
	return wire.Empty{}, nil
}

// digest is a stable word made of others: the parts of a validation record are secret-looking, but the same each time.
func digest(parts ...string) string {
	return fmt.Sprintf("%x", sha256.Sum256([]byte(strings.Join(parts, "\x00"))))[:32]
}
