package controller

import (
	"context"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// driftPace is how many calls a second a round makes at most.
const driftPace = 1

// driftWatch looks now and then whether somebody else has changed what the cluster owns
// in AWS, and has it put back.
type driftWatch struct {
	interval time.Duration // from the end of a round to the next; 0: never
	options  plan.Options
	round    func(context.Context, *rate.Limiter, plan.Options, func(cloud.Drift)) error
	found    func(context.Context, cloud.Drift)
}

// NeedLeaderElection holds rounds back on standbys.
func (w *driftWatch) NeedLeaderElection() bool { return true }

// Start runs until ctx ends.
func (w *driftWatch) Start(ctx context.Context) error {
	if w.interval == 0 {
		return nil
	}
	logger := log.FromContext(ctx).WithName("drift")
	for pause(ctx, w.interval) == nil {
		began := time.Now()
		err := w.round(ctx, rate.NewLimiter(driftPace, 1), w.options, func(d cloud.Drift) { w.found(ctx, d) })
		if err != nil && ctx.Err() == nil {
			logger.Info("a round has ended early", "error", err.Error())
			continue
		}
		logger.V(1).Info("a round is done", "seconds", int(time.Since(began).Seconds()))
	}
	return nil
}

// drifted tells people what somebody else has changed, and has it put back.
func (c *stackController) drifted(ctx context.Context, d cloud.Drift) {
	driftsFound.Inc()
	log.FromContext(ctx).WithName("drift").Info("somebody else has changed what we own", "stack", d.Stack.String(), "to-put-it-back", plan.Print(d.Steps))
	if d.Stack == model.SharedStack {
		for _, request := range c.stacksOf(ctx) {
			c.bell.ring(request.NamespacedName)
		}
		return
	}
	if m, err := c.membership(ctx, d.Stack); err == nil {
		for _, object := range m.all() {
			c.events.Drifted(object, plan.Print(d.Steps))
		}
	}
	c.bell.ring(types.NamespacedName{Namespace: d.Stack.Namespace, Name: d.Stack.Name})
}
