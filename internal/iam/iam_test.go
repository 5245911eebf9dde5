package iam_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/iam"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
)

var update = flag.Bool("update", false, "write docs/iam/*.json")

// files are all documents, by their paths.
func files() map[string][]byte {
	all := map[string][]byte{}
	for _, partition := range iam.Partitions() {
		for _, mode := range iam.Modes() {
			all[filepath.Join(partition, string(mode)+".json")] = iam.Policy(mode, partition)
		}
		all[filepath.Join(partition, "assume-role.json")] = iam.AssumeRole(iam.ExampleRole(partition))
		all[filepath.Join(partition, "role.json")] = iam.Role(partition)
	}
	return all
}

func TestFilesAreFresh(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "docs", "iam")
	want := map[string]string{}
	for name, text := range files() {
		want[name] = string(text)
		if *update {
			if err := os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	found, err := filepath.Glob(filepath.Join(folder, "*", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(folder, file)
		if err != nil {
			t.Fatal(err)
		}
		got[name] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/iam is stale, run make generate (-source +files):\n%s", diff)
	}
}

// "IAM and AWS STS quotas": a managed policy has at most 6,144 characters, white space not counted.
func TestPoliciesFitIntoIAM(t *testing.T) {
	t.Parallel()
	const most = 6144
	for name, text := range files() {
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil {
			t.Fatal(err)
		}
		if compact.Len() > most {
			t.Errorf("%s has %d characters, more than %d", name, compact.Len(), most)
		}
		if _, err := policy.Parse(name, text); err != nil {
			t.Error(err)
		}
	}
}

const (
	someBalancer = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/web/0123456789abcdef"
	someNLB      = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/net/web/0123456789abcdef"
	someListener = "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener/app/web/0123456789abcdef/0123456789abcdef"
	someGroup    = "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/0123456789abcdef"
	someDoor     = "arn:aws:ec2:us-west-2:123456789012:security-group/sg-0123456789abcdef0"
	tag          = "elbv2.k8s.aws/cluster"
)

// What the full policy must not allow; each row is of what somebody else has.
var forbidden = map[string]policy.Request{
	"load-balancer-without-the-tag":     {Action: "elasticloadbalancing:CreateLoadBalancer", Resource: someBalancer, Context: policy.Context{}},
	"network-load-balancer":             {Action: "elasticloadbalancing:CreateLoadBalancer", Resource: someNLB, Context: policy.Context{}.With("aws:RequestTag/"+tag, "x")},
	"tag-without-the-cluster-on-create": {Action: "elasticloadbalancing:AddTags", Resource: someBalancer, Context: policy.Context{}.With("elasticloadbalancing:CreateAction", "CreateLoadBalancer").With("aws:TagKeys", "a")},
	"claim-another's-load-balancer":     {Action: "elasticloadbalancing:AddTags", Resource: someBalancer, Context: policy.Context{}.With("aws:RequestTag/"+tag, "x").With("aws:TagKeys", tag)},
	"tag-another's-load-balancer":       {Action: "elasticloadbalancing:AddTags", Resource: someBalancer, Context: policy.Context{}.With("aws:RequestTag/a", "x").With("aws:TagKeys", "a")},
	"disown-a-load-balancer":            {Action: "elasticloadbalancing:RemoveTags", Resource: someBalancer, Context: policy.Context{}.With("aws:ResourceTag/"+tag, "x").With("aws:TagKeys", tag)},
	"delete-another's-load-balancer":    {Action: "elasticloadbalancing:DeleteLoadBalancer", Resource: someBalancer, Context: policy.Context{}},
	"listener-on-another's":             {Action: "elasticloadbalancing:CreateListener", Resource: someBalancer, Context: policy.Context{}},
	"delete-another's-target-group":     {Action: "elasticloadbalancing:DeleteTargetGroup", Resource: someGroup, Context: policy.Context{}},
	"delete-a-network-load-balancer":    {Action: "elasticloadbalancing:DeleteLoadBalancer", Resource: someNLB, Context: policy.Context{}.With("aws:ResourceTag/"+tag, "x")},
	"rule-priorities-of-a-listener":     {Action: "elasticloadbalancing:SetRulePriorities", Resource: someListener, Context: policy.Context{}},
	"security-group-without-the-tag":    {Action: "ec2:CreateSecurityGroup", Resource: someDoor, Context: policy.Context{}},
	"tag-a-security-group-on-create":    {Action: "ec2:CreateTags", Resource: someDoor, Context: policy.Context{}.With("ec2:CreateAction", "CreateSecurityGroup").With("aws:TagKeys", "a")},
	"claim-another's-security-group":    {Action: "ec2:CreateTags", Resource: someDoor, Context: policy.Context{}.With("aws:RequestTag/"+tag, "x").With("aws:TagKeys", tag)},
	"tag-another's-security-group":      {Action: "ec2:CreateTags", Resource: someDoor, Context: policy.Context{}.With("aws:TagKeys", "a")},
	"disown-a-security-group":           {Action: "ec2:DeleteTags", Resource: someDoor, Context: policy.Context{}.With("aws:ResourceTag/"+tag, "x").With("aws:TagKeys", tag)},
	"all-tags-of-a-security-group":      {Action: "ec2:DeleteTags", Resource: someDoor, Context: policy.Context{}.With("aws:ResourceTag/"+tag, "x")},
	"delete-another's-security-group":   {Action: "ec2:DeleteSecurityGroup", Resource: someDoor, Context: policy.Context{}},
	"role-of-another-service": {
		Action:   "iam:CreateServiceLinkedRole",
		Resource: "arn:aws:iam::123456789012:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing",
		Context:  policy.Context{}.With("iam:AWSServiceName", "spot.amazonaws.com"),
	},
	"role-of-somebody": {Action: "sts:AssumeRole", Resource: "arn:aws:iam::123456789012:role/admin", Context: policy.Context{}},
}

// No condition is there for nothing: without it something would be allowed that must not be.
func TestEveryConditionForbidsSomething(t *testing.T) {
	t.Parallel()
	full, err := policy.Parse("full", iam.Policy(iam.Full, "aws"))
	if err != nil {
		t.Fatal(err)
	}
	for name, request := range forbidden {
		if decision := policy.Decide([]policy.Document{full}, request); decision.Allowed {
			t.Errorf("%s is allowed by %+v", name, decision.By)
		}
	}
	for i, statement := range full.Statements {
		for c, condition := range statement.Conditions {
			wider := full
			wider.Statements = append([]policy.Statement{}, full.Statements...)
			wider.Statements[i].Conditions = append(append([]policy.Condition{}, statement.Conditions[:c]...), statement.Conditions[c+1:]...)
			if !allowsForbidden(wider) {
				t.Errorf("statement %s forbids nothing more by %s %s; take the condition out, or say in a row what it is for", statement.ID, condition.Operator, condition.Key)
			}
		}
	}
}

func allowsForbidden(document policy.Document) bool {
	for _, request := range forbidden {
		if policy.Decide([]policy.Document{document}, request).Allowed {
			return true
		}
	}
	return false
}

// The three readers stand in each other: what observe may, gates-only may, and full may more.
func TestModesGrow(t *testing.T) {
	t.Parallel()
	full, err := policy.Parse("full", iam.Policy(iam.Full, "aws"))
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []iam.Mode{iam.GatesOnly, iam.Observe} {
		document, err := policy.Parse(string(mode), iam.Policy(mode, "aws"))
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range document.Statements {
			for _, action := range statement.Actions {
				if !policy.Decide([]policy.Document{full}, policy.Request{Action: action, Resource: "*"}).Allowed {
					t.Errorf("%s may %s, and full may not", mode, action)
				}
				if _, name, _ := strings.Cut(action, ":"); !strings.HasPrefix(name, "Describe") {
					t.Errorf("%s may %s, which does not only look", mode, action)
				}
			}
		}
	}
}

// Whoever may write bindings may name any role, so only those that are listed can be had.
func TestAssumeRoleIsForListedRoles(t *testing.T) {
	t.Parallel()
	document, err := policy.Parse("assume-role", iam.AssumeRole("arn:aws:iam::111122223333:role/shop", "arn:aws:iam::111122223333:role/till"))
	if err != nil {
		t.Fatal(err)
	}
	for role, want := range map[string]bool{"shop": true, "till": true, "admin": false, "shop-admin": false} {
		request := policy.Request{Action: "sts:AssumeRole", Resource: "arn:aws:iam::111122223333:role/" + role}
		if got := policy.Decide([]policy.Document{document}, request).Allowed; got != want {
			t.Errorf("role %s: allowed is %v, want %v", role, got, want)
		}
	}
	example, err := policy.Parse("example", iam.AssumeRole(iam.ExampleRole("aws")))
	if err != nil {
		t.Fatal(err)
	}
	if resource := example.Statements[0].Resources[0]; strings.Contains(resource, "*") {
		t.Errorf("the example allows %s to whoever forgets to change it", resource)
	}
}
