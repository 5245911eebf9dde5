package awsconformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
)

// TagKey is the key of the tag that everything has that the suite makes; its value is the prefix.
const TagKey = "sluice.dev/conformance"

// Leftover is something that a run has made and not removed.
type Leftover struct {
	What, Name, ID string // ID is what AWS knows it by: an ARN for most
	remove         func(context.Context) error
}

// Leftovers finds what an earlier run under the same prefix has left: all that has the suite's tag with that prefix and,
// where the suite chooses it, a name that begins with it. They are in the order in which they can be removed.
func Leftovers(ctx context.Context, config Config) ([]Leftover, error) {
	return newFixture(ctx, config.withDefaults()).leftovers(ctx)
}

// Remove removes what Leftovers found, with patience for what is in use a while longer.
func Remove(ctx context.Context, config Config, left []Leftover) error {
	return newFixture(ctx, config.withDefaults()).remove(ctx, left)
}

func (f *fixture) remove(ctx context.Context, left []Leftover) error {
	var all []error
	for _, l := range left {
		err := f.wait(ctx, func() error {
			if err := l.remove(ctx); !gone(err) {
				return err
			}
			return nil
		})
		if err != nil {
			all = append(all, fmt.Errorf("removing %s %s: %w", l.What, l.ID, err))
		}
	}
	return errors.Join(all...)
}

// gone says that something need not be removed, because somebody else has.
func gone(err error) bool {
	code := codeOf(err)
	return strings.Contains(code, "NotFound") || code == "WAFNonexistentItemException"
}

func (f *fixture) leftovers(ctx context.Context) ([]Leftover, error) {
	var all []Leftover
	for _, find := range []func(context.Context) ([]Leftover, error){
		f.leftBalancers, f.leftGroups, f.leftCertificates, f.leftSecurityGroups, f.leftACLs,
	} {
		found, err := find(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (f *fixture) leftBalancers(ctx context.Context) ([]Leftover, error) {
	var all []Leftover
	for pages := elbv2.NewDescribeLoadBalancersPaginator(f.elb, &elbv2.DescribeLoadBalancersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing load balancers: %w", err)
		}
		for _, b := range page.LoadBalancers {
			all = append(all, Leftover{"load balancer", *b.LoadBalancerName, *b.LoadBalancerArn, func(ctx context.Context) error {
				return f.deleteBalancer(ctx, *b.LoadBalancerArn)
			}})
		}
	}
	return f.tagged(ctx, all)
}

// deleteBalancer deletes a load balancer even if an assertion that was cut short has protected it.
func (f *fixture) deleteBalancer(ctx context.Context, arn string) error {
	err := second(f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &arn}))
	if codeOf(err) != "OperationNotPermitted" {
		return err
	}
	if err := modifyBalancer(func(*fixture) string { return arn })(ctx, f, "deletion_protection.enabled", "false"); err != nil {
		return err
	}
	return second(f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &arn}))
}

func (f *fixture) leftGroups(ctx context.Context) ([]Leftover, error) {
	var all []Leftover
	for pages := elbv2.NewDescribeTargetGroupsPaginator(f.elb, &elbv2.DescribeTargetGroupsInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing target groups: %w", err)
		}
		for _, g := range page.TargetGroups {
			all = append(all, Leftover{"target group", *g.TargetGroupName, *g.TargetGroupArn, func(ctx context.Context) error {
				return second(f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: g.TargetGroupArn}))
			}})
		}
	}
	return f.tagged(ctx, all)
}

