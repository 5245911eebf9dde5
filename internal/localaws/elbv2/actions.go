package elbv2

import (
	"cmp"
	"slices"

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
	OIDC     *oidcConfig     `form:"AuthenticateOidcConfig" xml:"AuthenticateOidcConfig"`
	Cognito  *cognitoConfig  `form:"AuthenticateCognitoConfig" xml:"AuthenticateCognitoConfig"`
	JWT      *jwtConfig      `form:"JwtValidationConfig" xml:"JwtValidationConfig"`
}

// place is where actions are to be: what is possible depends on the load balancer and the listener's protocol.
type place struct {
	balancer *loadBalancer
	protocol string
}

// guards are the types that come before the action that answers.
var guards = []string{"authenticate-oidc", "authenticate-cognito", "jwt-validation"}

func (a action) guards() bool { return slices.Contains(guards, a.Type) }

// checkActions checks the actions of a rule or listener and returns them in the form in which they are shown: exactly
// one of forward, redirect and fixed-response, last in order, and before it at most one that guards it ("Action types
// for listener rules", ALB guide).
func (s *Service) checkActions(at place, given []action) ([]action, error) {
	if len(given) == 0 {
		return nil, wire.Errorf("ValidationError", "An action must be specified")
	}
	actions := slices.Clone(given)
	answers := 0
	for _, a := range given {
		if !a.guards() {
			answers++
		}
	}
	if answers > 1 || len(given)-answers > 1 {
		return nil, wire.Errorf("TooManyActions", "A rule has one action of forward, redirect or fixed-response, and before it at most one authentication")
	}
	if err := checkOrders(actions); err != nil {
		return nil, err
	}
	slices.SortStableFunc(actions, func(a, b action) int { return cmp.Compare(deref(a.Order), deref(b.Order)) })
	last := len(actions) - 1
	for i := range actions {
		if actions[i].guards() && i == last {
			return nil, wire.Errorf("InvalidLoadBalancerAction", "The last action must be one of forward, redirect or fixed-response")
		}
		if err := s.checkAction(at, &actions[i]); err != nil {
			return nil, err
		}
	}
	return actions, nil
}

// checkOrders: with several actions each needs an order of its own.
func checkOrders(actions []action) error {
	seen := map[int]bool{}
	for _, a := range actions {
		switch {
		case a.Order == nil && len(actions) > 1:
			return wire.Errorf("ValidationError", "An order must be specified for each of several actions")
		case a.Order != nil && seen[*a.Order]:
			return wire.Errorf("ValidationError", "Two actions have the order '%d'", *a.Order)
		}
		seen[deref(a.Order)] = true
	}
	return nil
}

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func (s *Service) checkAction(at place, a *action) error {
	if err := a.checkOnlyOwnConfig(); err != nil {
		return err
	}
	if at.balancer.settings.kind == network && a.Type != "forward" {
		return wire.Errorf("InvalidLoadBalancerAction", "Actions of type '%s' are not supported by network load balancers", a.Type)
	}
	if a.guards() && at.protocol != "HTTPS" {
		return wire.Errorf("InvalidLoadBalancerAction", "Actions of type '%s' are only supported on HTTPS listeners", a.Type)
	}
	switch a.Type {
	case "forward":
		return s.checkForward(at, a)
	case "fixed-response":
		return checkFixed(a)
	case "redirect":
		return checkRedirect(at, a)
	case "authenticate-oidc":
		return checkOIDC(a)
	case "authenticate-cognito":
		return checkCognito(a)
	default:
		return checkJWT(a)
	}
}

// checkOnlyOwnConfig refuses the configuration of another type of action.
func (a action) checkOnlyOwnConfig() error {
	for _, config := range []struct {
		kind  string
		given bool
	}{
		{"forward", a.Forward != nil || a.GroupARN != ""},
		{"fixed-response", a.Fixed != nil},
		{"redirect", a.Redirect != nil},
		{"authenticate-oidc", a.OIDC != nil},
		{"authenticate-cognito", a.Cognito != nil},
		{"jwt-validation", a.JWT != nil},
	} {
		switch {
		case config.given && config.kind != a.Type:
			return wire.Errorf("InvalidLoadBalancerAction", "An action of type '%s' has the configuration of type '%s'", a.Type, config.kind)
		case !config.given && config.kind == a.Type && a.Type != "forward":
			return wire.Errorf("InvalidLoadBalancerAction", "An action of type '%s' needs its configuration", a.Type)
		}
	}
	return nil
}

// answering is the action of a checked list that answers the request.
func answering(actions []action) action { return actions[len(actions)-1] }
