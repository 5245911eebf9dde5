package annotations

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Action is what actions.<name> asks for: exactly one of its fields is set.
type Action struct {
	Forward       *Forward
	Redirect      *Redirect
	FixedResponse *FixedResponse
}

// Forward sends requests to target groups, by weight where there are several.
type Forward struct {
	Targets []Target
	// Stickiness is nil where it is not said.
	Stickiness *Stickiness
}

// Target of a forward: exactly one of ARN, Name and Service is set.
type Target struct {
	// ARN or Name of a target group that somebody else made.
	ARN, Name string
	// Service and its Port, a number in decimal or a name.
	Service, Port string
	// Weight 0 to 999; nil where it is not said.
	Weight *int32
}

// Stickiness binds a client to one target of a forward.
type Stickiness struct {
	Enabled  bool
	Duration time.Duration // 0 where it is not said
}

// Redirect sends a client elsewhere. Parts that are not said are empty.
type Redirect struct {
	Protocol, Host, Port, Path, Query string
	// DropQuery: the query is given, and empty.
	DropQuery  bool
	StatusCode string
}

// FixedResponse is an answer of the load balancer's own.
type FixedResponse struct {
	StatusCode, ContentType, Body string
}

// Limits of actions (ELBv2 API reference, Action and the types in it).
const (
	mostTargets      = 5
	heaviest         = 999
	longestSticky    = 604800
	longestBody      = 1024
	longestOfAction  = 128 // host, path and query of a redirect
	targetGroupInARN = ":targetgroup/"
)

// Types of actions.
const (
	forwardType  = "forward"
	redirectType = "redirect"
	fixedType    = "fixed-response"
)

// writtenAction is the annotation as it stands. Fields that it does not have are ignored, as
// the incumbent does.
type writtenAction struct {
	Type            string  `json:"type"`
	TargetGroupARN  *string `json:"targetGroupARN"`
	TargetGroupName *string `json:"targetGroupName"`
	ForwardConfig   *struct {
		TargetGroups                []writtenTarget `json:"targetGroups"`
		TargetGroupStickinessConfig *struct {
			Enabled         *bool  `json:"enabled"`
			DurationSeconds *int32 `json:"durationSeconds"`
		} `json:"targetGroupStickinessConfig"`
	} `json:"forwardConfig"`
	RedirectConfig      *writtenRedirect `json:"redirectConfig"`
	FixedResponseConfig *struct {
		ContentType string `json:"contentType"`
		MessageBody string `json:"messageBody"`
		StatusCode  string `json:"statusCode"`
	} `json:"fixedResponseConfig"`
}

type writtenTarget struct {
	TargetGroupARN  *string     `json:"targetGroupARN"`
	TargetGroupName *string     `json:"targetGroupName"`
	ServiceName     *string     `json:"serviceName"`
	ServicePort     writtenPort `json:"servicePort"`
	Weight          *int32      `json:"weight"`
}

type writtenRedirect struct {
	Protocol   *string `json:"protocol"`
	Host       *string `json:"host"`
	Port       *string `json:"port"`
	Path       *string `json:"path"`
	Query      *string `json:"query"`
	StatusCode string  `json:"statusCode"`
}

// writtenPort is a number, a number in quotes, or a name: the first two are the same port.
type writtenPort string

func (p *writtenPort) UnmarshalJSON(text []byte) error {
	var number int32
	if json.Unmarshal(text, &number) == nil {
		if string(text) != "null" {
			*p = writtenPort(strconv.Itoa(int(number)))
		}
		return nil
	}
	var name string
	if err := json.Unmarshal(text, &name); err != nil {
		return err
	}
	if number, err := strconv.Atoi(name); err == nil {
		name = strconv.Itoa(number)
	}
	*p = writtenPort(name)
	return nil
}

func parseAction(text string) (*Action, *complaint) {
	var written writtenAction
	if wrong := readJSON(text, &written, `an action such as {"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"cart","servicePort":80}]}}`); wrong != nil {
		return nil, wrong
	}
	switch written.Type {
	case forwardType:
		return written.forward()
	case redirectType:
		if written.RedirectConfig == nil {
			return nil, lacking("redirectConfig")
		}
		return written.RedirectConfig.action()
	case fixedType:
		return written.fixedResponse()
	}
	return nil, &complaint{what: fmt.Sprintf("has the type %q, which is none", written.Type), remedy: "write " + quotedList([]string{forwardType, redirectType, fixedType}) + " as its type"}
}

