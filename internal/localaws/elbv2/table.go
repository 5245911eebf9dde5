package elbv2

import (
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
)

// table says what a load balancer does, in the data plane's words.
func (s *Service) table(b *loadBalancer) *balancer.Table {
	table := &balancer.Table{Listeners: map[int]*balancer.Routes{}, Streams: map[int]*balancer.Stream{}}
	if b.settings.kind == network {
		for _, l := range b.listeners {
			table.Streams[l.port] = s.stream(l)
		}
		return table
	}
	table.IdleTimeout = seconds(b.attribute("idle_timeout.timeout_seconds"))
	table.KeepAlive = seconds(b.attribute("client_keep_alive.seconds"))
	table.ForwardedFor = balancer.Forwarding(b.attribute("routing.http.xff_header_processing.mode"))
	table.ClientPort = b.attribute("routing.http.xff_client_port.enabled") == "true"
	table.WithoutHTTP2 = b.attribute("routing.http2.enabled") == "false"
	table.TLSHeaders = b.attribute("routing.http.x_amzn_tls_version_and_cipher_suite.enabled") == "true"
	table.DropInvalid = b.attribute("routing.http.drop_invalid_header_fields.enabled") == "true"
	for _, l := range b.listeners {
		table.Listeners[l.port] = s.routes(l)
	}
	return table
}

// seconds reads a number that was checked when it was set.
func seconds(text string) time.Duration {
	n, _ := strconv.Atoi(text)
	return time.Duration(n) * time.Second
}

func (s *Service) routes(l *listener) *balancer.Routes {
	routes := &balancer.Routes{
		TLS:             s.tlsForPlane(l),
		RequestNames:    map[string]string{},
		ResponseHeaders: map[string]string{},
		Anonymous:       l.attribute("routing.http.response.server.enabled") == "false",
	}
	for _, header := range requestHeaders {
		name := canonicalHeader(header)
		if other := l.attribute("routing.http.request." + header + ".header_name"); other != "" && other != name {
			routes.RequestNames[name] = other
		}
	}
	for key, name := range responseHeaders {
		if value := l.attribute(key); value != "" {
			routes.ResponseHeaders[name] = value
		}
	}
	for _, r := range l.rules {
		act := s.planeAction(r)
		if r.isDefault {
			routes.Default = act
			continue
		}
		var conditions []balancer.Condition
		for _, c := range r.conditions {
			conditions = append(conditions, c.compile())
		}
		routes.Rules = append(routes.Rules, balancer.Rule{Conditions: conditions, Action: act})
	}
	return routes
}

// stream is what a listener of a network load balancer does.
func (s *Service) stream(l *listener) *balancer.Stream {
	stream := &balancer.Stream{Protocol: strings.ToLower(l.protocol), TLS: s.tlsForPlane(l)}
	stream.IdleTimeout = seconds(l.attribute("tcp.idle_timeout.seconds"))
	stream.Forward = s.planeForward(l.forClients())
	return stream
}

var tlsVersions = map[byte]uint16{'0': tls.VersionTLS10, '1': tls.VersionTLS11, '2': tls.VersionTLS12, '3': tls.VersionTLS13}

// alpnProtocols are what the policies of TLS listeners offer, the preferred first ("ALPN policies", NLB guide).
var alpnProtocols = map[string][]string{
	"HTTP1Only": {"http/1.1", "http/1.0"}, "HTTP2Only": {"h2"},
	"HTTP2Optional": {"http/1.1", "http/1.0", "h2"}, "HTTP2Preferred": {"h2", "http/1.1", "http/1.0"},
}

// tlsForPlane is nil for a listener without TLS.
func (s *Service) tlsForPlane(l *listener) *balancer.TLS {
	if !speaksTLS(l.protocol) {
		return nil
	}
	policy, _ := findPolicy(l.tls.policy) // checked when it was set
	out := &balancer.TLS{
		MinVersion: tlsVersions[policy.protocols[0]], MaxVersion: tlsVersions[policy.protocols[len(policy.protocols)-1]],
		ALPN: alpnProtocols[l.tls.alpn], Mutual: s.mutualForPlane(l.tls.mutual),
	}
	for _, arn := range slices.Concat([]string{l.tls.certificate}, l.more) {
		if pair, found := s.Certificate(arn); found && pair != nil {
			out.Certificates = append(out.Certificates, pair.Certificate)
		}
	}
	return out
}

// mutualForPlane is nil where clients need not show a certificate.
func (s *Service) mutualForPlane(m mutualAuthentication) *balancer.Mutual {
	if m.Mode == "off" || m.Mode == "" {
		return nil
	}
	out := &balancer.Mutual{Verify: m.Mode == "verify", IgnoreExpiry: isTrue(m.IgnoreExpiry), Advertise: m.Advertise == "on"}
	store, err := s.trustStore(m.TrustStore)
	if err != nil {
		return out // passthrough has none, and one in use is never deleted
	}
	out.Trusted = x509.NewCertPool()
	for _, authority := range store.authorities {
		out.Trusted.AddCert(authority)
	}
	revoked := map[string]bool{}
	for _, r := range store.revocations {
		for _, entry := range r.list.RevokedCertificateEntries {
			revoked[r.list.Issuer.String()+"\x00"+entry.SerialNumber.String()] = true
		}
	}
	out.Revoked = func(issuer string, serial *big.Int) bool { return revoked[issuer+"\x00"+serial.String()] }
	return out
}

