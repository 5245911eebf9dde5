package cloud

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

// ownedFor is how long tags that were read, or set by creating, count as seen.
const ownedFor = time.Minute

// tagsACall is how many resources DescribeTags takes (ELBv2 API reference).
const tagsACall = 20

// checkOwned looks at the tags of a stack's resources once more before one of them is
// deleted. Somebody may have taken a resource over, and then it is not ours to delete.
// One call serves up to twenty deletions of a plan.
func (a applier) checkOwned(ctx context.Context) error {
	lb := a.h.observed.IDs[model.LoadBalancerKey]
	switch action := a.step.Action.(type) {
	case plan.DeleteLoadBalancer:
		return a.checkELBTags(ctx, action.ID)
	case plan.DeleteTargetGroup:
		return a.checkELBTags(ctx, action.ID)
	case plan.DeleteListener, plan.DeleteRule: // they are whose the load balancer is
		return a.checkELBTags(ctx, lb)
	case plan.DeleteSecurityGroup:
		if time.Since(a.h.ownedEC2) < ownedFor {
			return nil
		}
		if err := a.checkEC2Tags(ctx); err != nil {
			return err
		}
		a.h.ownedEC2 = time.Now()
	}
	return nil
}

// checkELBTags looks at the tags of one resource, and at those of as many others of the
// stack as the call takes: they may be the next.
func (a applier) checkELBTags(ctx context.Context, arn string) error {
	if arn == "" || time.Since(a.h.ownedELB) < ownedFor || time.Since(a.h.owned[arn]) < ownedFor {
		return nil
	}
	arns := []string{arn}
	add := func(other string) {
		if other != "" && !slices.Contains(arns, other) && len(arns) < tagsACall {
			arns = append(arns, other)
		}
	}
	add(a.h.observed.IDs[model.LoadBalancerKey])
	for _, group := range a.h.observed.TargetGroups {
		if id := a.h.observed.IDs[group.Key]; time.Since(a.h.owned[id]) >= ownedFor {
			add(id)
		}
	}
	out, err := elbCall(ctx, a.Cloud, Read, "DescribeTags", a.elb.DescribeTags, &elbv2.DescribeTagsInput{ResourceArns: arns})
	if err != nil {
		return err
	}
	for _, described := range out.TagDescriptions {
		if err := a.checkTags("DescribeTags", elbv2Service, deref(described.ResourceArn), elbTags(described.Tags)); err != nil {
			return err
		}
	}
	for _, seen := range arns {
		a.h.owned[seen] = time.Now()
	}
	return nil
}

func (a applier) checkEC2Tags(ctx context.Context) error {
	var ids []string
	for _, group := range a.h.observed.SecurityGroups {
		ids = append(ids, a.h.observed.IDs[group.Key])
	}
	out, err := ec2Call(ctx, a.Cloud, Read, "DescribeSecurityGroups", a.ec2.DescribeSecurityGroups, &ec2.DescribeSecurityGroupsInput{GroupIds: ids})
	if err != nil {
		return err
	}
	for _, group := range out.SecurityGroups {
		if err := a.checkTags("DescribeSecurityGroups", ec2Service, deref(group.GroupId), ec2Tags(group.Tags)); err != nil {
			return err
		}
	}
	return nil
}

func (a applier) checkTags(operation, service, id string, tags map[string]string) error {
	if tags[model.ClusterTag] == a.cluster {
		return nil
	}
	return &Error{
		Kind: Conflict, Service: service, Operation: operation, Code: "NotOwned",
		Message: fmt.Sprintf("%s has lost the tag %s=%s, so it is not ours any more and is left alone", id, model.ClusterTag, a.cluster),
	}
}
