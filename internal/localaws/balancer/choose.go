package balancer

import (
	"math/rand/v2"
	"slices"
	"time"
)

// eligible is who gets requests. It is not changed once it is in force.
type eligible struct {
	targets []*Target
	ramps   []time.Time // when each one's slow start began; nil if none has one
}

// refresh recomputes who gets requests: the healthy; or all, if fewer are healthy than the group's minimum (fail-open,
// "Health checks for target groups" in the ALB guide). A group without any healthy target does not open while a target
// is still initial: a new group gives 503 until its first check, and not errors of targets that have not started yet.
// The caller holds g.mu.
func (g *Group) refresh() {
	settings := g.settings.Load()
	next := &eligible{targets: make([]*Target, 0, len(g.targets))}
	initial := 0
	for _, t := range g.targets {
		switch t.health.State {
		case Healthy:
			next.targets = append(next.targets, t)
		case Initial:
			initial++
		case Unhealthy:
		}
	}
	if healthy := len(next.targets); healthy < settings.minimum(len(g.targets)) && (healthy > 0 || initial == 0) {
		next.targets = slices.DeleteFunc(slices.Clone(g.targets), func(t *Target) bool { return t.health.State == Initial })
	}
	for i, t := range next.targets {
		if !t.ramp.IsZero() {
			if next.ramps == nil {
				next.ramps = make([]time.Time, len(next.targets))
			}
			next.ramps[i] = t.ramp
		}
	}
	g.eligible.Store(next)
}

// minimum is how many of the targets must be healthy for the others to get nothing.
func (s *Settings) minimum(targets int) int {
	const percent = 100
	return max(1, s.MinHealthyCount, (targets*s.MinHealthyPercent+percent-1)/percent)
}

// beginRamp is called for a target that has just become healthy. Its slow start begins, unless it is one of the first of
// an empty group, or there is no other healthy target that has ended its own: somebody must take the load ("Slow start
// mode", ALB guide). The caller holds g.mu.
func (g *Group) beginRamp(t *Target) {
	t.ramp = time.Time{}
	slow := g.plane.clock.Scaled(g.settings.Load().SlowStart)
	first := t.first
	t.first = false
	if slow == 0 || first {
		return
	}
	now := time.Now()
	if slices.ContainsFunc(g.targets, func(other *Target) bool {
		return other != t && other.health.State == Healthy && now.Sub(other.ramp) >= slow
	}) {
		t.ramp = now
	}
}

// pick chooses the target of the next request, or nil if there is none.
func (g *Group) pick() *Target {
	now := g.eligible.Load()
	if len(now.targets) == 0 {
		return nil
	}
	settings := g.settings.Load()
	if now.ramps != nil && settings.SlowStart != 0 {
		if t := g.pickRamping(now, settings); t != nil {
			return t
		}
	}
	switch settings.Algorithm {
	case LeastOutstanding:
		return slices.MinFunc(now.targets, func(a, b *Target) int {
			return int(a.outstanding.Load() - b.outstanding.Load())
		})
	case WeightedRandom:
		return now.targets[rand.IntN(len(now.targets))]
	default:
		return now.targets[g.turn.Add(1)%uint64(len(now.targets))]
	}
}

// pickRamping gives targets in slow start a share that grows linearly to a full one. It returns nil when all have it.
func (g *Group) pickRamping(now *eligible, settings *Settings) *Target {
	const full = 1 << 10
	slow := g.plane.clock.Scaled(settings.SlowStart)
	weights, total := make([]uint64, len(now.targets)), uint64(0)
	for i, begun := range now.ramps {
		weights[i] = full
		if elapsed := time.Since(begun); elapsed < slow {
			weights[i] = uint64(full * elapsed / slow)
		}
		total += weights[i]
	}
	if total == uint64(full*len(weights)) {
		return nil
	}
	point := evenly(&g.turn) * total >> 32
	for i, weight := range weights {
		if point < weight {
			return now.targets[i]
		}
		point -= weight
	}
	return nil
}
