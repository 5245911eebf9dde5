package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// What is changed in place comes in the incumbent's order.
func TestALoadBalancerIsChangedInOrder(t *testing.T) {
	t.Parallel()
	lb := func(s model.Stack, change func(*model.LoadBalancer)) model.Stack {
		balancer := *s.LoadBalancer
		change(&balancer)
		s.LoadBalancer = &balancer
		return s
	}
	have := lb(with("HTTP1"), func(b *model.LoadBalancer) {
		b.IPAddressType, b.Subnets, b.SecurityGroups = "ipv4", []string{"subnet-a"}, []model.Key{model.SecurityGroupKey, "sg-shared"}
	})
	have.SecurityGroups = []model.SecurityGroup{{Key: model.SecurityGroupKey, Name: "sg"}}
	wide := lb(with("HTTP1"), func(b *model.LoadBalancer) {
		b.IPAddressType, b.Subnets, b.SecurityGroups = "dualstack", []string{"subnet-b"}, []model.Key{"sg-mine"}
		b.Tags, b.Attributes = tags{"a": "1"}, tags{"idle_timeout.timeout_seconds": "30"}
	})
	wide.Rules = nil
	steps := []plan.Action{
		plan.AddTags{Tags: tags{"a": "1"}},
		plan.SetSecurityGroups{SecurityGroups: []model.Key{"sg-mine"}},
		plan.SetSubnets{Subnets: []string{"subnet-b"}},
		plan.SetIPAddressType{Type: "dualstack"},
		plan.ModifyLoadBalancerAttributes{LoadBalancer: model.LoadBalancerKey, Attributes: tags{"idle_timeout.timeout_seconds": "30"}},
		plan.DeleteRule{ID: "id of " + string(have.Rules[0].Key)},
		plan.DeleteSecurityGroup{ID: "id of " + string(model.SecurityGroupKey)},
	}
	if diff := cmp.Diff(steps, actions(plan.Steps(wide, observed(have), plan.Options{}))); diff != "" {
		t.Errorf("steps to more (-want +got):\n%s", diff)
	}

	// IPv6 is given up when no rule needs it any more, and before subnets come that have none.
	narrow := have
	narrow.SecurityGroups = nil
	wide.Rules = have.Rules
	narrow.Rules = nil
	steps = []plan.Action{
		plan.RemoveTags{Keys: []string{"a"}},
		plan.SetSecurityGroups{SecurityGroups: []model.Key{model.SecurityGroupKey, "sg-shared"}},
		plan.DeleteRule{ID: "id of " + string(have.Rules[0].Key)},
		plan.SetIPAddressType{Type: "ipv4"},
		plan.SetSubnets{Subnets: []string{"subnet-a"}},
	}
	if diff := cmp.Diff(steps, actions(plan.Steps(narrow, observed(wide), plan.Options{}))); diff != "" {
		t.Errorf("steps to less (-want +got):\n%s", diff)
	}
}
