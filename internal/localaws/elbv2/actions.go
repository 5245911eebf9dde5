package elbv2

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// action is one action of a rule or listener, both in calls and in answers.
type action struct {
	Type     string          `required:"true" enum:"forward,authenticate-oidc,authenticate-cognito,redirect,fixed-response,jwt-validation"`
	GroupARN string          `form:"TargetGroupArn" xml:"TargetGroupArn,omitempty"`
	Order    *int            `range:"1,50000" xml:",omitempty"`
	Forward  *forwardConfig  `form:"ForwardConfig" xml:"ForwardConfig"`
	Fixed    *fixedConfig    `form:"FixedResponseConfig" xml:"FixedResponseConfig"`
	Redirect *redirectConfig `form:"RedirectConfig" xml:"RedirectConfig"`
}

type forwardConfig struct {
	Groups     []weightedGroup   `form:"TargetGroups" xml:"TargetGroups>member"`
	Stickiness *stickinessConfig `form:"TargetGroupStickinessConfig" xml:"TargetGroupStickinessConfig"`
}

type weightedGroup struct {
	ARN    string `form:"TargetGroupArn" xml:"TargetGroupArn" required:"true"`
	Weight *int   `range:"0,999"`
}

type stickinessConfig struct {
	Enabled  bool
	Duration *int `form:"DurationSeconds" xml:"DurationSeconds,omitempty" range:"1,604800"`
}

type fixedConfig struct {
	Body        string `form:"MessageBody" xml:"MessageBody,omitempty" range:"0,1024"`
	Status      string `form:"StatusCode" xml:"StatusCode" required:"true"`
	ContentType string `xml:"ContentType,omitempty"`
}

type redirectConfig struct {
	Protocol string `range:"1,15"`
	Port     string
	Host     string `range:"1,128"`
	Path     string `range:"1,128"`
	Query    string `range:"0,128"`
	Status   string `form:"StatusCode" xml:"StatusCode" required:"true" enum:"HTTP_301,HTTP_302"`
}

// checkActions checks the actions of a rule or listener of b and returns them in the form in which they are shown.
func (s *Service) checkActions(b *loadBalancer, given []action) ([]action, error) {
	if len(given) == 0 {
		return nil, wire.Errorf("ValidationError", "An action must be specified")
	}
	if len(given) > 1 {
		return nil, wire.Errorf("TooManyActions", "Only one action is possible without authentication, which needs an HTTPS listener")
	}
	a := given[0]
	var err error
	switch a.Type {
	case "forward":
		err = s.checkForward(b, &a)
	case "fixed-response":
		err = checkFixed(&a)
	case "redirect":
		err = checkRedirect(&a)
	default:
		err = wire.Errorf("InvalidLoadBalancerAction", "Actions of type '%s' are only supported on HTTPS listeners", a.Type)
	}
	if err != nil {
		return nil, err
	}
	if err := a.checkOnlyOwnConfig(); err != nil {
		return nil, err
	}
	return []action{a}, nil
}

// checkOnlyOwnConfig refuses the configuration of another type of action.
func (a action) checkOnlyOwnConfig() error {
	if a.Type != "forward" && (a.Forward != nil || a.GroupARN != "") ||
		a.Type != "fixed-response" && a.Fixed != nil || a.Type != "redirect" && a.Redirect != nil {
		return wire.Errorf("InvalidLoadBalancerAction", "An action of type '%s' has the configuration of another type", a.Type)
	}
	return nil
}

// checkForward brings both ways to write a forward action (a group, or a configuration of groups) into one form.
func (s *Service) checkForward(b *loadBalancer, a *action) error {
	config := a.Forward
	if config == nil || len(config.Groups) == 0 {
		if a.GroupARN == "" {
			return wire.Errorf("ValidationError", "A target group ARN must be specified")
		}
		config = &forwardConfig{Groups: []weightedGroup{{ARN: a.GroupARN}}, Stickiness: stickinessOf(config)}
	}
	if a.GroupARN != "" && (len(config.Groups) != 1 || config.Groups[0].ARN != a.GroupARN) {
		return wire.Errorf("InvalidLoadBalancerAction", "TargetGroupArn and ForwardConfig name different target groups")
	}
	if config.Stickiness == nil {
		config.Stickiness = &stickinessConfig{}
	}
	if config.Stickiness.Enabled {
		return unsupported("TargetGroupStickinessConfig.Enabled yet")
	}
	groups, err := s.checkForwardGroups(b, config.Groups)
	if err != nil {
		return err
	}
	a.Forward = &forwardConfig{Groups: groups, Stickiness: config.Stickiness}
	a.GroupARN = ""
	if len(groups) == 1 {
		a.GroupARN = groups[0].ARN
	}
	return nil
}

