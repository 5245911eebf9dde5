package elbv2

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// target is a registration. Its life:
//
//	registered ──1–3 s──▶ admitted: in the data plane, health is checked while the group is in use
//	draining   ──1–3 s──▶ no new requests ──rest of the deregistration delay──▶ gone, its last requests cut off
type target struct {
	id   string
	port int
	zone string // as shown: detected, or as given
	addr netip.AddrPort

	registered time.Time
	admitted   bool // registration is through
	draining   bool
	leaving    bool             // the data plane has heard that it is draining
	member     *balancer.Target // what the data plane has of it, or nil
}

type targetInput struct {
	ID   string `form:"Id" required:"true"`
	Port *int   `range:"1,65535"`
	Zone string `form:"AvailabilityZone"`
	QUIC string `form:"QuicServerId" range:"1,256"`
}

type targetsInput struct {
	groupInput
	Targets []targetInput `required:"true"`
}

// registerTargets registers all targets of a call, or none.
func (s *Service) registerTargets(in targetsInput) (wire.Empty, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	var fresh []*target
	for _, given := range in.Targets {
		t, err := s.newTarget(g, given)
		if err != nil {
			return wire.Empty{}, err
		}
		have := g.target(t.id, t.port)
		switch {
		case have != nil && have.draining && s.RefuseDraining:
			return wire.Empty{}, wire.Errorf("InvalidTarget", "The target '%s' on port %d is still being deregistered", t.id, t.port)
		case have != nil, slices.ContainsFunc(fresh, func(f *target) bool { return f.id == t.id && f.port == t.port }):
			continue // registered already, or draining and to stay so
		}
		fresh = append(fresh, t)
	}
	if err := s.checkTargetQuotas(g, len(fresh)); err != nil {
		return wire.Empty{}, err
	}
	for _, t := range fresh {
		t.registered = time.Now()
		g.targets = append(g.targets, t)
		s.after(s.admission(g), func() {
			t.admitted = true
			s.settle(g)
		})
	}
	return wire.Empty{}, nil
}

// admission is how long a registration takes to arrive in the data plane.
func (s *Service) admission(g *targetGroup) time.Duration {
	if g.settings.forHTTP() {
		return s.Clock.Of(s.Delays.Propagation)
	}
	return s.Clock.Of(s.Delays.Admission)
}

func (g *targetGroup) target(id string, port int) *target {
	return find(g.targets, func(t *target) bool { return t.id == id && t.port == port })
}

// newTarget checks what a call wants to register.
func (s *Service) newTarget(g *targetGroup, in targetInput) (*target, error) {
	t := &target{id: in.ID, port: g.settings.port, zone: in.Zone}
	if in.Port != nil {
		t.port = *in.Port
	}
	var addr netip.Addr
	var err error
	switch {
	case in.QUIC != "":
		err = wire.Errorf("InvalidTarget", "A QUIC server ID cannot be specified for target groups of protocol %s", g.settings.protocol)
	case g.settings.targetType == "alb":
		addr, err = s.locateBalancer(g, t)
	case g.settings.targetType == "instance":
		addr, t.zone, err = s.locateInstance(g, in)
	default:
		addr, t.zone, err = s.locateAddress(g, in)
	}
	t.addr = netip.AddrPortFrom(addr, uint16(t.port))
	return t, err
}

func (s *Service) locateInstance(g *targetGroup, in targetInput) (netip.Addr, string, error) {
	addr, zone, found := s.Network.InstanceAddress(g.settings.vpcID, in.ID)
	if !found {
		return addr, "", wire.Errorf("InvalidTarget", "The following targets are not in the target group VPC '%s': '%s'", g.settings.vpcID, in.ID)
	}
	if in.Zone != "" {
		return addr, "", wire.Errorf("ValidationError", "An Availability Zone cannot be specified for the instance '%s'", in.ID)
	}
	return addr, zone, nil
}

// outsideRanges are the addresses outside its VPC that a group may have (API reference, TargetDescription).
var outsideRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
}

