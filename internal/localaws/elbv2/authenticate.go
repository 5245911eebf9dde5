package elbv2

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// session is what both ways to log users in have. Defaults: "AuthenticateOidcActionConfig" in the API reference.
type session struct {
	Cookie          string   `form:"SessionCookieName" xml:"SessionCookieName"`
	Scope           string   `xml:"Scope"`
	Timeout         *int     `form:"SessionTimeout" xml:"SessionTimeout" range:"1,604800"`
	Extra           wire.Map `form:"AuthenticationRequestExtraParams" xml:"AuthenticationRequestExtraParams,omitempty"`
	Unauthenticated string   `form:"OnUnauthenticatedRequest" xml:"OnUnauthenticatedRequest" enum:"deny,allow,authenticate"`
}

func (s *session) complete() error {
	const mostExtra, longestScope = 10, 4096
	fill(&s.Cookie, "AWSELBAuthSessionCookie")
	fill(&s.Scope, "openid")
	fill(&s.Unauthenticated, "authenticate")
	if s.Timeout == nil {
		s.Timeout = new(604800)
	}
	switch {
	case len(s.Extra) > mostExtra:
		return wire.Errorf("ValidationError", "At most %d extra parameters are possible for the authentication request", mostExtra)
	case len(s.Scope) > longestScope:
		return wire.Errorf("ValidationError", "The scope is longer than %d characters", longestScope)
	}
	return nil
}

type oidcConfig struct {
	Issuer        string `required:"true"`
	Authorization string `form:"AuthorizationEndpoint" xml:"AuthorizationEndpoint" required:"true"`
	Token         string `form:"TokenEndpoint" xml:"TokenEndpoint" required:"true"`
	UserInfo      string `form:"UserInfoEndpoint" xml:"UserInfoEndpoint" required:"true"`
	ClientID      string `form:"ClientId" xml:"ClientId" required:"true"`
	Secret        string `form:"ClientSecret" xml:"-"` // never shown
	UseExisting   bool   `form:"UseExistingClientSecret" xml:"-"`
	session
}

func checkOIDC(a *action) error {
	c := *a.OIDC
	for _, endpoint := range []struct{ name, value string }{
		{"issuer", c.Issuer}, {"authorization endpoint", c.Authorization}, {"token endpoint", c.Token}, {"user info endpoint", c.UserInfo},
	} {
		if !isHTTPS(endpoint.value) {
			return wire.Errorf("ValidationError", "The %s '%s' must be a full HTTPS URL", endpoint.name, endpoint.value)
		}
	}
	if c.Secret == "" {
		return wire.Errorf("ValidationError", "A client secret must be specified")
	}
	c.UseExisting = false
	if err := c.complete(); err != nil {
		return err
	}
	a.OIDC = &c
	return nil
}

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// keepSecrets gives actions that ask for the existing client secret the one that the rule or listener has. It is only
// the same secret for the same client.
func keepSecrets(given, had []action) []action {
	given = slices.Clone(given)
	for i, a := range given {
		if a.OIDC == nil || a.OIDC.Secret != "" {
			continue
		}
		for _, old := range had {
			if old.OIDC != nil && old.OIDC.ClientID == a.OIDC.ClientID {
				c := *a.OIDC
				c.Secret = old.OIDC.Secret
				given[i].OIDC = &c
			}
		}
	}
	return given
}

type cognitoConfig struct {
	Pool   string `form:"UserPoolArn" xml:"UserPoolArn" required:"true"`
	Client string `form:"UserPoolClientId" xml:"UserPoolClientId" required:"true"`
	Domain string `form:"UserPoolDomain" xml:"UserPoolDomain" required:"true"`
	session
}

var poolPattern = regexp.MustCompile(`^arn:[\w-]+:cognito-idp:[\w-]+:\d{12}:userpool/[\w-]+$`)

func checkCognito(a *action) error {
	c := *a.Cognito
	if !poolPattern.MatchString(c.Pool) {
		return wire.Errorf("ValidationError", "The user pool ARN '%s' is not valid", c.Pool)
	}
	if err := c.complete(); err != nil {
		return err
	}
	a.Cognito = &c
	return nil
}

type jwtConfig struct {
	JWKS   string     `form:"JwksEndpoint" xml:"JwksEndpoint" required:"true" range:"1,256"`
	Issuer string     `required:"true" range:"1,256"`
	Claims []jwtClaim `form:"AdditionalClaims" xml:"AdditionalClaims>member,omitempty"`
}

type jwtClaim struct {
	Format string   `required:"true" enum:"single-string,string-array,space-separated-values"`
	Name   string   `required:"true" range:"1,256"`
	Values []string `xml:"Values>member" required:"true"`
}

// ownClaims are those that the load balancer checks by itself ("Verify JWTs", ALB guide).
var ownClaims = []string{"iss", "exp", "nbf", "iat"}

func checkJWT(a *action) error {
	const mostClaims, mostValues = 10, 10
	if !isHTTPS(a.JWT.JWKS) {
		return wire.Errorf("ValidationError", "The JWKS endpoint '%s' must be a full HTTPS URL", a.JWT.JWKS)
	}
	if len(a.JWT.Claims) > mostClaims {
		return wire.Errorf("ValidationError", "At most %d additional claims are possible", mostClaims)
	}
	for _, claim := range a.JWT.Claims {
		switch {
		case slices.Contains(ownClaims, claim.Name):
			return wire.Errorf("ValidationError", "The claim '%s' cannot be an additional one: %s are checked anyway", claim.Name, strings.Join(ownClaims, ", "))
		case len(claim.Values) > mostValues, claim.Format == "single-string" && len(claim.Values) != 1:
			return wire.Errorf("ValidationError", "The claim '%s' has too many values for the format '%s'", claim.Name, claim.Format)
		}
	}
	return nil
}
