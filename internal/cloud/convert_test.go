package cloud

import (
	"testing"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/model"
)

func TestTagsGoOutSortedAndComeBack(t *testing.T) {
	t.Parallel()
	tags := map[string]string{"b": "2", "a": "1", "empty": ""}
	if diff := cmp.Diff(tags, elbTags(toELBTags(tags))); diff != "" {
		t.Errorf("tags of ELBv2 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(tags, ec2Tags(toEC2Tags(tags))); diff != "" {
		t.Errorf("tags of EC2 (-want +got):\n%s", diff)
	}
	var keys []string
	for _, tag := range toELBTags(tags) {
		keys = append(keys, *tag.Key)
	}
	if diff := cmp.Diff([]string{"a", "b", "empty"}, keys); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}

func TestPermissionsComeBack(t *testing.T) {
	t.Parallel()
	permissions := []model.Permission{
		{Protocol: "-1", SourceGroup: "sg-2"},
		{Protocol: "tcp", FromPort: 80, ToPort: 80, PrefixList: "pl-1", Description: "a list"},
		{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR6: "::/0", Description: "all of six"},
		{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR: "0.0.0.0/0", Description: "all"},
		{Protocol: "udp", FromPort: 1, ToPort: 9, SourceGroup: "sg-1"},
	}
	if diff := cmp.Diff(model.SortPermissions(permissions), permissionsOf(toEC2Permissions(permissions))); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}

func TestABundleOfPermissionsIsTakenApart(t *testing.T) {
	t.Parallel()
	bundle := ec2types.IpPermission{
		IpProtocol: new("tcp"), FromPort: new(int32(80)), ToPort: new(int32(81)),
		IpRanges:         []ec2types.IpRange{{CidrIp: new("10.0.0.0/8")}, {CidrIp: new("192.168.0.0/16"), Description: new("home")}},
		UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: new("sg-1"), UserId: new("111122223333")}},
	}
	want := []model.Permission{
		{Protocol: "tcp", FromPort: 80, ToPort: 81, SourceGroup: "sg-1"},
		{Protocol: "tcp", FromPort: 80, ToPort: 81, CIDR: "10.0.0.0/8"},
		{Protocol: "tcp", FromPort: 80, ToPort: 81, CIDR: "192.168.0.0/16", Description: "home"},
	}
	if diff := cmp.Diff(want, permissionsOf([]ec2types.IpPermission{bundle})); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}

func TestTargetGroupOf(t *testing.T) {
	t.Parallel()
	tags := map[string]string{model.ResourceTag: "shop/web:80"}
	got := targetGroupOf(elbv2types.TargetGroup{
		TargetGroupName: new("k8s-shop-web-1"), Port: new(int32(80)), Protocol: elbv2types.ProtocolEnumHttp, ProtocolVersion: new("HTTP1"),
		TargetType: elbv2types.TargetTypeEnumIp, VpcId: new("vpc-1"),
		HealthCheckProtocol: elbv2types.ProtocolEnumHttp, HealthCheckPort: new("traffic-port"), HealthCheckPath: new("/healthz"),
		HealthCheckIntervalSeconds: new(int32(15)), HealthCheckTimeoutSeconds: new(int32(5)), HealthyThresholdCount: new(int32(2)), UnhealthyThresholdCount: new(int32(3)),
		Matcher: &elbv2types.Matcher{HttpCode: new("200-399")},
	}, tags)
	want := model.TargetGroup{
		Key: "target-group/shop/web:80", Name: "k8s-shop-web-1", Port: 80, Protocol: "HTTP", ProtocolVersion: "HTTP1", TargetType: "ip", VPC: "vpc-1", Tags: tags,
		HealthCheck: model.HealthCheck{
			Protocol: "HTTP", Port: "traffic-port", Path: "/healthz", Interval: model.Duration(15 * time.Second), Timeout: model.Duration(5 * time.Second),
			HealthyThreshold: 2, UnhealthyThreshold: 3, Matcher: "200-399",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("target group (-want +got):\n%s", diff)
	}
}

func TestLoadBalancerOf(t *testing.T) {
	t.Parallel()
	got := loadBalancerOf(elbv2types.LoadBalancer{
		LoadBalancerName: new("k8s-shop-web"), Scheme: elbv2types.LoadBalancerSchemeEnumInternal, IpAddressType: elbv2types.IpAddressTypeIpv4,
		AvailabilityZones: []elbv2types.AvailabilityZone{{SubnetId: new("subnet-b")}, {SubnetId: new("subnet-a")}}, SecurityGroups: []string{"sg-1"},
	}, nil)
	want := model.LoadBalancer{
		Key: model.LoadBalancerKey, Name: "k8s-shop-web", Scheme: model.Internal, IPAddressType: "ipv4", Subnets: []string{"subnet-b", "subnet-a"}, SecurityGroups: []model.Key{"sg-1"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("load balancer (-want +got):\n%s", diff)
	}
}

func TestStackOfTags(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string]model.StackID{
		"shop/web": {Namespace: "shop", Name: "web"}, "group": {Name: "group"}, "": {},
	} {
		if got := stackOf(map[string]string{model.StackTag: tag}); got != want {
			t.Errorf("%q is %+v, want %+v", tag, got, want)
		}
	}
}
