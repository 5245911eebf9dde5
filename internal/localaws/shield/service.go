// Package shield is AWS Shield Advanced: whether the account has subscribed, and what it protects. Protections are kept
// and protect from nothing.
//
//	service := shield.New(shield.Config{…})
package shield

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Config is what a Service stands on. Every field is needed.
type Config struct {
	Account  string
	Random   func() uint64                                // gives identifiers
	Balancer func(arn string) (found, isApplication bool) // what can be protected, beside Elastic IP addresses
}

// Service is the protections of one account.
type Service struct {
	Config

	mu          sync.Mutex
	subscribed  time.Time // zero without a subscription
	protections []protection
}

type protection struct {
	ID       string   `json:"Id"`
	Name     string   `json:"Name"`
	Resource string   `json:"ResourceArn"`
	Checks   []string `json:"HealthCheckIds"`
	ARN      string   `json:"ProtectionArn"`
}

// New returns an account without a subscription.
func New(config Config) *Service { return &Service{Config: config} }

// API is the operations of the service.
func (s *Service) API() wire.Service {
	return wire.Service{Dialect: wire.JSON("AWSShield_20160616", "InvalidParameterException"), Operations: map[string]wire.Operation{
		"CreateSubscription":   locked(s, s.createSubscription),
		"GetSubscriptionState": locked(s, s.getSubscriptionState),
		"DescribeSubscription": locked(s, s.describeSubscription),
		"CreateProtection":     locked(s, s.createProtection),
		"DescribeProtection":   locked(s, s.describeProtection),
		"ListProtections":      locked(s, s.listProtections),
		"DeleteProtection":     locked(s, s.deleteProtection),
	}}
}

func locked[In, Out any](s *Service, run func(In) (Out, error)) wire.Operation {
	return wire.Op(func(in In) (Out, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return run(in)
	})
}

func (s *Service) createSubscription(wire.Empty) (wire.Empty, error) {
	if !s.subscribed.IsZero() {
		return wire.Empty{}, wire.Errorf("ResourceAlreadyExistsException", "The subscription already exists.")
	}
	s.subscribed = time.Now()
	return wire.Empty{}, nil
}

type stateOutput struct {
	State string `json:"SubscriptionState"`
}

func (s *Service) getSubscriptionState(wire.Empty) (stateOutput, error) {
	if s.subscribed.IsZero() {
		return stateOutput{"INACTIVE"}, nil
	}
	return stateOutput{"ACTIVE"}, nil
}

var errNoSubscription = wire.Errorf("ResourceNotFoundException", "The subscription does not exist.")

type subscriptionOutput struct {
	Subscription subscription `json:"Subscription"`
}

type subscription struct {
	Start     *wire.Epoch    `json:"StartTime"`
	End       *wire.Epoch    `json:"EndTime"`
	Seconds   int            `json:"TimeCommitmentInSeconds"`
	Renew     string         `json:"AutoRenew"`
	Proactive string         `json:"ProactiveEngagementStatus"`
	Limits    map[string]any `json:"SubscriptionLimits"`
	ARN       string         `json:"SubscriptionArn"`
}

// describeSubscription: a subscription is for a year, and protects 1,000 resources of a type ("AWS Shield Advanced
// quotas").
func (s *Service) describeSubscription(wire.Empty) (subscriptionOutput, error) {
	if s.subscribed.IsZero() {
		return subscriptionOutput{}, errNoSubscription
	}
	var types []map[string]any
	for _, kind := range []string{"APPLICATION_LOAD_BALANCER", "ELASTIC_IP_ADDRESS"} {
		types = append(types, map[string]any{"Type": kind, "Max": most})
	}
	end := s.subscribed.AddDate(1, 0, 0)
	return subscriptionOutput{subscription{
		Start: wire.When(s.subscribed), End: wire.When(end), Seconds: int(end.Sub(s.subscribed).Seconds()), Renew: "ENABLED", Proactive: "DISABLED",
		Limits: map[string]any{
			"ProtectionLimits":      map[string]any{"ProtectedResourceTypeLimits": types},
			"ProtectionGroupLimits": map[string]any{"MaxProtectionGroups": 100, "PatternTypeLimits": map[string]any{"ArbitraryPatternLimits": map[string]any{"MaxMembers": most}}},
		},
		ARN: "arn:aws:shield::" + s.Account + ":subscription",
	}}, nil
}

