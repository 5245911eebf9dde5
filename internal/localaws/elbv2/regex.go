package elbv2

import (
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// compileRegex reads an expression of a condition or transform. AWS's have no look-around, back-references, possessive
// quantifiers, recursion or Unicode classes ("Listener rules", ALB guide), which is what RE2 has not got either but for
// the last.
func compileRegex(expression string) (*regexp.Regexp, error) {
	if strings.Contains(expression, `\p`) || strings.Contains(expression, `\P`) {
		return nil, wire.Errorf("ValidationError", "Unicode classes are not supported: '%s'", expression)
	}
	return regexp.Compile(expression)
}

// regexConfig is where a condition of a field may have its expressions beside the condition itself, or nil.
func (c condition) regexConfig() []string {
	switch {
	case c.Host != nil:
		return c.Host.Regex
	case c.Path != nil:
		return c.Path.Regex
	case c.Header != nil:
		return c.Header.Regex
	}
	return nil
}

// regex are the expressions of a condition, if it is one of expressions.
func (c condition) regex() ([]string, bool) {
	if given := c.regexConfig(); len(given) > 0 {
		return given, true
	}
	return c.Regex, len(c.Regex) > 0
}

// checkRegex checks a condition of expressions and returns it in the form in which it is shown.
func (c condition) checkRegex(regex []string) (condition, error) {
	const longest = 128
	switch {
	case !slices.Contains([]string{"host-header", "path-pattern", "http-header"}, c.Field):
		return c, wire.Errorf("ValidationError", "Regular expressions cannot be specified for field '%s'", c.Field)
	case len(c.Values) > 0 || c.Host != nil && len(c.Host.Values) > 0 || c.Path != nil && len(c.Path.Values) > 0 || c.Header != nil && len(c.Header.Values) > 0:
		return c, wire.Errorf("ValidationError", "A condition cannot have both values and regular expressions")
	case c.Field == "http-header" && c.Header == nil:
		return c, wire.Errorf("ValidationError", "An HTTP header name must be specified for field 'http-header'")
	case len(c.Regex) > 0 && len(c.regexConfig()) > 0 && !slices.Equal(c.Regex, c.regexConfig()):
		return c, wire.Errorf("ValidationError", "The condition for field '%s' has two lists of regular expressions", c.Field)
	}
	for _, expression := range regex {
		if _, err := compileRegex(expression); err != nil || len(expression) > longest || expression == "" {
			return c, wire.Errorf("ValidationError", "The regular expression '%s' for field '%s' is not valid", expression, c.Field)
		}
	}
	shown := condition{Field: c.Field}
	switch c.Field {
	case "host-header":
		shown.Host, shown.Regex = &valuesConfig{Regex: regex}, regex
	case "path-pattern":
		shown.Path, shown.Regex = &valuesConfig{Regex: regex}, regex
	default:
		shown.Header = &headerConfig{Name: c.Header.Name, Regex: regex}
	}
	if c.foreign(shown) {
		return c, wire.Errorf("ValidationError", "The condition for field '%s' has the configuration of another field", c.Field)
	}
	return shown, nil
}

// compile makes the data plane's condition of a checked one.
func (c condition) compile() balancer.Condition {
	given, ok := c.regex()
	if !ok {
		return fields[c.Field].compile(c)
	}
	var expressions []*regexp.Regexp
	for _, expression := range given {
		if e, err := compileRegex(expression); err == nil { // checked
			expressions = append(expressions, e)
		}
	}
	switch c.Field {
	case "host-header":
		return balancer.HostMatches(expressions)
	case "path-pattern":
		return balancer.PathMatches(expressions)
	}
	return balancer.HeaderMatches(c.Header.Name, expressions)
}
