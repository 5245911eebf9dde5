// Package address gives a lab the loopback addresses that it alone uses.
//
// A lab takes one /16 out of 127.64.0.0/10, so that two labs on one machine never meet, whatever
// ports their Pods want. The block is laid out like a VPC with three zones:
//
//	127.N.0.0/18    zone a: nodes and their Pods
//	127.N.64.0/18   zone b
//	127.N.128.0/18  zone c
//	127.N.192.0/19  load balancers
//	127.N.255.1     the control plane and the AWS API
//	127.N.255.254   the socket that holds the block
//
// It knows addresses only: no cluster, no cloud. A listener on the wildcard address takes its port
// on every loopback address too, so ports of our own are asked for, never assumed.
package address

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
)

// holderPort is above the usual range of ephemeral ports, so that no outgoing connection sits on it.
const holderPort = 61127

const (
	firstBlock = 64
	blocks     = 64
)

// Block is a /16 that no other lab of this machine uses while it is held.
type Block struct {
	Prefix netip.Prefix
	holder net.Listener
}

// Claim finds a free block and holds it until Release or the end of the process.
func Claim() (*Block, error) {
	start := os.Getpid() // labs started one after the other do not meet each other's lingering connections
	var last error
	for i := range blocks {
		block := Block{Prefix: prefixOf(firstBlock + (start+i)%blocks)}
		holder, err := net.Listen("tcp4", net.JoinHostPort(block.at(255, 254).String(), strconv.Itoa(holderPort)))
		if err == nil {
			block.holder = holder
			return &block, nil
		}
		last = err
	}
	return nil, fmt.Errorf("claiming one of %d loopback blocks in 127.64.0.0/10: all are taken; stop another lab or whatever listens on port %d: %w", blocks, holderPort, last)
}

// Release gives the block back. Twice, or on a block that was never claimed, it does nothing.
func (b *Block) Release() {
	if b.holder != nil {
		_ = b.holder.Close() // that it is closed already is the only error
	}
}

// Control is where the control plane and the AWS API listen.
func (b *Block) Control() netip.Addr { return b.at(255, 1) }

// LoadBalancers is the range out of which load balancers get their addresses.
func (b *Block) LoadBalancers() netip.Prefix { return netip.PrefixFrom(b.at(192, 0), 19) }

// Zones are the subnets, one a zone, in the order a, b, c.
func (b *Block) Zones() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(b.at(0, 0), 18),
		netip.PrefixFrom(b.at(64, 0), 18),
		netip.PrefixFrom(b.at(128, 0), 18),
	}
}

func (b *Block) at(third, fourth byte) netip.Addr {
	four := b.Prefix.Addr().As4()
	return netip.AddrFrom4([4]byte{four[0], four[1], third, fourth})
}

func prefixOf(second int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{127, byte(second), 0, 0}), 16)
}
