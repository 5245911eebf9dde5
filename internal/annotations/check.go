package annotations

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Check reads all annotations of an object that begin with one of our prefixes and says what
// is wrong with them, by key. What the incumbent ignores too is not fatal.
func Check(on Object, annotations map[string]string) []Finding {
	var findings []Finding
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if !strings.HasPrefix(key, Prefix) && !strings.HasPrefix(key, Own) {
			continue
		}
		if finding := checkOne(on, key, annotations[key]); finding != nil {
			findings = append(findings, *finding)
		}
	}
	return findings
}

func checkOne(on Object, whole, value string) *Finding {
	key, known := find(whole)
	switch {
	case !known:
		return unknown(on, whole, value)
	case key.Written:
		return nil
	case key.On&on == 0:
		return misplaced(key, on, whole, value)
	}
	if finding := key.parse(whole, value); finding != nil {
		return finding
	}
	if !key.Built && !key.asks(value) {
		return nil
	}
	if !key.Built {
		return &Finding{
			Key: whole, Value: value, Reason: ReasonNotBuilt, Fatal: true,
			Message: fmt.Sprintf("annotation %s: this build does not serve it yet", whole),
			Remedy:  "remove it if the load balancer may do without",
		}
	}
	return nil
}

// asks says whether the value wants anything at all: what is the default anyway needs no
// building.
func (k Key) asks(value string) bool {
	if k.Type == TypeBool && k.Default != "" {
		wanted, _ := parseBool(value)
		standard, _ := parseBool(k.Default)
		return wanted != standard
	}
	return k.Default == "" || value != k.Default
}

// parse reads a value for its errors alone.
func (k Key) parse(whole, value string) *Finding {
	var wrong *complaint
	switch k.Type {
	case TypeBool:
		_, wrong = parseBool(value)
	case TypeInt32:
		_, wrong = k.parseInt32(value)
	case TypeCIDRList:
		_, wrong = parseCIDRList(value)
	case TypeStringMap:
		_, wrong = parseStringMap(value)
	case TypeDuration:
		_, wrong = parseDuration(value)
	case TypeJSON:
		wrong = k.parseForm(value)
	case TypeString:
		if finding := k.choose(whole, value); finding != nil {
			return finding
		}
		wrong = k.match(value)
	case TypeStringList:
		return nil
	}
	if wrong == nil {
		return nil
	}
	return new(wrong.about(whole, value))
}

// parseForm reads JSON of a key whose form is known.
func (k Key) parseForm(value string) *complaint {
	var wrong *complaint
	switch k.Name {
	case "listen-ports":
		_, wrong = parseListenPorts(value)
	case "actions.<name>":
		_, wrong = parseAction(value)
	case "conditions.<name>":
		_, wrong = parseConditions(value)
	case "transforms.<name>":
		_, wrong = parseTransforms(value)
	default:
		_, wrong = parseJSON(value)
	}
	return wrong
}

// choose holds a value to those that are allowed.
func (k Key) choose(whole, value string) *Finding {
	if len(k.Allowed) == 0 || slices.Contains(k.Allowed, value) {
		return nil
	}
	return new(complaint{what: "is not a value it can have", remedy: "write " + quotedList(k.Allowed)}.about(whole, value))
}

// form is what a string must look like beyond its type.
type form struct {
	pattern *regexp.Regexp
	remedy  string
}

// forms are the limits that AWS documents for the strings that are built, by name, and the
// ones of our own keys.
var forms = map[string]form{
	"load-balancer-name": {regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9]{0,30}[A-Za-z0-9])?$`), `write at most 32 letters, digits and hyphens, and no hyphen at either end`},
	"group.name":         {regexp.MustCompile(`^([a-z0-9][-a-z0-9.]{0,61})?[a-z0-9]$`), `write at most 63 lower-case letters, digits, "-" and ".", with a letter or digit at both ends`},
	"healthcheck-path":   {regexp.MustCompile(`^/`), `write a path that begins with "/"`},
	"healthcheck-port":   {regexp.MustCompile(`^(traffic-port|[0-9]{1,5}|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$`), `write "traffic-port", a number, or the name of a Service port`},
	"success-codes":      {regexp.MustCompile(`^[0-9]{1,3}(-[0-9]{1,3})?(,[0-9]{1,3}(-[0-9]{1,3})?)*$`), `write codes such as "200", "200,204" or "200-299"`},
	"drain":              {regexp.MustCompile(`^(auto|nlb|off|[0-9]{1,9})$`), `write "auto", "nlb", "off" or a number of seconds`},
}

func (k Key) match(value string) *complaint {
	form, found := forms[k.Name]
	if !found || form.pattern.MatchString(value) {
		return nil
	}
	return &complaint{what: "is not in the form it must have", remedy: form.remedy}
}

func unknown(on Object, whole, value string) *Finding {
	remedy := "remove it"
	if near := nearest(on, whole); near != "" {
		remedy = fmt.Sprintf("write %s if that is meant, else remove it", near)
	}
	return &Finding{
		Key: whole, Value: value, Reason: ReasonUnknown,
		Message: fmt.Sprintf("annotation %s: nobody reads it", whole),
		Remedy:  remedy,
	}
}

func misplaced(key Key, on Object, whole, value string) *Finding {
	finding := &Finding{
		Key: whole, Value: value, Reason: ReasonMisplaced,
		Message: fmt.Sprintf("annotation %s: it is not read on %s", whole, objects(on)),
	}
	if key.On != 0 {
		finding.Remedy = "put it on " + objects(key.On)
	} else {
		finding.Remedy = fmt.Sprintf("make it a label of %s", objects(key.Label))
	}
	return finding
}

func objects(on Object) string {
	var names []string
	for _, kind := range []struct {
		bit  Object
		name string
	}{{OnIngress, "an Ingress"}, {OnService, "a Service"}, {OnPod, "a Pod"}, {OnNamespace, "a Namespace"}} {
		if on&kind.bit != 0 {
			names = append(names, kind.name)
		}
	}
	return strings.Join(names, " or ")
}

// nearest is the known key with the least slips of the keyboard between it and this one, or
// nothing where that would be guessing.
func nearest(on Object, whole string) string {
	best, distance := "", max(2, len(whole[strings.Index(whole, "/")+1:])/4)+1
	for _, key := range table {
		longer := len(whole) - len(key.String()) // it takes as many slips at least
		if key.On&on == 0 || key.Written || max(longer, -longer) >= distance {
			continue
		}
		if d := slips(whole, key.String()); d < distance {
			best, distance = key.String(), d
		}
	}
	return best
}

// slips counts the letters to insert, delete or replace to get from one text to the other.
func slips(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(from) {
		before := row[0]
		row[0] = i + 1
		for j := range len(to) {
			replace := before
			if from[i] != to[j] {
				replace++
			}
			before = row[j+1]
			row[j+1] = min(replace, row[j]+1, before+1)
		}
	}
	return row[len(to)]
}

func quotedList(values []string) string {
	quoted := make([]string, len(values))
	for i, value := range values {
		quoted[i] = fmt.Sprintf("%q", value)
	}
	return strings.Join(quoted, " or ")
}
