package elbv2

import (
	"slices"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// changed is called after every change to the listeners or rules of a load balancer: what it uses now may no longer be
// deleted, what it used may be after a while (facts: AWS answers ResourceInUse for some seconds after the last use is
// gone), and the data plane hears of it all.
func (s *Service) changed(b *loadBalancer) {
	now := b.uses()
	for arn := range b.used {
		if !now[arn] {
			s.lingering[arn] = time.Now().Add(s.Clock.Of(s.Delays.InUse))
		}
	}
	for arn := range now {
		delete(s.lingering, arn)
	}
	b.used = now
	s.reportCertificates(b)
	s.after(s.Clock.Of(s.Delays.InUse), func() { s.reportCertificates(b) })
	s.publish(b)
}

// reportCertificates tells the certificates' side what a load balancer uses, or used until a moment ago.
func (s *Service) reportCertificates(b *loadBalancer) {
	var arns []string
	for _, l := range b.listeners {
		if l.tls.certificate != "" {
			arns = append(arns, l.tls.certificate)
		}
		arns = append(arns, l.more...)
	}
	for _, arn := range b.certificates {
		if until, ok := s.lingering[arn]; ok && time.Now().Before(until) {
			arns = append(arns, arn)
		}
	}
	slices.Sort(arns)
	b.certificates = slices.Compact(arns)
	s.Uses(b.arn, b.certificates)
}

// uses are the ARNs of the target groups, certificates and trust stores that a load balancer uses.
func (b *loadBalancer) uses() map[string]bool {
	used := map[string]bool{}
	b.forwards(func(arn string) { used[arn] = true })
	for _, l := range b.listeners {
		used[l.tls.certificate], used[l.tls.mutual.TrustStore] = true, true
		for _, arn := range l.more {
			used[arn] = true
		}
	}
	delete(used, "")
	return used
}

// lingers reports whether something was in use until a moment ago, and forgets it when the moment has passed.
func (s *Service) lingers(arn string) bool {
	until, ok := s.lingering[arn]
	if ok && !time.Now().Before(until) {
		delete(s.lingering, arn)
		return false
	}
	return ok
}

func resourceInUse(what, arn string) error {
	return wire.Errorf("ResourceInUse", "%s '%s' is currently in use by a listener or a rule", what, arn)
}
