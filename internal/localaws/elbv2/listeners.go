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
	number   int
	arn      string
	balancer *loadBalancer
	listenerSettings
	more       []string // certificates beside the default one
	attributes map[string]string
	rules      []*rule // in the order of their priorities, the default rule last
}

// listenerSettings is what makes a second CreateListener for the same port equal to the first.
type listenerSettings struct {
	protocol string
	port     int
	tls      tlsSettings
	actions  []action
}

func (l listenerSettings) equal(other listenerSettings) bool {
	return l.protocol == other.protocol && l.port == other.port && l.tls.equal(other.tls) && reflect.DeepEqual(l.actions, other.actions)
}

type createListenerInput struct {
	BalancerARN    string   `form:"LoadBalancerArn" required:"true"`
	Protocol       string   `required:"true" enum:"HTTP,HTTPS,TCP,TLS,UDP,TCP_UDP,GENEVE,QUIC,TCP_QUIC"`
	Port           int      `required:"true" range:"1,65535"`
	DefaultActions []action `required:"true"`
	Tags           []tag
	tlsInput
}

type listenersOutput struct {
	Listeners  []listenerOutput `xml:"Listeners>member"`
	NextMarker string           `xml:",omitempty"`
}

type listenerOutput struct {
	ARN            string                `xml:"ListenerArn"`
	BalancerARN    string                `xml:"LoadBalancerArn"`
	Port           int                   `xml:"Port"`
	Protocol       string                `xml:"Protocol"`
	Certificates   []certificateOutput   `xml:"Certificates>member,omitempty"`
	Policy         string                `xml:"SslPolicy,omitempty"`
	DefaultActions []action              `xml:"DefaultActions>member"`
	ALPN           []string              `xml:"AlpnPolicy>member,omitempty"`
	Mutual         *mutualAuthentication `xml:"MutualAuthentication"`
}

func (l *listener) output() listenerOutput {
	out := listenerOutput{
		ARN: l.arn, BalancerARN: l.balancer.arn, Port: l.port, Protocol: l.protocol, DefaultActions: l.actions, Policy: l.tls.policy,
	}
	if l.tls.certificate != "" {
		out.Certificates = []certificateOutput{{ARN: l.tls.certificate}}
	}
	if l.tls.alpn != "" {
		out.ALPN = []string{l.tls.alpn}
	}
	if l.tls.mutual.Mode != "" {
		out.Mutual = &l.tls.mutual
	}
	return out
}

