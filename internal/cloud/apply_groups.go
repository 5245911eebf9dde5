package cloud

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

func (a applier) securityGroup(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateSecurityGroup:
		return a.createSecurityGroup(ctx, action.Want)
	case plan.AuthorizeIngress:
		id, err := a.arn(action.Group)
		if err != nil {
			return err
		}
		if err := a.authorize(ctx, id, action.Permissions); err != nil {
			return err
		}
		a.permissions(action.Group, func(have []model.Permission) []model.Permission { return append(have, action.Permissions...) })
	case plan.RevokeIngress:
		id, err := a.arn(action.Group)
		if err != nil {
			return err
		}
		if err := a.revoke(ctx, id, action.Permissions); err != nil {
			return err
		}
		a.permissions(action.Group, func(have []model.Permission) []model.Permission {
			return slices.DeleteFunc(have, func(p model.Permission) bool { return slices.Contains(action.Permissions, p) })
		})
	case plan.DeleteSecurityGroup:
		_, err := ec2Call(ctx, a.Cloud, Change, "DeleteSecurityGroup", a.ec2.DeleteSecurityGroup, &ec2.DeleteSecurityGroupInput{GroupId: new(action.ID)})
		if err := ignoreGone(err); err != nil {
			return err
		}
		a.forgetID(action.ID)
	}
	return nil
}

func (a applier) createSecurityGroup(ctx context.Context, want model.SecurityGroup) error {
	out, err := ec2Call(ctx, a.Cloud, Change, "CreateSecurityGroup", a.ec2.CreateSecurityGroup, &ec2.CreateSecurityGroupInput{
		GroupName: new(want.Name), Description: new(want.Description), VpcId: new(want.VPC),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: toEC2Tags(want.Tags)}},
	})
	if err != nil {
		return err
	}
	want.Ingress = nil // given in steps of their own
	a.h.observed.SecurityGroups = append(a.h.observed.SecurityGroups, want)
	a.h.observed.IDs[want.Key] = deref(out.GroupId)
	return nil
}

func (a applier) permissions(group model.Key, change func([]model.Permission) []model.Permission) {
	if known := at(a.h.observed.SecurityGroups, func(g model.SecurityGroup) bool { return g.Key == group }); known != nil {
		known.Ingress = change(slices.Clone(known.Ingress))
	}
}

func (c *Cloud) authorize(ctx context.Context, group string, permissions []model.Permission) error {
	_, err := ec2Call(ctx, c, Change, "AuthorizeSecurityGroupIngress", c.ec2.AuthorizeSecurityGroupIngress,
		&ec2.AuthorizeSecurityGroupIngressInput{GroupId: new(group), IpPermissions: toEC2Permissions(permissions)})
	return err
}

func (c *Cloud) revoke(ctx context.Context, group string, permissions []model.Permission) error {
	_, err := ec2Call(ctx, c, Change, "RevokeSecurityGroupIngress", c.ec2.RevokeSecurityGroupIngress,
		&ec2.RevokeSecurityGroupIngressInput{GroupId: new(group), IpPermissions: toEC2Permissions(permissions)})
	return err
}

func (a applier) targetGroup(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateTargetGroup:
		return a.createTargetGroup(ctx, action.Want)
	case plan.ModifyHealthCheck:
		return a.modifyHealthCheck(ctx, action)
	case plan.ModifyTargetGroupAttributes:
		return a.modifyTargetGroupAttributes(ctx, action)
	case plan.DeleteTargetGroup:
		_, err := elbCall(ctx, a.Cloud, Change, "DeleteTargetGroup", a.elb.DeleteTargetGroup, &elbv2.DeleteTargetGroupInput{TargetGroupArn: new(action.ID)})
		if err := ignoreGone(err); err != nil {
			return err
		}
		a.forgetID(action.ID)
	}
	return nil
}

