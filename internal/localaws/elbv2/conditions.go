package elbv2

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// condition is one condition of a rule, both in calls and in answers.
type condition struct {
	Field   string        `required:"true"`
	Values  []string      `xml:"Values>member"`
	Host    *valuesConfig `form:"HostHeaderConfig" xml:"HostHeaderConfig"`
	Path    *valuesConfig `form:"PathPatternConfig" xml:"PathPatternConfig"`
	Header  *headerConfig `form:"HttpHeaderConfig" xml:"HttpHeaderConfig"`
	Query   *queryConfig  `form:"QueryStringConfig" xml:"QueryStringConfig"`
	Methods *valuesConfig `form:"HttpRequestMethodConfig" xml:"HttpRequestMethodConfig"`
	Sources *sourceConfig `form:"SourceIpConfig" xml:"SourceIpConfig"`
	Regex   []string      `form:"RegexValues" xml:"RegexValues>member,omitempty"`
}

type valuesConfig struct {
	Values []string `xml:"Values>member,omitempty"`
	Regex  []string `form:"RegexValues" xml:"RegexValues>member,omitempty"`
}

type headerConfig struct {
	Name   string   `form:"HttpHeaderName" xml:"HttpHeaderName" required:"true" range:"1,40"`
	Values []string `xml:"Values>member,omitempty"`
	Regex  []string `form:"RegexValues" xml:"RegexValues>member,omitempty"`
}

// sourceConfig has addresses for application load balancers, and their type for network load balancers.
type sourceConfig struct {
	Values []string `xml:"Values>member,omitempty"`
	Family string   `form:"IpAddressType" xml:"IpAddressType,omitempty" enum:"ipv4,ipv6"`
}

type queryConfig struct {
	Values []queryPair `xml:"Values>member"`
}

type queryPair struct {
	Key   string `xml:",omitempty" range:"0,128"`
	Value string `required:"true" range:"1,128"`
}

// fieldKind is what a field of conditions takes. See "Condition types for listener rules" in the ALB guide.
type fieldKind struct {
	repeatable bool
	values     func(condition) []string
	check      func(value string) string // what is wrong with a value, or ""
	canonical  func(condition, []string) condition
	compile    func(condition) balancer.Condition
}

var fields = map[string]fieldKind{
	"host-header": {
		values: func(c condition) []string { return c.plainOr(c.Host) },
		check:  checkHost,
		canonical: func(c condition, values []string) condition {
			return condition{Field: c.Field, Values: values, Host: &valuesConfig{Values: values}}
		},
		compile: func(c condition) balancer.Condition { return balancer.HostIs(c.Values) },
	},
	"path-pattern": {
		values: func(c condition) []string { return c.plainOr(c.Path) },
		check:  checkPath,
		canonical: func(c condition, values []string) condition {
			return condition{Field: c.Field, Values: values, Path: &valuesConfig{Values: values}}
		},
		compile: func(c condition) balancer.Condition { return balancer.PathIs(c.Values) },
	},
	"http-header": {
		repeatable: true,
		values: func(c condition) []string {
			if c.Header == nil {
				return nil
			}
			return c.Header.Values
		},
		check: noCheck,
		canonical: func(c condition, values []string) condition {
			return condition{Field: c.Field, Header: &headerConfig{Name: c.Header.Name, Values: values}}
		},
		compile: func(c condition) balancer.Condition { return balancer.HeaderIs(c.Header.Name, c.Header.Values) },
	},
	"query-string": {
		repeatable: true,
		values:     queryValues,
		check:      noCheck,
		canonical: func(c condition, _ []string) condition {
			return condition{Field: c.Field, Query: c.Query}
		},
		compile: func(c condition) balancer.Condition { return balancer.QueryIs(c.pairs()) },
	},
	"http-request-method": {
		values: func(c condition) []string { return c.configOnly(c.Methods) },
		check:  checkMethod,
		canonical: func(c condition, values []string) condition {
			return condition{Field: c.Field, Methods: &valuesConfig{Values: values}}
		},
		compile: func(c condition) balancer.Condition { return balancer.MethodIs(c.Methods.Values) },
	},
	"source-ip": {
		values: func(c condition) []string {
			if c.Sources == nil {
				return nil
			}
			return c.Sources.Values
		},
		check: checkSource,
		canonical: func(c condition, values []string) condition {
			return condition{Field: c.Field, Sources: &sourceConfig{Values: values}}
		},
		compile: func(c condition) balancer.Condition { return balancer.SourceIn(prefixes(c.Sources.Values)) },
	},
}

// plainOr returns the values where the older way to write a condition may be used as well as the newer.
func (c condition) plainOr(config *valuesConfig) []string {
	if config != nil && len(config.Values) > 0 {
		return config.Values
	}
	return c.Values
}

func (c condition) configOnly(config *valuesConfig) []string {
	if config == nil {
		return nil
	}
	return config.Values
}

