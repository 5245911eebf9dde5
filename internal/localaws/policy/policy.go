// Package policy evaluates identity-based policies as IAM does: a request is an action on a resource with what is known
// around it, and it is allowed where a statement allows it and none denies it.
//
//	document, err := policy.Parse("full", text)
//	decision := policy.Decide([]policy.Document{document}, policy.Request{
//		Action: "elasticloadbalancing:DeleteRule", Resource: "arn:aws:elasticloadbalancing:…:listener-rule/app/…",
//		Context: policy.Context{}.With("aws:ResourceTag/owner", "us"),
//	})
//
// What is in a document and not understood here is an error when it is read, never passed over: a condition that counts for
// nothing would allow too much, and nobody would see it. Not understood are principals, NotAction, NotResource, variables
// and operators other than those of strings, ARNs and Null.
//
// Rules: "Policy evaluation logic" and "IAM JSON policy elements reference" in the IAM user guide.
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Document is a policy under a name.
type Document struct {
	Name       string
	Statements []Statement
}

// Statement allows or denies actions on resources under conditions, all of which must hold.
type Statement struct {
	ID         string
	Deny       bool
	Actions    []string // service:Name, with wildcards
	Resources  []string // ARNs with wildcards, or *
	Conditions []Condition
}

// Condition compares one key of the request with values.
type Condition struct {
	Operator string // as written
	Key      string
	Values   []string
}

// list is a JSON string, or a list of them.
type list []string

func (l *list) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		*l = make(list, 1)
		return json.Unmarshal(text, &(*l)[0])
	}
	return json.Unmarshal(text, (*[]string)(l))
}

type statementText struct {
	Sid, Effect      string
	Action, Resource list
	Condition        map[string]map[string]list
}

// Parse reads a document and complains of all that is wrong with it.
func Parse(name string, text []byte) (Document, error) {
	var in struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statementText
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return Document{}, fmt.Errorf("policy %s: %w", name, err)
	}
	document := Document{Name: name}
	var wrong []error
	if in.Version != "2012-10-17" {
		wrong = append(wrong, fmt.Errorf("policy %s: Version is %q: write 2012-10-17", name, in.Version))
	}
	ids := map[string]bool{}
	for i, text := range in.Statement {
		statement, err := text.read()
		if statement.ID == "" {
			statement.ID = fmt.Sprint("#", i+1)
		}
		if ids[statement.ID] {
			err = errors.Join(err, errors.New("another statement has the same Sid"))
		}
		ids[statement.ID] = true
		if err != nil {
			wrong = append(wrong, fmt.Errorf("policy %s: statement %s: %w", name, statement.ID, err))
		}
		document.Statements = append(document.Statements, statement)
	}
	return document, errors.Join(wrong...)
}

func (t statementText) read() (Statement, error) {
	s := Statement{ID: t.Sid, Deny: t.Effect == "Deny", Actions: t.Action, Resources: t.Resource}
	var wrong []error
	if t.Effect != "Allow" && t.Effect != "Deny" {
		wrong = append(wrong, fmt.Errorf("Effect is %q: write Allow or Deny", t.Effect))
	}
	if len(s.Actions) == 0 || len(s.Resources) == 0 {
		wrong = append(wrong, errors.New("it needs an Action and a Resource"))
	}
	for _, action := range s.Actions {
		if service, name, found := strings.Cut(action, ":"); action != "*" && (!found || service == "" || name == "") {
			wrong = append(wrong, fmt.Errorf("Action %q: write service:Action", action))
		}
	}
	for _, resource := range s.Resources {
		if resource != "*" && strings.Count(resource, ":") < arnParts-1 {
			wrong = append(wrong, fmt.Errorf("Resource %q: write an ARN or *", resource))
		}
	}
	for operator, keys := range t.Condition {
		for key, values := range keys {
			s.Conditions = append(s.Conditions, Condition{Operator: operator, Key: key, Values: values})
		}
	}
	slices.SortFunc(s.Conditions, func(a, b Condition) int { return strings.Compare(a.Operator+a.Key, b.Operator+b.Key) })
	for _, condition := range s.Conditions {
		if err := condition.check(); err != nil {
			wrong = append(wrong, err)
		}
	}
	for _, text := range slices.Concat(s.Resources, s.values()) {
		if strings.Contains(text, "${") {
			wrong = append(wrong, fmt.Errorf("%q has a variable, which is not understood here", text))
		}
	}
	return s, errors.Join(wrong...)
}

func (s Statement) values() (all []string) {
	for _, condition := range s.Conditions {
		all = append(all, condition.Values...)
	}
	return all
}
