package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
)

// unseenAge is how long it is believed that a VPC cannot be seen from this account.
const unseenAge = 5 * time.Minute

// rangeCache holds the ranges of addresses of VPCs other than the cluster's.
type rangeCache struct {
	mu   sync.Mutex
	vpcs map[string]ranges
}

type ranges struct {
	list   []netip.Prefix
	unseen bool
	at     time.Time
}

func (r ranges) fresh() bool {
	age := networkAge
	if r.unseen {
		age = unseenAge
	}
	return !r.at.IsZero() && time.Since(r.at) < age
}

// VPC is the cluster's.
func (c *Cloud) VPC() string { return c.vpc }

// Ranges are the ranges of addresses of a VPC, which may be another than the cluster's; seen
// is false for one that the account does not see. They are at most ten minutes old.
func (c *Cloud) Ranges(ctx context.Context, vpc string) (list []netip.Prefix, seen bool, err error) {
	if vpc == "" || vpc == c.vpc {
		network, err := c.Network(ctx, false)
		return network.CIDRs, true, err
	}
	c.ranges.mu.Lock()
	known := c.ranges.vpcs[vpc]
	c.ranges.mu.Unlock()
	if !known.fresh() {
		if known, err = c.readRanges(ctx, vpc); err != nil {
			return nil, false, fmt.Errorf("reading the VPC %s: %w", vpc, err)
		}
		c.ranges.mu.Lock()
		if c.ranges.vpcs == nil {
			c.ranges.vpcs = map[string]ranges{}
		}
		c.ranges.vpcs[vpc] = known
		c.ranges.mu.Unlock()
	}
	return slices.Clone(known.list), !known.unseen, nil
}

func (c *Cloud) readRanges(ctx context.Context, vpc string) (ranges, error) {
	out, err := ec2Call(ctx, c, Registration, "DescribeVpcs", c.ec2.DescribeVpcs, &ec2.DescribeVpcsInput{VpcIds: []string{vpc}})
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "InvalidVpcID.NotFound" {
		return ranges{unseen: true, at: time.Now()}, nil
	}
	if err != nil {
		return ranges{}, err
	}
	found := ranges{at: time.Now()}
	for _, one := range out.Vpcs {
		found.list = append(found.list, cidrsOf(one)...)
	}
	return found, nil
}

// NeedsZone reports whether AWS has refused a registration because it wants to know the
// zones of the targets. It says so in words only.
func NeedsZone(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == "ValidationError" && strings.Contains(strings.ToLower(e.Message), "you must specify an availability zone")
}
