package balancer

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
)

// statusProviderFailed is what a client gets who comes back from the identity provider.
// ("Troubleshoot your Application Load Balancers", ALB guide: 561, an error from the identity provider.)
const statusProviderFailed = 561

// callback is where identity providers send clients back to ("Authenticate users using an Application Load Balancer").
const callback = "/oauth2/idpresponse"

// stops answers a client that an authentication keeps out, and reports whether it did.
func (g Guarded) stops(routes *Routes, w http.ResponseWriter, r *http.Request) bool {
	switch {
	case g.Pass:
		return false
	case r.URL.Path == callback && g.Login != "":
		routes.refuse(w, statusProviderFailed)
	case g.Unauthenticated == UnauthenticatedAllow:
		return false
	case g.Unauthenticated == UnauthenticatedLogin:
		routes.sign(w.Header())
		back := protocolOf(r) + "://" + r.Host + callback
		w.Header().Set("Location", g.Login+"&redirect_uri="+url.QueryEscape(back)+"&state="+rand.Text())
		w.WriteHeader(http.StatusFound)
	default:
		routes.refuse(w, http.StatusUnauthorized)
	}
	return true
}

// dropInvalid takes out the fields whose names are not only letters, digits and hyphens.
// ("LoadBalancerAttribute" in the API reference: routing.http.drop_invalid_header_fields.enabled.)
func dropInvalid(header http.Header) {
	for name := range header {
		if strings.ContainsFunc(name, func(c rune) bool {
			return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-')
		}) {
			delete(header, name)
		}
	}
}
