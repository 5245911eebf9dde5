// Package preview says what the controller would do: it reads AWS, builds and plans as the
// controller does, and changes nothing.
//
// A cluster's objects come in, changed as somebody means to change them, and a [cloud.Cloud] that
// only reads; a [plan.Preview] for each stack goes out. It asks AWS what the controller would ask
// and caches as it does, so a second stack costs few calls.
//
//	previews, err := preview.Of(ctx, aws, cluster, func(m ingress.Membership) bool { return true })
package preview

import (
	"context"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// Cluster is all that stacks are made from.
type Cluster struct {
	Config build.Config
	// BackendSecurityGroup is used in the place of one that is made.
	BackendSecurityGroup string
	Classes              ingress.Classes
	Ingresses            []networkingv1.Ingress
	Services             []corev1.Service
	Bindings             []v1beta1.TargetGroupBinding
}

// Of previews the stacks that are chosen, and before them what all load balancers share where
// one of them needs it.
func Of(ctx context.Context, aws *cloud.Cloud, cluster Cluster, chosen func(ingress.Membership) bool) ([]plan.Preview, error) {
	memberships, _ := ingress.Memberships(cluster.Classes, cluster.Ingresses, cluster.Services)
	p := previewer{Cluster: cluster, aws: aws}
	var previews []plan.Preview
	for _, m := range memberships {
		if !chosen(m) {
			continue
		}
		one, err := p.patiently(ctx, m)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		if err != nil {
			one.Error = err.Error()
		}
		previews = append(previews, one)
	}
	if p.shared != nil && len(p.shared.Steps) > 0 {
		previews = slices.Insert(previews, 0, *p.shared)
	}
	return previews, nil
}

// Stack previews one stack. What all load balancers share is looked at and left out; its steps come before.
func Stack(ctx context.Context, aws *cloud.Cloud, cluster Cluster, m ingress.Membership) (plan.Preview, error) {
	p := previewer{Cluster: cluster, aws: aws}
	return p.stack(ctx, m)
}

type previewer struct {
	Cluster
	aws *cloud.Cloud
	// shared is the plan of what all load balancers share; nil: not looked at.
	shared *plan.Preview
	// backend is the shared security group's id.
	backend string
}

// patiently asks again where AWS throttles: the controller and others share the account's rates.
func (p *previewer) patiently(ctx context.Context, m ingress.Membership) (plan.Preview, error) {
	for {
		out, err := p.stack(ctx, m)
		if cloud.KindOf(err) != cloud.Throttled {
			return out, err
		}
		select {
		case <-time.After(cloud.RetryAfter(err)):
		case <-ctx.Done():
			return out, err
		}
	}
}

func (p *previewer) stack(ctx context.Context, m ingress.Membership) (plan.Preview, error) {
	out := plan.Preview{Stack: m.ID.String()}
	for _, member := range m.Members {
		out.Ingresses = append(out.Ingresses, member.Ingress.Namespace+"/"+member.Ingress.Name)
	}
	want := model.Stack{ID: m.ID}
	if len(m.Members) > 0 {
		result, err := p.build(ctx, m)
		if err == nil {
			result, err = WithinQuota(ctx, p.aws, m.Members, result, p.observe)
		}
		out.Problems = result.Problems
		if err != nil || result.Stack == nil {
			return out, err
		}
		want = *result.Stack
		out.Model, out.Held = &want, ingress.Planned(m.Members)
	}
	have, err := p.observe(ctx, want)
	if err != nil {
		return out, err
	}
	out.Waits = waits(want, have)
	out.Steps = plan.Tell(plan.Steps(want, have, plan.Options{ExternalTags: p.Config.ExternalTags}), want, have)
	return out, nil
}

// waits are the groups that the controller attaches before it sends requests to them. A load
// balancer that serves nobody yet has nothing to be careful about.
func waits(want model.Stack, have model.Observed) []model.Key {
	if have.LoadBalancer == nil {
		return nil
	}
	return plan.Newly(want, have)
}

func (p *previewer) build(ctx context.Context, m ingress.Membership) (ingress.Result, error) {
	snapshot, err := p.snapshot(ctx, m)
	if err != nil {
		return ingress.Result{}, err
	}
	result := ingress.Stack(snapshot)
	rejects := func(problem model.Problem) bool { return !problem.Warning }
	if slices.ContainsFunc(result.Problems, rejects) && snapshot.Have.LoadBalancer != nil {
		// What a rejected member has is kept, so it must be known in depth.
		if snapshot.Have, err = p.observe(ctx, model.Stack{ID: m.ID}); err != nil {
			return result, err
		}
		result = ingress.Stack(snapshot)
	}
	if result.LacksBackend {
		if snapshot.BackendSecurityGroup, err = p.ensureShared(ctx, snapshot.Network.VPC); err != nil {
			return result, err
		}
		result = ingress.Stack(snapshot)
	}
	return result, nil
}

func (p *previewer) snapshot(ctx context.Context, m ingress.Membership) (ingress.Snapshot, error) {
	snapshot := ingress.Snapshot{Config: p.Config, ID: m.ID, Members: m.Members, Leaving: len(m.Leaving) > 0}
	needs := ingress.Needed(m.Members, p.Config)
	var err error
	if snapshot.Network, err = p.aws.NetworkWith(ctx, needs.Around, false); err != nil {
		return snapshot, err
	}
	if needs.Backend {
		if snapshot.BackendSecurityGroup, err = p.ensureShared(ctx, snapshot.Network.VPC); err != nil {
			return snapshot, err
		}
	}
	if snapshot.Have, err = p.aws.Known(ctx, m.ID); err != nil {
		return snapshot, err
	}
	snapshot.Have = p.withBindings(snapshot.Have)
	return snapshot, nil
}

// toBeMade stands for the id of a shared security group that does not exist.
const toBeMade = "sg-to-be-made"

func (p *previewer) ensureShared(ctx context.Context, vpc string) (string, error) {
	if p.BackendSecurityGroup != "" {
		return p.BackendSecurityGroup, nil
	}
	if p.shared != nil {
		return p.backend, nil
	}
	want := p.Config.Shared(vpc)
	have, err := p.aws.Observe(ctx, want)
	if err != nil {
		return "", err
	}
	steps := plan.NoDelete(plan.Steps(want, have, plan.Options{ExternalTags: p.Config.ExternalTags}))
	p.shared = &plan.Preview{Model: &want, Steps: plan.Tell(steps, want, have)}
	if p.backend = have.IDs[model.BackendSecurityGroupKey]; p.backend == "" {
		p.backend = toBeMade
	}
	return p.backend, nil
}

func (p *previewer) observe(ctx context.Context, want model.Stack) (model.Observed, error) {
	have, err := p.aws.Observe(ctx, want)
	return p.withBindings(have), err
}

// withBindings adds the bindings that the cluster has of a stack.
func (p *previewer) withBindings(have model.Observed) model.Observed {
	labels := ingress.BindingLabels(have.ID)
	var own []v1beta1.TargetGroupBinding
	for _, binding := range p.Bindings {
		if carries(binding.Labels, labels) {
			own = append(own, binding)
		}
	}
	have.Bindings = build.ObservedBindings(own, have.IDs)
	have.Sort()
	return have
}

func carries(have, wanted map[string]string) bool {
	for key, value := range wanted {
		if have[key] != value {
			return false
		}
	}
	return true
}
