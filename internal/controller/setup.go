package controller

import (
	"context"
	"errors"
	"fmt"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// Setup adds the controllers of a mode to a manager. The context is that of the process.
func Setup(ctx context.Context, manager ctrl.Manager, config Config, aws *cloud.Cloud) error {
	resetMetrics()
	if err := addLeader(manager, config); err != nil {
		return err
	}
	switch {
	case config.DryRun:
		return setupDryRun(ctx, manager, config, aws)
	case config.Mode == Full:
		return setupFull(ctx, manager, config, aws)
	}
	return setupFollowing(ctx, manager, config, aws)
}

// setupFull adds the controllers that make and keep load balancers, targets and gates.
func setupFull(ctx context.Context, manager ctrl.Manager, config Config, aws *cloud.Cloud) error {
	recorder := Events{manager.GetEventRecorder("sluice")}
	book := health.NewBook()
	view := &view{Reader: manager.GetClient(), config: config, rejections: newRejections()}
	deleting := newDeletions()
	bindings := &bindingController{
		view: view, client: manager.GetClient(), live: manager.GetAPIReader(), cloud: aws, book: book, events: recorder,
		brake: newBrake("target group bindings", config.BrakeDeletions), deleting: deleting, holds: newHolds(), own: newOwnTargets(), lookups: newLookups(), changes: newChanges(), zoned: newZoned(),
	}
	rules := &endpointRuleController{view: view, cloud: aws, events: recorder, needs: map[types.NamespacedName][]need{}}
	lease := &epochs{client: manager.GetClient(), reader: manager.GetAPIReader(), lease: config.Lease}
	records := &records{view: view, client: manager.GetClient(), epoch: lease.current, latest: map[string]*v1alpha1.LoadBalancer{}, made: map[string]bool{}}
	stacks := &stackController{
		view: view, records: records, client: manager.GetClient(), cloud: aws, book: book, events: recorder,
		brake: newBrake("load balancers", config.BrakeDeletions), deleting: deleting, shared: make(chan struct{}, 1), left: map[types.UID]bool{}, switches: newSwitches(),
	}
	display := &displayController{view: view, records: records, book: book}
	gateSets := &gateSetController{view: view, client: manager.GetClient()}

	gates := newGates(manager, view, book, aws, func(group string) {
		bindings.bell.ring(view.bindingsOfGroup(ctx, group)...)
		stacks.bell.ring(stacks.switches.on(group)...)
		display.ring(ctx, group)
	})
	bindings.registered = gates.learned
	bindings.changed = display.ring
	bindings.needs = rules.note
	bindings.epoch = lease.current
	bindings.await = gates.awaitFor
	stacks.await = gates.watcher.Await
	stacks.rejected = func(ctx context.Context, ingress *networkingv1.Ingress) {
		gates.pods.bell.ring(view.closedPods(ctx, ingress.Namespace)...)
	}

	if err := view.index(ctx, manager); err != nil {
		return err
	}
	for name, setup := range map[string]func(ctrl.Manager) error{
		"stack": stacks.setup, "binding": bindings.setup, "pod": gates.pods.setup, "gate set": gateSets.setup, "endpoint rule": rules.setup, "display": display.setup,
		"observe": gates.observer.setup, "injection": newInjectionWatch(manager).setup, "drain": newDrainWatch(manager.GetClient(), book, recorder).setup,
	} {
		if err := setup(manager); err != nil {
			return fmt.Errorf("setting up the %s controller: %w", name, err)
		}
	}
	sampler := &health.Sampler{
		Book: book, Interval: config.HealthSampleInterval, Notify: gates.watcher.Notify,
		Ask: func(ctx context.Context, group string) ([]model.TargetHealth, error) {
			return aws.As(view.roleFor(ctx, group)).TargetHealth(ctx, cloud.Slow, group)
		},
	}
	drift := &driftWatch{interval: config.DriftInterval, options: config.planOptions(), round: aws.Round, found: stacks.drifted}
	return errors.Join(manager.Add(gates.watcher), manager.Add(sampler), manager.Add(drift))
}

func nameOf(object client.Object) types.NamespacedName { return client.ObjectKeyFromObject(object) }
