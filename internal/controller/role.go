package controller

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
)

// roleOf is who speaks to AWS about a binding's target group.
func roleOf(binding *v1beta1.TargetGroupBinding) cloud.Role {
	return cloud.Role{ARN: binding.Spec.IamRoleArnToAssume, ExternalID: binding.Spec.AssumeRoleExternalId}
}

// roleFor is who speaks to AWS about a group: for questions that no one binding puts.
func (v *view) roleFor(ctx context.Context, group string) cloud.Role {
	var list v1beta1.TargetGroupBindingList
	if err := v.List(ctx, &list, client.MatchingFields{bindingsByGroup: group}, client.UnsafeDisableDeepCopy); err != nil {
		return cloud.Role{} // the cache does not fail once it has synced
	}
	for i := range list.Items {
		if role := roleOf(&list.Items[i]); role != (cloud.Role{}) {
			return role
		}
	}
	return cloud.Role{}
}
