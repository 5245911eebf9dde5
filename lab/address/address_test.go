package address

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTwoClaimsNeverShareABlock(t *testing.T) {
	first, err := Claim()
	if err != nil {
		t.Fatal(err)
	}
	defer first.Release()
	second, err := Claim()
	if err != nil {
		t.Fatal(err)
	}
	defer second.Release()
	if first.Prefix.Overlaps(second.Prefix) {
		t.Errorf("both labs got %s", first.Prefix)
	}
}

func TestNodesAreSpreadOverZones(t *testing.T) {
	t.Parallel()
	block := Block{Prefix: netip.MustParsePrefix("127.70.0.0/16")}
	for name, c := range map[string]struct {
		count int
		last  Node
	}{
		"one":   {1, Node{0, netip.MustParseAddr("127.70.0.10"), netip.MustParsePrefix("127.70.32.0/19")}},
		"three": {3, Node{2, netip.MustParseAddr("127.70.128.10"), netip.MustParsePrefix("127.70.160.0/19")}},
		"four":  {4, Node{0, netip.MustParseAddr("127.70.32.10"), netip.MustParsePrefix("127.70.48.0/20")}},
		"most":  {96, Node{2, netip.MustParseAddr("127.70.190.10"), netip.MustParsePrefix("127.70.191.0/24")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			nodes, err := block.Nodes(c.count)
			if err != nil {
				t.Fatal(err)
			}
			same := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
			samePrefix := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
			if diff := cmp.Diff(c.last, nodes[c.count-1], same, samePrefix); diff != "" {
				t.Errorf("last node (-want +got):\n%s", diff)
			}
			expectDisjoint(t, block, nodes)
		})
	}
}

func expectDisjoint(t *testing.T, block Block, nodes []Node) {
	t.Helper()
	for i, node := range nodes {
		if zone := block.Zones()[node.Zone]; !zone.Contains(node.Address) || !zone.Overlaps(node.Pods) {
			t.Errorf("node %d lies outside its zone %s", i, zone)
		}
		for j, other := range nodes {
			if node.Pods.Contains(other.Address) || i != j && node.Pods.Overlaps(other.Pods) {
				t.Errorf("Pods of node %d overlap node %d", i, j)
			}
		}
	}
}

func TestNodesRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	block := Block{Prefix: netip.MustParsePrefix("127.70.0.0/16")}
	for _, count := range []int{0, -1, MostNodes + 1} {
		if _, err := block.Nodes(count); err == nil {
			t.Errorf("%d nodes were accepted", count)
		}
	}
}

func TestPoolReusesAnAddressAsLateAsPossible(t *testing.T) {
	t.Parallel()
	pool := NewPool(netip.MustParsePrefix("127.70.1.0/29")) // six addresses
	var got []string
	for range 8 {
		addr, err := pool.Take()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, addr.String())
		pool.Return(addr)
	}
	want := []string{
		"127.70.1.1", "127.70.1.2", "127.70.1.3", "127.70.1.4", "127.70.1.5", "127.70.1.6", "127.70.1.1", "127.70.1.2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func TestPoolSaysWhenItIsEmpty(t *testing.T) {
	t.Parallel()
	pool := NewPool(netip.MustParsePrefix("127.70.1.0/30"))
	for range pool.Size() {
		if _, err := pool.Take(); err != nil {
			t.Fatal(err)
		}
	}
	if addr, err := pool.Take(); err == nil {
		t.Errorf("got %s from an empty pool", addr)
	}
}
