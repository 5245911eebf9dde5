package address

import (
	"fmt"
	"net/netip"
	"sync"
)

// Pool hands out the addresses of a prefix, walking round it, so that an address that was given
// back is used again as late as possible: load balancers remember addresses for minutes.
// The first and the last address are left out.
type Pool struct {
	prefix netip.Prefix

	mu   sync.Mutex
	last netip.Addr
	used map[netip.Addr]bool
}

// NewPool starts at the beginning of prefix.
func NewPool(prefix netip.Prefix) *Pool {
	prefix = prefix.Masked()
	return &Pool{prefix: prefix, last: prefix.Addr(), used: map[netip.Addr]bool{}}
}

// Take returns the next free address.
func (p *Pool) Take() (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range p.Size() {
		next := p.last.Next()
		if !p.prefix.Contains(next.Next()) { // next is the last of the prefix
			next = p.prefix.Addr().Next()
		}
		p.last = next
		if !p.used[next] {
			p.used[next] = true
			return next, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("all %d addresses of %s are in use", p.Size(), p.prefix)
}

// Return makes an address available again.
func (p *Pool) Return(addr netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, addr)
}

// Size is how many addresses can be in use at once.
func (p *Pool) Size() int { return 1<<(32-p.prefix.Bits()) - 2 }
