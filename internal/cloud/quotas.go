package cloud

import (
	"context"
	"strconv"
	"time"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/sluice-lb/sluice/internal/plan"
)

// quotaAge is how old the account's quotas may be. They are asked for only where something
// would exceed what every account has.
const quotaAge = 10 * time.Minute

// Quotas are what the account is allowed. Who may not ask (the incumbent's policy does not let
// it) knows none, and AWS says itself what is too much.
func (c *Cloud) Quotas(ctx context.Context) (map[plan.Quota]int, error) {
	return c.quotas.get(ctx, quotaAge, false, func(ctx context.Context) (map[plan.Quota]int, error) {
		allowed, err := c.readQuotas(ctx)
		if KindOf(err) == Denied {
			return nil, nil
		}
		return allowed, err
	})
}

func (c *Cloud) readQuotas(ctx context.Context) (map[plan.Quota]int, error) {
	allowed := map[plan.Quota]int{}
	in := &elbv2.DescribeAccountLimitsInput{}
	for {
		out, err := elbCall(ctx, c, Read, "DescribeAccountLimits", c.elb.DescribeAccountLimits, in)
		if err != nil {
			return nil, err
		}
		for _, limit := range out.Limits {
			if most, err := strconv.Atoi(deref(limit.Max)); err == nil {
				allowed[plan.Quota(deref(limit.Name))] = most
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			return allowed, nil
		}
	}
}
