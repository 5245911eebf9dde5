package annotations

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"unicode/utf8"
)

// Condition is one entry of conditions.<name>. Which fields are set depends on Field.
type Condition struct {
	Field string
	// Values of all fields but query-string; Regex in their place for host, path and header.
	Values, Regex []string
	// Header that an http-header condition looks at.
	Header string
	// Query of a query-string condition.
	Query []Pair
}

// Pair of a query string; without a key any will do.
type Pair struct {
	Key, Value string
}

// The fields of conditions.
const (
	hostField   = "host-header"
	pathField   = "path-pattern"
	headerField = "http-header"
	methodField = "http-request-method"
	queryField  = "query-string"
	sourceField = "source-ip"
)

// Limits of conditions (ELBv2 API reference, RuleCondition; quotas of Application Load Balancers).
const (
	mostValues       = 5
	longestValue     = 128
	longestHeader    = 40
	conditionExample = `a list such as [{"field":"http-request-method","httpRequestMethodConfig":{"values":["GET"]}}]`
)

// writtenCondition is an entry as it stands.
type writtenCondition struct {
	Field                   string         `json:"field"`
	HostHeaderConfig        *writtenValues `json:"hostHeaderConfig"`
	PathPatternConfig       *writtenValues `json:"pathPatternConfig"`
	HTTPHeaderConfig        *writtenHeader `json:"httpHeaderConfig"`
	HTTPRequestMethodConfig *writtenList   `json:"httpRequestMethodConfig"`
	SourceIPConfig          *writtenList   `json:"sourceIPConfig"`
	QueryStringConfig       *struct {
		Values []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"values"`
	} `json:"queryStringConfig"`
}

type writtenValues struct {
	Values      []string `json:"values"`
	RegexValues []string `json:"regexValues"`
}

type writtenHeader struct {
	HTTPHeaderName string   `json:"httpHeaderName"`
	Values         []string `json:"values"`
	RegexValues    []string `json:"regexValues"`
}

type writtenList struct {
	Values []string `json:"values"`
}

// parseConditions leaves entries of an unknown field out, as the incumbent does, and says so.
func parseConditions(text string) ([]Condition, *complaint) {
	var written []writtenCondition
	if wrong := readJSON(text, &written, conditionExample); wrong != nil {
		return nil, wrong
	}
	var out []Condition
	var ignored *complaint
	for i, entry := range written {
		if !slices.Contains([]string{hostField, pathField, headerField, methodField, queryField, sourceField}, entry.Field) {
			ignored = &complaint{
				what: fmt.Sprintf("has the field %q in [%d], which is none, so that this condition is not asked for", entry.Field, i), harmless: true,
				remedy: "write " + quotedList([]string{hostField, pathField, headerField, methodField, queryField, sourceField}),
			}
			continue
		}
		condition, wrong := entry.condition()
		if wrong == nil {
			wrong = condition.check()
		}
		if wrong != nil {
			return nil, wrong.in(fmt.Sprintf("[%d]", i))
		}
		out = append(out, condition)
	}
	if wrong := checkConditions(out); wrong != nil {
		return nil, wrong
	}
	return out, ignored
}

func (w writtenCondition) condition() (Condition, *complaint) {
	out := Condition{Field: w.Field}
	found := false
	switch w.Field {
	case hostField:
		out.Values, out.Regex, found = w.HostHeaderConfig.lists()
	case pathField:
		out.Values, out.Regex, found = w.PathPatternConfig.lists()
	case headerField:
		if found = w.HTTPHeaderConfig != nil; found {
			out.Header, out.Values, out.Regex = w.HTTPHeaderConfig.HTTPHeaderName, w.HTTPHeaderConfig.Values, w.HTTPHeaderConfig.RegexValues
		}
	case methodField:
		if found = w.HTTPRequestMethodConfig != nil; found {
			out.Values = w.HTTPRequestMethodConfig.Values
		}
	case sourceField:
		if found = w.SourceIPConfig != nil; found {
			out.Values = w.SourceIPConfig.Values
		}
	case queryField:
		if found = w.QueryStringConfig != nil; found {
			for _, pair := range w.QueryStringConfig.Values {
				out.Query = append(out.Query, Pair(pair))
			}
		}
	}
	if !found {
		return out, lacking(configOf[w.Field])
	}
	return out, nil
}

// configOf names the object that holds the values of a field.
var configOf = map[string]string{
	hostField: "hostHeaderConfig", pathField: "pathPatternConfig", headerField: "httpHeaderConfig",
	methodField: "httpRequestMethodConfig", queryField: "queryStringConfig", sourceField: "sourceIPConfig",
}

func (w *writtenValues) lists() (values, regex []string, found bool) {
	if w == nil {
		return nil, nil, false
	}
	return w.Values, w.RegexValues, true
}

// check holds a condition to what AWS documents, where anything else can only fail there.
func (c Condition) check() *complaint {
	switch {
	case len(c.Values) > 0 && len(c.Regex) > 0:
		return &complaint{what: "has both values and regexValues", remedy: "write one of them"}
	case len(c.Values)+len(c.Regex)+len(c.Query) == 0:
		return &complaint{what: "has no values", remedy: fmt.Sprintf("add values to %s", configOf[c.Field])}
	case c.Field == headerField && (c.Header == "" || len(c.Header) > longestHeader):
		return &complaint{what: fmt.Sprintf("has the httpHeaderName %q", c.Header), remedy: fmt.Sprintf("write 1 to %d characters", longestHeader)}
	}
	for _, value := range slices.Concat(c.Values, c.Regex) {
		if wrong := c.checkValue(value); wrong != nil {
			return wrong
		}
	}
	for _, pair := range c.Query {
		if utf8.RuneCountInString(pair.Key) > longestValue {
			return &complaint{what: fmt.Sprintf("has the key %q", pair.Key), remedy: fmt.Sprintf("write %d characters at most", longestValue)}
		}
		if wrong := c.checkValue(pair.Value); wrong != nil {
			return wrong
		}
	}
	return nil
}

// methodForm: "A-Z, hyphen and underscore", at most 40 (API reference, HttpRequestMethodConditionConfig).
var methodForm = regexp.MustCompile(`^[A-Z_-]{1,40}$`)

func (c Condition) checkValue(value string) *complaint {
	wrong := func(remedy string) *complaint {
		return &complaint{what: fmt.Sprintf("has the value %q", value), remedy: remedy}
	}
	switch {
	case value == "" || utf8.RuneCountInString(value) > longestValue:
		return wrong(fmt.Sprintf("write 1 to %d characters", longestValue))
	case c.Field == methodField && !methodForm.MatchString(value):
		return wrong(`write a method in capitals, such as "GET"; there are no wildcards`)
	case c.Field == sourceField:
		if _, err := netip.ParsePrefix(value); err != nil {
			return wrong(`write a range of addresses, such as "10.0.0.0/8" or "192.0.2.1/32"`)
		}
	}
	return nil
}

// checkConditions: a rule takes one condition on method and source each, and few values.
func checkConditions(conditions []Condition) *complaint {
	values := 0
	for i, c := range conditions {
		values += len(c.Values) + len(c.Regex) + len(c.Query)
		again := slices.ContainsFunc(conditions[:i], func(before Condition) bool { return before.Field == c.Field })
		if again && (c.Field == methodField || c.Field == sourceField) {
			return &complaint{what: fmt.Sprintf("has two conditions on %s", c.Field), remedy: "put the values into one: any of them will do"}
		}
	}
	if values > mostValues {
		return &complaint{what: fmt.Sprintf("has %d values", values), remedy: fmt.Sprintf("AWS takes %d a rule, host and path included", mostValues)}
	}
	return nil
}

// in says where inside the value a complaint belongs.
func (c *complaint) in(place string) *complaint {
	return &complaint{what: fmt.Sprintf("in %s %s", place, c.what), remedy: c.remedy, harmless: c.harmless}
}
