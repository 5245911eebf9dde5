package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/sluice-lb/sluice/internal/model"
)

// list reads what the cluster owns: all but listeners, rules and attributes.
func (r reader) list(ctx context.Context, found map[model.StackID]*holding) error {
	for _, list := range []func(context.Context, map[model.StackID]*holding) error{r.listLoadBalancers, r.listTargetGroups, r.listSecurityGroups} {
		if err := list(ctx, found); err != nil {
			return fmt.Errorf("listing what the cluster owns: %w", err)
		}
	}
	return nil
}

func (r reader) listLoadBalancers(ctx context.Context, found map[model.StackID]*holding) error {
	byARN := map[string]elbv2types.LoadBalancer{}
	in := &elbv2.DescribeLoadBalancersInput{}
	for {
		out, err := elbRead(ctx, r, "DescribeLoadBalancers", r.elb.DescribeLoadBalancers, in)
		if err != nil {
			return err
		}
		for _, lb := range out.LoadBalancers {
			if deref(lb.VpcId) == r.vpc && lb.Type == elbv2types.LoadBalancerTypeEnumApplication {
				byARN[deref(lb.LoadBalancerArn)] = lb
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	return r.eachOwned(ctx, slices.Sorted(maps.Keys(byARN)), func(arn string, id model.StackID, tags map[string]string) {
		if tags[model.ResourceTag] != model.LoadBalancerResource {
			return
		}
		h := holdingIn(found, id)
		lb := loadBalancerOf(byARN[arn], tags)
		h.observed.LoadBalancer, h.observed.DNSName = &lb, deref(byARN[arn].DNSName)
		h.observed.IDs[lb.Key] = arn
	})
}

func (r reader) listTargetGroups(ctx context.Context, found map[model.StackID]*holding) error {
	byARN := map[string]elbv2types.TargetGroup{}
	in := &elbv2.DescribeTargetGroupsInput{}
	for {
		out, err := elbRead(ctx, r, "DescribeTargetGroups", r.elb.DescribeTargetGroups, in)
		if err != nil {
			return err
		}
		for _, group := range out.TargetGroups {
			if deref(group.VpcId) == r.vpc {
				byARN[deref(group.TargetGroupArn)] = group
			}
		}
		if in.Marker = out.NextMarker; in.Marker == nil {
			break
		}
	}
	return r.eachOwned(ctx, slices.Sorted(maps.Keys(byARN)), func(arn string, id model.StackID, tags map[string]string) {
		if tags[model.ResourceTag] == "" {
			return
		}
		h := holdingIn(found, id)
		group := targetGroupOf(byARN[arn], tags)
		group.Key = freeKey(h, group.Key)
		h.observed.TargetGroups = append(h.observed.TargetGroups, group)
		h.observed.IDs[group.Key] = arn
	})
}

// listSecurityGroups reads all of the VPC. Those of the cluster itself come along, for the
// rules that let load balancers in, and those that Ingresses may name: one call for all,
// although a filter cannot say "this tag or that".
func (r reader) listSecurityGroups(ctx context.Context, found map[model.StackID]*holding) error {
	all, err := r.allSecurityGroups(ctx)
	if err != nil {
		return err
	}
	for _, group := range all {
		if ec2Tags(group.Tags)[model.ClusterTag] == r.cluster {
			r.foundSecurityGroup(found, group)
		}
	}
	r.endpoints.learn(r.cluster, all)
	r.securityGroups.set(namesOf(all))
	return nil
}

func (r reader) allSecurityGroups(ctx context.Context) ([]ec2types.SecurityGroup, error) {
	in := &ec2.DescribeSecurityGroupsInput{Filters: r.inVPC()}
	var all []ec2types.SecurityGroup
	for {
		out, err := ec2Read(ctx, r, "DescribeSecurityGroups", r.ec2.DescribeSecurityGroups, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.SecurityGroups...)
		if in.NextToken = out.NextToken; in.NextToken == nil {
			return all, nil
		}
	}
}

func (r reader) foundSecurityGroup(found map[model.StackID]*holding, group ec2types.SecurityGroup) {
	tags := ec2Tags(group.Tags)
	id, resource := stackOf(tags), tags[model.ResourceTag]
	switch {
	case tags[model.SharedResourceTag] == model.BackendResource:
		id, resource = model.SharedStack, model.BackendResource
	case id == model.SharedStack || resource == "":
		return
	}
	h := holdingIn(found, id)
	sg := securityGroupOf(group, tags)
	sg.Key = freeKey(h, model.Key("security-group/"+resource))
	h.observed.SecurityGroups = append(h.observed.SecurityGroups, sg)
	h.observed.IDs[sg.Key] = deref(group.GroupId)
}

// eachOwned reads the tags of ARNs, twenty a call as the API allows, and hands on
// those that belong to a stack of the cluster.
func (r reader) eachOwned(ctx context.Context, arns []string, yield func(arn string, id model.StackID, tags map[string]string)) error {
	for chunk := range slices.Chunk(arns, tagsACall) {
		out, err := elbRead(ctx, r, "DescribeTags", r.elb.DescribeTags, &elbv2.DescribeTagsInput{ResourceArns: chunk})
		if err != nil {
			return err
		}
		for _, described := range out.TagDescriptions {
			tags := elbTags(described.Tags)
			if id := stackOf(tags); tags[model.ClusterTag] == r.cluster && id != model.SharedStack {
				yield(deref(described.ResourceArn), id, tags)
			}
		}
	}
	return nil
}

func stackOf(tags map[string]string) model.StackID {
	namespace, name, ok := strings.Cut(tags[model.StackTag], "/")
	if !ok {
		return model.StackID{Name: namespace}
	}
	return model.StackID{Namespace: namespace, Name: name}
}

func holdingIn(found map[model.StackID]*holding, id model.StackID) *holding {
	if found[id] == nil {
		found[id] = newHolding(id)
	}
	return found[id]
}

// freeKey tells a second resource of the same tag apart, so that the plan removes it.
func freeKey(h *holding, key model.Key) model.Key {
	for n := 0; ; n++ {
		if _, taken := h.observed.IDs[key.Nth(n)]; !taken {
			return key.Nth(n)
		}
	}
}