func (s *Service) createListener(in createListenerInput) (listenersOutput, error) {
	b, err := s.balancer(in.BalancerARN)
	if err != nil {
		return listenersOutput{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return listenersOutput{}, err
	}
	settings := listenerSettings{protocol: in.Protocol, port: in.Port}
	if err := b.checkProtocol(in.Protocol); err != nil {
		return listenersOutput{}, err
	}
	if settings.tls, err = s.tlsOver(tlsSettings{}, in.Protocol, in.tlsInput); err != nil {
		return listenersOutput{}, err
	}
	if settings.actions, err = s.checkActions(place{b, in.Protocol}, in.DefaultActions); err != nil {
		return listenersOutput{}, err
	}
	if have := b.listenerOn(in.Port); have != nil {
		if !have.equal(settings) || !maps.Equal(s.tags[have.arn], tags) {
			return listenersOutput{}, duplicateListener(b)
		}
		return listenersOutput{Listeners: []listenerOutput{have.output()}}, nil
	}
	if len(b.listeners) >= s.Limits[quota.ListenersPerLoadBalancer] {
		return listenersOutput{}, wire.Errorf("TooManyListeners", "The maximum number of listeners has been reached on load balancer '%s'", b.arn)
	}
	l := s.addListener(b, settings)
	s.tags[l.arn] = tags
	s.changed(b)
	return listenersOutput{Listeners: []listenerOutput{l.output()}}, nil
}

func duplicateListener(b *loadBalancer) error {
	return wire.Errorf("DuplicateListener", "A listener already exists on this port for this load balancer '%s'", b.arn)
}

// listenerProtocols are what each type of load balancer can listen to (API reference, CreateListener).
var listenerProtocols = map[string][]string{
	application: {"HTTPS", "HTTP"},
	network:     {"TCP", "TLS", "UDP", "TCP_UDP"},
}

func (b *loadBalancer) checkProtocol(protocol string) error {
	switch allowed := listenerProtocols[b.settings.kind]; {
	case slices.Contains(allowed, protocol):
	case b.settings.kind == network && strings.HasSuffix(protocol, "QUIC"):
		return unsupported("listeners of Protocol %s yet", protocol)
	default:
		return wire.Errorf("ValidationError", "Listener protocol '%s' must be one of '%s'", protocol, strings.Join(allowed, ", "))
	}
	if strings.Contains(protocol, "UDP") && b.settings.addressType == dualstack && b.settings.sourceNAT != "on" {
		return wire.Errorf("InvalidConfigurationRequest", "Listeners of protocol %s on a dualstack load balancer need EnablePrefixForIpv6SourceNat", protocol)
	}
	return nil
}

func (b *loadBalancer) listenerOn(port int) *listener {
	return find(b.listeners, func(l *listener) bool { return l.port == port })
}

func (s *Service) addListener(b *loadBalancer, settings listenerSettings) *listener {
	path := b.path + "/" + s.newID()
	l := &listener{
		number: s.next(), arn: s.arn("listener/" + path), balancer: b, listenerSettings: settings, attributes: map[string]string{},
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
	return pick(s.allListeners(), in.ARNs, func(l *listener) string { return l.arn }, listenerARN.notFound)
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

func (s *Service) listener(arn string) (*listener, error) {
	for _, b := range s.balancers {
		if l := find(b.listeners, func(l *listener) bool { return l.arn == arn }); l != nil {
			return l, nil
		}
	}
	return nil, listenerARN.notFound(arn)
}

type listenerInput struct {
	ARN string `form:"ListenerArn" required:"true"`
}

type modifyListenerInput struct {
	listenerInput
	Protocol       string
	Port           *int `range:"1,65535"`
	DefaultActions []action
	tlsInput
}

func (s *Service) modifyListener(in modifyListenerInput) (listenersOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return listenersOutput{}, err
	}
	after := l.listenerSettings
	override(&after.protocol, in.Protocol)
	if err := l.balancer.checkProtocol(after.protocol); err != nil {
		return listenersOutput{}, err
	}
	if in.Port != nil {
		after.port = *in.Port
		if other := l.balancer.listenerOn(after.port); other != nil && other != l {
			return listenersOutput{}, duplicateListener(l.balancer)
		}
	}
	if after.tls, err = s.tlsOver(l.tls, after.protocol, in.tlsInput); err != nil {
		return listenersOutput{}, err
	}
	if len(in.DefaultActions) > 0 || after.protocol != l.protocol {
		given := in.DefaultActions
		if len(given) == 0 {
			given = l.actions
		}
		if after.actions, err = s.checkActions(place{l.balancer, after.protocol}, keepSecrets(given, l.actions)); err != nil {
			return listenersOutput{}, err
		}
	}
	if !speaksTLS(after.protocol) {
		l.more = nil
	}
	l.listenerSettings = after
	s.changed(l.balancer)
	return listenersOutput{Listeners: []listenerOutput{l.output()}}, nil
}

func (s *Service) deleteListener(in listenerInput) (wire.Empty, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	if g := s.groupTargeting(l.balancer.arn, l.port); g != nil {
		return wire.Empty{}, wire.Errorf("ResourceInUse", "Listener '%s' is currently in use by a target of target group '%s'", l.arn, g.arn)
	}
	l.balancer.listeners = slices.DeleteFunc(l.balancer.listeners, func(other *listener) bool { return other == l })
	s.forgetListener(l)
	s.changed(l.balancer)
	return wire.Empty{}, nil
}

// forgetListener drops the tags of a listener and of its rules.
func (s *Service) forgetListener(l *listener) {
	delete(s.tags, l.arn)
	for _, r := range l.rules {
		delete(s.tags, r.arn)
	}
}

// isListenerARN tells the ARN of a listener from that of a rule, which is longer and of another kind.
func isListenerARN(arn string) bool { return strings.Contains(arn, ":listener/") }
