// Package elbv2 is Elastic Load Balancing v2: load balancers, listeners, rules, target groups and targets, as the API
// shows them.
//
// Calls come in through Service and change the state here at once; the data plane (package balancer) hears of a change
// one to three seconds of AWS's time after the answer, as a table that publish.go makes. What the data plane finds out,
// the health of targets, is asked of it when somebody wants to know.
//
//	service := elbv2.New(elbv2.Config{…})
//	answer, err := service.API().Call("CreateLoadBalancer", form)
//
// Application and Network Load Balancers are here; Gateway Load Balancers, lambda targets and QUIC are refused by name:
// UnsupportedOperation for what AWS has and this does not, the documented code for what AWS refuses too.
package elbv2

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/ec2"
	"github.com/sluice-lb/sluice/internal/localaws/keypair"
	"github.com/sluice-lb/sluice/internal/localaws/objects"
	"github.com/sluice-lb/sluice/internal/localaws/pace"
	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Config is what a Service stands on. Every field but the last two is needed.
type Config struct {
	Region, Account string
	Addresses       netip.Prefix // where load balancers listen
	Limits          quota.Limits
	Delays          pace.Delays
	Network         *ec2.Network
	Certificate     func(arn string) (pair *keypair.Pair, found bool)  // nil, and found, for one that is not issued yet
	Uses            func(balancerARN string, certificateARNs []string) // is told which certificates a load balancer uses
	Objects         *objects.Store
	Plane           *balancer.Plane
	Clock           *pace.Clock
	Log             *slog.Logger
	RefuseDraining  bool // registering a draining address is an error; otherwise it changes nothing
	PassClients     bool // clients pass authentication actions without logging in
}

// Service is the state of ELBv2 in one account and Region.
type Service struct {
	Config

	mu        sync.Mutex
	last      int // number of the thing that was made last; orders every list
	balancers []*loadBalancer
	groups    []*targetGroup
	stores    []*trustStore
	lingering map[string]time.Time         // when what is used no longer may be deleted, by ARN
	tags      map[string]map[string]string // by ARN
	addresses map[netip.Addr]bool          // in use by load balancers
}

// New returns a service without load balancers.
func New(config Config) *Service {
	return &Service{
		Config: config, tags: map[string]map[string]string{}, addresses: map[netip.Addr]bool{}, lingering: map[string]time.Time{},
	}
}

// API is the operations of the service.
func (s *Service) API() wire.Service {
	return wire.Service{Dialect: wire.ELBv2, Operations: map[string]wire.Operation{
		"CreateLoadBalancer":             locked(s, s.createLoadBalancer),
		"DescribeLoadBalancers":          locked(s, s.describeLoadBalancers),
		"DeleteLoadBalancer":             locked(s, s.deleteLoadBalancer),
		"DescribeLoadBalancerAttributes": locked(s, s.describeLoadBalancerAttributes),
		"ModifyLoadBalancerAttributes":   locked(s, s.modifyLoadBalancerAttributes),
		"SetSecurityGroups":              locked(s, s.setSecurityGroups),
		"SetSubnets":                     locked(s, s.setSubnets),
		"SetIpAddressType":               locked(s, s.setIPAddressType),
		"DescribeCapacityReservation":    locked(s, s.describeCapacityReservation),
		"ModifyCapacityReservation":      locked(s, s.modifyCapacityReservation),
		"ModifyIpPools":                  locked(s, s.modifyIPPools),

		"CreateListener":               locked(s, s.createListener),
		"DescribeListeners":            locked(s, s.describeListeners),
		"ModifyListener":               locked(s, s.modifyListener),
		"DeleteListener":               locked(s, s.deleteListener),
		"DescribeListenerAttributes":   locked(s, s.describeListenerAttributes),
		"ModifyListenerAttributes":     locked(s, s.modifyListenerAttributes),
		"AddListenerCertificates":      locked(s, s.addListenerCertificates),
		"RemoveListenerCertificates":   locked(s, s.removeListenerCertificates),
		"DescribeListenerCertificates": locked(s, s.describeListenerCertificates),
		"DescribeSSLPolicies":          locked(s, s.describeSSLPolicies),

		"CreateTrustStore":                  locked(s, s.createTrustStore),
		"DescribeTrustStores":               locked(s, s.describeTrustStores),
		"ModifyTrustStore":                  locked(s, s.modifyTrustStore),
		"DeleteTrustStore":                  locked(s, s.deleteTrustStore),
		"DescribeTrustStoreAssociations":    locked(s, s.describeTrustStoreAssociations),
		"AddTrustStoreRevocations":          locked(s, s.addTrustStoreRevocations),
		"DescribeTrustStoreRevocations":     locked(s, s.describeTrustStoreRevocations),
		"RemoveTrustStoreRevocations":       locked(s, s.removeTrustStoreRevocations),
		"GetTrustStoreCaCertificatesBundle": locked(s, s.getBundle),
		"GetTrustStoreRevocationContent":    locked(s, s.getRevocationContent),
		"GetResourcePolicy":                 locked(s, s.getResourcePolicy),
		"DeleteSharedTrustStoreAssociation": locked(s, s.deleteSharedTrustStoreAssociation),

		"CreateRule":        locked(s, s.createRule),
		"DescribeRules":     locked(s, s.describeRules),
		"ModifyRule":        locked(s, s.modifyRule),
		"DeleteRule":        locked(s, s.deleteRule),
		"SetRulePriorities": locked(s, s.setRulePriorities),

		"CreateTargetGroup":             locked(s, s.createTargetGroup),
		"DescribeTargetGroups":          locked(s, s.describeTargetGroups),
		"ModifyTargetGroup":             locked(s, s.modifyTargetGroup),
		"DeleteTargetGroup":             locked(s, s.deleteTargetGroup),
		"DescribeTargetGroupAttributes": locked(s, s.describeTargetGroupAttributes),
		"ModifyTargetGroupAttributes":   locked(s, s.modifyTargetGroupAttributes),
		"RegisterTargets":               locked(s, s.registerTargets),
		"DeregisterTargets":             locked(s, s.deregisterTargets),
		"DescribeTargetHealth":          locked(s, s.describeTargetHealth),

		"AddTags":               locked(s, s.addTags),
		"RemoveTags":            locked(s, s.removeTags),
		"DescribeTags":          locked(s, s.describeTags),
		"DescribeAccountLimits": locked(s, s.describeAccountLimits),
	}}
}

