package preview

import (
	"context"

	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// WithinQuota takes a stack back that the account would not allow, before its first step: what
// AWS refuses half way leaves rules in the wrong order. It tells every member.
func WithinQuota(ctx context.Context, aws *cloud.Cloud, members []ingress.Member, result ingress.Result, observe func(context.Context, model.Stack) (model.Observed, error)) (ingress.Result, error) {
	if result.Stack == nil || len(plan.Exceeds(*result.Stack, model.Stack{}, plan.StandardQuotas())) == 0 {
		return result, nil
	}
	allowed, err := aws.Quotas(ctx)
	if err != nil || len(plan.Exceeds(*result.Stack, model.Stack{}, allowed)) == 0 {
		return result, err
	}
	have, err := observe(ctx, *result.Stack)
	if err != nil {
		return result, err
	}
	excesses := plan.Exceeds(*result.Stack, have.Stack, allowed)
	if len(excesses) == 0 {
		return result, nil
	}
	for _, excess := range excesses {
		for _, member := range members {
			result.Problems = append(result.Problems, excess.Problem(model.Object{Kind: "Ingress", Namespace: member.Ingress.Namespace, Name: member.Ingress.Name}))
		}
	}
	result.Stack = nil
	return result, nil
}
