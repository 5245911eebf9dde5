package elbv2

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// checkSettings is a health check. Defaults and ranges: "Health checks for target groups" in the ALB guide.
type checkSettings struct {
	protocol, port, path, codes string
	interval, timeout           int // in seconds, as the API has them
	healthy, unhealthy          int
}

var defaultCheck = checkSettings{
	protocol: "HTTP", port: "traffic-port", path: "/", codes: "200", interval: 30, timeout: 5, healthy: 5, unhealthy: 2,
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
}

// over returns the settings with what the call gives, checked.
func (in checkInput) over(c checkSettings) (checkSettings, error) {
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
	}
	if in.Enabled != nil && !*in.Enabled {
		return c, wire.Errorf("ValidationError", "Health check enabled must be true for target groups with target type 'instance' or 'ip'")
	}
	return c, c.check()
}

func override(field *string, given string) {
	if given != "" {
		*field = given
	}
}

func (c checkSettings) check() error {
	if c.protocol != "HTTP" && c.protocol != "HTTPS" {
		return wire.Errorf("ValidationError", "Health check protocol '%s' must be HTTP or HTTPS for HTTP and HTTPS target groups", c.protocol)
	}
	if c.port != "traffic-port" && !isPort(c.port) {
		return wire.Errorf("ValidationError", "Health check port '%s' must be 'traffic-port' or in the range 1-65535", c.port)
	}
	if !strings.HasPrefix(c.path, "/") {
		return wire.Errorf("ValidationError", "Health check path '%s' must begin with a '/' character", c.path)
	}
	if c.interval <= c.timeout {
		return wire.Errorf("ValidationError", "Health check interval must be greater than the timeout.")
	}
	_, err := parseCodes(c.codes)
	return err
}

var codesPattern = regexp.MustCompile(`^\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*$`)

// parseCodes reads a matcher: codes and ranges of codes, separated by commas, from 200 to 499.
func parseCodes(text string) ([]balancer.CodeRange, error) {
	invalid := wire.Errorf("ValidationError", "Health check matcher HTTP code '%s' must be within '200-499' inclusive", text)
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
		if low < 200 || high > 499 || low > high {
			return nil, invalid
		}
		codes = append(codes, balancer.CodeRange{Low: low, High: high})
	}
	return codes, nil
}

// forPlane is the health check as the data plane wants it.
func (c checkSettings) forPlane() balancer.Check {
	codes, _ := parseCodes(c.codes) // checked when it was set
	port, _ := strconv.Atoi(c.port) // 0 for "traffic-port"
	return balancer.Check{
		Scheme: strings.ToLower(c.protocol), Port: port, Path: c.path, Codes: codes,
		Interval: time.Duration(c.interval) * time.Second, Timeout: time.Duration(c.timeout) * time.Second,
		Healthy: c.healthy, Unhealthy: c.unhealthy,
	}
}
