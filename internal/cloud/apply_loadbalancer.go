package cloud

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

func (a applier) loadBalancer(ctx context.Context, action plan.Action) error {
	switch action := action.(type) {
	case plan.CreateLoadBalancer:
		return a.createLoadBalancer(ctx, action.Want)
	case plan.DeleteLoadBalancer:
		return a.deleteLoadBalancer(ctx, action.ID)
	}
	arn, err := a.arn(model.LoadBalancerKey)
	if err != nil {
		return err
	}
	have := a.h.observed.LoadBalancer
	switch action := action.(type) {
	case plan.SetSecurityGroups:
		groups, err := a.securityGroups(action.SecurityGroups)
		if err != nil {
			return err
		}
		_, err = elbCall(ctx, a.Cloud, Change, "SetSecurityGroups", a.elb.SetSecurityGroups, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: new(arn), SecurityGroups: groups})
		if err != nil {
			return err
		}
		have.SecurityGroups = action.SecurityGroups
	case plan.SetSubnets:
		_, err := elbCall(ctx, a.Cloud, Change, "SetSubnets", a.elb.SetSubnets, &elbv2.SetSubnetsInput{LoadBalancerArn: new(arn), Subnets: action.Subnets})
		if err != nil {
			return err
		}
		have.Subnets = action.Subnets
	case plan.SetIPAddressType:
		_, err := elbCall(ctx, a.Cloud, Change, "SetIpAddressType", a.elb.SetIpAddressType,
			&elbv2.SetIpAddressTypeInput{LoadBalancerArn: new(arn), IpAddressType: elbv2types.IpAddressType(action.Type)})
		if err != nil {
			return err
		}
		have.IPAddressType = action.Type
	case plan.ModifyLoadBalancerAttributes:
		if err := a.setAttributes(ctx, arn, action.Attributes); err != nil {
			return err
		}
		have.Attributes = merged(have.Attributes, action.Attributes)
		a.h.attributes[have.Key] = true
	}
	return nil
}

func (a applier) createLoadBalancer(ctx context.Context, want model.LoadBalancer) error {
	groups, err := a.securityGroups(want.SecurityGroups)
	if err != nil {
		return err
	}
	out, err := elbCall(ctx, a.Cloud, Change, "CreateLoadBalancer", a.elb.CreateLoadBalancer, &elbv2.CreateLoadBalancerInput{
		Name: new(want.Name), Type: elbv2types.LoadBalancerTypeEnumApplication, Scheme: elbv2types.LoadBalancerSchemeEnum(want.Scheme),
		IpAddressType: elbv2types.IpAddressType(want.IPAddressType), Subnets: want.Subnets, SecurityGroups: groups, Tags: toELBTags(want.Tags),
	})
	if err != nil {
		return err
	}
	want.Attributes = nil // set in a step of its own
	a.h.observed.LoadBalancer, a.h.observed.DNSName = &want, deref(out.LoadBalancers[0].DNSName)
	a.h.observed.IDs[want.Key] = deref(out.LoadBalancers[0].LoadBalancerArn)
	a.h.deep = true
	return nil
}

func (a applier) securityGroups(keys []model.Key) ([]string, error) {
	var ids []string
	for _, key := range keys {
		if strings.HasPrefix(string(key), "sg-") {
			ids = append(ids, string(key))
			continue
		}
		id, err := a.arn(key)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// deleteLoadBalancer takes deletion protection off when that is all that is in the
// way, as the incumbent does: whoever wants to keep a load balancer says so on the
// Ingress, and the build obeys.
func (a applier) deleteLoadBalancer(ctx context.Context, arn string) error {
	remove := func() error {
		_, err := elbCall(ctx, a.Cloud, Change, "DeleteLoadBalancer", a.elb.DeleteLoadBalancer, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: new(arn)})
		return ignoreGone(err)
	}
	err := remove()
	if e, ok := errors.AsType[*Error](err); ok && e.Code == "OperationNotPermitted" && strings.Contains(strings.ToLower(e.Message), "deletion protection") {
		if err := a.setAttributes(ctx, arn, map[string]string{"deletion_protection.enabled": "false"}); err != nil {
			return err
		}
		err = remove()
	}
	if err != nil {
		return err
	}
	for _, rule := range slices.Clone(a.h.observed.Rules) {
		a.forgetID(a.h.observed.IDs[rule.Key])
	}
	for _, listener := range slices.Clone(a.h.observed.Listeners) {
		a.forgetID(a.h.observed.IDs[listener.Key])
	}
	a.forgetID(arn)
	a.h.observed.LoadBalancer, a.h.observed.DNSName = nil, ""
	return nil
}

func (a applier) setAttributes(ctx context.Context, arn string, values map[string]string) error {
	var attributes []elbv2types.LoadBalancerAttribute
	for _, key := range slices.Sorted(maps.Keys(values)) {
		attributes = append(attributes, elbv2types.LoadBalancerAttribute{Key: new(key), Value: new(values[key])})
	}
	_, err := elbCall(ctx, a.Cloud, Change, "ModifyLoadBalancerAttributes", a.elb.ModifyLoadBalancerAttributes,
		&elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: new(arn), Attributes: attributes})
	return err
}
