// Package iam is the IAM policies of Sluice: what it may do in AWS, by mode and partition, and no more.
//
// The statements below are the only source. docs/iam holds them as files to attach, and the lab's AWS enforces them on every
// controller that it runs, so that a call that is missing here fails the end-to-end tests, and so does a line that no call needs.
//
//	text := iam.Policy(iam.Full, "aws")
//
// Which resources and condition keys an action takes: "Actions, resources, and condition keys for AWS Elastic Load Balancing
// V2", "… for Amazon EC2" and others in the service authorization reference. What EC2 is asked on the caller's behalf:
// "Elastic Load Balancing API permissions" in the Elastic Load Balancing user guide.
package iam

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Mode is one of the controller's, as its flag says it.
type Mode string

// The modes.
const (
	Full      Mode = "full"
	GatesOnly Mode = "gates-only"
	Observe   Mode = "observe"
)

// Modes are all of them.
func Modes() []Mode { return []Mode{Full, GatesOnly, Observe} }

// Partitions are the parts of AWS that share nothing: the second part of each ARN.
func Partitions() []string {
	return []string{"aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f"}
}

// clusterTag is on whatever Sluice makes, and says for which cluster.
const clusterTag = "elbv2.k8s.aws/cluster"

// statement is one of a policy. Its resources are ARNs without the partition.
type statement struct {
	id        string
	actions   []string
	resources []string // none for all
	when      conditions
}

// conditions by operator and key.
type conditions map[string]map[string][]string

// Conditions that several statements have.
var (
	requestNamesCluster  = map[string][]string{"aws:RequestTag/" + clusterTag: {"false"}}  // of Null: it is there
	resourceNamesCluster = map[string][]string{"aws:ResourceTag/" + clusterTag: {"false"}} // of Null: it is there
	notTheClusterTag     = map[string][]string{"aws:TagKeys": {clusterTag}}                // of StringNotEquals
)

// Kinds of resources.
const (
	loadBalancers  = ":elasticloadbalancing:*:*:loadbalancer/app/*/*"
	listeners      = ":elasticloadbalancing:*:*:listener/app/*/*/*"
	listenerRules  = ":elasticloadbalancing:*:*:listener-rule/app/*/*/*/*"
	targetGroups   = ":elasticloadbalancing:*:*:targetgroup/*/*"
	securityGroups = ":ec2:*:*:security-group/*"
	vpcs           = ":ec2:*:*:vpc/*"
	certificates   = ":acm:*:*:certificate/*"
	serviceRole    = ":iam::*:role/aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing"
)

// readers look, and change nothing. What they ask knows no resources.
func readers(mode Mode) statement {
	s := statement{id: "Look", actions: []string{"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"}}
	if mode != Full {
		return s
	}
	s.actions = append(
		s.actions,
		"acm:ListCertificates",
		"ec2:DescribeAvailabilityZones", "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeRouteTables",
		"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs",
		"elasticloadbalancing:DescribeAccountLimits", "elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:DescribeListenerCertificates",
		"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancerAttributes", "elasticloadbalancing:DescribeLoadBalancers",
		"elasticloadbalancing:DescribeRules", "elasticloadbalancing:DescribeTags", "elasticloadbalancing:DescribeTargetGroupAttributes",
	)
	slices.Sort(s.actions)
	return s
}

// onBehalf is what Elastic Load Balancing asks of EC2 and IAM under the caller's name, and Sluice does not ask itself.
var onBehalf = []statement{
	{id: "LookForElasticLoadBalancing", actions: []string{"ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways"}},
	{
		id: "MakeTheRoleOfElasticLoadBalancing", actions: []string{"iam:CreateServiceLinkedRole"}, resources: []string{serviceRole},
		when: conditions{"StringEquals": {"iam:AWSServiceName": {"elasticloadbalancing.amazonaws.com"}}},
	},
}

// changes of load balancers and target groups. Listeners and rules have tags of the cluster only where the account has tagged
// them from the start (feature gate ListenerRulesTagging), so that they are told by their load balancers' kind alone.
var changes = []statement{
	{id: "LookAtCertificates", actions: []string{"acm:DescribeCertificate"}, resources: []string{certificates}},
	{
		id: "Create", actions: []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"},
		resources: []string{loadBalancers, targetGroups}, when: conditions{"Null": requestNamesCluster},
	},
	{
		id: "TagWhatIsCreated", actions: []string{"elasticloadbalancing:AddTags"}, resources: []string{loadBalancers, targetGroups},
		when: conditions{
			"Null":         requestNamesCluster,
			"StringEquals": {"elasticloadbalancing:CreateAction": {"CreateLoadBalancer", "CreateTargetGroup"}},
		},
	},
	{
		id: "TagOwn", actions: []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"}, resources: []string{loadBalancers, targetGroups},
		when: conditions{"Null": resourceNamesCluster, "ForAllValues:StringNotEquals": notTheClusterTag},
	},
	{id: "TagListeners", actions: []string{"elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"}, resources: []string{listenerRules, listeners}},
	{
		id: "ChangeOwnLoadBalancers", actions: []string{
			"elasticloadbalancing:CreateListener", "elasticloadbalancing:DeleteLoadBalancer", "elasticloadbalancing:ModifyLoadBalancerAttributes",
			"elasticloadbalancing:SetIpAddressType", "elasticloadbalancing:SetSecurityGroups", "elasticloadbalancing:SetSubnets",
		}, resources: []string{loadBalancers}, when: conditions{"Null": resourceNamesCluster},
	},
	{id: "ChangeListeners", actions: []string{
		"elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:CreateRule", "elasticloadbalancing:DeleteListener",
		"elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyListenerAttributes", "elasticloadbalancing:RemoveListenerCertificates",
	}, resources: []string{listeners}},
	{id: "ChangeRules", actions: []string{
		"elasticloadbalancing:DeleteRule", "elasticloadbalancing:ModifyRule", "elasticloadbalancing:SetRulePriorities",
	}, resources: []string{listenerRules}},
	{
		id: "ChangeOwnTargetGroups", actions: []string{
			"elasticloadbalancing:DeleteTargetGroup", "elasticloadbalancing:ModifyTargetGroup", "elasticloadbalancing:ModifyTargetGroupAttributes",
		}, resources: []string{targetGroups}, when: conditions{"Null": resourceNamesCluster},
	},
	// Of any target group: a TargetGroupBinding may name one that somebody else has made.
	{id: "Register", actions: []string{"elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"}, resources: []string{targetGroups}},
}

