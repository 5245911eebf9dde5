package policy

import (
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/glob"
)

// Request is one action on one resource. Calls can be several requests.
type Request struct {
	Action   string // service:Name
	Resource string // ARN, or "*" for an action that knows no resources
	Context  Context
}

// Grant is a line of a document that has allowed a request: the action and the resource as the statement writes them.
type Grant struct {
	Document  string `json:"document"`
	Statement string `json:"statement"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
}

// Decision is the answer to a request.
type Decision struct {
	Allowed bool
	Denied  bool    // by a statement, and not just for want of one that allows
	By      []Grant // all that allow, or that deny, in the order of the documents
}

// Decide evaluates all documents together: one denial outweighs whatever allows, and what nobody allows is denied.
func Decide(documents []Document, request Request) Decision {
	var allow, deny []Grant
	for _, document := range documents {
		for _, statement := range document.Statements {
			grants := statement.grants(document.Name, request)
			if statement.Deny {
				deny = append(deny, grants...)
			} else {
				allow = append(allow, grants...)
			}
		}
	}
	if len(deny) > 0 {
		return Decision{Denied: true, By: deny}
	}
	return Decision{Allowed: len(allow) > 0, By: allow}
}

// grants are the pairs of an action and a resource that fit, none where a condition does not hold.
func (s Statement) grants(document string, request Request) (grants []Grant) {
	if slices.ContainsFunc(s.Conditions, func(c Condition) bool { return !c.holds(request.Context) }) {
		return nil
	}
	for _, action := range s.Actions {
		if !matchAction(action, request.Action) {
			continue
		}
		for _, resource := range s.Resources {
			if resource == "*" || matchARN(resource, request.Resource) {
				grants = append(grants, Grant{Document: document, Statement: s.ID, Action: action, Resource: resource})
			}
		}
	}
	return grants
}

// matchAction: actions are the same in any case.
func matchAction(pattern, action string) bool {
	return glob.Match(strings.ToLower(pattern), strings.ToLower(action))
}

// arnParts is how many parts an ARN has; the last may hold colons.
const arnParts = 6

// matchARN compares part by part: a wildcard does not reach over a colon, but in the last part.
func matchARN(pattern, arn string) bool {
	want, have := strings.SplitN(pattern, ":", arnParts), strings.SplitN(arn, ":", arnParts)
	if len(want) != arnParts || len(have) != arnParts {
		return false
	}
	for i := range want {
		if !glob.Match(want[i], have[i]) {
			return false
		}
	}
	return true
}
