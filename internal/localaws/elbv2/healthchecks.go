package elbv2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// checkSettings is a health check. Defaults and ranges: "Health checks for target groups" in the ALB guide and the NLB
// guide.
type checkSettings struct {
	protocol, port, path, codes string // path and codes are empty for TCP
	grpc                        bool   // the codes are gRPC's
	interval, timeout           int    // in seconds, as the API has them
	healthy, unhealthy          int
}

// defaultCheck is what a group has that is made without a health check.
func (g groupSettings) defaultCheck() checkSettings {
	c := checkSettings{protocol: "HTTP", port: "traffic-port", interval: 30, timeout: 5, healthy: 5, unhealthy: 2}
	if !g.forHTTP() && g.targetType != "alb" {
		c.protocol, c.timeout = "TCP", 10
	}
	if g.targetType == "alb" {
		c.timeout = 6
	}
	return c
}

// complete fills in the path and the codes, which depend on the protocol.
func (c *checkSettings) complete(g groupSettings) {
	if c.protocol == "TCP" {
		c.path, c.codes, c.grpc = "", "", false
		return
	}
	c.grpc = g.version == "GRPC"
	switch {
	case c.grpc:
		fill(&c.path, "/AWS.ALB/healthcheck")
		fill(&c.codes, "12")
	case g.forHTTP():
		fill(&c.path, "/")
		fill(&c.codes, "200")
	default:
		fill(&c.path, "/")
		fill(&c.codes, "200-399")
	}
}

// checkInput is the health check in calls; what is not given keeps its former value.
type checkInput struct {
	Protocol  string         `form:"HealthCheckProtocol" enum:"HTTP,HTTPS,TCP,TLS,UDP,TCP_UDP,GENEVE"`
	Port      string         `form:"HealthCheckPort"`
	Path      string         `form:"HealthCheckPath" range:"1,1024"`
	Enabled   *bool          `form:"HealthCheckEnabled"`
	Interval  *int           `form:"HealthCheckIntervalSeconds" range:"5,300"`
	Timeout   *int           `form:"HealthCheckTimeoutSeconds" range:"2,120"`
	Healthy   *int           `form:"HealthyThresholdCount" range:"2,10"`
	Unhealthy *int           `form:"UnhealthyThresholdCount" range:"2,10"`
	Matcher   *matcherConfig `form:"Matcher"`
}

type matcherConfig struct {
	Codes string `form:"HttpCode" xml:"HttpCode,omitempty"`
	GRPC  string `form:"GrpcCode" xml:"GrpcCode,omitempty"`
}

// over returns the settings with what the call gives, checked.
func (in checkInput) over(c checkSettings, g groupSettings) (checkSettings, error) {
	override(&c.protocol, in.Protocol)
	override(&c.port, in.Port)
	override(&c.path, in.Path)
	for _, number := range []struct {
		field *int
		given *int
	}{{&c.interval, in.Interval}, {&c.timeout, in.Timeout}, {&c.healthy, in.Healthy}, {&c.unhealthy, in.Unhealthy}} {
		if number.given != nil {
			*number.field = *number.given
		}
	}
	if in.Matcher != nil {
		override(&c.codes, in.Matcher.Codes)
		override(&c.codes, in.Matcher.GRPC)
	}
	if err := in.checkGiven(c, g); err != nil {
		return c, err
	}
	c.complete(g)
	return c, c.check(g)
}

// checkGiven refuses what makes no sense for the group.
func (in checkInput) checkGiven(c checkSettings, g groupSettings) error {
	switch {
	case in.Enabled != nil && !*in.Enabled:
		return wire.Errorf("ValidationError", "Health check enabled must be true for target groups with target type '%s'", g.targetType)
	case c.protocol == "TCP" && (in.Path != "" || in.Matcher != nil):
		return wire.Errorf("ValidationError", "A health check path or matcher cannot be specified for health check protocol TCP")
	case in.Matcher != nil && in.Matcher.Codes != "" && in.Matcher.GRPC != "":
		return wire.Errorf("ValidationError", "You must specify either HTTP codes or gRPC codes")
	case in.Matcher != nil && (in.Matcher.GRPC != "") != (g.version == "GRPC"):
		return wire.Errorf("ValidationError", "gRPC codes are for target groups with protocol version GRPC, HTTP codes for all others")
	}
	return nil
}

func override(field *string, given string) {
	if given != "" {
		*field = given
	}
}

func (c checkSettings) check(g groupSettings) error {
	allowed := []string{"HTTP", "HTTPS"}
	if !g.forHTTP() && g.targetType != "alb" {
		allowed = []string{"TCP", "HTTP", "HTTPS"}
	}
	switch {
	case !slices.Contains(allowed, c.protocol):
		return wire.Errorf("ValidationError", "Health check protocol '%s' must be one of '%s' for %s target groups", c.protocol, strings.Join(allowed, ", "), g.protocol)
	case c.port != "traffic-port" && !isPort(c.port):
		return wire.Errorf("ValidationError", "Health check port '%s' must be 'traffic-port' or in the range 1-65535", c.port)
	case c.path != "" && !strings.HasPrefix(c.path, "/"):
		return wire.Errorf("ValidationError", "Health check path '%s' must begin with a '/' character", c.path)
	case c.interval <= c.timeout:
		return wire.Errorf("ValidationError", "Health check interval must be greater than the timeout.")
	}
	low, high := c.codeRange(g)
	_, err := parseCodes(c.codes, low, high)
	return err
}

// codeRange is what a matcher may hold (API reference, Matcher).
func (c checkSettings) codeRange(g groupSettings) (low, high int) {
	switch {
	case c.grpc:
		return 0, 99
	case g.forHTTP():
		return 200, 499
	}
	return 200, 599
}

var codesPattern = regexp.MustCompile(`^\d{1,3}(-\d{1,3})?(,\d{1,3}(-\d{1,3})?)*$`)

// parseCodes reads a matcher: codes and ranges of codes, separated by commas. An empty one is of a TCP check.
func parseCodes(text string, least, most int) ([]balancer.CodeRange, error) {
	if text == "" {
		return nil, nil
	}
	invalid := wire.Errorf("ValidationError", "Health check matcher code '%s' must be within '%d-%d' inclusive", text, least, most)
	if !codesPattern.MatchString(text) {
		return nil, invalid
	}
	var codes []balancer.CodeRange
	for part := range strings.SplitSeq(text, ",") {
		lowText, highText, isRange := strings.Cut(part, "-")
		if !isRange {
			highText = lowText
		}
		low, _ := strconv.Atoi(lowText) // the pattern has made sure
		high, _ := strconv.Atoi(highText)
		if low < least || high > most || low > high {
			return nil, invalid
		}
		codes = append(codes, balancer.CodeRange{Low: low, High: high})
	}
	return codes, nil
}

// forPlane is the health check as the data plane wants it.
func (c checkSettings) forPlane(version string) balancer.Check {
	codes, _ := parseCodes(c.codes, 0, 999) // checked when it was set
	port, _ := strconv.Atoi(c.port)         // 0 for "traffic-port"
	return balancer.Check{
		Scheme: strings.ToLower(c.protocol), Version: balancer.Version(version), Port: port, Path: c.path, Codes: codes,
		Interval: time.Duration(c.interval) * time.Second, Timeout: time.Duration(c.timeout) * time.Second,
		Healthy: c.healthy, Unhealthy: c.unhealthy,
	}
}
