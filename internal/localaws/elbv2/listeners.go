package elbv2

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type listener struct {
	number     int
	arn        string
	balancer   *loadBalancer
	port       int
	actions    []action
	attributes map[string]string
	rules      []*rule // in the order of their priorities, the default rule last
}

type createListenerInput struct {
	BalancerARN    string   `form:"LoadBalancerArn" required:"true"`
	Protocol       string   `required:"true" enum:"HTTP,HTTPS,TCP,TLS,UDP,TCP_UDP,GENEVE,QUIC,TCP_QUIC"`
	Port           int      `required:"true" range:"1,65535"`
	DefaultActions []action `required:"true"`
	Tags           []tag
}

type listenersOutput struct {
	Listeners  []listenerOutput `xml:"Listeners>member"`
	NextMarker string           `xml:",omitempty"`
}

type listenerOutput struct {
	ARN            string   `xml:"ListenerArn"`
	BalancerARN    string   `xml:"LoadBalancerArn"`
	Port           int      `xml:"Port"`
	Protocol       string   `xml:"Protocol"`
	DefaultActions []action `xml:"DefaultActions>member"`
}

func (l *listener) output() listenerOutput {
	return listenerOutput{
		ARN: l.arn, BalancerARN: l.balancer.arn, Port: l.port, Protocol: "HTTP", DefaultActions: l.actions,
	}
}

func (s *Service) createListener(in createListenerInput) (listenersOutput, error) {
	b, err := s.balancer(in.BalancerARN)
	if err != nil {
		return listenersOutput{}, err
	}
	if err := checkProtocol(in.Protocol); err != nil {
		return listenersOutput{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return listenersOutput{}, err
	}
	actions, err := s.checkActions(b, in.DefaultActions)
	if err != nil {
		return listenersOutput{}, err
	}
	if have := b.listenerOn(in.Port); have != nil {
		if !reflect.DeepEqual(have.actions, actions) || !maps.Equal(s.tags[have.arn], tags) {
			return listenersOutput{}, duplicateListener(b)
		}
		return listenersOutput{Listeners: []listenerOutput{have.output()}}, nil
	}
	if len(b.listeners) >= s.Limits[quota.ListenersPerLoadBalancer] {
		return listenersOutput{}, wire.Errorf("TooManyListeners", "The maximum number of listeners has been reached on load balancer '%s'", b.arn)
	}
	l := s.addListener(b, in.Port, actions)
	s.tags[l.arn] = tags
	s.publish(b)
	return listenersOutput{Listeners: []listenerOutput{l.output()}}, nil
}

func duplicateListener(b *loadBalancer) error {
	return wire.Errorf("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", b.arn)
}

func checkProtocol(protocol string) error {
	switch protocol {
	case "HTTP":
		return nil
	case "HTTPS":
		return unsupported("listeners of Protocol HTTPS yet")
	}
	return wire.Errorf("ValidationError", "Listener protocol '%s' must be one of 'HTTPS, HTTP'", protocol)
}

func (b *loadBalancer) listenerOn(port int) *listener {
	return find(b.listeners, func(l *listener) bool { return l.port == port })
}

func (s *Service) addListener(b *loadBalancer, port int, actions []action) *listener {
	path := b.path + "/" + s.newID()
	l := &listener{
		number: s.next(), arn: s.arn("listener/" + path), balancer: b, port: port, actions: actions,
		attributes: map[string]string{},
	}
	l.rules = []*rule{{number: s.next(), arn: s.ruleARN(l), listener: l, isDefault: true}}
	b.listeners = append(b.listeners, l)
	return l
}

type describeListenersInput struct {
	BalancerARN string   `form:"LoadBalancerArn"`
	ARNs        []string `form:"ListenerArns"`
	paging
}

func (s *Service) describeListeners(in describeListenersInput) (listenersOutput, error) {
	found, err := s.listenersOf(in)
	if err != nil {
		return listenersOutput{}, err
	}
	found, next, err := page(found, in.paging, func(l *listener) int { return l.number })
	out := listenersOutput{NextMarker: next}
	for _, l := range found {
		out.Listeners = append(out.Listeners, l.output())
	}
	return out, err
}

func (s *Service) listenersOf(in describeListenersInput) ([]*listener, error) {
	switch {
	case (in.BalancerARN == "") == (len(in.ARNs) == 0):
		return nil, wire.Errorf("ValidationError", "You must specify either listener ARNs or a load balancer ARN")
	case in.BalancerARN != "":
		b, err := s.balancer(in.BalancerARN)
		if err != nil {
			return nil, err
		}
		return b.listeners, nil
	}
	if err := checkBatch("listeners", len(in.ARNs)); err != nil {
		return nil, err
	}
	return pick(s.allListeners(), in.ARNs, func(l *listener) string { return l.arn }, listenerNotFound)
}

// allListeners are in the order in which they were made.
func (s *Service) allListeners() []*listener {
	var all []*listener
	for _, b := range s.balancers {
		all = append(all, b.listeners...)
	}
	slices.SortFunc(all, func(a, b *listener) int { return a.number - b.number })
	return all
}

func listenerNotFound(arn string) error {
	return wire.Errorf("ListenerNotFound", "Listener '%s' not found", arn)
}

func (s *Service) listener(arn string) (*listener, error) {
	for _, b := range s.balancers {
		if l := find(b.listeners, func(l *listener) bool { return l.arn == arn }); l != nil {
			return l, nil
		}
	}
	return nil, listenerNotFound(arn)
}

type listenerInput struct {
	ARN string `form:"ListenerArn" required:"true"`
}

type modifyListenerInput struct {
	listenerInput
	Protocol       string
	Port           *int `range:"1,65535"`
	DefaultActions []action
}

func (s *Service) modifyListener(in modifyListenerInput) (listenersOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return listenersOutput{}, err
	}
	if in.Protocol != "" {
		if err := checkProtocol(in.Protocol); err != nil {
			return listenersOutput{}, err
		}
	}
	port, actions := l.port, l.actions
	if in.Port != nil {
		port = *in.Port
		if other := l.balancer.listenerOn(port); other != nil && other != l {
			return listenersOutput{}, duplicateListener(l.balancer)
		}
	}
	if len(in.DefaultActions) > 0 {
		if actions, err = s.checkActions(l.balancer, in.DefaultActions); err != nil {
			return listenersOutput{}, err
		}
	}
	l.port, l.actions = port, actions
	s.publish(l.balancer)
	return listenersOutput{Listeners: []listenerOutput{l.output()}}, nil
}

func (s *Service) deleteListener(in listenerInput) (wire.Empty, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	l.balancer.listeners = slices.DeleteFunc(l.balancer.listeners, func(other *listener) bool { return other == l })
	s.forgetListener(l)
	s.publish(l.balancer)
	return wire.Empty{}, nil
}

// forgetListener drops the tags of a listener and of its rules.
func (s *Service) forgetListener(l *listener) {
	delete(s.tags, l.arn)
	for _, r := range l.rules {
		delete(s.tags, r.arn)
	}
}

type describeListenerCertificatesInput struct {
	listenerInput
	paging
}

type certificatesOutput struct {
	Certificates string // an HTTP listener has none
}

func (s *Service) describeListenerCertificates(in describeListenerCertificatesInput) (certificatesOutput, error) {
	_, err := s.listener(in.ARN)
	return certificatesOutput{}, err
}

// isListenerARN tells the ARN of a listener from that of a rule, which is longer and of another kind.
func isListenerARN(arn string) bool { return strings.Contains(arn, ":listener/") }
