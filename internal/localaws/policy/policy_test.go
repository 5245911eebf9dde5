package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

func parse(t *testing.T, statements ...string) policy.Document {
	t.Helper()
	document, err := policy.Parse("test", []byte(`{"Version":"2012-10-17","Statement":[`+strings.Join(statements, ",")+`]}`))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

const group = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/0123456789abcdef"

// Rows after "Policy evaluation logic", "IAM JSON policy elements: Resource", "Condition operators" and "Single-valued vs.
// multivalued context keys" in the IAM user guide.
func TestDecide(t *testing.T) {
	t.Parallel()
	allow := func(action, resource, rest string) string {
		return `{"Effect":"Allow","Action":` + action + `,"Resource":` + resource + rest + `}`
	}
	when := func(condition string) string { return allow(`"*"`, `"*"`, `,"Condition":`+condition) }
	tagged := policy.Context{}.With("aws:ResourceTag/team", "red").With("aws:TagKeys", "team", "cost")
	for name, test := range map[string]struct {
		statements []string
		action     string // default elasticloadbalancing:RegisterTargets
		resource   string // default a target group
		context    policy.Context
		want       bool
	}{
		"nothing-allows":                  {nil, "", "", nil, false},
		"allowed":                         {[]string{allow(`"elasticloadbalancing:RegisterTargets"`, `"*"`, "")}, "", "", nil, true},
		"another-action":                  {[]string{allow(`"elasticloadbalancing:DeregisterTargets"`, `"*"`, "")}, "", "", nil, false},
		"one-of-a-list":                   {[]string{allow(`["ec2:*","elasticloadbalancing:RegisterTargets"]`, `["*"]`, "")}, "", "", nil, true},
		"action-in-another-case":          {[]string{allow(`"ElasticLoadBalancing:registertargets"`, `"*"`, "")}, "", "", nil, true},
		"wildcard-in-an-action":           {[]string{allow(`"elasticloadbalancing:Re*Targets"`, `"*"`, "")}, "", "", nil, true},
		"question-mark-is-one-character":  {[]string{allow(`"elasticloadbalancing:Re?Targets"`, `"*"`, "")}, "", "", nil, false},
		"denial-outweighs":                {[]string{allow(`"*"`, `"*"`, ""), `{"Effect":"Deny","Action":"elasticloadbalancing:RegisterTargets","Resource":"*"}`}, "", "", nil, false},
		"denial-of-something-else":        {[]string{allow(`"*"`, `"*"`, ""), `{"Effect":"Deny","Action":"ec2:*","Resource":"*"}`}, "", "", nil, true},
		"denial-whose-condition-fails":    {[]string{allow(`"*"`, `"*"`, ""), `{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}`}, "", "", tagged, true},
		"resource-pattern":                {[]string{allow(`"*"`, `"arn:aws:elasticloadbalancing:*:*:targetgroup/*/*"`, "")}, "", "", nil, true},
		"resource-of-another-kind":        {[]string{allow(`"*"`, `"arn:aws:elasticloadbalancing:*:*:loadbalancer/app/*/*"`, "")}, "", "", nil, false},
		"resource-of-another-partition":   {[]string{allow(`"*"`, `"arn:aws-cn:elasticloadbalancing:*:*:targetgroup/*/*"`, "")}, "", "", nil, false},
		"wildcard-does-not-cross-a-colon": {[]string{allow(`"*"`, `"arn:aws:elasticloadbalancing:*:targetgroup/*:*"`, "")}, "", "", nil, false},
		"no-resource-needs-the-star":      {[]string{allow(`"*"`, `"arn:aws:elasticloadbalancing:*:*:*"`, "")}, "elasticloadbalancing:DescribeTags", "*", nil, false},

		"string-equals":              {[]string{when(`{"StringEquals":{"aws:ResourceTag/team":["blue","red"]}}`)}, "", "", tagged, true},
		"string-equals-is-exact":     {[]string{when(`{"StringEquals":{"aws:ResourceTag/team":"Red"}}`)}, "", "", tagged, false},
		"key-in-another-case":        {[]string{when(`{"StringEquals":{"AWS:resourcetag/Team":"red"}}`)}, "", "", tagged, true},
		"string-equals-absent":       {[]string{when(`{"StringEquals":{"aws:RequestTag/team":"red"}}`)}, "", "", tagged, false},
		"if-exists-absent":           {[]string{when(`{"StringEqualsIfExists":{"aws:RequestTag/team":"red"}}`)}, "", "", tagged, true},
		"if-exists-present":          {[]string{when(`{"StringEqualsIfExists":{"aws:ResourceTag/team":"blue"}}`)}, "", "", tagged, false},
		"string-equals-takes-no-*":   {[]string{when(`{"StringEquals":{"aws:ResourceTag/team":"r*"}}`)}, "", "", tagged, false},
		"string-like":                {[]string{when(`{"StringLike":{"aws:ResourceTag/team":"r?d"}}`)}, "", "", tagged, true},
		"string-not-equals":          {[]string{when(`{"StringNotEquals":{"aws:ResourceTag/team":["blue","red"]}}`)}, "", "", tagged, false},
		"string-not-equals-absent":   {[]string{when(`{"StringNotEquals":{"aws:RequestTag/team":"red"}}`)}, "", "", tagged, true},
		"null-false-wants-the-key":   {[]string{when(`{"Null":{"aws:ResourceTag/team":"false"}}`)}, "", "", tagged, true},
		"null-false-absent":          {[]string{when(`{"Null":{"aws:RequestTag/team":"false"}}`)}, "", "", tagged, false},
		"null-true-absent":           {[]string{when(`{"Null":{"aws:RequestTag/team":"true"}}`)}, "", "", tagged, true},
		"null-true-present":          {[]string{when(`{"Null":{"aws:ResourceTag/team":"true"}}`)}, "", "", tagged, false},
		"all-conditions-must-hold":   {[]string{when(`{"Null":{"aws:ResourceTag/team":"false","aws:RequestTag/team":"false"}}`)}, "", "", tagged, false},
		"for-all-values":             {[]string{when(`{"ForAllValues:StringEquals":{"aws:TagKeys":["team","cost","x"]}}`)}, "", "", tagged, true},
		"for-all-values-one-more":    {[]string{when(`{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`)}, "", "", tagged, false},
		"for-all-values-of-none":     {[]string{when(`{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}`)}, "", "", nil, true},
		"for-any-value":              {[]string{when(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["team"]}}`)}, "", "", tagged, true},
		"for-any-value-of-none":      {[]string{when(`{"ForAnyValue:StringEquals":{"aws:TagKeys":["team"]}}`)}, "", "", nil, false},
		"for-any-value-not-equals":   {[]string{when(`{"ForAnyValue:StringNotEquals":{"aws:TagKeys":["team"]}}`)}, "", "", tagged, true},
		"for-all-values-not-equals":  {[]string{when(`{"ForAllValues:StringNotEquals":{"aws:TagKeys":["team"]}}`)}, "", "", tagged, false},
		"arn-like-part-by-part":      {[]string{when(`{"ArnLike":{"ec2:Vpc":"arn:aws:ec2:*:vpc/vpc-1"}}`)}, "", "", policy.Context{}.With("ec2:Vpc", "arn:aws:ec2:us-west-2:123456789012:vpc/vpc-1"), false},
		"arn-equals-takes-wildcards": {[]string{when(`{"ArnEquals":{"ec2:Vpc":"arn:aws:ec2:*:*:vpc/vpc-1"}}`)}, "", "", policy.Context{}.With("ec2:Vpc", "arn:aws:ec2:us-west-2:123456789012:vpc/vpc-1"), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := policy.Request{Action: test.action, Resource: test.resource, Context: test.context}
			if request.Action == "" {
				request.Action = "elasticloadbalancing:RegisterTargets"
			}
			if request.Resource == "" {
				request.Resource = group
			}
			if got := policy.Decide([]policy.Document{parse(t, test.statements...)}, request); got.Allowed != test.want {
				t.Errorf("allowed is %v, want %v; %+v", got.Allowed, test.want, got)
			}
		})
	}
}

// Every line that allows is told, so that one can be found without which nothing changes.
func TestDecisionNamesAllThatAllow(t *testing.T) {
	t.Parallel()
	document := parse(
		t,
		`{"Sid":"Narrow","Effect":"Allow","Action":"elasticloadbalancing:RegisterTargets","Resource":["arn:aws:elasticloadbalancing:*:*:targetgroup/*/*"]}`,
		`{"Effect":"Allow","Action":["ec2:*","elasticloadbalancing:*"],"Resource":"*"}`,
	)
	got := policy.Decide([]policy.Document{document}, policy.Request{Action: "elasticloadbalancing:RegisterTargets", Resource: group})
	want := policy.Decision{Allowed: true, By: []policy.Grant{
		{Document: "test", Statement: "Narrow", Action: "elasticloadbalancing:RegisterTargets", Resource: "arn:aws:elasticloadbalancing:*:*:targetgroup/*/*"},
		{Document: "test", Statement: "#2", Action: "elasticloadbalancing:*", Resource: "*"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefusesWhatItDoesNotUnderstand(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"not-json":          {`{`, "unexpected EOF"},
		"version":           {`{"Version":"2008-10-17","Statement":[]}`, `Version is "2008-10-17"`},
		"principal":         {`{"Version":"2012-10-17","Statement":[{"Principal":"*"}]}`, `unknown field "Principal"`},
		"not-action":        {`{"Version":"2012-10-17","Statement":[{"NotAction":"*"}]}`, `unknown field "NotAction"`},
		"effect":            {`{"Version":"2012-10-17","Statement":[{"Effect":"allow","Action":"*","Resource":"*"}]}`, `Effect is "allow"`},
		"no-resource":       {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*"}]}`, "needs an Action and a Resource"},
		"action":            {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"DescribeTags","Resource":"*"}]}`, `Action "DescribeTags"`},
		"resource":          {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"targetgroup/x"}]}`, `Resource "targetgroup/x"`},
		"operator":          {`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringSame":{"aws:TagKeys":"x"}}}]}`, `statement A: Condition operator "StringSame"`},
		"key":               {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:Nobody":"x"}}}]}`, `key "aws:Nobody"`},
		"key-without-a-tag": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/":"x"}}}]}`, `key "aws:RequestTag/"`},
		"null":              {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Null":{"aws:TagKeys":"no"}}}]}`, `Null of aws:TagKeys is "no"`},
		"null-quantified":   {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAnyValue:Null":{"aws:TagKeys":"true"}}}]}`, "Null takes no"},
		"variable":          {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:iam::1:role/${aws:username}"}]}`, "has a variable"},
		"same-sid":          {`{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"A","Effect":"Allow","Action":"*","Resource":"*"}]}`, "same Sid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := policy.Parse("test", []byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v; want %s", err, test.want)
			}
		})
	}
}