// namedTargets are the targets that an action names, as far as it can be read.
func namedTargets(text string) []Target {
	action, wrong := parseAction(text)
	switch {
	case wrong == nil && action.Forward == nil:
		return nil
	case wrong == nil:
		return action.Forward.Targets
	}
	var written writtenAction
	if err := json.Unmarshal([]byte(text), &written); err != nil {
		if _, partly := errors.AsType[*json.UnmarshalTypeError](err); !partly {
			return nil
		}
	}
	tuples := []writtenTarget{{TargetGroupARN: written.TargetGroupARN, TargetGroupName: written.TargetGroupName}}
	if written.ForwardConfig != nil {
		tuples = append(tuples, written.ForwardConfig.TargetGroups...)
	}
	var out []Target
	for _, tuple := range tuples {
		if target, _ := tuple.target(); written.Type != redirectType && written.Type != fixedType && target.ARN+target.Name+target.Service != "" {
			out = append(out, target)
		}
	}
	return out
}

func lacking(field string) *complaint {
	return &complaint{what: "has no " + field, remedy: "add " + field}
}

func (w writtenAction) forward() (*Action, *complaint) {
	short := w.TargetGroupARN != nil || w.TargetGroupName != nil
	switch {
	case short && w.ForwardConfig != nil:
		return nil, &complaint{what: "has both forwardConfig and a target group beside it", remedy: "put the target group into forwardConfig"}
	case short:
		target, wrong := writtenTarget{TargetGroupARN: w.TargetGroupARN, TargetGroupName: w.TargetGroupName}.target()
		return &Action{Forward: &Forward{Targets: []Target{target}}}, wrong
	case w.ForwardConfig == nil:
		return nil, lacking("forwardConfig")
	}
	forward := &Forward{}
	for i, tuple := range w.ForwardConfig.TargetGroups {
		target, wrong := tuple.target()
		if wrong != nil {
			return nil, wrong.in(fmt.Sprintf("forwardConfig.targetGroups[%d]", i))
		}
		forward.Targets = append(forward.Targets, target)
	}
	if sticky := w.ForwardConfig.TargetGroupStickinessConfig; sticky != nil {
		forward.Stickiness = &Stickiness{Enabled: sticky.Enabled != nil && *sticky.Enabled}
		if seconds := sticky.DurationSeconds; seconds != nil {
			if *seconds < 1 || *seconds > longestSticky {
				return nil, &complaint{what: "has durationSeconds out of bounds", remedy: fmt.Sprintf("write 1 to %d", longestSticky)}
			}
			forward.Stickiness.Duration = time.Duration(*seconds) * time.Second
		}
	}
	return &Action{Forward: forward}, forward.check()
}

func (f *Forward) check() *complaint {
	weighed := func(t Target) bool { return t.Weight != nil }
	switch {
	case len(f.Targets) == 0:
		return &complaint{what: "has no target group", remedy: "name at least one in forwardConfig.targetGroups"}
	case len(f.Targets) > mostTargets:
		return &complaint{what: fmt.Sprintf("has %d target groups", len(f.Targets)), remedy: fmt.Sprintf("AWS takes %d at most", mostTargets)}
	case len(f.Targets) > 1 && !allOf(f.Targets, weighed):
		return &complaint{what: "has a target group without a weight beside others", remedy: "give each of several a weight"}
	case f.Stickiness != nil && f.Stickiness.Enabled && f.Stickiness.Duration == 0:
		return &complaint{what: "has stickiness without durationSeconds", remedy: fmt.Sprintf("write how long it lasts, 1 to %d", longestSticky)}
	}
	return nil
}

func allOf[T any](list []T, holds func(T) bool) bool {
	return !slices.ContainsFunc(list, func(item T) bool { return !holds(item) })
}

// target takes the ARN where both ARN and name are given, as the incumbent does.
func (w writtenTarget) target() (Target, *complaint) {
	group := w.TargetGroupARN != nil || w.TargetGroupName != nil
	target := Target{Weight: w.Weight}
	switch {
	case group && w.ServiceName != nil:
		return target, &complaint{what: "has both a target group and a Service", remedy: "name one of them"}
	case w.TargetGroupARN != nil && (!strings.HasPrefix(*w.TargetGroupARN, "arn:") || !strings.Contains(*w.TargetGroupARN, targetGroupInARN)):
		return target, &complaint{what: fmt.Sprintf("has %q, which is no ARN of a target group", *w.TargetGroupARN), remedy: "write arn:…:targetgroup/…, or give its name as targetGroupName"}
	case w.TargetGroupARN != nil:
		target.ARN = *w.TargetGroupARN
	case w.TargetGroupName != nil && *w.TargetGroupName == "":
		return target, &complaint{what: "has an empty targetGroupName", remedy: "write a name"}
	case w.TargetGroupName != nil:
		target.Name = *w.TargetGroupName
	case w.ServiceName == nil || *w.ServiceName == "":
		return target, &complaint{what: "has neither a target group nor a Service", remedy: "add targetGroupARN, targetGroupName, or serviceName and servicePort"}
	case w.ServicePort == "":
		return target, &complaint{what: fmt.Sprintf("has Service %q without a port", *w.ServiceName), remedy: "add servicePort"}
	default:
		target.Service, target.Port = *w.ServiceName, string(w.ServicePort)
	}
	if w.Weight != nil && (*w.Weight < 0 || *w.Weight > heaviest) {
		return target, &complaint{what: fmt.Sprintf("has the weight %d", *w.Weight), remedy: fmt.Sprintf("write 0 to %d", heaviest)}
	}
	return target, nil
}

