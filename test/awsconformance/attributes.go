package awsconformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// attributeTable is the default of each attribute and, where there are any, values that are wrong.
type attributeTable map[string]struct {
	fallback string
	wrong    []string
}

var (
	bools = []string{"yes"}

	balancerTable = attributeTable{
		"deletion_protection.enabled":                              {"false", bools},
		"idle_timeout.timeout_seconds":                             {"60", []string{"0", "4001", "soon"}},
		"client_keep_alive.seconds":                                {"3600", []string{"59", "604801"}},
		"load_balancing.cross_zone.enabled":                        {"true", nil},
		"access_logs.s3.enabled":                                   {"false", bools},
		"connection_logs.s3.enabled":                               {"false", bools},
		"routing.http.desync_mitigation_mode":                      {"defensive", []string{"off"}},
		"routing.http.drop_invalid_header_fields.enabled":          {"false", bools},
		"routing.http.preserve_host_header.enabled":                {"false", bools},
		"routing.http.x_amzn_tls_version_and_cipher_suite.enabled": {"false", bools},
		"routing.http.xff_client_port.enabled":                     {"false", bools},
		"routing.http.xff_header_processing.mode":                  {"append", []string{"drop"}},
		"routing.http2.enabled":                                    {"true", bools},
		"waf.fail_open.enabled":                                    {"false", bools},
		"zonal_shift.config.enabled":                               {"false", bools},
		"ipv6.deny_all_igw_traffic":                                {"true", nil},
	}
	networkTable = attributeTable{
		"deletion_protection.enabled":            {"false", bools},
		"load_balancing.cross_zone.enabled":      {"false", bools},
		"dns_record.client_routing_policy":       {"any_availability_zone", []string{"near"}},
		"secondary_ips.auto_assigned.per_subnet": {"0", []string{"8"}},
		"zonal_shift.config.enabled":             {"false", bools},
	}
	groupTable = attributeTable{
		"deregistration_delay.timeout_seconds":                                           {"", []string{"-1", "3601"}},
		"load_balancing.algorithm.type":                                                  {"round_robin", []string{"random"}},
		"load_balancing.algorithm.anomaly_mitigation":                                    {"off", []string{"maybe"}},
		"load_balancing.cross_zone.enabled":                                              {"use_load_balancer_configuration", []string{"maybe"}},
		"slow_start.duration_seconds":                                                    {"0", []string{"29", "901"}},
		"stickiness.enabled":                                                             {"false", bools},
		"stickiness.type":                                                                {"lb_cookie", []string{"source_ip"}},
		"stickiness.lb_cookie.duration_seconds":                                          {"86400", []string{"0", "604801"}},
		"stickiness.app_cookie.duration_seconds":                                         {"86400", []string{"0", "604801"}},
		"stickiness.app_cookie.cookie_name":                                              {"", []string{"AWSALB"}},
		"target_group_health.dns_failover.minimum_healthy_targets.count":                 {"1", []string{"0"}},
		"target_group_health.dns_failover.minimum_healthy_targets.percentage":            {"off", []string{"0", "101"}},
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count":      {"1", []string{"0", "off"}},
		"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": {"off", []string{"101"}},
	}
	streamTable = attributeTable{
		"deregistration_delay.connection_termination.enabled":          {"false", bools},
		"preserve_client_ip.enabled":                                   {"false", bools},
		"proxy_protocol_v2.enabled":                                    {"false", bools},
		"stickiness.type":                                              {"source_ip", []string{"lb_cookie"}},
		"target_health_state.unhealthy.connection_termination.enabled": {"true", bools},
		"target_health_state.unhealthy.draining_interval_seconds":      {"0", []string{"360001"}},
	}
)

