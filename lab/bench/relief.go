package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

// ReliefReport is what Relief measured. Seconds are from the end of the outage.
type ReliefReport struct {
	OutageSeconds float64 `json:"outageSeconds"`
	// Healthy counts the Pods whose targets were healthy when the outage ended and whose gates
	// were closed; OpenSeconds is when the last of these gates opened.
	Healthy     int     `json:"healthy"`
	OpenSeconds float64 `json:"openSeconds"`
	// Pending counts the Pods that were not registered when the outage ended; RegisterSeconds
	// is when the last of them was.
	Pending         int     `json:"pending"`
	RegisterSeconds float64 `json:"registerSeconds"`
	// OpenedWrongly counts gates that opened before AWS called their target healthy.
	OpenedWrongly int `json:"openedWrongly"`
}

// WriteJSON writes the report as one line of JSON.
func (r *ReliefReport) WriteJSON(out io.Writer) error { return json.NewEncoder(out).Encode(r) }

// WriteText writes the report for people.
func (r *ReliefReport) WriteText(out io.Writer) error {
	_, err := fmt.Fprintf(out, "after %.0f s in which AWS throttled every call: %d gates whose targets were healthy were open after %.1f s, %d targets registered after %.1f s, %d gates opened wrongly\n",
		r.OutageSeconds, r.Healthy, r.OpenSeconds, r.Pending, r.RegisterSeconds, r.OpenedWrongly)
	return err
}

// Relief lets AWS throttle every call for a while, with twenty groups of ten Pods that wait, half of
// them not registered yet, and measures what follows.
func Relief(ctx context.Context, config Config, outage time.Duration) (*ReliefReport, error) {
	return run(ctx, config, func(b *bench, ctx context.Context) (*ReliefReport, error) { return b.relief(ctx, outage) })
}

func (b *bench) relief(ctx context.Context, outage time.Duration) (*ReliefReport, error) {
	const groups, half = 20, 5
	if err := b.gateScene(ctx, groups, 0); err != nil {
		return nil, err
	}
	pods, err := b.watchPods(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := b.oneByOne(ctx, groups, half, 0); err != nil {
		return nil, err
	}
	if err := b.awaitTargets(ctx, groups*half); err != nil {
		return nil, err
	}
	b.say("AWS throttles every call for %s", outage)
	if _, err := b.admin.AddFault(ctx, fault.Rule{Code: "Throttling"}); err != nil {
		return nil, err
	}
	if err := b.oneByOne(ctx, groups, 2*half, 0); err != nil {
		return nil, err
	}
	select {
	case <-time.After(outage):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if _, err := b.admin.ClearFaults(ctx); err != nil {
		return nil, err
	}
	relieved := time.Now()
	b.say("and no more")
	list, err := b.awaitOpen(ctx, pods, began, groups*2*half)
	if err != nil {
		return nil, err
	}
	return reliefOf(list, relieved, outage), nil
}

// awaitTargets waits until AWS has so many targets.
func (b *bench) awaitTargets(ctx context.Context, count int) error {
	return b.await(ctx, func(ctx context.Context) (string, error) {
		targets, err := b.admin.Targets(ctx)
		if err != nil || len(targets) >= count {
			return "", err
		}
		return fmt.Sprintf("%d of %d targets are registered", len(targets), count), nil
	})
}

func reliefOf(list []moments, relieved time.Time, outage time.Duration) *ReliefReport {
	after := func(list []moments, at func(moments) time.Time) float64 {
		var last time.Duration
		for _, m := range list {
			last = max(last, at(m).Sub(relieved))
		}
		return last.Round(time.Millisecond).Seconds()
	}
	wrong := slices.DeleteFunc(slices.Clone(list), func(m moments) bool { return !m.open.Before(m.healthy) })
	healthy := slices.DeleteFunc(slices.Clone(list), func(m moments) bool { return m.healthy.After(relieved) || m.open.Before(relieved) })
	pending := slices.DeleteFunc(slices.Clone(list), func(m moments) bool { return m.registered.Before(relieved) })
	return &ReliefReport{
		OutageSeconds: outage.Seconds(), Healthy: len(healthy), Pending: len(pending), OpenedWrongly: len(wrong),
		OpenSeconds:     after(healthy, func(m moments) time.Time { return m.open }),
		RegisterSeconds: after(pending, func(m moments) time.Time { return m.registered }),
	}
}
