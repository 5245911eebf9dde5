package rights

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

// Call is a request to AWS.
type Call struct {
	Principal string // its role's name; what acts under a role of a binding is RoleOfBinding
	Request   policy.Request
	Allowed   bool
}

// RoleOfBinding stands for all roles that controllers act under.
const RoleOfBinding = "role-of-a-binding"

const arnOfPrincipal = "arn:aws:sts::123456789012:assumed-role/"

// PrincipalARN is how AWS names a controller that has a role.
func PrincipalARN(role string) string { return arnOfPrincipal + role + "/sluice" }

// Recorder writes each kind of call once.
type Recorder struct {
	mu   sync.Mutex
	out  io.Writer
	seen map[string]bool
}

// NewRecorder writes lines that ReadCalls reads.
func NewRecorder(out io.Writer) *Recorder { return &Recorder{out: out, seen: map[string]bool{}} }

// Note is for localaws.Config.Decided. A line is written at once: a lab may be killed.
func (r *Recorder) Note(decided localaws.Decided) {
	call := Call{Principal: RoleOfBinding, Request: general(decided.Request), Allowed: decided.Decision.Allowed}
	if rest, found := strings.CutPrefix(decided.Principal, arnOfPrincipal); found && strings.HasSuffix(rest, "/sluice") {
		call.Principal = strings.TrimSuffix(rest, "/sluice")
	}
	text, err := json.Marshal(call)
	if err != nil {
		panic(fmt.Sprintf("a call is plain values: %v", err))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[string(text)] {
		r.seen[string(text)] = true
		_, _ = r.out.Write(append(text, '\n')) // a test that misses the line says so
	}
}

// clusterTag is the only tag that policies look at; the others are of no account.
const clusterTag = "elbv2.k8s.aws/cluster"

// general is a request without what differs from lab to lab: names, ids, values of tags.
func general(request policy.Request) policy.Request {
	out := policy.Request{Action: request.Action, Resource: request.Resource, Context: policy.Context{}}
	if !strings.HasPrefix(request.Action, "sts:") && !strings.HasPrefix(request.Action, "iam:") {
		out.Resource = generalARN(request.Resource)
	}
	for key, values := range request.Context {
		_, tag, isTag := strings.Cut(key, "tag/")
		switch {
		case isTag && tag == clusterTag:
			out.Context.With(key, "x")
		case isTag:
		case key == "aws:tagkeys":
			out.Context.With(key, generalKeys(values)...)
		case key == "ec2:vpc":
			out.Context.With(key, generalARN(values[0]))
		default:
			out.Context.With(key, values...)
		}
	}
	return out
}

func generalKeys(keys []string) []string {
	var out []string
	for _, key := range keys {
		if key != clusterTag {
			key = "another"
		}
		if !slices.Contains(out, key) {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out
}

// generalARN keeps the kind, with app or net where the kind has it.
func generalARN(arn string) string {
	const last = 5
	parts := strings.SplitN(arn, ":", last+1)
	if len(parts) <= last {
		return arn
	}
	steps := strings.Split(parts[last], "/")
	for i := 1; i < len(steps); i++ {
		if i > 1 || steps[i] != "app" && steps[i] != "net" {
			steps[i] = "x"
		}
	}
	parts[last] = strings.Join(steps, "/")
	return strings.Join(parts, ":")
}

// ReadCalls reads what a Recorder has written.
func ReadCalls(file string) (calls []Call, err error) {
	err = read(file, func(c Call) { calls = append(calls, c) })
	return calls, err
}

// DeniedCalls are those that AWS refused, as lines for people.
func DeniedCalls(calls []Call) (lines []string) {
	for _, call := range calls {
		if !call.Allowed {
			lines = append(lines, fmt.Sprintf("%s: %s on %s %v", call.Principal, call.Request.Action, call.Request.Resource, call.Request.Context))
		}
	}
	return sorted(lines)
}

// UnneededLines are the actions, resources and alternative values of documents without which all calls would be allowed still.
func UnneededLines(documents []policy.Document, calls []Call) (lines []string) {
	suffices := func(changed []policy.Document) bool {
		return !slices.ContainsFunc(calls, func(c Call) bool { return c.Allowed && !policy.Decide(changed, c.Request).Allowed })
	}
	for d, document := range documents {
		for s, statement := range document.Statements {
			for line, less := range shorter(statement) {
				changed := slices.Clone(documents)
				changed[d].Statements = slices.Clone(document.Statements)
				changed[d].Statements[s] = less
				if suffices(changed) {
					lines = append(lines, fmt.Sprintf("%s: statement %s: %s", document.Name, statement.ID, line))
				}
			}
		}
	}
	return sorted(lines)
}

// shorter are the statement without one of its lines each, by the line. A condition that is left out allows more, so of
// conditions only values can be lines of this kind.
func shorter(s policy.Statement) map[string]policy.Statement {
	all := map[string]policy.Statement{}
	for i, action := range s.Actions {
		less := s
		less.Actions = without(s.Actions, i)
		all["action "+action] = less
	}
	for i, resource := range s.Resources {
		less := s
		less.Resources = without(s.Resources, i)
		all["resource "+resource] = less
	}
	for c, condition := range s.Conditions {
		if condition.Operator != "StringEquals" {
			continue
		}
		for i, value := range condition.Values {
			less := s
			less.Conditions = slices.Clone(s.Conditions)
			less.Conditions[c].Values = without(condition.Values, i)
			all["value "+value+" of "+condition.Key] = less
		}
	}
	return all
}

func without(list []string, i int) []string { return slices.Delete(slices.Clone(list), i, i+1) }

func sorted(lines []string) []string {
	slices.Sort(lines)
	return slices.Compact(lines)
}
