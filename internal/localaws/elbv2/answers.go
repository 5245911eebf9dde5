package elbv2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type fixedConfig struct {
	Body        string `form:"MessageBody" xml:"MessageBody,omitempty" range:"0,1024"`
	Status      string `form:"StatusCode" xml:"StatusCode" required:"true"`
	ContentType string `xml:"ContentType,omitempty"`
}

type redirectConfig struct {
	Protocol string `range:"1,15"`
	Port     string
	Host     string  `range:"1,128"`
	Path     string  `range:"1,128"`
	Query    *string `range:"0,128"` // empty: none in the place of the request's
	Status   string  `form:"StatusCode" xml:"StatusCode" required:"true" enum:"HTTP_301,HTTP_302"`
}

var (
	fixedStatus  = regexp.MustCompile(`^[245]\d\d$`)
	contentTypes = []string{"text/plain", "text/css", "text/html", "application/javascript", "application/json"}
)

func checkFixed(a *action) error {
	switch {
	case !fixedStatus.MatchString(a.Fixed.Status):
		return wire.Errorf("ValidationError", "The status code '%s' of a fixed response must be 2XX, 4XX or 5XX", a.Fixed.Status)
	case a.Fixed.ContentType != "" && !slices.Contains(contentTypes, a.Fixed.ContentType):
		return wire.Errorf("ValidationError", "The content type '%s' must be one of %s", a.Fixed.ContentType, strings.Join(contentTypes, ", "))
	}
	return nil
}

// checkRedirect fills what is left out with the placeholders that keep the original part.
func checkRedirect(at place, a *action) error {
	r := *a.Redirect
	fill(&r.Protocol, "#{protocol}")
	fill(&r.Host, "#{host}")
	fill(&r.Port, "#{port}")
	fill(&r.Path, "/#{path}")
	if r.Query == nil {
		r.Query = new("#{query}")
	}
	switch {
	case !slices.Contains([]string{"HTTP", "HTTPS", "#{protocol}"}, r.Protocol):
		return wire.Errorf("ValidationError", "The redirect protocol '%s' must be HTTP, HTTPS or #{protocol}", r.Protocol)
	case at.protocol == "HTTPS" && r.Protocol == "HTTP":
		return wire.Errorf("InvalidLoadBalancerAction", "Redirecting HTTPS to HTTP is not possible")
	case !strings.HasPrefix(r.Path, "/"):
		return wire.Errorf("ValidationError", "The redirect path '%s' must begin with '/'", r.Path)
	case r.Port != "#{port}" && !isPort(r.Port):
		return wire.Errorf("ValidationError", "The redirect port '%s' must be 1 to 65535 or #{port}", r.Port)
	case (strings.Contains(r.Protocol, "#") || r.Protocol == at.protocol) && r.Host == "#{host}" && r.Port == "#{port}" && r.Path == "/#{path}":
		return wire.Errorf("InvalidLoadBalancerAction", "The redirect would loop: it must change the protocol, host, port or path")
	}
	a.Redirect = &r
	return nil
}

func fill(field *string, placeholder string) {
	if *field == "" {
		*field = placeholder
	}
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && 1 <= n && n <= 65535
}
