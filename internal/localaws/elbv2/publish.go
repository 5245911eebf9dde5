package elbv2

import "github.com/sluice-lb/sluice/internal/localaws/balancer"

// Address says where a listener can be reached.
type Address struct {
	DNSName string
	Port    int
	Address string // host:port to connect to
}

// Reachable lists where all listeners can be reached now.
func (s *Service) Reachable() []Address {
	s.mu.Lock()
	fronts := make([]*balancer.Front, len(s.balancers))
	names := make([]string, len(s.balancers))
	for i, b := range s.balancers {
		fronts[i], names[i] = b.front, b.dnsName
	}
	s.mu.Unlock()
	var all []Address
	for i, front := range fronts {
		for _, bound := range front.Bound() {
			all = append(all, Address{DNSName: names[i], Port: bound.Port, Address: bound.Address.String()})
		}
	}
	return all
}

// publish sends what a load balancer is to do now on its way to the data plane. It is made into a table at once: what
// changes after this call arrives with a later table, not early with this one. Before the load balancer is active
// nothing is sent, since the end of provisioning sends all there is.
func (s *Service) publish(b *loadBalancer) {
	if !b.active {
		return
	}
	table, version := s.table(b), b.nextVersion()
	s.later(func() { s.apply(b, version, table) })
}

// publishNow makes a load balancer do at once what it should.
func (s *Service) publishNow(b *loadBalancer) {
	s.apply(b, b.nextVersion(), s.table(b))
}

func (b *loadBalancer) nextVersion() uint64 {
	b.version++
	return b.version
}

func (s *Service) apply(b *loadBalancer, version uint64, table *balancer.Table) {
	b.front.Apply(version, table)
	for g := range s.groupsOf(b) {
		s.settle(g)
	}
}

// publishGroup sends the settings of a group on their way. Of two changes the later one wins, whichever arrives first.
func (s *Service) publishGroup(g *targetGroup) {
	g.version++
	version := g.version
	check, settings := g.settings.check.forPlane(g.settings.version), g.forPlane()
	s.later(func() {
		if version > g.applied {
			g.applied = version
			g.pool.SetCheck(check)
			g.pool.Configure(settings)
		}
	})
}
