package balancer

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// HostMatches holds when an expression matches the host without its port. Host names know no case, so the expressions
// see it in lower case.
func HostMatches(expressions []*regexp.Regexp) Condition {
	return func(r *http.Request) bool { return anyMatches(expressions, strings.ToLower(hostOnly(r.Host))) }
}

// PathMatches holds when an expression matches the path as the client wrote it.
func PathMatches(expressions []*regexp.Regexp) Condition {
	return func(r *http.Request) bool { return anyMatches(expressions, r.URL.EscapedPath()) }
}

// HeaderMatches holds when an expression matches any occurrence of the header.
func HeaderMatches(name string, expressions []*regexp.Regexp) Condition {
	return func(r *http.Request) bool {
		return slices.ContainsFunc(r.Header.Values(name), func(value string) bool { return anyMatches(expressions, value) })
	}
}

func anyMatches(expressions []*regexp.Regexp, value string) bool {
	return slices.ContainsFunc(expressions, func(e *regexp.Regexp) bool { return e.MatchString(value) })
}

// groupReference is $1 to $9. Go would read "$1x" as a group called 1x.
var groupReference = regexp.MustCompile(`\$(\d)`)

// apply replaces what the expression matches, or says that it matches nowhere: then the request stays as it is.
// ("Transforms for listener rules" in the ALB guide.)
func (t *Rewrite) apply(value string) (string, bool) {
	if t == nil || !t.Regex.MatchString(value) {
		return value, false
	}
	return t.Regex.ReplaceAllString(value, groupReference.ReplaceAllString(t.Replace, "$${$1}")), true
}

// transform rewrites what goes to the target: its URL and its Host header. The guide says that a transform that matches
// and cannot be applied is answered with 500; the error is that case. The expression sees path and query as one.
func (f *Forward) transform(out *http.Request) error {
	if host, ok := f.RewriteTo.apply(out.Host); ok {
		out.Host = host
	}
	whole := out.URL.EscapedPath()
	if out.URL.RawQuery != "" {
		whole += "?" + out.URL.RawQuery
	}
	changed, ok := f.RewriteURL.apply(whole)
	if !ok {
		return nil
	}
	next, err := url.ParseRequestURI(changed)
	if err != nil {
		return err
	}
	out.URL.Path, out.URL.RawPath, out.URL.RawQuery = next.Path, next.RawPath, next.RawQuery
	return nil
}
