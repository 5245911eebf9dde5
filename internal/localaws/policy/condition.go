package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/glob"
)

// Context is what is known around a request, by condition key in lower case: keys are the same in any case, values are not.
type Context map[string][]string

// With adds values of a key, and returns the context.
func (c Context) With(key string, values ...string) Context {
	key = strings.ToLower(key)
	c[key] = append(c[key], values...)
	return c
}

// known are the condition keys that requests can have; those that end with a slash go on with the key of a tag.
var known = []string{
	"aws:resourcetag/", "aws:requesttag/", "aws:tagkeys",
	"elasticloadbalancing:resourcetag/", "elasticloadbalancing:createaction",
	"ec2:resourcetag/", "ec2:createaction", "ec2:vpc",
	"iam:awsservicename", "sts:externalid", "sts:rolesessionname",
}

func isKnown(key string) bool {
	key = strings.ToLower(key)
	return slices.ContainsFunc(known, func(k string) bool {
		prefix := strings.HasSuffix(k, "/")
		return !prefix && k == key || prefix && strings.HasPrefix(key, k) && len(key) > len(k)
	})
}

// comparisons by operator: whether a value of the request fits one of the policy.
var comparisons = map[string]func(pattern, value string) bool{
	"StringEquals":           equal,
	"StringEqualsIgnoreCase": strings.EqualFold,
	"StringLike":             glob.Match,
	"ArnEquals":              matchARN, // IAM: ArnEquals and ArnLike behave identically
	"ArnLike":                matchARN,
}

func equal(pattern, value string) bool { return pattern == value }

// negations are true where the comparison is true of no value of the policy, and where the key is absent.
var negations = map[string]string{
	"StringNotEquals":           "StringEquals",
	"StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
	"StringNotLike":             "StringLike",
	"ArnNotEquals":              "ArnEquals",
	"ArnNotLike":                "ArnLike",
}

// Quantifiers in front of an operator, for keys with several values.
const (
	forAll   = "ForAllValues:"
	forAny   = "ForAnyValue:"
	ifExists = "IfExists"
	null     = "Null"
)

// operator is a condition's, taken apart. For a negation the name is that of what is negated.
type operator struct {
	quantifier, name  string
	negated, optional bool
}

func (c Condition) operator() operator {
	o := operator{name: c.Operator}
	for _, prefix := range []string{forAll, forAny} {
		if rest, found := strings.CutPrefix(o.name, prefix); found {
			o.quantifier, o.name = prefix, rest
		}
	}
	o.name, o.optional = strings.CutSuffix(o.name, ifExists)
	if positive, found := negations[o.name]; found {
		o.name, o.negated = positive, true
	}
	return o
}

func (c Condition) check() error {
	o := c.operator()
	switch {
	case !isKnown(c.Key):
		return fmt.Errorf("Condition key %q is not known here; known are %s", c.Key, strings.Join(known, ", "))
	case len(c.Values) == 0:
		return fmt.Errorf("Condition %s of %s has no value", c.Operator, c.Key)
	case o.name == null && (o.quantifier != "" || o.optional):
		return errors.New("Condition Null takes no ForAllValues, ForAnyValue or IfExists")
	case o.name == null:
		for _, value := range c.Values {
			if value != "true" && value != "false" {
				return fmt.Errorf("Condition Null of %s is %q: write true or false", c.Key, value)
			}
		}
	case comparisons[o.name] == nil:
		return fmt.Errorf("Condition operator %q is not understood here", c.Operator)
	}
	return nil
}

// holds says whether the condition is true of a request. Values are alternatives.
func (c Condition) holds(context Context) bool {
	o := c.operator()
	values, present := context[strings.ToLower(c.Key)]
	if o.name == null {
		return slices.Contains(c.Values, fmt.Sprint(!present))
	}
	if !present {
		// Absent is true for all of no values, for "if exists", and for a negation that asks for no particular value.
		return o.optional || o.quantifier == forAll || o.negated && o.quantifier == ""
	}
	fits := func(value string) bool {
		matched := slices.ContainsFunc(c.Values, func(pattern string) bool { return comparisons[o.name](pattern, value) })
		return matched != o.negated
	}
	if o.quantifier == forAny {
		return slices.ContainsFunc(values, fits)
	}
	return !slices.ContainsFunc(values, func(value string) bool { return !fits(value) })
}