const most = 1000

type tag struct {
	Key   string `range:"1,128"`
	Value string `range:"0,256"`
}

type createInput struct {
	Name     string `required:"true" range:"1,128"`
	Resource string `form:"ResourceArn" required:"true" range:"1,2048"`
	Tags     []tag
}

type createOutput struct {
	ID string `json:"ProtectionId"`
}

func (s *Service) createProtection(in createInput) (createOutput, error) {
	found, isApplication := s.Balancer(in.Resource)
	switch {
	case s.subscribed.IsZero():
		return createOutput{}, errNoSubscription
	case strings.Contains(in.Resource, ":eip-allocation/"):
	case !strings.Contains(in.Resource, ":loadbalancer/app/"), found && !isApplication:
		return createOutput{}, wire.Errorf("InvalidResourceException", "Unrecognized resource '%s' of service 'elasticloadbalancing'.", in.Resource)
	case !found:
		return createOutput{}, wire.Errorf("ResourceNotFoundException", "The referenced resource does not exist: %s", in.Resource)
	}
	for _, p := range s.protections {
		if p.Resource == in.Resource {
			return createOutput{}, wire.Errorf("ResourceAlreadyExistsException", "The referenced protection already exists.")
		}
	}
	if len(s.protections) >= most {
		return createOutput{}, wire.Errorf("LimitsExceededException", "The limit of protections is %d.", most)
	}
	a, b := s.Random(), s.Random()
	p := protection{ID: fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>52, b&0xffffffffffff), Name: in.Name, Resource: in.Resource, Checks: []string{}}
	p.ARN = "arn:aws:shield::" + s.Account + ":protection/" + p.ID
	s.protections = append(s.protections, p)
	return createOutput{p.ID}, nil
}

type describeInput struct {
	ID       string `form:"ProtectionId" range:"36,36"`
	Resource string `form:"ResourceArn" range:"1,2048"`
}

type describeOutput struct {
	Protection protection `json:"Protection"`
}

func (s *Service) describeProtection(in describeInput) (describeOutput, error) {
	if (in.ID == "") == (in.Resource == "") {
		return describeOutput{}, wire.Errorf("InvalidParameterException", "Either ProtectionId or ResourceArn must be given.")
	}
	for _, p := range s.protections {
		if p.ID == in.ID || p.Resource == in.Resource {
			return describeOutput{p}, nil
		}
	}
	return describeOutput{}, wire.Errorf("ResourceNotFoundException", "The referenced protection does not exist.")
}

type listInput struct {
	Next    string `form:"NextToken"`
	Max     *int   `form:"MaxResults" range:"0,10000"`
	Filters struct {
		ARNs  []string `form:"ResourceArns"`
		Names []string `form:"ProtectionNames"`
	} `form:"InclusionFilters"`
}

type listOutput struct {
	Protections []protection `json:"Protections"`
}

func (s *Service) listProtections(in listInput) (listOutput, error) {
	if s.subscribed.IsZero() {
		return listOutput{}, errNoSubscription
	}
	out := listOutput{Protections: []protection{}}
	for _, p := range s.protections {
		if (len(in.Filters.ARNs) == 0 || in.Filters.ARNs[0] == p.Resource) && (len(in.Filters.Names) == 0 || in.Filters.Names[0] == p.Name) {
			out.Protections = append(out.Protections, p)
		}
	}
	return out, nil
}

type deleteInput struct {
	ID string `form:"ProtectionId" required:"true" range:"36,36"`
}

func (s *Service) deleteProtection(in deleteInput) (wire.Empty, error) {
	for i, p := range s.protections {
		if p.ID == in.ID {
			s.protections = append(s.protections[:i], s.protections[i+1:]...)
			return wire.Empty{}, nil
		}
	}
	return wire.Empty{}, wire.Errorf("ResourceNotFoundException", "The referenced protection does not exist.")
}
