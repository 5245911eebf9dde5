package elbv2

import "github.com/sluice-lb/sluice/internal/localaws/wire"

// Rules of a network load balancer's listener forward by the one condition there is for them: whether the client comes
// over IPv4 or IPv6. They are for dual-stack load balancers (API reference, CreateRule and RuleCondition).

// checkRulesPossible says whether a listener may have rules beside the default one.
func (b *loadBalancer) checkRulesPossible() error {
	if b.settings.kind == network && b.settings.addressType != dualstack {
		return wire.Errorf("InvalidConfigurationRequest", "Rules are only supported by application load balancers and dualstack network load balancers")
	}
	return nil
}

// checkFamilies checks the conditions of a network load balancer's rule and returns them as they are shown.
func checkFamilies(given []condition) ([]condition, error) {
	for _, c := range given {
		switch {
		case c.Field != "source-ip":
			return nil, wire.Errorf("ValidationError", "Condition field '%s' must be 'source-ip' for network load balancers", c.Field)
		case len(given) > 1:
			return nil, wire.Errorf("ValidationError", "A rule can only have one '%s' condition", c.Field)
		case c.Sources == nil || c.Sources.Family == "":
			return nil, wire.Errorf("ValidationError", "An IP address type must be specified for field 'source-ip' of network load balancers")
		case len(c.Sources.Values) > 0 || c.foreign(condition{Sources: c.Sources}):
			return nil, wire.Errorf("ValidationError", "A condition of a network load balancer can only have an IP address type")
		}
	}
	return given, nil
}

// forClients is what a network load balancer's listener does with its clients, who all come over IPv4 here: the first
// rule for them counts, or the default one.
func (l *listener) forClients() action {
	for _, r := range l.rules {
		if !r.isDefault && r.conditions[0].Sources.Family == "ipv4" {
			return answering(r.actions)
		}
	}
	return answering(l.actions)
}