func (a applier) createTargetGroup(ctx context.Context, want model.TargetGroup) error {
	check := want.HealthCheck
	in := &elbv2.CreateTargetGroupInput{
		Name: new(want.Name), Port: new(want.Port), Protocol: elbv2types.ProtocolEnum(want.Protocol), ProtocolVersion: new(want.ProtocolVersion),
		TargetType: elbv2types.TargetTypeEnum(want.TargetType), VpcId: new(want.VPC),
		HealthCheckEnabled: new(true), HealthCheckProtocol: elbv2types.ProtocolEnum(check.Protocol), HealthCheckPort: new(check.Port), HealthCheckPath: new(check.Path),
		HealthCheckIntervalSeconds: new(check.Interval.Seconds()), HealthCheckTimeoutSeconds: new(check.Timeout.Seconds()),
		HealthyThresholdCount: new(check.HealthyThreshold), UnhealthyThresholdCount: new(check.UnhealthyThreshold),
		Matcher: matcherOf(check, want.ProtocolVersion), Tags: toELBTags(want.Tags),
	}
	if want.IPAddressType != string(elbv2types.TargetGroupIpAddressTypeEnumIpv4) {
		in.IpAddressType = elbv2types.TargetGroupIpAddressTypeEnum(want.IPAddressType)
	}
	out, err := elbCall(ctx, a.Cloud, Change, "CreateTargetGroup", a.elb.CreateTargetGroup, in)
	if err != nil {
		return err
	}
	want.Attributes = nil // set in a step of its own
	a.h.observed.TargetGroups = append(a.h.observed.TargetGroups, want)
	a.h.observed.IDs[want.Key] = deref(out.TargetGroups[0].TargetGroupArn)
	a.h.fresh[want.Key] = true
	return nil
}

func (a applier) modifyHealthCheck(ctx context.Context, action plan.ModifyHealthCheck) error {
	arn, err := a.arn(action.Group)
	if err != nil {
		return err
	}
	check, known := action.Want, a.knownTargetGroup(action.Group)
	_, err = elbCall(ctx, a.Cloud, Change, "ModifyTargetGroup", a.elb.ModifyTargetGroup, &elbv2.ModifyTargetGroupInput{
		TargetGroupArn: new(arn), HealthCheckEnabled: new(true), HealthCheckProtocol: elbv2types.ProtocolEnum(check.Protocol), HealthCheckPort: new(check.Port),
		HealthCheckPath: new(check.Path), HealthCheckIntervalSeconds: new(check.Interval.Seconds()), HealthCheckTimeoutSeconds: new(check.Timeout.Seconds()),
		HealthyThresholdCount: new(check.HealthyThreshold), UnhealthyThresholdCount: new(check.UnhealthyThreshold),
		Matcher: matcherOf(check, known.ProtocolVersion),
	})
	if err == nil {
		known.HealthCheck = check
	}
	return err
}

// matcherOf: the codes of a gRPC group are those of gRPC.
func matcherOf(check model.HealthCheck, version string) *elbv2types.Matcher {
	if version == "GRPC" {
		return &elbv2types.Matcher{GrpcCode: new(check.Matcher)}
	}
	return &elbv2types.Matcher{HttpCode: new(check.Matcher)}
}

func (a applier) modifyTargetGroupAttributes(ctx context.Context, action plan.ModifyTargetGroupAttributes) error {
	arn, err := a.arn(action.Group)
	if err != nil {
		return err
	}
	var attributes []elbv2types.TargetGroupAttribute
	for _, key := range slices.Sorted(maps.Keys(action.Attributes)) {
		attributes = append(attributes, elbv2types.TargetGroupAttribute{Key: new(key), Value: new(action.Attributes[key])})
	}
	_, err = elbCall(ctx, a.Cloud, Change, "ModifyTargetGroupAttributes", a.elb.ModifyTargetGroupAttributes,
		&elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: new(arn), Attributes: attributes})
	if err == nil {
		group := a.knownTargetGroup(action.Group)
		group.Attributes = merged(group.Attributes, action.Attributes)
		a.h.attributes[action.Group] = true
	}
	return err
}

// knownTargetGroup is never nil: a group without an entry gives a blank to write to.
func (a applier) knownTargetGroup(key model.Key) *model.TargetGroup {
	if known := at(a.h.observed.TargetGroups, func(g model.TargetGroup) bool { return g.Key == key }); known != nil {
		return known
	}
	return &model.TargetGroup{}
}

func merged(a, b map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, a)
	maps.Copy(out, b)
	return out
}
