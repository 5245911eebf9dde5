package targets

import (
	"slices"
	"time"

	"github.com/sluice-lb/sluice/internal/model"
)

// Hold says why targets stay although no endpoint stands for them any more.
type Hold string

// The reasons to hold.
const (
	NotHeld Hold = ""
	// UntilOthersServe: the Service selects other Pods now, and those are not healthy in
	// the load balancer yet.
	UntilOthersServe Hold = "UntilOthersServe"
	// UntilConfirmed: the Service has no endpoint at all, while the targets serve. Their
	// Pods may be unselected by mistake, or the list of endpoints may be empty by mistake.
	UntilConfirmed Hold = "UntilConfirmed"
)

// OthersWithin bounds how long targets wait for others to take over.
const OthersWithin = 5 * time.Minute

// orphans says what becomes of registered addresses that no endpoint has. They go at
// once where that does no harm: their Pod is ending, AWS does not send them requests, or
// enough others are healthy.
func (c *Changes) orphans(endpoints []Endpoint, registered map[model.TargetID]Registration, settings Settings) {
	current, ending := map[model.TargetID]bool{}, map[model.TargetID]bool{}
	for _, endpoint := range endpoints {
		if endpoint.Ending {
			ending[endpoint.Address] = true
		} else {
			current[endpoint.Address] = true
		}
	}
	var serving []model.TargetID
	for address, target := range registered {
		switch {
		case current[address] || target.Draining:
		case ending[address] || !target.mayServe() || settings.Confirmed || !target.Running && (target.Seen || len(current) > 0):
			c.Deregister = append(c.Deregister, address)
		default:
			serving = append(serving, address)
		}
	}
	c.Hold = settings.hold(len(serving), current, registered)
	if c.Hold == NotHeld {
		c.Deregister = append(c.Deregister, serving...)
		return
	}
	c.Held = serving
	if c.Hold == UntilOthersServe {
		c.again(max(OthersWithin-settings.HeldFor, time.Second))
		if len(c.Register) > 0 {
			c.again(time.Second) // they are successors as well, once they are registered
		}
		for address := range current {
			if target, known := registered[address]; known && !target.Draining && target.Health != model.Healthy {
				c.Successors = append(c.Successors, address)
			}
		}
		slices.SortFunc(c.Successors, model.TargetID.Compare)
	}
}

// hold decides for orphans that serve.
func (s Settings) hold(leaving int, current map[model.TargetID]bool, registered map[model.TargetID]Registration) Hold {
	healthy := 0
	for address := range current {
		if target := registered[address]; target.Health == model.Healthy && !target.Draining {
			healthy++
		}
	}
	switch {
	case leaving == 0 || float64(leaving) <= s.LargestShare*float64(leaving+healthy):
		return NotHeld
	case len(current) == 0:
		return UntilConfirmed
	case healthy == len(current) || s.HeldFor >= OthersWithin:
		return NotHeld
	}
	return UntilOthersServe
}

// mayServe reports whether the load balancer may send requests to the target. One that was
// new when AWS was asked may be healthy by now: nobody asks on behalf of Pods without gates.
func (r Registration) mayServe() bool {
	return r.Health == model.Healthy || r.Health == model.Initial || r.Health == ""
}
