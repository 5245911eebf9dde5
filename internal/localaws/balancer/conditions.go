package balancer

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/glob"
)

// Condition is one condition of a rule. See "Condition types for listener rules" in the ALB guide.
type Condition func(*http.Request) bool

// HostIs holds for the names in the Host header, whatever their case; the port does not count.
func HostIs(patterns []string) Condition {
	patterns = lowered(patterns)
	return func(r *http.Request) bool {
		host := strings.ToLower(hostOnly(r.Host))
		return slices.ContainsFunc(patterns, func(p string) bool { return glob.Match(p, host) })
	}
}

// PathIs holds for the path as the client wrote it; case counts, the query does not.
func PathIs(patterns []string) Condition {
	return func(r *http.Request) bool {
		path := r.URL.EscapedPath()
		return slices.ContainsFunc(patterns, func(p string) bool { return glob.Match(p, path) })
	}
}

// MethodIs holds for the methods exactly as written.
func MethodIs(methods []string) Condition {
	return func(r *http.Request) bool { return slices.Contains(methods, r.Method) }
}

// HeaderIs holds when any occurrence of the header matches any pattern, whatever the case.
func HeaderIs(name string, patterns []string) Condition {
	patterns = lowered(patterns)
	return func(r *http.Request) bool {
		return slices.ContainsFunc(r.Header.Values(name), func(value string) bool {
			value = strings.ToLower(value)
			return slices.ContainsFunc(patterns, func(p string) bool { return glob.MatchEscaped(p, value) })
		})
	}
}

// Pair is a key and a value of a query string; an empty Key matches every key.
type Pair struct{ Key, Value string }

// QueryIs holds when any pair matches any pair of the query string, whatever the case.
func QueryIs(pairs []Pair) Condition {
	pairs = slices.Clone(pairs)
	for i, p := range pairs {
		pairs[i] = Pair{Key: strings.ToLower(p.Key), Value: strings.ToLower(p.Value)}
	}
	return func(r *http.Request) bool {
		given, _ := url.ParseQuery(r.URL.RawQuery) // what can be parsed of a bad query still counts
		for key, values := range given {
			key = strings.ToLower(key)
			for _, value := range values {
				value = strings.ToLower(value)
				if slices.ContainsFunc(pairs, func(p Pair) bool {
					return (p.Key == "" || glob.MatchEscaped(p.Key, key)) && glob.MatchEscaped(p.Value, value)
				}) {
					return true
				}
			}
		}
		return false
	}
}

// SourceIn holds for peers in the ranges. The peer is the other end of the connection, never X-Forwarded-For.
func SourceIn(ranges []netip.Prefix) Condition {
	return func(r *http.Request) bool {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return false
		}
		addr := peer.Addr().Unmap()
		return slices.ContainsFunc(ranges, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
}

func lowered(values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = strings.ToLower(v)
	}
	return out
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}