// planeAction is what a rule does, behind what guards it.
func (s *Service) planeAction(r *rule) balancer.Action {
	actions := r.effective()
	act := s.answer(answering(actions), r.transforms)
	if len(actions) == 1 {
		return act
	}
	guarded := balancer.Guarded{Action: act, Pass: s.PassClients, Unauthenticated: balancer.UnauthenticatedDeny}
	switch first := actions[0]; {
	case first.OIDC != nil:
		guarded.Unauthenticated = balancer.Unauthenticated(first.OIDC.Unauthenticated)
		guarded.Login = login(first.OIDC.Authorization, first.OIDC.ClientID, first.OIDC.session)
	case first.Cognito != nil:
		guarded.Unauthenticated = balancer.Unauthenticated(first.Cognito.Unauthenticated)
		guarded.Login = login("https://"+first.Cognito.Domain+"/oauth2/authorize", first.Cognito.Client, first.Cognito.session)
	}
	return guarded
}

// login is where clients go to log in ("Authenticate users", ALB guide). The callback's host is the request's, which is
// not known here, so the redirect_uri is left to whoever answers.
func login(endpoint, client string, s session) string {
	query := url.Values{"response_type": {"code"}, "client_id": {client}, "scope": {s.Scope}}
	for key, value := range s.Extra {
		query.Set(key, value)
	}
	return endpoint + "?" + query.Encode()
}

func (s *Service) answer(a action, transforms []transform) balancer.Action {
	switch a.Type {
	case "fixed-response":
		status, _ := strconv.Atoi(a.Fixed.Status)
		contentType := a.Fixed.ContentType
		fill(&contentType, "text/plain; charset=utf-8")
		return balancer.Fixed{Status: status, ContentType: contentType, Body: a.Fixed.Body}
	case "redirect":
		r := a.Redirect
		status, _ := strconv.Atoi(strings.TrimPrefix(r.Status, "HTTP_"))
		return balancer.Redirect{Status: status, Protocol: r.Protocol, Host: r.Host, Port: r.Port, Path: r.Path, Query: *r.Query}
	}
	forward := s.planeForward(a)
	forward.RewriteURL = planeRewrite(rewriteOf(transforms, "url-rewrite"))
	forward.RewriteTo = planeRewrite(rewriteOf(transforms, "host-header-rewrite"))
	return forward
}

func planeRewrite(r *rewrite) *balancer.Rewrite {
	if r == nil {
		return nil
	}
	expression, err := compileRegex(r.Regex)
	if err != nil {
		return nil // checked when it was set
	}
	return &balancer.Rewrite{Regex: expression, Replace: r.Replace}
}

func (s *Service) planeForward(a action) *balancer.Forward {
	forward := &balancer.Forward{}
	if a.Forward.Stickiness.Enabled {
		forward.Stickiness = time.Duration(deref(a.Forward.Stickiness.Duration)) * time.Second
	}
	for _, w := range a.Forward.Groups {
		if g, err := s.group(w.ARN); err == nil { // a group in use is never deleted
			forward.Groups = append(forward.Groups, balancer.WeightedGroup{Group: g.pool, Weight: *w.Weight})
		}
	}
	return forward
}

// forPlane is how a group treats its targets, in the data plane's words.
func (g *targetGroup) forPlane() balancer.Settings {
	is := func(key string) bool { return g.attribute(key) == "true" }
	count, _ := strconv.Atoi(g.attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count"))
	percent, _ := strconv.Atoi(g.attribute("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage")) // "off" is 0
	settings := balancer.Settings{
		Version: balancer.Version(g.settings.version), Algorithm: balancer.Algorithm(g.attribute("load_balancing.algorithm.type")),
		SlowStart: seconds(g.attribute("slow_start.duration_seconds")), MinHealthyCount: count, MinHealthyPercent: percent,
		CutDeregistered: is("deregistration_delay.connection_termination.enabled"),
		ProxyProtocol:   is("proxy_protocol_v2.enabled"),
	}
	if !g.settings.forHTTP() {
		settings.KeepUnhealthy = !is("target_health_state.unhealthy.connection_termination.enabled")
		settings.SourceSticky = is("stickiness.enabled")
		return settings
	}
	if is("stickiness.enabled") {
		kind := g.attribute("stickiness.type")
		settings.Stickiness = balancer.Stickiness{
			Type: balancer.StickinessType(kind), Cookie: g.attribute("stickiness.app_cookie.cookie_name"),
			Duration: seconds(g.attribute("stickiness." + kind + ".duration_seconds")),
		}
	}
	return settings
}
