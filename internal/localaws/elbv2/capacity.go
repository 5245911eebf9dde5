package elbv2

import (
	"net/http"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// capacity is the load balancer capacity units that are reserved ("Capacity reservations", ALB guide).
type capacity struct {
	units     int
	pending   bool
	modified  time.Time
	decreases int // of this day
}

// The numbers of "Capacity reservations" in the ALB guide and the NLB guide.
const (
	leastUnitsApplication = 100
	leastUnitsNetwork     = 2750
	decreasesPerDay       = 2
)

type capacityUnits struct {
	Units int `form:"CapacityUnits" xml:"CapacityUnits"`
}

type modifyCapacityInput struct {
	balancerInput
	Minimum *capacityUnits `form:"MinimumLoadBalancerCapacity"`
	Reset   bool           `form:"ResetCapacityReservation"`
}

type capacityOutput struct {
	Modified  string         `xml:"LastModifiedTime,omitempty"`
	Remaining int            `xml:"DecreaseRequestsRemaining"`
	Minimum   *capacityUnits `xml:"MinimumLoadBalancerCapacity"`
	Zones     []zoneCapacity `xml:"CapacityReservationState>member"`
}

type zoneCapacity struct {
	State string  `xml:"State>Code"`
	Zone  string  `xml:"AvailabilityZone"`
	Units float64 `xml:"EffectiveCapacityUnits"`
}

func (s *Service) capacityOutput(b *loadBalancer) capacityOutput {
	out := capacityOutput{Remaining: decreasesPerDay - b.capacity.decreases}
	if !b.capacity.modified.IsZero() {
		out.Modified = timestamp(b.capacity.modified)
	}
	if b.capacity.units == 0 {
		return out
	}
	out.Minimum = &capacityUnits{b.capacity.units}
	zones := s.zones(b)
	for _, z := range zones {
		state := zoneCapacity{State: "provisioned", Zone: z.Name, Units: float64(b.capacity.units) / float64(len(zones))}
		if b.capacity.pending {
			state.State, state.Units = "pending", 0
		}
		out.Zones = append(out.Zones, state)
	}
	return out
}

func (s *Service) describeCapacityReservation(in balancerInput) (capacityOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return capacityOutput{}, err
	}
	return s.capacityOutput(b), nil
}

func (s *Service) modifyCapacityReservation(in modifyCapacityInput) (capacityOutput, error) {
	b, err := s.balancer(in.ARN)
	if err != nil {
		return capacityOutput{}, err
	}
	units := 0
	if in.Minimum != nil {
		units = in.Minimum.Units
	}
	if err := s.checkCapacity(b, in, units); err != nil {
		return capacityOutput{}, err
	}
	if units < b.capacity.units && units > 0 {
		b.capacity.decreases++
	}
	b.capacity.units, b.capacity.modified, b.capacity.pending = units, time.Now(), units > 0
	s.after(s.Clock.Of(s.Delays.Provisioning), func() { b.capacity.pending = false })
	return s.capacityOutput(b), nil
}

func (s *Service) checkCapacity(b *loadBalancer, in modifyCapacityInput, units int) error {
	least, reserved := leastUnitsApplication, units
	if b.settings.kind == network {
		least = leastUnitsNetwork
	}
	for _, other := range s.balancers {
		if other != b {
			reserved += other.capacity.units
		}
	}
	switch {
	case in.Reset == (in.Minimum != nil):
		return wire.Errorf("ValidationError", "You must specify either MinimumLoadBalancerCapacity or ResetCapacityReservation")
	case b.capacity.pending:
		return &wire.Error{Status: http.StatusTooManyRequests, Code: "PriorRequestNotComplete", Message: "The prior request for load balancer '" + b.arn + "' is not complete"}
	case in.Reset:
		return nil
	case units < least:
		return wire.Errorf("InvalidConfigurationRequest", "At least %d capacity units must be reserved", least)
	case units > s.Limits[quota.CapacityUnitsPerBalancer] || reserved > s.Limits[quota.CapacityUnits]:
		return wire.Errorf("CapacityUnitsLimitExceeded", "The maximum number of capacity units has been reached")
	case units < b.capacity.units && b.capacity.decreases >= decreasesPerDay:
		return wire.Errorf("CapacityDecreaseRequestLimitExceeded", "The maximum number of decreases of today has been reached")
	}
	return nil
}
