package elbv2

import (
	"maps"
	"regexp"
	"strings"
)

// balancerAttributes is what a load balancer has. Internal ones keep internet gateways out.
func balancerAttributes(kind, scheme string) attributes {
	table := applicationAttributes
	if kind == network {
		table = networkAttributes
	}
	if scheme == "internal" {
		table = maps.Clone(table)
		table["ipv6.deny_all_igw_traffic"] = attribute{"true", boolean}
	}
	return table
}

// applicationAttributes: "LoadBalancerAttribute" in the API reference, for Application Load Balancers.
var applicationAttributes = attributes{
	"access_logs.s3.enabled":                                   {"false", boolean},
	"access_logs.s3.bucket":                                    {"", text},
	"access_logs.s3.prefix":                                    {"", text},
	"client_keep_alive.seconds":                                {"3600", number(60, 604800)},
	"connection_logs.s3.enabled":                               {"false", boolean},
	"connection_logs.s3.bucket":                                {"", text},
	"connection_logs.s3.prefix":                                {"", text},
	"deletion_protection.enabled":                              {"false", boolean},
	"health_check_logs.s3.enabled":                             {"false", boolean},
	"health_check_logs.s3.bucket":                              {"", text},
	"health_check_logs.s3.prefix":                              {"", text},
	"idle_timeout.timeout_seconds":                             {"60", number(1, 4000)},
	"ipv6.deny_all_igw_traffic":                                {"false", boolean},
	"load_balancing.cross_zone.enabled":                        {"true", oneOf("true")}, // always on for an ALB
	"routing.http.desync_mitigation_mode":                      {"defensive", oneOf("monitor", "defensive", "strictest")},
	"routing.http.drop_invalid_header_fields.enabled":          {"false", boolean},
	"routing.http.preserve_host_header.enabled":                {"false", boolean},
	"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": {"false", boolean},
	"routing.http.xff_client_port.enabled":                     {"false", boolean},
	"routing.http.xff_header_processing.mode":                  {"append", oneOf("append", "preserve", "remove")},
	"routing.http2.enabled":                                    {"true", boolean},
	"waf.fail_open.enabled":                                    {"false", boolean},
	"zonal_shift.config.enabled":                               {"false", boolean},
}

// httpGroupAttributes: "TargetGroupAttribute" in the API reference, for groups of Application Load Balancers.
var httpGroupAttributes = attributes{
	"deregistration_delay.timeout_seconds":                                           {"300", number(0, 3600)},
	"load_balancing.algorithm.anomaly_mitigation":                                    {"off", oneOf("on", "off")},
	"load_balancing.algorithm.type":                                                  {"round_robin", oneOf("round_robin", "least_outstanding_requests", "weighted_random")},
	"load_balancing.cross_zone.enabled":                                              {"use_load_balancer_configuration", oneOf("use_load_balancer_configuration", "true", "false")},
	"slow_start.duration_seconds":                                                    {"0", slowStart},
	"stickiness.app_cookie.cookie_name":                                              {"", cookieName},
	"stickiness.app_cookie.duration_seconds":                                         {"86400", number(1, 604800)},
	"stickiness.enabled":                                                             {"false", boolean},
	"stickiness.lb_cookie.duration_seconds":                                          {"86400", number(1, 604800)},
	"stickiness.type":                                                                {"lb_cookie", oneOf("lb_cookie", "app_cookie")},
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 {"1", orOff(1000)},
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            {"off", orOff(100)},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      {"1", number(1, 1000)},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {"off", orOff(100)},
}

// httpListenerAttributes: "ListenerAttribute" in the API reference, for HTTP listeners.
var httpListenerAttributes = attributes{
	"routing.http.response.server.enabled":                                {"true", boolean},
	"routing.http.response.access_control_allow_credentials.header_value": {"", text},
	"routing.http.response.access_control_allow_headers.header_value":     {"", text},
	"routing.http.response.access_control_allow_methods.header_value":     {"", text},
	"routing.http.response.access_control_allow_origin.header_value":      {"", text},
	"routing.http.response.access_control_expose_headers.header_value":    {"", text},
	"routing.http.response.access_control_max_age.header_value":           {"", text},
	"routing.http.response.content_security_policy.header_value":          {"", text},
	"routing.http.response.strict_transport_security.header_value":        {"", text},
	"routing.http.response.x_content_type_options.header_value":           {"", text},
	"routing.http.response.x_frame_options.header_value":                  {"", text},
}

// responseHeaders are the headers that listener attributes put into answers, by attribute.
var responseHeaders = map[string]string{
	"routing.http.response.access_control_allow_credentials.header_value": "Access-Control-Allow-Credentials",
	"routing.http.response.access_control_allow_headers.header_value":     "Access-Control-Allow-Headers",
	"routing.http.response.access_control_allow_methods.header_value":     "Access-Control-Allow-Methods",
	"routing.http.response.access_control_allow_origin.header_value":      "Access-Control-Allow-Origin",
	"routing.http.response.access_control_expose_headers.header_value":    "Access-Control-Expose-Headers",
	"routing.http.response.access_control_max_age.header_value":           "Access-Control-Max-Age",
	"routing.http.response.content_security_policy.header_value":          "Content-Security-Policy",
	"routing.http.response.strict_transport_security.header_value":        "Strict-Transport-Security",
	"routing.http.response.x_content_type_options.header_value":           "X-Content-Type-Options",
	"routing.http.response.x_frame_options.header_value":                  "X-Frame-Options",
}

