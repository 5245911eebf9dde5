package elbv2

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// attribute is what may be written into one attribute.
type attribute struct {
	fallback string
	check    func(key, value string) error
}

// attributes is a table of all that a kind of resource has.
type attributes map[string]attribute

// loadBalancerAttributes: "LoadBalancerAttribute" in the API reference, for Application Load Balancers.
var loadBalancerAttributes = attributes{
	"access_logs.s3.enabled":                                   {"false", only("false")},
	"access_logs.s3.bucket":                                    {"", text},
	"access_logs.s3.prefix":                                    {"", text},
	"client_keep_alive.seconds":                                {"3600", number(60, 604800)},
	"connection_logs.s3.enabled":                               {"false", only("false")},
	"connection_logs.s3.bucket":                                {"", text},
	"connection_logs.s3.prefix":                                {"", text},
	"deletion_protection.enabled":                              {"false", boolean},
	"health_check_logs.s3.enabled":                             {"false", only("false")},
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

// targetGroupAttributes: "TargetGroupAttribute" in the API reference, for groups of Application Load Balancers.
var targetGroupAttributes = attributes{
	"deregistration_delay.timeout_seconds":                                           {"300", number(0, 3600)},
	"load_balancing.algorithm.anomaly_mitigation":                                    {"off", only("off")},
	"load_balancing.algorithm.type":                                                  {"round_robin", oneOf("round_robin", "least_outstanding_requests", "weighted_random")},
	"load_balancing.cross_zone.enabled":                                              {"use_load_balancer_configuration", only("use_load_balancer_configuration", "true")},
	"slow_start.duration_seconds":                                                    {"0", only("0")},
	"stickiness.app_cookie.cookie_name":                                              {"", text},
	"stickiness.app_cookie.duration_seconds":                                         {"86400", number(1, 604800)},
	"stickiness.enabled":                                                             {"false", only("false")},
	"stickiness.lb_cookie.duration_seconds":                                          {"86400", number(1, 604800)},
	"stickiness.type":                                                                {"lb_cookie", oneOf("lb_cookie", "app_cookie")},
	"target_group_health.dns_failover.minimum_healthy_targets.count":                 {"1", only("1", "off")},
	"target_group_health.dns_failover.minimum_healthy_targets.percentage":            {"off", only("off")},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      {"1", only("1")},
	"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {"off", only("off")},
}

// listenerAttributes: "ListenerAttribute" in the API reference, for HTTP listeners.
var listenerAttributes = attributes{
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

func text(key, value string) error {
	const longest = 1024
	if len(value) > longest {
		return invalidAttribute(key, value, "at most 1024 characters")
	}
	return nil
}

func boolean(key, value string) error { return oneOf("true", "false")(key, value) }

func oneOf(allowed ...string) func(string, string) error {
	return func(key, value string) error {
		if !slices.Contains(allowed, value) {
			return invalidAttribute(key, value, "one of "+strings.Join(allowed, ", "))
		}
		return nil
	}
}

// only is for attributes of which the data plane can honour some values.
func only(allowed ...string) func(string, string) error {
	return func(key, value string) error {
		if !slices.Contains(allowed, value) {
			return unsupported("the value '%s' of the attribute '%s' yet; possible is %s", value, key, strings.Join(allowed, ", "))
		}
		return nil
	}
}

func number(low, high int) func(string, string) error {
	return func(key, value string) error {
		if n, err := strconv.Atoi(value); err != nil || n < low || n > high {
			return invalidAttribute(key, value, "a number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		}
		return nil
	}
}

func invalidAttribute(key, value, rule string) error {
	return wire.Errorf("ValidationError", "The value '%s' is not valid for the attribute '%s': it must be %s", value, key, rule)
}

// attributeValue is an attribute in calls and answers.
type attributeValue struct {
	Key   string `required:"true"`
	Value string
}

type attributesOutput struct {
	Attributes []attributeValue `xml:"Attributes>member"`
}

// modified returns the set values with the changes, all of which must be right.
func (a attributes) modified(set map[string]string, changes []attributeValue) (map[string]string, error) {
	if len(changes) == 0 {
		return nil, wire.Errorf("ValidationError", "Attributes must be specified")
	}
	after := maps.Clone(set)
	given := map[string]bool{}
	for _, c := range changes {
		known, ok := a[c.Key]
		switch {
		case !ok:
			return nil, wire.Errorf("ValidationError", "Attribute key '%s' is not recognized", c.Key)
		case given[c.Key]:
			return nil, wire.Errorf("ValidationError", "Attribute key '%s' is specified twice", c.Key)
		}
		if err := known.check(c.Key, c.Value); err != nil {
			return nil, err
		}
		given[c.Key] = true
		after[c.Key] = c.Value
	}
	return after, nil
}

// value is what an attribute is set to, or its fallback.
func (a attributes) value(set map[string]string, key string) string {
	if value, ok := set[key]; ok {
		return value
	}
	return a[key].fallback
}

func (a attributes) output(set map[string]string) attributesOutput {
	var out attributesOutput
	for _, key := range slices.Sorted(maps.Keys(a)) {
		out.Attributes = append(out.Attributes, attributeValue{Key: key, Value: a.value(set, key)})
	}
	return out
}

func (b *loadBalancer) attribute(key string) string {
	return loadBalancerAttributes.value(b.attributes, key)
}

func (g *targetGroup) attribute(key string) string {
	return targetGroupAttributes.value(g.attributes, key)
}

func (s *Service) describeLoadBalancerAttributes(in balancerInput) (attributesOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	return loadBalancerAttributes.output(b.attributes), nil
}

type modifyLoadBalancerAttributesInput struct {
	balancerInput
	Attributes []attributeValue
}

func (s *Service) modifyLoadBalancerAttributes(in modifyLoadBalancerAttributesInput) (attributesOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	after, err := loadBalancerAttributes.modified(b.attributes, in.Attributes)
	if err != nil {
		return attributesOutput{}, err
	}
	b.attributes = after
	s.publish(b)
	return loadBalancerAttributes.output(b.attributes), nil
}

func (s *Service) describeTargetGroupAttributes(in groupInput) (attributesOutput, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	return targetGroupAttributes.output(g.attributes), nil
}

type modifyTargetGroupAttributesInput struct {
	groupInput
	Attributes []attributeValue
}

func (s *Service) modifyTargetGroupAttributes(in modifyTargetGroupAttributesInput) (attributesOutput, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	after, err := targetGroupAttributes.modified(g.attributes, in.Attributes)
	if err != nil {
		return attributesOutput{}, err
	}
	g.attributes = after
	s.publishGroup(g)
	return targetGroupAttributes.output(g.attributes), nil
}

func (s *Service) describeListenerAttributes(in listenerInput) (attributesOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	return listenerAttributes.output(l.attributes), nil
}

type modifyListenerAttributesInput struct {
	listenerInput
	Attributes []attributeValue
}

func (s *Service) modifyListenerAttributes(in modifyListenerAttributesInput) (attributesOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	after, err := listenerAttributes.modified(l.attributes, in.Attributes)
	if err != nil {
		return attributesOutput{}, err
	}
	l.attributes = after
	s.publish(l.balancer)
	return listenerAttributes.output(l.attributes), nil
}
