package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// setupFollowing adds the controllers that keep gates for target groups of others, or only
// measure what gates would have done. Nothing in AWS is written.
func setupFollowing(ctx context.Context, manager ctrl.Manager, config Config, aws *cloud.Cloud) error {
	book := health.NewBook()
	view := &view{Reader: manager.GetClient(), config: config, rejections: newRejections()}
	var follow *followController
	gates := newGates(manager, view, book, aws, func(group string) { follow.bell.ring(view.bindingsOfGroup(ctx, group)...) })
	follow = &followController{
		view: view, book: book, checks: func(ctx context.Context, group string) (map[string]model.HealthCheck, error) {
			return aws.As(view.roleFor(ctx, group)).HealthChecks(ctx, []string{group})
		},
		await: gates.awaitFor, learned: gates.learned,
		concerned: func(ctx context.Context, pod *corev1.Pod) bool {
			return gates.observer.concerned(ctx, pod) || config.Mode == GatesOnly && gateWaits(pod)
		},
	}
	setups := map[string]func(ctrl.Manager) error{"follow": follow.setup, "observe": gates.observer.setup}
	if config.Mode == GatesOnly {
		gateSets := &gateSetController{view: view, client: manager.GetClient()}
		injection := newInjectionWatch(manager)
		setups["pod"], setups["gate set"], setups["injection"] = gates.pods.setup, gateSets.setup, injection.setup
	}
	if err := view.index(ctx, manager); err != nil {
		return err
	}
	for name, setup := range setups {
		if err := setup(manager); err != nil {
			return fmt.Errorf("setting up the %s controller: %w", name, err)
		}
	}
	return manager.Add(gates.watcher)
}

// gateWaits reports whether a gate of the Pod waits for its target, or may have to close
// because the target goes.
func gateWaits(pod *corev1.Pod) bool {
	ready := readiness.PodOf(pod).ContainersReady
	return readiness.HasGate(pod) && (hasClosedGate(pod) || !ready)
}