// networkAttributes: the same for Network Load Balancers.
var networkAttributes = attributes{
	"access_logs.s3.enabled":                 {"false", boolean},
	"access_logs.s3.bucket":                  {"", text},
	"access_logs.s3.prefix":                  {"", text},
	"deletion_protection.enabled":            {"false", boolean},
	"dns_record.client_routing_policy":       {"any_availability_zone", oneOf("any_availability_zone", "availability_zone_affinity", "partial_availability_zone_affinity")},
	"ipv6.deny_all_igw_traffic":              {"false", boolean},
	"load_balancing.cross_zone.enabled":      {"false", boolean},
	"secondary_ips.auto_assigned.per_subnet": {"0", number(0, 7)},
	"zonal_shift.config.enabled":             {"false", boolean},
}

// streamGroupAttributes: the same for groups of Network Load Balancers.
var streamGroupAttributes = attributes{
	"deregistration_delay.timeout_seconds":                                           {"300", number(0, 3600)},
	"deregistration_delay.connection_termination.enabled":                            {"false", boolean},
	"load_balancing.cross_zone.enabled":                                              {"use_load_balancer_configuration", oneOf("use_load_balancer_configuration", "true", "false")},
	"preserve_client_ip.enabled":                                                     {"true", boolean},
	"proxy_protocol_v2.enabled":                                                      {"false", boolean},
	"stickiness.enabled":                                                             {"false", boolean},
	"stickiness.type":                                                                {"source_ip", oneOf("source_ip")},
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 {"1", orOff(1000)},
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            {"off", orOff(100)},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      {"1", number(1, 1000)},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {"off", orOff(100)},
	"target_health_state.unhealthy.connection_termination.enabled":                   {"true", boolean},
	"target_health_state.unhealthy.draining_interval_seconds":                        {"0", number(0, 360000)},
}

// groupAttributes is what a group has. Some defaults depend on its protocol and type ("TargetGroupAttribute").
func groupAttributes(g groupSettings) attributes {
	if g.forHTTP() {
		return httpGroupAttributes
	}
	table := maps.Clone(streamGroupAttributes)
	udp := strings.Contains(g.protocol, "UDP")
	if udp {
		table["deregistration_delay.connection_termination.enabled"] = attribute{"true", boolean}
		table["preserve_client_ip.enabled"] = attribute{"true", oneOf("true")}
		table["target_health_state.unhealthy.connection_termination.enabled"] = attribute{"false", oneOf("false")}
	} else if g.targetType == "ip" {
		table["preserve_client_ip.enabled"] = attribute{"false", boolean}
	}
	return table
}

// requestHeaders are the headers to targets that HTTPS listeners may call otherwise, by attribute.
var requestHeaders = []string{
	"x_amzn_mtls_clientcert", "x_amzn_mtls_clientcert_issuer", "x_amzn_mtls_clientcert_leaf", "x_amzn_mtls_clientcert_serial_number",
	"x_amzn_mtls_clientcert_subject", "x_amzn_mtls_clientcert_validity", "x_amzn_tls_cipher_suite", "x_amzn_tls_version",
}

// httpsListenerAttributes are those of HTTP listeners and the names of the headers about TLS.
var httpsListenerAttributes = func() attributes {
	table := maps.Clone(httpListenerAttributes)
	for _, header := range requestHeaders {
		table["routing.http.request."+header+".header_name"] = attribute{canonicalHeader(header), headerName}
	}
	return table
}()

var streamListenerAttributes = attributes{"tcp.idle_timeout.seconds": {"350", number(60, 6000)}}

func attributesOfListeners(protocol string) attributes {
	switch protocol {
	case "HTTP":
		return httpListenerAttributes
	case "HTTPS":
		return httpsListenerAttributes
	case "TCP", "TLS":
		return streamListenerAttributes
	}
	return attributes{} // UDP has none
}

// canonicalHeader makes X-Amzn-Tls-Version of x_amzn_tls_version.
func canonicalHeader(name string) string {
	parts := strings.Split(name, "_")
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + part[1:]
	}
	return strings.Join(parts, "-")
}

var headerPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func headerName(key, value string) error {
	if !headerPattern.MatchString(value) {
		return invalidAttribute(key, value, "the name of a header")
	}
	return nil
}

func slowStart(key, value string) error {
	if value == "0" {
		return nil
	}
	return number(30, 900)(key, value)
}

// orOff is a number from 1 on, or "off".
func orOff(high int) func(string, string) error {
	return func(key, value string) error {
		if value == "off" {
			return nil
		}
		return number(1, high)(key, value)
	}
}

// cookieName: the prefixes of the load balancer's own cookies are reserved ("TargetGroupAttribute").
func cookieName(key, value string) error {
	if strings.HasPrefix(value, "AWSALB") {
		return invalidAttribute(key, value, "a name that does not begin with AWSALB")
	}
	return text(key, value)
}
