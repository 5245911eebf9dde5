package balancer

import (
	"context"
	"errors"
	"net"
	"time"
)

// Health is what is known of a target, in the words of the API.
type Health struct {
	State       State
	Reason      string
	Description string
}

// State is a state that health checks lead to.
type State string

// States and reasons: "Target health status" in the ALB guide.
const (
	Initial   State = "initial"
	Healthy   State = "healthy"
	Unhealthy State = "unhealthy"

	reasonChecking = "Elb.InitialHealthChecking"
	reasonCode     = "Target.ResponseCodeMismatch"
	reasonTimeout  = "Target.Timeout"
	reasonFailed   = "Target.FailedHealthChecks"
)

var initialHealth = Health{State: Initial, Reason: reasonChecking, Description: "Initial health checks in progress"}

// Check is the settings of a health check.
type Check struct {
	Scheme             string  // "http", "https", or "tcp": that a connection opens
	Version            Version // of the group
	Port               int     // 0 is the port that gets traffic
	Path               string  // with its query, if any
	Interval           time.Duration
	Timeout            time.Duration
	Healthy, Unhealthy int // thresholds
	Codes              []CodeRange
}

// CodeRange is status codes that count as success, both ends included; of gRPC for a GRPC group.
type CodeRange struct{ Low, High int }

// Health is the last verdict of the health checks.
func (t *Target) Health() Health {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	return t.health
}

// HealthySince is when the target became healthy; zero while it is not.
func (t *Target) HealthySince() time.Time {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	return t.healthySince
}

// startChecks runs the checks of a target in a goroutine of its own. The caller holds group.mu.
func (t *Target) startChecks() {
	if t.group.plane.offline && t.group.plane.probe == nil || t.group.plane.ctx.Err() != nil {
		return
	}
	ctx, stop := context.WithCancel(t.group.plane.ctx)
	t.stopChecks = stop
	t.group.plane.work.Go(func() { t.watch(ctx) })
}

func (t *Target) endChecks() {
	if t.stopChecks != nil {
		t.stopChecks()
		t.stopChecks = nil
	}
}

// watch checks a target until ctx ends. Only the interval is AWS's own time; the timeout is the target's.
func (t *Target) watch(ctx context.Context) {
	clock := t.group.plane.clock
	timer := time.NewTimer(clock.Between(t.group.plane.firstCheck.Least, t.group.plane.firstCheck.Most))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		begun := time.Now()
		check := t.group.check.Load()
		verdict := check.ask(ctx, t)
		if ctx.Err() != nil {
			return
		}
		t.record(check, verdict)
		timer.Reset(max(0, clock.Scaled(check.Interval)-time.Since(begun)))
	}
}

// record applies the thresholds. Behind an application load balancer one success is enough for a target that has not
// been judged yet ("Health checks for target groups", ALB guide: a new target must pass one health check).
func (t *Target) record(check *Check, verdict Health) {
	t.group.mu.Lock()
	defer t.group.mu.Unlock()
	before := t.health
	if verdict.State == Healthy {
		t.good, t.bad = t.good+1, 0
		if before.State == Initial && !t.group.network() || t.good >= check.Healthy {
			t.health = verdict
		}
	} else {
		t.good, t.bad = 0, t.bad+1
		if before.State == Unhealthy || t.bad >= check.Unhealthy {
			t.health = verdict
		}
	}
	if t.health.State != before.State {
		t.healthySince = time.Time{}
		if t.health.State == Healthy {
			t.healthySince = time.Now()
			t.group.beginRamp(t)
		}
		if t.health.State == Unhealthy {
			t.drop()
		}
		t.group.refresh()
	}
}

func timedOut(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}
