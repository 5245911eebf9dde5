package targets

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// Registration is what is known of an address that is in the target group.
type Registration struct {
	// Pod that it is registered for; empty while that is not known.
	Pod types.UID
	// Doubtful: it was sent for its Pod, and AWS has not answered: it may not be there.
	Doubtful bool
	// Draining: it is on its way out and cannot come back before it is gone.
	Draining bool
	// Health is the last answer of AWS; empty while there is none.
	Health model.HealthState
	// Running: its Pod is there and not ending. Where it is not known for whom it is
	// registered, any Pod that has the address.
	Running bool
	// Seen: this process has seen its Pod. If it does not run any more, it is gone.
	Seen bool
}

// Settings of the plan.
type Settings struct {
	// UnreadyGrace is how long a Pod may be unready before its target goes (flag
	// --unready-grace): an address that went cannot come back before its
	// deregistration delay is over, so a blip must not cost minutes.
	UnreadyGrace time.Duration
	// LargestShare of a group's healthy targets may go at once although their Pods run
	// on (flag --brake-targets): 0.5 is half of them; 1 or more is no brake.
	LargestShare float64
	// HeldFor is how long targets have been held already.
	HeldFor time.Duration
	// Confirmed: somebody has said that what is held may go.
	Confirmed bool
}

// Changes are what has to happen to a target group now.
type Changes struct {
	Register   []Endpoint
	Deregister []model.TargetID
	// Adopt are endpoints whose address is registered already, from a Pod that had it
	// before. Taking it out would lock it for the deregistration delay.
	Adopt []Endpoint
	// Remember are endpoints whose registration a former process made.
	Remember []Endpoint
	// Locked are endpoints whose address is draining from an earlier registration. It
	// cannot be registered before AWS says that it is gone.
	Locked []Endpoint
	// Held are addresses that have no endpoint and stay all the same, and Hold is why.
	Held []model.TargetID
	Hold Hold
	// Successors are registered addresses that targets are held for until these are healthy.
	Successors []model.TargetID
	// Doubted are endpoints whose address may be registered for a Pod that had it before. What
	// to do follows when AWS has said.
	Doubted []Endpoint
	// Recheck is when to plan again without an event; 0 for never.
	Recheck time.Duration
}

// lastRecheck is how often the last targets, which are unready, are looked at again.
const lastRecheck = 5 * time.Second

// Plan compares the endpoints of a Service port with what is registered.
//
//	endpoint      | registered for it | for another Pod     | draining | not registered
//	ready         | keep              | adopt or remember   | wait     | register
//	ready         | again if doubtful | ask if doubtful     |          |
//	unready       | keep for a grace  | as is or remember   | –        | –
//	ending        | deregister        | deregister          | –        | –
//	none          | deregister, or hold (see Hold)          | –        |
func Plan(now time.Time, endpoints []Endpoint, registered map[model.TargetID]Registration, settings Settings) Changes {
	var changes Changes
	var unready []model.TargetID
	serving := false // a target whose Pod is ready
	for _, endpoint := range endpoints {
		if endpoint.Ending {
			continue
		}
		switch target, known := registered[endpoint.Address]; {
		case known && target.Draining:
			if endpoint.Ready {
				changes.Locked = append(changes.Locked, endpoint)
			}
		case endpoint.Ready && (!known || target.Doubtful && target.Pod == endpoint.UID):
			changes.Register = append(changes.Register, endpoint)
		case endpoint.Ready && target.Doubtful:
			changes.Doubted = append(changes.Doubted, endpoint)
		case known && endpoint.Ready:
			changes.own(endpoint, target)
			serving = true
		case known:
			unready = append(unready, changes.unready(now, endpoint, target, settings)...)
		}
	}
	// Never the last targets for unreadiness alone: the load balancer would answer 503
	// where it now tries. What is about to be registered does not serve yet.
	switch {
	case serving:
		changes.Deregister = unready
	case len(unready) > 0 && len(changes.Register) > 0:
		changes.again(lastRecheck)
	}
	changes.orphans(endpoints, registered, settings)
	slices.SortFunc(changes.Deregister, model.TargetID.Compare)
	slices.SortFunc(changes.Held, model.TargetID.Compare)
	return changes
}

// unready says whether an endpoint's target has been unready for longer than the
// grace. A target that is, or may be, an earlier Pod's is left for this one to adopt: a
// Pod that takes long to start would find its address locked.
func (c *Changes) unready(now time.Time, endpoint Endpoint, target Registration, settings Settings) []model.TargetID {
	if target.Pod == "" && endpoint.Judging {
		c.Remember = append(c.Remember, endpoint)
	} else if target.Pod != endpoint.UID {
		return nil
	}
	if left := endpoint.Since.Add(settings.UnreadyGrace).Sub(now); left > 0 {
		c.again(left)
		return nil
	}
	return []model.TargetID{endpoint.Address}
}

// own settles for which Pod a registered address counts.
func (c *Changes) own(endpoint Endpoint, target Registration) {
	switch {
	case target.Pod == endpoint.UID:
	case target.Pod == "" && endpoint.Judging:
		c.Remember = append(c.Remember, endpoint)
	default:
		c.Adopt = append(c.Adopt, endpoint)
	}
}

func (c *Changes) again(in time.Duration) {
	if c.Recheck == 0 || in < c.Recheck {
		c.Recheck = in
	}
}
