package cloud

import (
	"cmp"
	"maps"
	"slices"
	"time"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func elbTags(list []elbv2types.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[deref(tag.Key)] = deref(tag.Value)
	}
	return tags
}

func toELBTags(tags map[string]string) []elbv2types.Tag {
	var list []elbv2types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, elbv2types.Tag{Key: new(key), Value: new(tags[key])})
	}
	return list
}

func ec2Tags(list []ec2types.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[deref(tag.Key)] = deref(tag.Value)
	}
	return tags
}

func toEC2Tags(tags map[string]string) []ec2types.Tag {
	var list []ec2types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, ec2types.Tag{Key: new(key), Value: new(tags[key])})
	}
	return list
}

// loadBalancerOf leaves security groups as ids; Observe turns those of the stack into keys.
func loadBalancerOf(lb elbv2types.LoadBalancer, tags map[string]string) model.LoadBalancer {
	out := model.LoadBalancer{
		Key:           model.LoadBalancerKey,
		Name:          deref(lb.LoadBalancerName),
		Scheme:        model.Scheme(lb.Scheme),
		IPAddressType: string(lb.IpAddressType),
		Tags:          tags,
	}
	for _, zone := range lb.AvailabilityZones {
		out.Subnets = append(out.Subnets, deref(zone.SubnetId))
	}
	for _, group := range lb.SecurityGroups {
		out.SecurityGroups = append(out.SecurityGroups, model.Key(group))
	}
	return out
}

func targetGroupOf(group elbv2types.TargetGroup, tags map[string]string) model.TargetGroup {
	out := model.TargetGroup{
		Key:             model.TargetGroupKey(tags[model.ResourceTag]),
		Name:            deref(group.TargetGroupName),
		Port:            deref(group.Port),
		Protocol:        string(group.Protocol),
		ProtocolVersion: deref(group.ProtocolVersion),
		TargetType:      string(group.TargetType),
		IPAddressType:   string(group.IpAddressType),
		VPC:             deref(group.VpcId),
		HealthCheck: model.HealthCheck{
			Protocol:           string(group.HealthCheckProtocol),
			Port:               deref(group.HealthCheckPort),
			Path:               deref(group.HealthCheckPath),
			Interval:           seconds(group.HealthCheckIntervalSeconds),
			Timeout:            seconds(group.HealthCheckTimeoutSeconds),
			HealthyThreshold:   deref(group.HealthyThresholdCount),
			UnhealthyThreshold: deref(group.UnhealthyThresholdCount),
		},
		Tags: tags,
	}
	if group.Matcher != nil {
		out.HealthCheck.Matcher = cmp.Or(deref(group.Matcher.HttpCode), deref(group.Matcher.GrpcCode))
	}
	return out
}

func seconds(n *int32) model.Duration { return model.Duration(time.Duration(deref(n)) * time.Second) }

func securityGroupOf(group ec2types.SecurityGroup, tags map[string]string) model.SecurityGroup {
	return model.SecurityGroup{
		Name:        deref(group.GroupName),
		Description: deref(group.Description),
		VPC:         deref(group.VpcId),
		Ingress:     permissionsOf(group.IpPermissions),
		Tags:        tags,
	}
}

// permissionsOf takes EC2's bundles apart: one source a permission.
func permissionsOf(list []ec2types.IpPermission) []model.Permission {
	var out []model.Permission
	for _, p := range list {
		base := model.Permission{Protocol: deref(p.IpProtocol), FromPort: deref(p.FromPort), ToPort: deref(p.ToPort)}
		with := func(description *string, set func(*model.Permission)) {
			permission := base
			permission.Description = deref(description)
			set(&permission)
			out = append(out, permission)
		}
		for _, r := range p.IpRanges {
			with(r.Description, func(m *model.Permission) { m.CIDR = deref(r.CidrIp) })
		}
		for _, r := range p.Ipv6Ranges {
			with(r.Description, func(m *model.Permission) { m.CIDR6 = deref(r.CidrIpv6) })
		}
		for _, r := range p.PrefixListIds {
			with(r.Description, func(m *model.Permission) { m.PrefixList = deref(r.PrefixListId) })
		}
		for _, r := range p.UserIdGroupPairs {
			with(r.Description, func(m *model.Permission) { m.SourceGroup = deref(r.GroupId) })
		}
	}
	return model.SortPermissions(out)
}

func toEC2Permissions(list []model.Permission) []ec2types.IpPermission {
	var out []ec2types.IpPermission
	for _, p := range list {
		permission := ec2types.IpPermission{IpProtocol: new(p.Protocol), FromPort: new(p.FromPort), ToPort: new(p.ToPort)}
		description := new(p.Description)
		switch {
		case p.CIDR != "":
			permission.IpRanges = []ec2types.IpRange{{CidrIp: new(p.CIDR), Description: description}}
		case p.CIDR6 != "":
			permission.Ipv6Ranges = []ec2types.Ipv6Range{{CidrIpv6: new(p.CIDR6), Description: description}}
		case p.PrefixList != "":
			permission.PrefixListIds = []ec2types.PrefixListId{{PrefixListId: new(p.PrefixList), Description: description}}
		default:
			permission.UserIdGroupPairs = []ec2types.UserIdGroupPair{{GroupId: new(p.SourceGroup), Description: description}}
		}
		out = append(out, permission)
	}
	return out
}
