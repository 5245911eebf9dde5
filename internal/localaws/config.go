package localaws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/pace"
)

// Config is how a local AWS is to be. The zero value is usable.
type Config struct {
	Listen     string        // address of the API; default "127.0.0.1:0"
	Region     string        // default "us-west-2"
	AccountID  string        // default "123456789012"
	Addresses  netip.Prefix  // loopback range that load balancers take their own addresses from; default 127.127.0.0/16
	Offline    bool          // opens no socket: calls come through RoundTrip, nothing is balanced, no target is checked but by Probe
	PortOffset int           // added to a listener's port when a port below 1024 may not be bound; default 8000 (80 → 8080)
	Throttling string        // "documented" (default) or "off"
	Latency    time.Duration // added to every answer

	// DrainingReregister is what RegisterTargets of a draining address does: "ignored" (default) answers success and
	// leaves it draining, "error" answers InvalidTarget. AWS documents only that it does not work.
	DrainingReregister string

	// Authentication is what authentication actions do with clients: "deny" (default) takes none for logged in, so that
	// it gets 401 or is sent to the identity provider, "pass" takes all for logged in and tells targets nothing of them.
	Authentication string

	// Profile is how long things take that AWS gives no time for: "default" is quick, ten seconds until a load balancer is
	// active; "aws" is as slow as users report, one to three minutes. See package pace.
	Profile string

	// FirstCheckLeast and FirstCheckMost are between which times after its registration has arrived a new target is checked
	// first, and so can be healthy behind an application load balancer; default 0 and 200 ms, so that targets which come at
	// the same moment are not checked in one burst.
	FirstCheckLeast, FirstCheckMost time.Duration

	// Probe, if it is not nil, answers health checks in the place of the targets. It is for Offline.
	Probe func(ctx context.Context, target netip.AddrPort, path string) (status int, err error)

	// Principals are who may not do everything, by the id of the access key. All others may.
	Principals map[string]Principal

	// Decided, if it is not nil, is told of what IAM decides about principals' calls.
	Decided func(Decided)

	Quotas map[string]int // overrides of default quotas, "elbv2/load-balancers": 100; see package quota for the names
	Speed  float64        // divides AWS's own delays; default 1, real time
	Random uint64         // seed of all jitter and identifiers
	Log    *slog.Logger   // default: discard
}

// The values of Config.Authentication.
const (
	authenticationDeny = "deny"
	authenticationPass = "pass"
)

func (c Config) withDefaults() Config {
	c.Listen = cmp.Or(c.Listen, "127.0.0.1:0")
	c.Region = cmp.Or(c.Region, "us-west-2")
	c.AccountID = cmp.Or(c.AccountID, "123456789012")
	if !c.Addresses.IsValid() {
		c.Addresses = netip.MustParsePrefix("127.127.0.0/16")
	}
	c.FirstCheckMost = max(c.FirstCheckMost, c.FirstCheckLeast+200*time.Millisecond)
	c.PortOffset = cmp.Or(c.PortOffset, 8000)
	c.Throttling = cmp.Or(c.Throttling, throttlingDocumented)
	c.DrainingReregister = cmp.Or(c.DrainingReregister, "ignored")
	c.Authentication = cmp.Or(c.Authentication, authenticationDeny)
	c.Profile = cmp.Or(c.Profile, "default")
	c.Speed = cmp.Or(c.Speed, 1)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

var (
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-\d$`)
)

// check reports all that is wrong at once.
func (c Config) check() error {
	var wrong []error
	complain := func(field string, value any, rule string) {
		wrong = append(wrong, fmt.Errorf("%s is %v: it must be %s", field, value, rule))
	}
	if !regionPattern.MatchString(c.Region) {
		complain("Region", c.Region, "like us-west-2")
	}
	if !accountPattern.MatchString(c.AccountID) {
		complain("AccountID", c.AccountID, "twelve digits")
	}
	if !c.Addresses.Addr().Is4() || !c.Addresses.Addr().IsLoopback() {
		complain("Addresses", c.Addresses, "an IPv4 loopback range")
	}
	if c.PortOffset < 1024 || c.PortOffset > 64000 {
		complain("PortOffset", c.PortOffset, "from 1024 to 64000")
	}
	if c.Throttling != throttlingDocumented && c.Throttling != throttlingOff {
		complain("Throttling", c.Throttling, `"documented" or "off"`)
	}
	if c.DrainingReregister != "ignored" && c.DrainingReregister != "error" {
		complain("DrainingReregister", c.DrainingReregister, `"ignored" or "error"`)
	}
	if _, ok := pace.Profile(c.Profile); !ok {
		complain("Profile", c.Profile, `"default" or "aws"`)
	}
	if c.Authentication != authenticationDeny && c.Authentication != authenticationPass {
		complain("Authentication", c.Authentication, `"deny" or "pass"`)
	}
	if c.Latency < 0 {
		complain("Latency", c.Latency, "zero or more")
	}
	if c.Speed <= 0 {
		complain("Speed", c.Speed, "more than zero")
	}
	return errors.Join(wrong...)
}
