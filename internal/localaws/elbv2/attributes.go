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

// modified returns the set values with the changes, all of which must be right. A key that other kinds of the resource
// have is another error than one that none has.
func (a attributes) modified(set map[string]string, changes []attributeValue, others ...attributes) (map[string]string, error) {
	if len(changes) == 0 {
		return nil, wire.Errorf("ValidationError", "Attributes must be specified")
	}
	after := maps.Clone(set)
	given := map[string]bool{}
	for _, c := range changes {
		known, ok := a[c.Key]
		elsewhere := slices.ContainsFunc(others, func(o attributes) bool { _, has := o[c.Key]; return has })
		switch {
		case !ok && elsewhere:
			return nil, wire.Errorf("InvalidConfigurationRequest", "Attribute key '%s' is not supported on this kind of resource", c.Key)
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

func (b *loadBalancer) attributeTable() attributes {
	return balancerAttributes(b.settings.kind, b.settings.scheme)
}

func (b *loadBalancer) attribute(key string) string {
	return b.attributeTable().value(b.attributes, key)
}

func (g *targetGroup) attributeTable() attributes { return groupAttributes(g.settings) }

func (g *targetGroup) attribute(key string) string {
	return g.attributeTable().value(g.attributes, key)
}

func (l *listener) attributeTable() attributes { return attributesOfListeners(l.protocol) }

func (l *listener) attribute(key string) string { return l.attributeTable().value(l.attributes, key) }

func (s *Service) describeLoadBalancerAttributes(in balancerInput) (attributesOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	return b.attributeTable().output(b.attributes), nil
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
	table := b.attributeTable()
	after, err := table.modified(b.attributes, in.Attributes, applicationAttributes, networkAttributes)
	if err != nil {
		return attributesOutput{}, err
	}
	for _, logs := range []string{"access_logs", "connection_logs", "health_check_logs"} {
		if after[logs+".s3.enabled"] == "true" && after[logs+".s3.bucket"] == "" {
			return attributesOutput{}, wire.Errorf("InvalidConfigurationRequest", "A bucket must be specified in '%s.s3.bucket' to enable the logs", logs)
		}
	}
	b.attributes = after
	s.publish(b)
	return table.output(b.attributes), nil
}

func (s *Service) describeTargetGroupAttributes(in groupInput) (attributesOutput, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	return g.attributeTable().output(g.attributes), nil
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
	table := g.attributeTable()
	after, err := table.modified(g.attributes, in.Attributes, httpGroupAttributes, streamGroupAttributes)
	if err == nil {
		err = checkTogether(table, after)
	}
	if err != nil {
		return attributesOutput{}, err
	}
	g.attributes = after
	s.publishGroup(g)
	return table.output(g.attributes), nil
}

// checkTogether applies the rules between attributes of a target group ("TargetGroupAttribute" in the API reference).
func checkTogether(table attributes, set map[string]string) error {
	is := func(key, value string) bool { return table.value(set, key) == value }
	switch {
	case is("stickiness.enabled", "true") && is("stickiness.type", "app_cookie") && is("stickiness.app_cookie.cookie_name", ""):
		return wire.Errorf("InvalidConfigurationRequest", "A cookie name must be specified in 'stickiness.app_cookie.cookie_name' for stickiness type 'app_cookie'")
	case is("load_balancing.algorithm.anomaly_mitigation", "on") && !is("load_balancing.algorithm.type", "weighted_random"):
		return wire.Errorf("InvalidConfigurationRequest", "Anomaly mitigation is only possible with the algorithm 'weighted_random'")
	case set["slow_start.duration_seconds"] != "" && !is("slow_start.duration_seconds", "0") && !is("load_balancing.algorithm.type", "round_robin"):
		return wire.Errorf("InvalidConfigurationRequest", "Slow start is only possible with the algorithm 'round_robin'")
	case !is("target_health_state.unhealthy.draining_interval_seconds", "") && !is("target_health_state.unhealthy.draining_interval_seconds", "0") &&
		is("target_health_state.unhealthy.connection_termination.enabled", "true"):
		return wire.Errorf("InvalidConfigurationRequest", "The draining interval of unhealthy targets is only possible when their connections are not terminated")
	}
	return nil
}

func (s *Service) describeListenerAttributes(in listenerInput) (attributesOutput, error) {
	l, err := s.listener(in.ARN)
	if err != nil {
		return attributesOutput{}, err
	}
	return l.attributeTable().output(l.attributes), nil
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
	table := l.attributeTable()
	after, err := table.modified(l.attributes, in.Attributes, httpsListenerAttributes, streamListenerAttributes)
	if err != nil {
		return attributesOutput{}, err
	}
	l.attributes = after
	s.publish(l.balancer)
	return table.output(l.attributes), nil
}