// attributes is about the defaults of attributes and the values that they refuse.
func attributes() []assertion {
	all := append(balancerTable.of("lb", "API reference, LoadBalancerAttribute", readBalancer(webARN), modifyBalancer(webARN)),
		networkTable.of("network", "API reference, LoadBalancerAttribute", readBalancer(networkARN), modifyBalancer(networkARN))...)
	all = append(all, groupTable.of("tg", "API reference, TargetGroupAttribute", readGroup(unusedARN), modifyGroup(unusedARN))...)
	all = append(all, streamTable.of("stream", "API reference, TargetGroupAttribute", readGroup(streamARN), modifyGroup(streamARN))...)
	return append(all,
		call("attribute.unknown", "an attribute must be known", unconfirmed, "ValidationError", func(ctx context.Context, f *fixture) error {
			return modifyBalancer(webARN)(ctx, f, "idle", "1")
		}),
		call("attribute.of-network", "an attribute of network load balancers is none of application load balancers", unconfirmed, "InvalidConfigurationRequest", func(ctx context.Context, f *fixture) error {
			return modifyBalancer(webARN)(ctx, f, "dns_record.client_routing_policy", "any_availability_zone")
		}),
		call("attribute.protection", "what is protected cannot be deleted", "API reference, DeleteLoadBalancer", "OperationNotPermitted", func(ctx context.Context, f *fixture) error {
			if err := modifyBalancer(func(f *fixture) string { return f.other })(ctx, f, "deletion_protection.enabled", "true"); err != nil {
				return err
			}
			_, err := f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &f.other})
			if again := modifyBalancer(func(f *fixture) string { return f.other })(ctx, f, "deletion_protection.enabled", "false"); again != nil {
				return again
			}
			return err
		}),
		call("attribute.logs", "logs need a bucket", "API reference, LoadBalancerAttribute", "InvalidConfigurationRequest", func(ctx context.Context, f *fixture) error {
			return modifyBalancer(webARN)(ctx, f, "access_logs.s3.enabled", "true")
		}),
		call("attribute.anomaly", "anomaly mitigation needs weighted_random", "API reference, TargetGroupAttribute", "InvalidConfigurationRequest", func(ctx context.Context, f *fixture) error {
			return modifyGroup(unusedARN)(ctx, f, "load_balancing.algorithm.anomaly_mitigation", "on")
		}),
		is("attribute.listener.server", "listeners show the Server header by default", "API reference, ListenerAttribute", "true", func(ctx context.Context, f *fixture) (string, error) {
			return listenerAttribute(ctx, f, f.listener, "routing.http.response.server.enabled")
		}),
		is("attribute.listener.idle", "TCP listeners end silence after 350 s", "API reference, ListenerAttribute", "350", func(ctx context.Context, f *fixture) (string, error) {
			return listenerAttribute(ctx, f, f.streamListener, "tcp.idle_timeout.seconds")
		}),
	)
}

func webARN(f *fixture) string     { return f.balancer }
func networkARN(f *fixture) string { return f.network }
func unusedARN(f *fixture) string  { return f.unused }
func streamARN(f *fixture) string  { return f.stream }

// of makes assertions of a table: one for each default and each wrong value.
func (t attributeTable) of(what, page string, read func(context.Context, *fixture, string) (string, error), modify func(context.Context, *fixture, string, string) error) []assertion {
	var all []assertion
	for key, row := range inOrder(t) {
		if row.fallback != "" {
			all = append(all, is(what+".default."+key, fmt.Sprintf("%s is %s by default", key, row.fallback), page, row.fallback,
				func(ctx context.Context, f *fixture) (string, error) { return read(ctx, f, key) }))
		}
		for _, value := range row.wrong {
			all = append(all, call(what+".wrong."+key+"."+value, fmt.Sprintf("%s cannot be %s", key, value), page, "ValidationError",
				func(ctx context.Context, f *fixture) error { return modify(ctx, f, key, value) }))
		}
	}
	return all
}

// valueOf finds an attribute in a list, whichever kind of thing it belongs to.
func valueOf[A any](key string, list []A, of func(A) (key, value *string)) (string, error) {
	for _, attribute := range list {
		if name, value := of(attribute); aws.ToString(name) == key {
			return aws.ToString(value), nil
		}
	}
	return "", fmt.Errorf("there is no attribute %s", key)
}

func readBalancer(arn func(*fixture) string) func(context.Context, *fixture, string) (string, error) {
	return func(ctx context.Context, f *fixture, key string) (string, error) {
		out, err := f.elb.DescribeLoadBalancerAttributes(ctx, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: aws.String(arn(f))})
		if err != nil {
			return "", err
		}
		return valueOf(key, out.Attributes, func(a elbv2types.LoadBalancerAttribute) (k, v *string) { return a.Key, a.Value })
	}
}

func modifyBalancer(arn func(*fixture) string) func(context.Context, *fixture, string, string) error {
	return func(ctx context.Context, f *fixture, key, value string) error {
		return second(f.elb.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: aws.String(arn(f)), Attributes: []elbv2types.LoadBalancerAttribute{{Key: &key, Value: &value}},
		}))
	}
}

func readGroup(arn func(*fixture) string) func(context.Context, *fixture, string) (string, error) {
	return func(ctx context.Context, f *fixture, key string) (string, error) {
		out, err := f.elb.DescribeTargetGroupAttributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: aws.String(arn(f))})
		if err != nil {
			return "", err
		}
		return valueOf(key, out.Attributes, func(a elbv2types.TargetGroupAttribute) (k, v *string) { return a.Key, a.Value })
	}
}

func modifyGroup(arn func(*fixture) string) func(context.Context, *fixture, string, string) error {
	return func(ctx context.Context, f *fixture, key, value string) error {
		return second(f.elb.ModifyTargetGroupAttributes(ctx, &elbv2.ModifyTargetGroupAttributesInput{
			TargetGroupArn: aws.String(arn(f)), Attributes: []elbv2types.TargetGroupAttribute{{Key: &key, Value: &value}},
		}))
	}
}

func listenerAttribute(ctx context.Context, f *fixture, arn, key string) (string, error) {
	out, err := f.elb.DescribeListenerAttributes(ctx, &elbv2.DescribeListenerAttributesInput{ListenerArn: &arn})
	if err != nil {
		return "", err
	}
	return valueOf(key, out.Attributes, func(a elbv2types.ListenerAttribute) (k, v *string) { return a.Key, a.Value })
}
