package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/model"
)

// Quota is a bound that AWS sets on one load balancer, by the name that DescribeAccountLimits
// gives it.
type Quota string

// The quotas that a plan can count by itself.
const (
	RulesPerLoadBalancer        Quota = "rules-per-application-load-balancer"
	ListenersPerLoadBalancer    Quota = "listeners-per-application-load-balancer"
	CertificatesPerLoadBalancer Quota = "certificates-per-application-load-balancer"
	GroupsPerLoadBalancer       Quota = "target-groups-per-application-load-balancer"
	GroupsPerAction             Quota = "target-groups-per-action-on-application-load-balancer"
	ValuesPerRule               Quota = "condition-values-per-alb-rule"
)

// quotas in the order in which they are told: what is counted, and what AWS documents for an account that has
// asked for no more ("Quotas for your Application Load Balancers").
var quotas = []struct {
	quota    Quota
	what     string
	standard int
}{
	{RulesPerLoadBalancer, "rules", 100},
	{ListenersPerLoadBalancer, "listeners", 50},
	{CertificatesPerLoadBalancer, "certificates beside the default ones", 25},
	{GroupsPerLoadBalancer, "target groups", 100},
	{GroupsPerAction, "target groups in one action", 5},
	{ValuesPerRule, "values in the conditions of one rule", 5},
}

// StandardQuotas are those of an account that has asked for no more.
func StandardQuotas() map[Quota]int {
	allowed := map[Quota]int{}
	for _, each := range quotas {
		allowed[each.quota] = each.standard
	}
	return allowed
}

// Excess is more than a quota allows.
type Excess struct {
	Quota           Quota
	Wanted, Allowed int
}

// Exceeds says what a wanted stack has more of than is allowed, and than is there: what is
// there has been allowed. Quotas that are not known allow everything.
func Exceeds(want, have model.Stack, allowed map[Quota]int) []Excess {
	wanted, there := usage(want), usage(have)
	var all []Excess
	for _, each := range quotas {
		most, known := allowed[each.quota]
		if n := wanted[each.quota]; known && n > most && n > there[each.quota] {
			all = append(all, Excess{Quota: each.quota, Wanted: n, Allowed: most})
		}
	}
	return all
}

func usage(stack model.Stack) map[Quota]int {
	used := map[Quota]int{RulesPerLoadBalancer: len(stack.Rules), ListenersPerLoadBalancer: len(stack.Listeners)}
	groups := map[model.Key]bool{}
	act := func(action model.Action) {
		used[GroupsPerAction] = max(used[GroupsPerAction], len(action.Forward))
		for _, target := range action.Forward {
			groups[target.TargetGroup] = true
		}
	}
	for _, listener := range stack.Listeners {
		act(listener.Default)
		used[CertificatesPerLoadBalancer] += len(slices.DeleteFunc(slices.Clone(listener.SNI), func(arn string) bool { return arn == listener.Certificate }))
	}
	for _, rule := range stack.Rules {
		act(rule.Action)
		values := 0
		for _, condition := range rule.Conditions {
			values += len(condition.Values) + len(condition.Regex) + len(condition.Query)
		}
		used[ValuesPerRule] = max(used[ValuesPerRule], values)
	}
	used[GroupsPerLoadBalancer] = len(groups)
	return used
}

// Problem tells an excess on an Ingress of the load balancer.
func (e Excess) Problem(object model.Object) model.Problem {
	what := ""
	for _, each := range quotas {
		if each.quota == e.Quota {
			what = each.what
		}
	}
	remedy := "spread the Ingresses over several groups, or ask AWS to raise the quota"
	if strings.Contains(string(e.Quota), "-per-action-") || e.Quota == ValuesPerRule {
		remedy = "write less into one rule; AWS does not raise this quota"
	}
	return model.Problem{
		Object: object, Field: "spec", Reason: QuotaExceeded, Remedy: remedy,
		Message: fmt.Sprintf("the load balancer would have %d %s, and the account allows %d (quota %s)", e.Wanted, what, e.Allowed, e.Quota),
	}
}

// QuotaExceeded is the reason of those problems.
const QuotaExceeded = "QuotaExceeded"
