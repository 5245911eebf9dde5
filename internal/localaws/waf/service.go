// Package waf is web ACLs and what they protect, in both generations: AWS WAF (v2) and AWS WAF Classic for Regions.
//
//	service := waf.New(waf.Config{…})
//	service.V2() // wafv2
//	service.Regional() // waf-regional
//
// Associations are made, read and removed; no rule is ever evaluated. ACLs have no rules, which is refused by name.
package waf

import (
	"fmt"
	"strings"
	"sync"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Config is what a Service stands on. Every field is needed.
type Config struct {
	Region, Account string
	Random          func() uint64                                // gives identifiers
	Balancer        func(arn string) (found, isApplication bool) // what can be protected
}

// Service is the ACLs of one account and Region.
type Service struct {
	Config

	mu        sync.Mutex
	last      int
	acls      []*acl
	protected map[string]*acl // by the ARN of the load balancer
	classics  []*classic
	guarded   map[string]*classic // by the ARN of the load balancer
	tokens    map[string]bool     // change tokens that have been given and not used
}

// New returns a service without ACLs.
func New(config Config) *Service {
	return &Service{Config: config, protected: map[string]*acl{}, guarded: map[string]*classic{}, tokens: map[string]bool{}}
}

func locked[In, Out any](s *Service, run func(In) (Out, error)) wire.Operation {
	return wire.Op(func(in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return run(in)
	})
}

// id is a UUID.
func (s *Service) id() string {
	a, b := s.Random(), s.Random()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff)
}

// checkResource: of what WAF protects, only application load balancers are here.
func (s *Service) checkResource(arn string) error {
	switch found, isApplication := s.Balancer(arn); {
	case !strings.HasPrefix(arn, "arn:"), found && !isApplication, !strings.Contains(arn, ":loadbalancer/app/"):
		return wire.Errorf("WAFInvalidParameterException", "Error reason: The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or slashes., field: RESOURCE_ARN, parameter: %s", arn)
	case !found:
		return wire.Errorf("WAFNonexistentItemException", "AWS WAF couldn’t perform the operation because your resource doesn’t exist: %s", arn)
	}
	return nil
}

func nonexistent(what string) error {
	return wire.Errorf("WAFNonexistentItemException", "AWS WAF couldn’t perform the operation because your resource doesn’t exist: %s", what)
}
