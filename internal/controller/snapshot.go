package controller

import (
	"context"
	"slices"
	"time"

	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
	"github.com/sluice-lb/sluice/internal/preview"
)

// build takes the snapshot and builds. Where AWS lacks something that an Ingress names, it is
// asked once more before the user is told.
func (c *stackController) build(ctx context.Context, id model.StackID, m membership) (ingress.Result, error) {
	snapshot, err := c.snapshot(ctx, id, m, false)
	if err != nil {
		return ingress.Result{}, err
	}
	result := ingress.Stack(snapshot)
	if slices.ContainsFunc(result.Problems, aboutAWS) {
		if snapshot, err = c.snapshot(ctx, id, m, true); err != nil {
			return ingress.Result{}, err
		}
		result = ingress.Stack(snapshot)
	}
	if (len(m.moving) > 0 || slices.ContainsFunc(result.Problems, rejects)) && snapshot.Have.LoadBalancer != nil {
		// What a rejected or moving member has is kept, so it must be known in depth.
		if snapshot.Have, err = c.observe(ctx, model.Stack{ID: id}); err != nil {
			return ingress.Result{}, err
		}
		result = ingress.Stack(snapshot)
	}
	if result.LacksBackend {
		if snapshot.BackendSecurityGroup, err = c.ensureShared(ctx); err != nil {
			return ingress.Result{}, err
		}
		result = ingress.Stack(snapshot)
	}
	return preview.WithinQuota(ctx, c.cloud, m.members, result, c.observe)
}

// snapshot gathers what a stack is made from, and of AWS no more than that.
func (c *stackController) snapshot(ctx context.Context, id model.StackID, m membership, fresh bool) (ingress.Snapshot, error) {
	snapshot := ingress.Snapshot{Config: c.config.Build, ID: id, Members: slices.Concat(m.members, m.moving), Leaving: len(m.leaving) > 0}
	ingress.SortMembers(snapshot.Members)
	needs := ingress.Needed(m.members, c.config.Build)
	var err error
	if needs.Backend {
		if snapshot.BackendSecurityGroup, err = c.ensureShared(ctx); err != nil {
			return snapshot, err
		}
	}
	if snapshot.Have, err = c.known(ctx, id); err != nil {
		return snapshot, err
	}
	snapshot.Network, err = c.cloud.NetworkWith(ctx, needs.Around, fresh)
	return snapshot, err
}

func rejects(problem model.Problem) bool { return !problem.Warning }

// aboutAWS: something that is not there yet may come, and AWS does not tell.
func aboutAWS(problem model.Problem) bool {
	return slices.Contains([]string{"InvalidSubnet", "NoSubnets", "InvalidSecurityGroup", "NoCertificate", "TargetGroupNotFound", plan.QuotaExceeded}, problem.Reason)
}

// recheckAfter is when to look again for what AWS lacked; 0: not at all.
func recheckAfter(problems []model.Problem) time.Duration {
	if slices.ContainsFunc(problems, aboutAWS) {
		return time.Minute
	}
	return 0
}
