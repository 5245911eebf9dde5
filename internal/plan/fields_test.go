package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// TestPreviewText: what a person reads of a stack that is there and becomes another.
func TestPreviewText(t *testing.T) {
	t.Parallel()
	old, held, fresh := model.TargetGroupKey("old"), model.TargetGroupKey("held"), model.TargetGroupKey("fresh")
	have := model.Observed{Stack: model.Stack{
		ID:           model.StackID{Namespace: "shop", Name: "web"},
		LoadBalancer: &model.LoadBalancer{Key: model.LoadBalancerKey, Name: "k8s-web", Scheme: model.Internal, IPAddressType: "ipv4", Subnets: []string{"subnet-1"}, Tags: map[string]string{"team": "a", "old": "x"}},
		TargetGroups: []model.TargetGroup{
			{Key: held, Name: "k8s-held", Protocol: "HTTP", HealthCheck: model.HealthCheck{Path: "/", Matcher: "200"}, Attributes: map[string]string{"slow_start.duration_seconds": "0"}},
			{Key: old, Name: "k8s-old", Protocol: "HTTP"},
			{Key: fresh, Name: "k8s-fresh-1", Protocol: "HTTP"},
		},
		Listeners: []model.Listener{{Key: model.ListenerKey(80), Port: 80, Protocol: "HTTP", Default: model.Action{FixedResponse: &model.FixedResponse{StatusCode: "404"}}}},
	}, IDs: map[model.Key]string{model.LoadBalancerKey: "arn:lb", held: "arn:held", old: "arn:old", fresh: "arn:fresh"}}
	want := model.Stack{
		ID:           have.ID,
		LoadBalancer: &model.LoadBalancer{Key: model.LoadBalancerKey, Name: "k8s-web", Scheme: model.Internal, IPAddressType: "ipv4", Subnets: []string{"subnet-1", "subnet-2"}, Tags: map[string]string{"team": "b"}},
		TargetGroups: []model.TargetGroup{
			{Key: held, Name: "k8s-held", Protocol: "HTTP", HealthCheck: model.HealthCheck{Path: "/ready", Matcher: "200"}, Attributes: map[string]string{"slow_start.duration_seconds": "30"}},
			{Key: fresh, Name: "k8s-fresh-2", Protocol: "HTTPS"},
		},
		Listeners: []model.Listener{{Key: model.ListenerKey(80), Port: 80, Protocol: "HTTP", Default: model.Action{Forward: []model.WeightedTarget{{TargetGroup: fresh}}}}},
	}
	preview := plan.Preview{
		Stack: "shop/web", Waits: []model.Key{fresh},
		Problems: []model.Problem{{Object: model.Object{Kind: "Ingress", Namespace: "shop", Name: "web"}, Field: "spec", Message: "odd", Remedy: "mend it", Warning: true}},
		Steps:    plan.Tell(plan.Steps(want, have, plan.Options{}), want, have),
	}
	const text = `load balancer of Ingress shop/web: 9 steps (6 to change, 2 to replace, 1 to delete)
  ? Ingress shop/web: spec: odd; mend it
    1. ~ modify target group k8s-held: health check differs
         ~ health check path: / → /ready
    2. ~ modify target group k8s-held: attributes differ
         ~ slow_start.duration_seconds: 0 → 30
    3. ± create target group k8s-fresh-2: is wanted and does not exist
    4. ~ modify load balancer k8s-web: tags differ
         ~ tag team: a → b
    5. ~ modify load balancer k8s-web: has tags that are not wanted
         - tag old: x
    6. ~ modify load balancer k8s-web: subnets are [subnet-1], wanted [subnet-1 subnet-2]
         ~ subnets: subnet-1 → subnet-1, subnet-2
    7. ~ modify listener listener/80: protocol or default action differ
         ~ default action: {"fixedResponse":{"statusCode":"404"}} → {"forward":[{"targetGroup":"target-group/fresh"}]}
    8. - delete target group k8s-old: is no longer wanted
    9. ± delete target group k8s-fresh-1: is no longer wanted
  target group fresh gets its first requests once its targets are healthy
`
	if diff := cmp.Diff(text, preview.String()); diff != "" {
		t.Errorf("text (-want +got):\n%s", diff)
	}
}