// locked makes an operation of a method that reads or changes the state. No method does I/O, so the lock is short.
func locked[In, Out any](s *Service, run func(In) (Out, error)) wire.Operation {
	return wire.Op(func(in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return run(in)
	})
}

func (s *Service) next() int {
	s.last++
	return s.last
}

// newID is the last part of an ARN.
func (s *Service) newID() string { return fmt.Sprintf("%016x", s.Clock.Uint64()) }

func (s *Service) arn(resource string) string {
	return fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:%s", s.Region, s.Account, resource)
}

// later runs f, with the lock held, when the changes of now have reached the data plane.
func (s *Service) later(f func()) { s.after(s.Clock.Of(s.Delays.Propagation), f) }

// after runs f, with the lock held, when d has passed.
func (s *Service) after(d time.Duration, f func()) {
	s.Clock.After(d, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f()
	})
}

// paging is part of most Describe calls.
type paging struct {
	Marker   string
	PageSize *int `range:"1,400"`
}

// page cuts a page out of items that number orders.
func page[T any](items []T, p paging, number func(T) int) ([]T, string, error) {
	const largest = 400
	size := largest
	if p.PageSize != nil {
		size = *p.PageSize
	}
	cut, next, err := wire.Page(items, p.Marker, size, number)
	if err != nil {
		return nil, "", wire.Errorf("ValidationError", "'%s' is not a valid marker", p.Marker)
	}
	return cut, next, nil
}

// pick takes the items that have one of the keys, all if there are no keys. A key that no item has is an error.
func pick[T any](items []T, keys []string, key func(T) string, notFound func(string) error) ([]T, error) {
	if len(keys) == 0 {
		return items, nil
	}
	for _, k := range keys {
		if !slices.ContainsFunc(items, func(item T) bool { return key(item) == k }) {
			return nil, notFound(k)
		}
	}
	var picked []T
	for _, item := range items {
		if slices.Contains(keys, key(item)) {
			picked = append(picked, item)
		}
	}
	return picked, nil
}

// maxBatch is how many resources a Describe call may name (API reference: DescribeLoadBalancers, DescribeTags).
const maxBatch = 20

func checkBatch(what string, count int) error {
	if count > maxBatch {
		return wire.Errorf("ValidationError", "You cannot describe more than '%d' %s at a time", maxBatch, what)
	}
	return nil
}

func find[T any](items []*T, is func(*T) bool) *T {
	if i := slices.IndexFunc(items, is); i >= 0 {
		return items[i]
	}
	return nil
}

// checkName applies the rules that names of load balancers and target groups share.
func checkName(what, name string) error {
	const longest = 32
	switch {
	case name == "":
		return wire.Errorf("ValidationError", "The %s name cannot be empty", what)
	case len(name) > longest:
		return wire.Errorf("ValidationError", "The %s name '%s' cannot be longer than '%d' characters", what, name, longest)
	case !onlyNameCharacters(name):
		return wire.Errorf("ValidationError", "The %s name '%s' can only contain characters that are alphanumeric characters and hyphens(-)", what, name)
	case name[0] == '-' || name[len(name)-1] == '-':
		return wire.Errorf("ValidationError", "The %s name '%s' cannot begin or end with a hyphen(-)", what, name)
	}
	return nil
}

func onlyNameCharacters(name string) bool {
	for _, c := range name {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// unsupported refuses what AWS has and the local AWS does not.
func unsupported(format string, args ...any) error {
	return wire.Errorf("UnsupportedOperation", "The local AWS does not support "+format, args...)
}
