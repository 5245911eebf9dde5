package controller

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
)

// leading is there in every replica, so that its absence means that none runs. It is not
// controller-runtime's own metric, which every controller in the cluster may have, and which
// says nothing where no lease is asked for.
var leading = prometheus.NewGaugeVec(prometheus.GaugeOpts{
	Name: "sluice_leader",
	Help: "Whether this replica acts (1) or stands by (0), by mode (full, gates-only, observe, or dry-run).",
}, []string{"mode"})

// leader says that this replica acts, as long as it does.
type leader struct{ gauge prometheus.Gauge }

func addLeader(manager ctrl.Manager, config Config) error {
	mode := string(config.Mode)
	if config.DryRun {
		mode = "dry-run"
	}
	gauge := leading.WithLabelValues(mode)
	gauge.Set(0)
	if err := manager.Add(leader{gauge}); err != nil {
		return fmt.Errorf("adding the metric of leadership: %w", err)
	}
	return nil
}

// NeedLeaderElection starts it with the lease.
func (l leader) NeedLeaderElection() bool { return true }

// Start runs until the lease is lost.
func (l leader) Start(ctx context.Context) error {
	l.gauge.Set(1)
	defer l.gauge.Set(0)
	<-ctx.Done()
	return nil
}
