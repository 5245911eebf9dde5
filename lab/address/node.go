package address

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// MostNodes is how many nodes a block has room for; each then has 254 Pod addresses.
const MostNodes = 96

// Node is the share of one node.
type Node struct {
	Zone    int          // index into Zones
	Address netip.Addr   // of the node itself
	Pods    netip.Prefix // for its Pods; never contains Address
}

// Nodes lays out the given number of nodes over the zones in turn. A zone's subnet is split evenly;
// the upper half of a share belongs to the Pods.
func (b *Block) Nodes(count int) ([]Node, error) {
	if count < 1 || count > MostNodes {
		return nil, fmt.Errorf("%d nodes: a lab has between 1 and %d", count, MostNodes)
	}
	zones := b.Zones()
	perZone := (count + len(zones) - 1) / len(zones)
	split := bits.Len(uint(perZone - 1)) // halvings until every node of a zone has a share
	nodes := make([]Node, count)
	for i := range nodes {
		zone := i % len(zones)
		shareBits := zones[zone].Bits() + split
		share := offset(zones[zone].Addr(), (i/len(zones))<<(32-shareBits))
		nodes[i] = Node{
			Zone:    zone,
			Address: offset(share, 10), // AWS keeps the first four of a subnet
			Pods:    netip.PrefixFrom(offset(share, 1<<(32-shareBits-1)), shareBits+1),
		}
	}
	return nodes, nil
}

func offset(addr netip.Addr, by int) netip.Addr {
	four := addr.As4()
	binary.BigEndian.PutUint32(four[:], binary.BigEndian.Uint32(four[:])+uint32(by))
	return netip.AddrFrom4(four)
}
