package elbv2

import (
	"regexp"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// arnKind is a kind of resource that calls name by its ARN.
type arnKind struct {
	what, code string // for errors
	form       *regexp.Regexp
}

// The forms of ARNs ("Resource types defined by Elastic Load Balancing V2", service authorization reference).
var (
	balancerARN   = arnKind{"load balancer", "LoadBalancerNotFound", arnForm(`loadbalancer/(app|net|gwy)/[^/]+/[^/]+`)}
	listenerARN   = arnKind{"listener", "ListenerNotFound", arnForm(`listener/(app|net|gwy)/[^/]+/[^/]+/[^/]+`)}
	ruleARN       = arnKind{"listener rule", "RuleNotFound", arnForm(`listener-rule/(app|net)/[^/]+/[^/]+/[^/]+/[^/]+`)}
	groupARN      = arnKind{"target group", "TargetGroupNotFound", arnForm(`targetgroup/[^/]+/[^/]+`)}
	trustStoreARN = arnKind{"trust store", "TrustStoreNotFound", arnForm(`truststore/[^/]+/[^/]+`)}
)

func arnForm(resource string) *regexp.Regexp {
	return regexp.MustCompile(`^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:` + resource + `$`)
}

// notFound is the error for an ARN that no resource has. One of another form is refused before anything is looked up.
func (k arnKind) notFound(arn string) error {
	if err := k.check(arn); err != nil {
		return err
	}
	return wire.Errorf(k.code, "One or more %ss not found: '%s'", k.what, arn)
}

func (k arnKind) check(arn string) error {
	if !k.form.MatchString(arn) {
		return wire.Errorf("ValidationError", "'%s' is not a valid %s ARN", arn, k.what)
	}
	return nil
}
