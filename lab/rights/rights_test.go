package rights_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/policy"
	"github.com/sluice-lb/sluice/lab/rights"
)

func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestLinesOfAPolicyThatNothingNeeds(t *testing.T) {
	t.Parallel()
	document, err := policy.Parse("full", []byte(`{"Version":"2012-10-17","Statement":[
		{"Sid":"Both","Effect":"Allow","Action":["elasticloadbalancing:AddTags","elasticloadbalancing:RemoveTags"],
		"Resource":["arn:aws:elasticloadbalancing:*:*:targetgroup/*/*","arn:aws:elasticloadbalancing:*:*:loadbalancer/app/*/*"],
		"Condition":{"StringEquals":{"elasticloadbalancing:CreateAction":["CreateTargetGroup","CreateLoadBalancer"]}}},
		{"Sid":"Twice","Effect":"Allow","Action":["ec2:DescribeVpcs","ec2:Describe*"],"Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	recorder := rights.NewRecorder(&log)
	for _, request := range []policy.Request{
		{
			Action: "elasticloadbalancing:AddTags", Resource: "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/web/1",
			Context: policy.Context{}.With("elasticloadbalancing:CreateAction", "CreateTargetGroup").With("aws:RequestTag/Name", "web").With("aws:RequestTag/elbv2.k8s.aws/cluster", "lab").With("aws:TagKeys", "Name", "elbv2.k8s.aws/cluster"),
		},
		{Action: "ec2:DescribeVpcs", Resource: "*"},
		{Action: "ec2:RunInstances", Resource: "*"},
	} {
		for range 2 {
			recorder.Note(localaws.Decided{Principal: rights.PrincipalARN("full"), Request: request, Decision: policy.Decide([]policy.Document{document}, request)})
		}
	}
	calls, err := rights.ReadCalls(write(t, log.String()+`{"cut off`))
	if err != nil {
		t.Fatal(err)
	}
	want := []rights.Call{
		{
			Principal: "full", Allowed: true, Request: policy.Request{
				Action: "elasticloadbalancing:AddTags", Resource: "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/x/x",
				Context: policy.Context{"elasticloadbalancing:createaction": {"CreateTargetGroup"}, "aws:requesttag/elbv2.k8s.aws/cluster": {"x"}, "aws:tagkeys": {"another", "elbv2.k8s.aws/cluster"}},
			},
		},
		{Principal: "full", Allowed: true, Request: policy.Request{Action: "ec2:DescribeVpcs", Resource: "*", Context: policy.Context{}}},
		{Principal: "full", Request: policy.Request{Action: "ec2:RunInstances", Resource: "*", Context: policy.Context{}}},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Errorf("calls, -want +got\n%s", diff)
	}
	unneeded := []string{
		"full: statement Both: action elasticloadbalancing:RemoveTags",
		"full: statement Both: resource arn:aws:elasticloadbalancing:*:*:loadbalancer/app/*/*",
		"full: statement Both: value CreateLoadBalancer of elasticloadbalancing:CreateAction",
		"full: statement Twice: action ec2:Describe*",
		"full: statement Twice: action ec2:DescribeVpcs",
	}
	if diff := cmp.Diff(unneeded, rights.UnneededLines([]policy.Document{document}, calls)); diff != "" {
		t.Errorf("unneeded, -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"full: ec2:RunInstances on * map[]"}, rights.DeniedCalls(calls)); diff != "" {
		t.Errorf("denied, -want +got\n%s", diff)
	}
}

func TestRightsThatNobodyUses(t *testing.T) {
	t.Parallel()
	all := append(
		rights.Rights("kube-system/sluice", "", []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"pods", "pods/status"}, Verbs: []string{"list", "patch"}},
			{APIGroups: []string{"apps"}, Resources: []string{"replicasets"}, ResourceNames: []string{"one", "two"}, Verbs: []string{"get"}},
		}),
		rights.Rights("kube-system/sluice", "kube-system", []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"delete"}}})...,
	)
	const decided = `,"annotations":{"authorization.k8s.io/decision":`
	accesses, err := rights.ReadAudit(write(t, `{"verb":"list","user":{"username":"system:serviceaccount:kube-system:sluice"},"objectRef":{"resource":"pods","namespace":"a"}`+decided+`"allow"}}
{"verb":"patch","user":{"username":"system:serviceaccount:kube-system:sluice"},"objectRef":{"resource":"pods","subresource":"status","namespace":"a","name":"web-1"}`+decided+`"allow"}}
{"verb":"patch","user":{"username":"system:serviceaccount:kube-system:sluice"},"objectRef":{"resource":"pods","subresource":"status","namespace":"a","name":"web-2"}`+decided+`"allow"}}
{"verb":"get","user":{"username":"system:serviceaccount:kube-system:sluice"},"objectRef":{"apiGroup":"apps","resource":"replicasets","namespace":"a","name":"two"}`+decided+`"allow"}}
{"verb":"delete","user":{"username":"system:serviceaccount:kube-system:sluice"},"objectRef":{"resource":"pods","namespace":"a","name":"web-1"}`+decided+`"forbid"}}
{"verb":"get","user":{"username":"system:serviceaccount:kube-system:sluice"}}
{"verb":"list","user":{"username":"admin"},"objectRef":{"resource":"secrets"}`+decided+`"allow"}}
`), []string{"one", "two"})
	if err != nil {
		t.Fatal(err)
	}
	if len(accesses) != 4 {
		t.Errorf("accesses are %+v", accesses)
	}
	unneeded := []string{
		"kube-system/sluice: delete pods in kube-system",
		"kube-system/sluice: get replicasets.apps one",
		"kube-system/sluice: list pods/status",
		"kube-system/sluice: patch pods",
	}
	if diff := cmp.Diff(unneeded, rights.UnneededRights(all, accesses)); diff != "" {
		t.Errorf("unneeded, -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"kube-system/sluice: delete pods in a"}, rights.DeniedAccesses(accesses)); diff != "" {
		t.Errorf("denied, -want +got\n%s", diff)
	}
}