func stickinessOf(c *forwardConfig) *stickinessConfig {
	if c == nil {
		return nil
	}
	return c.Stickiness
}

func (s *Service) checkForwardGroups(b *loadBalancer, given []weightedGroup) ([]weightedGroup, error) {
	if limit := s.Limits[quota.TargetGroupsPerAction]; len(given) > limit {
		return nil, wire.Errorf("ValidationError", "Up to '%d' target groups can be specified in a forward action", limit)
	}
	used := s.groupsOf(b)
	targets := 0
	for g := range used {
		targets += len(g.targets)
	}
	groups := slices.Clone(given)
	for i, w := range given {
		g, err := s.group(w.ARN)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(given[:i], func(o weightedGroup) bool { return o.ARN == w.ARN }) {
			return nil, wire.Errorf("ValidationError", "Target group '%s' is specified more than once", w.ARN)
		}
		if err := s.checkAssociation(b, g); err != nil {
			return nil, err
		}
		if w.Weight == nil {
			groups[i].Weight = new(1)
		}
		if !used[g] {
			used[g] = true
			targets += len(g.targets)
		}
	}
	if len(used) > s.Limits[quota.TargetGroupsPerLoadBalancer] {
		return nil, wire.Errorf("TooManyUniqueTargetGroupsPerLoadBalancer",
			"The maximum number of unique target groups has been reached on load balancer '%s'", b.arn)
	}
	if targets > s.Limits[quota.TargetsPerLoadBalancer] {
		return nil, wire.Errorf("TooManyTargets", "The maximum number of targets has been reached on load balancer '%s'", b.arn)
	}
	return groups, nil
}

// checkAssociation checks that a load balancer may forward to a group.
func (s *Service) checkAssociation(b *loadBalancer, g *targetGroup) error {
	if g.settings.vpcID != b.vpcID {
		return wire.Errorf("InvalidConfigurationRequest", "The target group '%s' is not in the load balancer's VPC '%s'", g.arn, b.vpcID)
	}
	if other := s.balancerOf(g); other != nil && other != b {
		return wire.Errorf("TargetGroupAssociationLimit",
			"The following target groups cannot be associated with more than one load balancer: %s", g.arn)
	}
	return nil
}

var (
	fixedStatus  = regexp.MustCompile(`^[245]\d\d$`)
	contentTypes = []string{"text/plain", "text/css", "text/html", "application/javascript", "application/json"}
)

func checkFixed(a *action) error {
	switch {
	case a.Fixed == nil:
		return wire.Errorf("InvalidLoadBalancerAction", "A fixed-response action needs a FixedResponseConfig")
	case !fixedStatus.MatchString(a.Fixed.Status):
		return wire.Errorf("ValidationError", "The status code '%s' of a fixed response must be 2XX, 4XX or 5XX", a.Fixed.Status)
	case a.Fixed.ContentType != "" && !slices.Contains(contentTypes, a.Fixed.ContentType):
		return wire.Errorf("ValidationError", "The content type '%s' must be one of %s", a.Fixed.ContentType, strings.Join(contentTypes, ", "))
	}
	return nil
}

// checkRedirect fills what is left out with the placeholders that keep the original part.
func checkRedirect(a *action) error {
	if a.Redirect == nil {
		return wire.Errorf("InvalidLoadBalancerAction", "A redirect action needs a RedirectConfig")
	}
	r := *a.Redirect
	fill(&r.Protocol, "#{protocol}")
	fill(&r.Host, "#{host}")
	fill(&r.Port, "#{port}")
	fill(&r.Path, "/#{path}")
	fill(&r.Query, "#{query}")
	switch {
	case !slices.Contains([]string{"HTTP", "HTTPS", "#{protocol}"}, r.Protocol):
		return wire.Errorf("ValidationError", "The redirect protocol '%s' must be HTTP, HTTPS or #{protocol}", r.Protocol)
	case !strings.HasPrefix(r.Path, "/"):
		return wire.Errorf("ValidationError", "The redirect path '%s' must begin with '/'", r.Path)
	case r.Port != "#{port}" && !isPort(r.Port):
		return wire.Errorf("ValidationError", "The redirect port '%s' must be 1 to 65535 or #{port}", r.Port)
	case strings.Contains(r.Protocol, "#") && r.Host == "#{host}" && r.Port == "#{port}" && r.Path == "/#{path}":
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