func (s *Service) locateAddress(g *targetGroup, in targetInput) (netip.Addr, string, error) {
	addr, err := netip.ParseAddr(in.ID)
	if isIPv6 := g.settings.addressType == "ipv6"; err != nil || addr.Is4() == isIPv6 {
		return addr, "", wire.Errorf("ValidationError", "The IP address '%s' is not a valid %s address", in.ID, g.settings.addressType)
	}
	zone, inside := s.Network.Locate(g.settings.vpcID, addr)
	switch {
	case inside && in.Zone != "":
		return addr, in.Zone, nil
	case inside:
		return addr, zone, nil
	case in.Zone == "":
		return addr, "", wire.Errorf("ValidationError",
			"The IP address '%s' is outside the VPC '%s': you must specify an Availability Zone", in.ID, g.settings.vpcID)
	case !slices.ContainsFunc(outsideRanges, func(p netip.Prefix) bool { return p.Contains(addr) }):
		return addr, "", wire.Errorf("ValidationError", "The IP address '%s' is not in one of the ranges that targets outside the VPC can have", in.ID)
	}
	return addr, in.Zone, nil
}

func (s *Service) checkTargetQuotas(g *targetGroup, fresh int) error {
	most := s.Limits[quota.TargetsPerTargetGroup]
	if g.settings.targetType == "alb" {
		most = 1
	}
	if len(g.targets)+fresh > most {
		return wire.Errorf("TooManyTargets", "The maximum number of targets has been reached on target group '%s'", g.arn)
	}
	b := s.balancerOf(g)
	if b == nil {
		return nil
	}
	for used := range s.groupsOf(b) {
		fresh += len(used.targets)
	}
	if fresh > s.Limits[b.targetQuota()] {
		return wire.Errorf("TooManyTargets", "The maximum number of targets has been reached on load balancer '%s'", b.arn)
	}
	return nil
}

// deregisterTargets succeeds also for targets that are not registered (API reference, DeregisterTargets).
func (s *Service) deregisterTargets(in targetsInput) (wire.Empty, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	for _, given := range in.Targets {
		port := g.settings.port
		if given.Port != nil {
			port = *given.Port
		}
		if t := g.target(given.ID, port); t != nil && !t.draining {
			s.drain(g, t)
		}
	}
	return wire.Empty{}, nil
}

// drain begins the end of a target. In a group that no load balancer uses there is nothing to drain, and it is gone at
// once. Otherwise the API shows it as draining for the whole delay, whether it has requests or not.
func (s *Service) drain(g *targetGroup, t *target) {
	t.draining = true
	if s.balancerOf(g) == nil {
		s.finish(g, t)
		return
	}
	seconds, _ := strconv.Atoi(g.attribute("deregistration_delay.timeout_seconds")) // checked when it was set
	heard := s.Clock.Of(s.Delays.Propagation)
	gone := s.Clock.Scaled(time.Duration(seconds) * time.Second)
	s.after(heard, func() {
		t.leaving = true
		s.settle(g)
	})
	s.after(gone, func() { s.forgetTarget(g, t) })
	s.after(max(heard, gone), func() { s.finish(g, t) })
}

// forgetTarget takes a target out of the API.
func (s *Service) forgetTarget(g *targetGroup, t *target) {
	g.targets = slices.DeleteFunc(slices.Clone(g.targets), func(other *target) bool { return other == t })
}

// finish takes a target out of everything, and cuts off the requests that it still has.
func (s *Service) finish(g *targetGroup, t *target) {
	s.forgetTarget(g, t)
	t.leaving = true
	if t.member != nil {
		g.pool.Remove(t.member)
		t.member.Cut()
		t.member = nil
	}
}

// settle brings the data plane's members of a group in line: those that are admitted, not leaving, and in a zone that
// the load balancer has enabled.
func (s *Service) settle(g *targetGroup) {
	b := s.balancerOf(g)
	for _, t := range g.targets {
		wanted := t.admitted && !t.leaving && s.zoneEnabled(b, t)
		switch {
		case wanted && t.member == nil:
			t.member = s.join(g, t)
		case !wanted && t.member != nil:
			g.pool.Remove(t.member) // running requests go on; finish cuts them off
			if !t.leaving {
				t.member = nil
			}
		}
	}
}

// join makes a target a member of the data plane's group.
func (s *Service) join(g *targetGroup, t *target) *balancer.Target {
	if g.settings.targetType == "alb" {
		if b, err := s.balancer(t.id); err == nil {
			return g.pool.AddFront(b.front, t.port)
		}
	}
	return g.pool.Add(t.addr)
}

// zoneEnabled reports whether the load balancer has a subnet in the target's zone, where that is known.
func (s *Service) zoneEnabled(b *loadBalancer, t *target) bool {
	if b == nil || t.zone == "" || t.zone == "all" {
		return true
	}
	return slices.ContainsFunc(b.settings.subnets(), func(id string) bool {
		info, _ := s.Network.Subnet(id)
		return info.Zone == t.zone
	})
}
