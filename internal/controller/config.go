package controller

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/plan"
	"github.com/sluice-lb/sluice/internal/readiness"
)

// Mode is how much of the work is done (flag --mode).
type Mode string

// The modes.
const (
	// Full: load balancers are made and changed, targets registered, gates kept.
	Full Mode = "full"
	// GatesOnly: gates are kept for target groups that somebody else owns and registers
	// targets in; nothing is changed in AWS.
	GatesOnly Mode = "gates-only"
	// Observe: nothing is changed at all; what gates would have done is measured.
	Observe Mode = "observe"
)

// Modes are all there are.
func Modes() []Mode { return []Mode{Full, GatesOnly, Observe} }

// Registers reports whether targets are registered by this controller, and by nobody else.
func (m Mode) Registers() bool { return m == Full }

// Config of all controllers.
type Config struct {
	Mode  Mode
	Build build.Config
	// BackendSecurityGroup is used in the place of one that is made for all load balancers to
	// share (flag --backend-security-group).
	BackendSecurityGroup string
	// IngressClass is the value of the old class annotation (flag --ingress-class).
	IngressClass string
	// UnreadyGrace is how long a Pod may be unready before its target goes.
	UnreadyGrace time.Duration
	// BrakeDeletions is how many load balancers, or bindings, may go within ten minutes
	// before the rest is held; 0: all.
	BrakeDeletions int
	// BrakeTargets is the share of a group's healthy targets that may go at once although
	// their Pods run on.
	BrakeTargets float64
	// GateNaming is which names of gates are injected.
	GateNaming readiness.Naming
	// ClaimDeadline is how long a wrong or missing claim holds a Pod; 0 for ever.
	ClaimDeadline time.Duration
	// HealthSampleInterval is how old the health of targets that nobody waits for may
	// become; 0: it is not asked for.
	HealthSampleInterval time.Duration
	// DriftInterval is the time between two rounds that look for changes which somebody
	// else has made in AWS; 0: none.
	DriftInterval time.Duration
	// DryRun: nothing is changed, what would be is logged.
	DryRun bool
	// Lease of the leader; without a name there is no leader election.
	Lease types.NamespacedName
	// IngressWorkers and BindingWorkers bound how many stacks and target groups are
	// worked on side by side (flags --ingress-max-concurrent-reconciles and
	// --targetgroupbinding-max-concurrent-reconciles).
	IngressWorkers, BindingWorkers int
}

func (c Config) planOptions() plan.Options {
	return plan.Options{ExternalTags: c.Build.ExternalTags}
}

// podWorkers bounds how many Pods are written side by side: the API server of a busy
// cluster should not feel a rollout of a thousand Pods.
const podWorkers = 20
