package controller

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
	"github.com/sluice-lb/sluice/internal/targets"
)

// previews remember what a dry run has said, to say it once.
type previews struct {
	mu   sync.Mutex
	text map[string]string
}

func newPreviews() *previews { return &previews{text: map[string]string{}} }

// news notes what would be done about something, and reports whether that is new, and
// of how many things something would change by now.
func (p *previews) news(about, text string) (isNew bool, looked, changing int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.text[about]
	p.text[about] = text
	for _, text := range p.text {
		if text != "" {
			changing++
		}
	}
	return !known || before != text, len(p.text), changing
}

// say logs the steps that would be run.
func (p *previews) say(ctx context.Context, about string, steps []string) {
	isNew, looked, changing := p.news(about, strings.Join(steps, "\n"))
	if !isNew {
		return
	}
	logger := log.FromContext(ctx)
	for _, step := range steps {
		logger.Info("dry run: would apply", "about", about, "step", step)
	}
	logger.Info("dry run: looked at", "about", about, "changes", len(steps), "looked-at-so-far", looked, "of-these-would-change", changing)
}

// setupDryRun adds controllers that plan as ever, log what they would do, and change
// nothing in AWS or Kubernetes.
func setupDryRun(ctx context.Context, manager ctrl.Manager, config Config, aws *cloud.Cloud) error {
	view := &view{Reader: manager.GetClient(), config: config, rejections: newRejections()}
	previews := newPreviews()
	stacks := &stackController{view: view, cloud: aws, book: health.NewBook(), shared: make(chan struct{}, 1), previews: previews}
	bindings := &bindingController{view: view, cloud: aws, book: stacks.book, holds: newHolds(), own: newOwnTargets(), live: manager.GetAPIReader(), previews: previews}
	if err := view.index(ctx, manager); err != nil {
		return err
	}
	if err := stacks.setup(manager); err != nil {
		return fmt.Errorf("setting up the dry run of stacks: %w", err)
	}
	if err := bindings.setup(manager); err != nil {
		return fmt.Errorf("setting up the dry run of bindings: %w", err)
	}
	return nil
}

// preview plans a stack and logs the plan.
func (c *stackController) preview(ctx context.Context, id model.StackID, m membership) error {
	want := model.Stack{ID: id}
	var said []string
	if len(m.members) > 0 {
		result, err := c.build(ctx, id, m)
		if err != nil {
			return err
		}
		for _, problem := range result.Problems {
			said = append(said, "tell people: "+problem.String())
		}
		if result.Stack == nil {
			c.previews.say(ctx, "load balancer of "+sourceOf(id), said)
			return nil
		}
		want = *result.Stack
	}
	have, err := c.observe(ctx, want)
	if err != nil {
		return err
	}
	for _, step := range plan.Steps(want, have, c.config.planOptions()) {
		said = append(said, step.String())
	}
	c.previews.say(ctx, "load balancer of "+sourceOf(id), said)
	return nil
}

// toBeMade stands for the id of a backend security group that a dry run does not make.
const toBeMade = "sg-to-be-made"

// previewShared is ensureShared of a dry run.
func (c *stackController) previewShared(ctx context.Context, steps []plan.Step, id string) string {
	var said []string
	for _, step := range steps {
		said = append(said, step.String())
	}
	c.previews.say(ctx, "what all load balancers share", said)
	if id == "" {
		return toBeMade
	}
	return id
}

// previewTargets logs which targets a binding would register and deregister.
func (c *bindingController) previewTargets(ctx context.Context, binding *v1beta1.TargetGroupBinding) error {
	about := "targets of TargetGroupBinding " + nameOf(binding).String()
	if binding.Spec.TargetGroupARN == "" {
		c.previews.say(ctx, about, []string{"look up the target group " + binding.Spec.TargetGroupName})
		return nil
	}
	behind := c.backend(ctx, binding)
	if behind.wrong != "" {
		c.previews.say(ctx, about, []string{"tell people: " + behind.wrong})
		return nil
	}
	endpoints := behind.endpoints
	if err := c.readOwn(ctx, binding); err != nil {
		return err
	}
	own, _ := c.own.of(nameOf(binding))
	answer, err := c.cloud.As(roleOf(binding)).TargetHealth(ctx, cloud.Read, binding.Spec.TargetGroupARN)
	if err != nil {
		return err
	}
	registrations := map[model.TargetID]targets.Registration{}
	for _, target := range answer {
		if binding.Spec.MultiClusterTargetGroup && !own[target.Address] && !has(endpoints, target.Address) {
			continue
		}
		registrations[target.Address] = targets.Registration{Draining: target.State.Leaving(), Health: target.State, Running: c.runs(ctx, target.Address, "")}
	}
	changes := targets.Plan(time.Now(), endpoints, registrations, targets.Settings{UnreadyGrace: c.config.UnreadyGrace, LargestShare: c.config.BrakeTargets})
	if binding.DeletionTimestamp != nil {
		changes = targets.Changes{}
	}
	var said []string
	for _, endpoint := range changes.Register {
		said = append(said, fmt.Sprintf("register %s (%s)", endpoint.Address, endpoint))
	}
	for _, address := range changes.Deregister {
		said = append(said, fmt.Sprintf("deregister %s", address))
	}
	c.previews.say(ctx, about, said)
	return nil
}