// doors are security groups and their rules.
var doors = []statement{
	{id: "CreateSecurityGroups", actions: []string{"ec2:CreateSecurityGroup"}, resources: []string{securityGroups}, when: conditions{"Null": requestNamesCluster}},
	{id: "CreateSecurityGroupsIn", actions: []string{"ec2:CreateSecurityGroup"}, resources: []string{vpcs}},
	{
		id: "TagSecurityGroupsThatAreCreated", actions: []string{"ec2:CreateTags"}, resources: []string{securityGroups},
		when: conditions{"Null": requestNamesCluster, "StringEquals": {"ec2:CreateAction": {"CreateSecurityGroup"}}},
	},
	// DeleteTags without tags takes away all of them, and has no aws:TagKeys to compare.
	{
		id: "TagOwnSecurityGroups", actions: []string{"ec2:CreateTags", "ec2:DeleteTags"}, resources: []string{securityGroups},
		when: conditions{
			"Null":                         {"aws:ResourceTag/" + clusterTag: {"false"}, "aws:TagKeys": {"false"}},
			"ForAllValues:StringNotEquals": notTheClusterTag,
		},
	},
	{id: "DeleteOwnSecurityGroups", actions: []string{"ec2:DeleteSecurityGroup"}, resources: []string{securityGroups}, when: conditions{"Null": resourceNamesCluster}},
	// Of any security group: the nodes' own is not Sluice's.
	{id: "OpenTheWayToTargets", actions: []string{"ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"}, resources: []string{securityGroups}},
}

// absent are the actions of operations that isolated partitions do not have.
var absent = []string{"elasticloadbalancing:DescribeListenerAttributes", "elasticloadbalancing:ModifyListenerAttributes"}

// Policy is the document that a mode's controller needs in a partition.
func Policy(mode Mode, partition string) []byte {
	statements := []statement{readers(mode)}
	if mode == Full {
		statements = slices.Concat(statements, onBehalf, changes, doors)
	}
	return render(partition, statements)
}

// AssumeRole is the document that a controller needs besides, whose TargetGroupBindings name roles: iamRoleArnToAssume.
// Who may write bindings may use each of them, so there is none for all roles.
func AssumeRole(roles ...string) []byte {
	return marshal([]any{written{Sid: "ActUnderRolesOfBindings", Effect: "Allow", Action: one("sts:AssumeRole"), Resource: one(roles...)}})
}

// Role is the document that such a role needs in its own account.
func Role(partition string) []byte {
	return render(partition, []statement{
		{id: "Look", actions: []string{
			"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
		}},
		{id: "LookForElasticLoadBalancing", actions: []string{"ec2:DescribeInstances", "ec2:DescribeInternetGateways", "ec2:DescribeSubnets", "ec2:DescribeVpcs"}},
		{id: "Register", actions: []string{"elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"}, resources: []string{targetGroups}},
	})
}

// ExampleRole stands in the file of AssumeRole, for people to put theirs in its place.
func ExampleRole(partition string) string {
	return "arn:" + partition + ":iam::111122223333:role/NAME-OF-THE-ROLE"
}

// written is a statement as IAM reads it.
type written struct {
	Sid       string
	Effect    string
	Action    any
	Resource  any
	Condition map[string]map[string]any `json:",omitempty"`
}

func render(partition string, statements []statement) []byte {
	var list []any
	for _, s := range statements {
		if strings.HasPrefix(partition, "aws-iso") {
			s.actions = slices.DeleteFunc(slices.Clone(s.actions), func(action string) bool { return slices.Contains(absent, action) })
		}
		w := written{Sid: s.id, Effect: "Allow", Action: one(s.actions...), Resource: "*"}
		if len(s.resources) > 0 {
			var arns []string
			for _, resource := range s.resources {
				arns = append(arns, "arn:"+partition+resource)
			}
			w.Resource = one(arns...)
		}
		for operator, keys := range s.when {
			if w.Condition == nil {
				w.Condition = map[string]map[string]any{}
			}
			w.Condition[operator] = map[string]any{}
			for key, values := range keys {
				w.Condition[operator][key] = one(values...)
			}
		}
		list = append(list, w)
	}
	return marshal(list)
}

// one is a text where there is one, and a list of several.
func one(texts ...string) any {
	if len(texts) == 1 {
		return texts[0]
	}
	return texts
}

func marshal(statements []any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(struct {
		Version   string
		Statement []any
	}{"2012-10-17", statements}); err != nil {
		panic(fmt.Sprintf("a policy is plain values: %v", err))
	}
	return out.Bytes()
}
