package cloud_test

import (
	"testing"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
	"github.com/sluice-lb/sluice/internal/plan"
)

// Quotas are asked for once in a while, and who may not ask knows none.
func TestQuotas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		denied bool
		rules  int
	}{{"known", false, 100}, {"denied", true, 0}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			local := newOfflineAWS(t, localaws.Config{})
			c := newOfflineCloud(t, cloud.Config{Cluster: "prod", Unlimited: true, BudgetShare: 1}, local)
			if test.denied {
				if _, err := local.Faults().Add(fault.Rule{Service: "elbv2", Operation: "DescribeAccountLimits", Code: "AccessDenied"}); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				allowed, err := c.Quotas(t.Context())
				if err != nil || allowed[plan.RulesPerLoadBalancer] != test.rules {
					t.Fatalf("quotas %v, %v", allowed, err)
				}
			}
			calls := 0
			for _, call := range local.Calls(false) {
				if call.Operation == "DescribeAccountLimits" {
					calls += call.Count
				}
			}
			if calls == 0 || calls > 3 { // in pages
				t.Errorf("asked %d times", calls)
			}
		})
	}
}
