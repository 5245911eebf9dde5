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

// checkOwned looks at the tags of a stack's resources once more before one of them is
// deleted. Somebody may have taken a resource over, and then it is not ours to delete.
// One call serves all deletions of a plan.
func (a applier) checkOwned(ctx context.Context) error {
	switch a.step.Action.(type) {
	case plan.DeleteLoadBalancer, plan.DeleteTargetGroup, plan.DeleteListener, plan.DeleteRule:
		if time.Since(a.h.ownedELB) < ownedFor {
			return nil
		}
		if err := a.checkELBTags(ctx); err != nil {
			return err
		}
		a.h.ownedELB = time.Now()
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

func (a applier) checkELBTags(ctx context.Context) error {
	var arns []string
	if a.h.observed.LoadBalancer != nil {
		arns = append(arns, a.h.observed.IDs[a.h.observed.LoadBalancer.Key])
	}
	for _, group := range a.h.observed.TargetGroups {
		arns = append(arns, a.h.observed.IDs[group.Key])
	}
	for chunk := range slices.Chunk(arns, 20) {
		out, err := elbCall(ctx, a.Cloud, Read, "DescribeTags", a.elb.DescribeTags, &elbv2.DescribeTagsInput{ResourceArns: chunk})
		if err != nil {
			return err
		}
		for _, described := range out.TagDescriptions {
			if err := a.checkTags("DescribeTags", elbv2Service, deref(described.ResourceArn), elbTags(described.Tags)); err != nil {
				return err
			}
		}
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