func queryValues(c condition) []string {
	if c.Query == nil {
		return nil
	}
	var values []string
	for _, p := range c.Query.Values {
		values = append(values, p.Value)
	}
	return values
}

func (c condition) pairs() []balancer.Pair {
	var pairs []balancer.Pair
	for _, p := range c.Query.Values {
		pairs = append(pairs, balancer.Pair{Key: p.Key, Value: p.Value})
	}
	return pairs
}

// checkConditions checks the conditions of a rule and returns them in the form in which they are shown.
func (s *Service) checkConditions(at place, given []condition) ([]condition, error) {
	if len(given) == 0 {
		return nil, wire.Errorf("ValidationError", "A condition must be specified")
	}
	if at.balancer.settings.kind == network {
		return checkFamilies(given)
	}
	var conditions []condition
	seen := map[string]bool{}
	values, wildcards := 0, 0
	for _, c := range given {
		kind, ok := fields[c.Field]
		switch {
		case !ok:
			return nil, wire.Errorf("ValidationError", "Condition field '%s' must be one of '[host-header, http-header, "+
				"http-request-method, path-pattern, query-string, source-ip]'", c.Field)
		case seen[c.Field] && !kind.repeatable:
			return nil, wire.Errorf("ValidationError", "A rule can only have one '%s' condition", c.Field)
		}
		seen[c.Field] = true
		if regex, ok := c.regex(); ok {
			shown, err := c.checkRegex(regex)
			if err != nil {
				return nil, err
			}
			conditions = append(conditions, shown)
			values += len(regex)
			continue
		}
		own, err := kind.checkValues(c)
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, kind.canonical(c, own))
		values += len(own)
		for _, v := range own {
			wildcards += strings.Count(v, "*") + strings.Count(v, "?")
		}
	}
	if limit := s.Limits[quota.ConditionValuesPerRule]; values > limit {
		return nil, wire.Errorf("ValidationError", "A rule can only have '%d' condition values", limit)
	}
	if limit := s.Limits[quota.ConditionWildcardsPerRule]; wildcards > limit {
		return nil, wire.Errorf("ValidationError", "A rule can only have '%d' condition wildcards", limit)
	}
	return conditions, nil
}

func (k fieldKind) checkValues(c condition) ([]string, error) {
	const longest = 128
	values := k.values(c)
	if len(values) == 0 {
		return nil, wire.Errorf("ValidationError", "A condition value must be specified for field '%s'", c.Field)
	}
	for _, v := range values {
		switch {
		case v == "":
			return nil, wire.Errorf("ValidationError", "Condition values for field '%s' cannot be empty", c.Field)
		case len(v) > longest:
			return nil, wire.Errorf("ValidationError", "Condition value '%s' for field '%s' is longer than %d characters", v, c.Field, longest)
		}
		if wrong := k.check(v); wrong != "" {
			return nil, wire.Errorf("ValidationError", "Condition value '%s' for field '%s' is not valid: %s", v, c.Field, wrong)
		}
	}
	if own := k.canonical(c, values); c.foreign(own) {
		return nil, wire.Errorf("ValidationError", "The condition for field '%s' has the configuration of another field", c.Field)
	}
	return values, nil
}

// foreign reports whether c has a configuration that its canonical form has no place for.
func (c condition) foreign(canonical condition) bool {
	return c.Host != nil && canonical.Host == nil || c.Path != nil && canonical.Path == nil ||
		c.Header != nil && canonical.Header == nil || c.Query != nil && canonical.Query == nil ||
		c.Methods != nil && canonical.Methods == nil || c.Sources != nil && (canonical.Sources == nil || c.Sources.Family != canonical.Sources.Family) ||
		len(c.Values) > 0 && !slices.Equal(c.Values, canonical.Values)
}

func noCheck(string) string { return "" }

var (
	hostPattern   = regexp.MustCompile(`^[A-Za-z0-9.*?_-]*\.[A-Za-z]+$`)
	pathPattern   = regexp.MustCompile(`^[A-Za-z0-9_.$/~"'@:+&*?-]+$`)
	methodPattern = regexp.MustCompile(`^[A-Z_-]{1,40}$`)
)

func checkHost(v string) string {
	if !hostPattern.MatchString(v) {
		return "possible are letters, digits, - . * ?, at least one '.', and only letters after the last '.'"
	}
	return ""
}

func checkPath(v string) string {
	if !pathPattern.MatchString(v) {
		return `possible are letters, digits and _ - . $ / ~ " ' @ : + & * ?`
	}
	return ""
}

func checkMethod(v string) string {
	if !methodPattern.MatchString(v) {
		return "a method has up to 40 of A-Z, - and _"
	}
	return ""
}

func checkSource(v string) string {
	if _, err := netip.ParsePrefix(v); err != nil {
		return "it must be a CIDR block"
	}
	return ""
}

// prefixes parses CIDR blocks that have been checked.
func prefixes(values []string) []netip.Prefix {
	var out []netip.Prefix
	for _, v := range values {
		out = append(out, netip.MustParsePrefix(v))
	}
	return out
}
