package health_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/model"
)

// Each group with targets is asked about once an interval, one after the other, and an
// empty one never.
func TestSamplerAsksEachGroupOnceAnInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		book := health.NewBook()
		target := health.Target{Address: model.TargetAt(netip.MustParseAddrPort("10.0.0.1:80")), Pod: "a"}
		book.Restore("a", []health.Target{target})
		book.Restore("b", []health.Target{target})
		book.Restore("empty", nil)
		began := time.Now()
		var asked []string
		sampler := &health.Sampler{
			Book: book, Interval: 5 * time.Minute, Notify: func(string) {},
			Ask: func(_ context.Context, group string) ([]model.TargetHealth, error) {
				asked = append(asked, group+" after "+time.Since(began).String())
				return []model.TargetHealth{{Address: target.Address, State: model.Healthy}}, nil
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Minute)
		defer cancel()
		if err := sampler.Start(ctx); err != nil {
			t.Fatal(err)
		}
		want := []string{"a after 5m4s", "b after 5m6s", "a after 10m6s", "b after 10m8s"}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
	})
}
