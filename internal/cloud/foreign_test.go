package cloud_test

import (
	"maps"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/model"
)

// administrator does by hand what no controller knows of, and sees everything.
type administrator struct {
	*testing.T
	local *localaws.Cloud
	elb   *elbv2.Client
	ec2   *ec2.Client
	group string            // a security group that was made by hand
	told  map[string]string // what AWS has said before, without what differs from time to time
}

func newAdministrator(t *testing.T, local *localaws.Cloud) *administrator {
	t.Helper()
	config := aws.Config{
		Region: "us-west-2", BaseEndpoint: new(local.URL()), HTTPClient: &http.Client{Transport: local},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAADMINISTRATOR000", "not-a-secret", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	return &administrator{T: t, local: local, elb: elbv2.NewFromConfig(config), ec2: ec2.NewFromConfig(config), told: map[string]string{}}
}

// otherVPC is in the same account.
const otherVPC = "vpc-0fedcba9876543210"

// stackTags are those of a stack that scenes have, as the controller of a cluster writes them.
func stackTags(cluster, resource string) map[string]string {
	return map[string]string{model.ClusterTag: cluster, model.StackTag: "group-1", model.ResourceTag: resource}
}

// others makes what belongs to others and resembles ours in all ways but one.
func (a *administrator) others(local *localaws.Cloud) {
	a.Helper()
	if err := local.Seed(localaws.Seed{VPCs: []localaws.VPC{{ID: otherVPC, CIDR: "10.9.0.0/16"}}}); err != nil {
		a.Fatal(err)
	}
	without := func(key string) map[string]string {
		tags := stackTags("prod", model.LoadBalancerResource)
		maps.DeleteFunc(tags, func(k, _ string) bool { return k == key })
		return tags
	}
	backend := a.targetGroup(byHand, testVPC, nil)
	a.targetGroup("other-vpc", otherVPC, stackTags("prod", "shop/red-cart:80"))
	a.targetGroup("no-cluster", testVPC, without(model.ClusterTag))
	a.targetGroup("no-stack", testVPC, without(model.StackTag))
	a.targetGroup("no-resource", testVPC, without(model.ResourceTag))
	a.targetGroup("other-cluster", testVPC, stackTags("other", "shop/red-cart:80"))
	a.targetGroup("of-a-service", testVPC, map[string]string{
		model.ClusterTag: "prod", "service.k8s.aws/stack": "group-1", "service.k8s.aws/resource": "shop/cart:80",
	})

	a.group = a.securityGroup(byHand, testVPC, map[string]string{"Name": byHand})
	a.securityGroup(build.SecurityGroupName("prod", model.StackID{Name: "group-1"}), otherVPC, stackTags("prod", model.SecurityGroupResource))
	a.securityGroup("only-cluster", testVPC, map[string]string{model.ClusterTag: "prod"})
	a.securityGroup("other-cluster", testVPC, stackTags("other", model.SecurityGroupResource))
	a.securityGroup("nodes", testVPC, map[string]string{"kubernetes.io/cluster/prod": "owned"})

	a.loadBalancer(byHand, a.group, without(model.ClusterTag), elbv2types.Action{Type: elbv2types.ActionTypeEnumForward, TargetGroupArn: new(backend)})
	a.loadBalancer("other-cluster", a.group, stackTags("other", model.LoadBalancerResource), notHere)
}

// byHand is the name of what was made by hand.
const byHand = "by-hand"

func elbTagList(tags map[string]string) []elbv2types.Tag {
	var out []elbv2types.Tag
	for key, value := range tags {
		out = append(out, elbv2types.Tag{Key: new(key), Value: new(value)})
	}
	return out
}

func (a *administrator) targetGroup(name, vpc string, tags map[string]string) (arn string) {
	a.Helper()
	out, err := a.elb.CreateTargetGroup(a.Context(), &elbv2.CreateTargetGroupInput{
		Name: new(name), Port: new(int32(80)), Protocol: "HTTP", VpcId: new(vpc), TargetType: "ip", Tags: elbTagList(tags),
	})
	if err != nil {
		a.Fatal(err)
	}
	return *out.TargetGroups[0].TargetGroupArn
}

func (a *administrator) securityGroup(name, vpc string, tags map[string]string) (id string) {
	a.Helper()
	var list []ec2types.Tag
	for key, value := range tags {
		list = append(list, ec2types.Tag{Key: new(key), Value: new(value)})
	}
	in := &ec2.CreateSecurityGroupInput{GroupName: new(name), Description: new("made by hand"), VpcId: new(vpc)}
	if len(list) > 0 {
		in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: list}}
	}
	out, err := a.ec2.CreateSecurityGroup(a.Context(), in)
	if err != nil {
		a.Fatal(err)
	}
	return *out.GroupId
}

func (a *administrator) loadBalancer(name, group string, tags map[string]string, action elbv2types.Action) {
	a.Helper()
	out, err := a.elb.CreateLoadBalancer(a.Context(), &elbv2.CreateLoadBalancerInput{
		Name: new(name), Scheme: "internal", SecurityGroups: []string{group}, Tags: elbTagList(tags),
		Subnets: []string{"subnet-0000000000000000a", "subnet-0000000000000000b"},
	})
	if err != nil {
		a.Fatal(err)
	}
	listener, err := a.elb.CreateListener(a.Context(), &elbv2.CreateListenerInput{
		LoadBalancerArn: out.LoadBalancers[0].LoadBalancerArn, Port: new(int32(80)), Protocol: "HTTP", Tags: elbTagList(tags),
		DefaultActions: []elbv2types.Action{notHere},
	})
	if err != nil {
		a.Fatal(err)
	}
	a.rule(*listener.Listeners[0].ListenerArn, 7, "/by-hand", action)
}

var notHere = elbv2types.Action{Type: elbv2types.ActionTypeEnumFixedResponse, FixedResponseConfig: &elbv2types.FixedResponseActionConfig{StatusCode: new("404")}}

func (a *administrator) rule(listener string, priority int32, path string, action elbv2types.Action) {
	a.Helper()
	_, err := a.elb.CreateRule(a.Context(), &elbv2.CreateRuleInput{
		ListenerArn: new(listener), Priority: new(priority), Actions: []elbv2types.Action{action},
		Conditions: []elbv2types.RuleCondition{{Field: new("path-pattern"), Values: []string{path}}},
	})
	if err != nil {
		a.Fatal(err)
	}
}