// tagged keeps, of load balancers and target groups, those with the prefix in their name and the suite's tag.
func (f *fixture) tagged(ctx context.Context, found []Leftover) ([]Leftover, error) {
	found = slices.DeleteFunc(found, func(l Leftover) bool { return !strings.HasPrefix(l.Name, f.Prefix+"-") })
	ours := map[string]bool{}
	const most = 20 // API reference, DescribeTags
	for batch := range slices.Chunk(found, most) {
		in := &elbv2.DescribeTagsInput{}
		for _, l := range batch {
			in.ResourceArns = append(in.ResourceArns, l.ID)
		}
		out, err := f.elb.DescribeTags(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("reading tags: %w", err)
		}
		for _, d := range out.TagDescriptions {
			for _, t := range d.Tags {
				ours[*d.ResourceArn] = ours[*d.ResourceArn] || *t.Key == TagKey && aws.ToString(t.Value) == f.Prefix
			}
		}
	}
	return slices.DeleteFunc(found, func(l Leftover) bool { return !ours[l.ID] }), nil
}

func (f *fixture) leftCertificates(ctx context.Context) ([]Leftover, error) {
	var all []Leftover
	in := &acm.ListCertificatesInput{Includes: &acmtypes.Filters{KeyTypes: []acmtypes.KeyAlgorithm{acmtypes.KeyAlgorithmEcPrime256v1}}}
	for pages := acm.NewListCertificatesPaginator(f.acm, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing certificates: %w", err)
		}
		for _, c := range page.CertificateSummaryList {
			if !strings.HasSuffix(aws.ToString(c.DomainName), ".example.com") {
				continue // somebody's
			}
			tags, err := f.acm.ListTagsForCertificate(ctx, &acm.ListTagsForCertificateInput{CertificateArn: c.CertificateArn})
			if err != nil {
				return nil, fmt.Errorf("reading tags: %w", err)
			}
			if !slices.ContainsFunc(tags.Tags, func(t acmtypes.Tag) bool { return *t.Key == TagKey && aws.ToString(t.Value) == f.Prefix }) {
				continue
			}
			all = append(all, Leftover{"certificate", *c.DomainName, *c.CertificateArn, func(ctx context.Context) error {
				return second(f.acm.DeleteCertificate(ctx, &acm.DeleteCertificateInput{CertificateArn: c.CertificateArn}))
			}})
		}
	}
	return all, nil
}

func (f *fixture) leftSecurityGroups(ctx context.Context) ([]Leftover, error) {
	out, err := f.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{
		Filters: []ec2types.Filter{
			{Name: aws.String("tag:" + TagKey), Values: []string{f.Prefix}},
			{Name: aws.String("group-name"), Values: []string{f.Prefix + "-*"}},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("listing security groups: %w", err)
	}
	var all []Leftover
	for _, g := range out.SecurityGroups {
		all = append(all, Leftover{"security group", *g.GroupName, *g.GroupId, func(ctx context.Context) error {
			return second(f.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: g.GroupId}))
		}})
	}
	return all, nil
}

func (f *fixture) leftACLs(ctx context.Context) ([]Leftover, error) {
	out, err := f.waf.ListWebACLs(ctx, &wafv2.ListWebACLsInput{Scope: waftypes.ScopeRegional})
	if err != nil {
		return nil, fmt.Errorf("listing web ACLs: %w", err)
	}
	var all []Leftover
	for _, a := range out.WebACLs {
		if *a.Name != *f.name("acl") {
			continue
		}
		tags, err := f.waf.ListTagsForResource(ctx, &wafv2.ListTagsForResourceInput{ResourceARN: a.ARN})
		if err != nil {
			return nil, fmt.Errorf("reading tags: %w", err)
		}
		if !slices.ContainsFunc(tags.TagInfoForResource.TagList, func(t waftypes.Tag) bool { return *t.Key == TagKey && *t.Value == f.Prefix }) {
			continue
		}
		all = append(all, Leftover{"web ACL", *a.Name, *a.ARN, func(ctx context.Context) error {
			return second(f.waf.DeleteWebACL(ctx, &wafv2.DeleteWebACLInput{Name: a.Name, Id: a.Id, Scope: waftypes.ScopeRegional, LockToken: a.LockToken}))
		}})
	}
	return all, nil
}