func (w writtenRedirect) action() (*Action, *complaint) {
	redirect := &Redirect{StatusCode: w.StatusCode, DropQuery: w.Query != nil && *w.Query == ""}
	for _, part := range []struct {
		name    string
		written *string
		into    *string
		fits    func(string) bool
		remedy  string
	}{
		{"protocol", w.Protocol, &redirect.Protocol, oneOf("HTTP", "HTTPS", "#{protocol}"), `write "HTTP", "HTTPS" or "#{protocol}"`},
		{"host", w.Host, &redirect.Host, within(longestOfAction), fmt.Sprintf("write 1 to %d characters, or leave it out to keep the host", longestOfAction)},
		{"port", w.Port, &redirect.Port, portOrSame, `write a number from 1 to 65535 in quotes, or "#{port}"`},
		{"path", w.Path, &redirect.Path, pathFits, fmt.Sprintf(`write a path that begins with "/", of %d characters at most; "/#{path}" keeps it`, longestOfAction)},
		{"query", w.Query, &redirect.Query, upTo(longestOfAction), fmt.Sprintf(`write %d characters at most; "#{query}" keeps it`, longestOfAction)},
	} {
		if part.written == nil {
			continue
		}
		if !part.fits(*part.written) {
			return nil, &complaint{what: fmt.Sprintf("has the %s %q", part.name, *part.written), remedy: part.remedy}
		}
		*part.into = *part.written
	}
	if !oneOf("HTTP_301", "HTTP_302")(w.StatusCode) {
		return nil, &complaint{what: fmt.Sprintf("has the statusCode %q", w.StatusCode), remedy: `write "HTTP_301" or "HTTP_302"`}
	}
	return &Action{Redirect: redirect}, nil
}

func oneOf(values ...string) func(string) bool {
	return func(text string) bool { return slices.Contains(values, text) }
}

func upTo(most int) func(string) bool {
	return func(text string) bool { return utf8.RuneCountInString(text) <= most }
}

func within(most int) func(string) bool {
	return func(text string) bool { return text != "" && upTo(most)(text) }
}

func pathFits(text string) bool { return strings.HasPrefix(text, "/") && upTo(longestOfAction)(text) }

func portOrSame(text string) bool {
	number, err := strconv.ParseUint(text, 10, 16)
	return text == "#{port}" || err == nil && number > 0
}

var (
	// fixedStatus: an answer is a success or an error (API reference, FixedResponseActionConfig).
	fixedStatus  = regexp.MustCompile(`^[245][0-9]{2}$`)
	contentTypes = []string{"text/plain", "text/css", "text/html", "application/javascript", "application/json"}
)

func (w writtenAction) fixedResponse() (*Action, *complaint) {
	fixed := w.FixedResponseConfig
	switch {
	case fixed == nil:
		return nil, lacking("fixedResponseConfig")
	case !fixedStatus.MatchString(fixed.StatusCode):
		return nil, &complaint{what: fmt.Sprintf("has the statusCode %q", fixed.StatusCode), remedy: `write a code that begins with 2, 4 or 5, such as "404"`}
	case fixed.ContentType != "" && !slices.Contains(contentTypes, fixed.ContentType):
		return nil, &complaint{what: fmt.Sprintf("has the contentType %q", fixed.ContentType), remedy: "write " + quotedList(contentTypes)}
	case utf8.RuneCountInString(fixed.MessageBody) > longestBody:
		return nil, &complaint{what: fmt.Sprintf("has a messageBody of %d characters", utf8.RuneCountInString(fixed.MessageBody)), remedy: fmt.Sprintf("AWS takes %d at most", longestBody)}
	}
	return &Action{FixedResponse: &FixedResponse{StatusCode: fixed.StatusCode, ContentType: fixed.ContentType, Body: fixed.MessageBody}}, nil
}
