package controller

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// reached is how far a stack has come.
type reached struct {
	steps   int // that were run
	dnsName string
	// recheck is when to go on, where traffic is being switched; 0: the stack is as wanted.
	recheck time.Duration
	// abrupt are target groups that got requests before they could be known to serve them.
	abrupt []model.Key
}

// converge makes AWS and the bindings what the stack says, or brings them a part of the way:
// a target group gets requests once it can serve them, and the one before it goes some
// seconds later.
func (c *stackController) converge(ctx context.Context, want model.Stack) (reached, error) {
	if ids, ok := c.records.believed(ctx, want); ok {
		if err := c.cloud.Trust(ctx, want, ids); err != nil {
			return reached{}, err
		}
	}
	have, err := c.observe(ctx, want)
	if err != nil {
		return reached{}, err
	}
	on := c.gently(ctx, want, have)
	all := plan.Steps(on.Stack, have, c.config.planOptions())
	steps := plan.Sparing(all, c.switches.leftNow(want, have, time.Now()))
	if err := c.mayDelete(ctx, want.ID, steps); err != nil {
		return reached{}, err
	}
	if len(steps) > 0 {
		if err := c.records.begin(ctx, want.ID); err != nil {
			return reached{}, err
		}
		left := plan.Left(want, have)
		err := c.apply(ctx, want.ID, steps)
		c.switches.leave(want.ID, left, time.Now())
		if err != nil {
			return reached{}, err
		}
		if have, err = c.observe(ctx, want); err != nil {
			return reached{}, err
		}
	}
	c.noteGroups(want, have)
	out := reached{steps: len(steps), dnsName: have.DNSName, abrupt: on.Abrupt}
	switch {
	case len(on.Held) > 0:
		out.recheck = switchPace
		return out, c.records.switching(ctx, want.ID, on.Held)
	case len(steps) < len(all):
		out.recheck = switchPace
	case want.LoadBalancer != nil:
		return out, errors.Join(c.records.done(ctx, want, have), c.records.unconfirm(ctx, want.ID))
	}
	return out, nil
}

// noteGroups tells the book what health checks mean for a stack's groups.
func (c *stackController) noteGroups(want model.Stack, have model.Observed) {
	for _, group := range want.TargetGroups {
		c.book.SetCheck(have.IDs[group.Key], group.HealthCheck)
		slow, _ := strconv.Atoi(group.Attributes["slow_start.duration_seconds"]) // not set: none
		c.book.SetSlowStart(have.IDs[group.Key], time.Duration(slow)*time.Second)
	}
}
