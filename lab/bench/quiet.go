package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// awaitQuiet returns all calls until nothing but samples of targets' health has been said for a
// while, and when the last other call was. Samples go on for ever, so they cannot be waited for,
// but those that fell in this time are counted.
func (b *bench) awaitQuiet(ctx context.Context) ([]localaws.Call, time.Time, error) {
	var calls []localaws.Call
	last, said := time.Now(), -1
	err := b.await(ctx, func(ctx context.Context) (missing string, err error) {
		if calls, err = b.admin.Calls(ctx, false); err != nil {
			return "", err
		}
		if n := total(calls) - samples(calls); n != said {
			last, said = time.Now(), n
		}
		if time.Since(last) < quiet {
			return fmt.Sprintf("%d calls, the last one %s ago", total(calls), time.Since(last).Round(time.Second)), nil
		}
		return "", nil
	})
	return calls, last, err
}

// samples counts questions about health: no gate waits here, so they belong to the slow rounds.
func samples(calls []localaws.Call) int {
	n := 0
	for _, c := range calls {
		if c.Operation == "DescribeTargetHealth" {
			n += c.Count
		}
	}
	return n
}
