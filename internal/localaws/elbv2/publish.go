package elbv2

import (
	"strconv"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// Address says where a listener can be reached.
type Address struct {
	DNSName string
	Port    int
	Address string // host:port to connect to
}

// Reachable lists where all listeners can be reached now.
func (s *Service) Reachable() []Address {
	s.mu.Lock()
	fronts := make([]*balancer.Front, len(s.balancers))
	names := make([]string, len(s.balancers))
	for i, b := range s.balancers {
		fronts[i], names[i] = b.front, b.dnsName
	}
	s.mu.Unlock()
	var all []Address
	for i, front := range fronts {
		for _, bound := range front.Bound() {
			all = append(all, Address{DNSName: names[i], Port: bound.Port, Address: bound.Address.String()})
		}
	}
	return all
}

// publish sends what a load balancer is to do now on its way to the data plane. It is made into a table at once: what
// changes after this call arrives with a later table, not early with this one. Before the load balancer is active
// nothing is sent, since the end of provisioning sends all there is.
func (s *Service) publish(b *loadBalancer) {
	if !b.active {
		return
	}
	table, version := s.table(b), b.nextVersion()
	s.later(func() { s.apply(b, version, table) })
}

// publishNow makes a load balancer do at once what it should.
func (s *Service) publishNow(b *loadBalancer) {
	s.apply(b, b.nextVersion(), s.table(b))
}

func (b *loadBalancer) nextVersion() uint64 {
	b.version++
	return b.version
}

func (s *Service) apply(b *loadBalancer, version uint64, table *balancer.Table) {
	b.front.Apply(version, table)
	for g := range s.groupsOf(b) {
		s.settle(g)
	}
}

// publishGroup sends the settings of a group on their way. Of two changes the later one wins, whichever arrives first.
func (s *Service) publishGroup(g *targetGroup) {
	g.version++
	version := g.version
	check := g.settings.check.forPlane()
	settings := g.planeSettings()
	s.later(func() {
		if version > g.applied {
			g.applied = version
			g.pool.SetCheck(check)
			g.pool.Configure(settings)
		}
	})
}

// table says what a load balancer does, in the data plane's words.
func (s *Service) table(b *loadBalancer) *balancer.Table {
	idle, _ := strconv.Atoi(b.attribute("idle_timeout.timeout_seconds")) // checked when it was set
	keep, _ := strconv.Atoi(b.attribute("client_keep_alive.seconds"))    // as this
	table := &balancer.Table{
		Listeners:    map[int]*balancer.Routes{},
		IdleTimeout:  time.Duration(idle) * time.Second,
		ForwardedFor: balancer.Forwarding(b.attribute("routing.http.xff_header_processing.mode")),
		ClientPort:   b.attribute("routing.http.xff_client_port.enabled") == "true",
		KeepAlive:    time.Duration(keep) * time.Second,
		WithoutHTTP2: b.attribute("routing.http2.enabled") == "false",
		TLSHeaders:   b.attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled") == "true",
		DropInvalid:  b.attribute("routing.http.drop_invalid_header_fields.enabled") == "true",
	}
	for _, l := range b.listeners {
		table.Listeners[l.port] = s.routes(l)
	}
	return table
}

func (s *Service) routes(l *listener) *balancer.Routes {
	routes := &balancer.Routes{
		ResponseHeaders: map[string]string{},
		Anonymous:       listenerAttributes.value(l.attributes, "routing.http.response.server.enabled") == "false",
	}
	for key, name := range responseHeaders {
		if value := listenerAttributes.value(l.attributes, key); value != "" {
			routes.ResponseHeaders[name] = value
		}
	}
	for _, r := range l.rules {
		act := s.planeAction(r.effective()[0]) // there is exactly one, see checkActions
		if r.isDefault {
			routes.Default = act
			continue
		}
		var conditions []balancer.Condition
		for _, c := range r.conditions {
			conditions = append(conditions, fields[c.Field].compile(c))
		}
		routes.Rules = append(routes.Rules, balancer.Rule{Conditions: conditions, Action: act})
	}
	return routes
}

func (s *Service) planeAction(a action) balancer.Action {
	switch a.Type {
	case "fixed-response":
		status, _ := strconv.Atoi(a.Fixed.Status)
		contentType := a.Fixed.ContentType
		fill(&contentType, "text/plain; charset=utf-8")
		return balancer.Fixed{Status: status, ContentType: contentType, Body: a.Fixed.Body}
	case "redirect":
		r := a.Redirect
		status, _ := strconv.Atoi(strings.TrimPrefix(r.Status, "HTTP_"))
		return balancer.Redirect{Status: status, Protocol: r.Protocol, Host: r.Host, Port: r.Port, Path: r.Path, Query: r.Query}
	}
	forward := &balancer.Forward{}
	for _, w := range a.Forward.Groups {
		if g, err := s.group(w.ARN); err == nil { // a group in use is never deleted
			forward.Groups = append(forward.Groups, balancer.WeightedGroup{Group: g.pool, Weight: *w.Weight})
		}
	}
	return forward
}
