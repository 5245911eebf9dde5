package awsconformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
)

// tags is about tags, as Elastic Load Balancing and as the tagging API show them.
func tags() []assertion {
	add := func(tags ...elbv2types.Tag) func(context.Context, *fixture) error {
		return func(ctx context.Context, f *fixture) error {
			return second(f.elb.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: []string{f.unused}, Tags: tags}))
		}
	}
	tag := func(key, value string) elbv2types.Tag { return elbv2types.Tag{Key: &key, Value: &value} }
	var many []elbv2types.Tag
	for i := range 51 {
		many = append(many, tag(fmt.Sprint("k", i), ""))
	}
	read := func(ctx context.Context, f *fixture) (string, error) {
		out, err := f.elb.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: []string{f.unused}})
		if err != nil {
			return "", err
		}
		var text strings.Builder
		for _, t := range out.TagDescriptions[0].Tags {
			if *t.Key == TagKey {
				continue // every group of the suite has it
			}
			text.WriteString(*t.Key + "=" + aws.ToString(t.Value) + " ")
		}
		return text.String(), nil
	}
	resources := func(in *tagging.GetResourcesInput) func(context.Context, *fixture) error {
		return func(ctx context.Context, f *fixture) error { return second(f.tagging.GetResources(ctx, in)) }
	}
	return []assertion{
		call("tags.add", "a resource can be tagged", "API reference, AddTags", ok, add(tag("stage", "test"))),
		is("tags.read", "its tags can be read at once", unconfirmed, "stage=test ", read),
		call("tags.overwrite", "adding a key again replaces its value", "API reference, AddTags", ok, add(tag("stage", "production"))),
		is("tags.overwritten", "then the new value is there", "API reference, AddTags", "stage=production ", read),
		call("tags.twice", "a key can be given once a call", "API model, DuplicateTagKeysException", "DuplicateTagKeys", add(tag("a", ""), tag("a", "1"))),
		call("tags.too-many", "a resource has at most 50 tags", "API model, TooManyTagsException", "TooManyTags", add(many...)),
		call("tags.reserved", "keys of AWS are AWS's", "API reference, Tag", "ValidationError", add(tag("aws:mine", ""))),
		call("tags.key.129", "a key has at most 128 characters", "API model, TagKey", "ValidationError", add(tag(fmt.Sprintf("%0129d", 0), ""))),
		call("tags.value.257", "a value has at most 256 characters", "API model, TagValue", "ValidationError", add(tag("a", fmt.Sprintf("%0257d", 0)))),
		call("tags.remove", "a tag can be removed, also one that is not there", "API reference, RemoveTags", ok, func(ctx context.Context, f *fixture) error {
			return second(f.elb.RemoveTags(ctx, &elbv2.RemoveTagsInput{ResourceArns: []string{f.unused}, TagKeys: []string{"stage", "never"}}))
		}),
		is("tags.removed", "then it is gone", "API reference, RemoveTags", "", read),
		call("tags.many-resources", "a call can read the tags of 20 resources", "API reference, DescribeTags", "ValidationError", func(ctx context.Context, f *fixture) error {
			in := &elbv2.DescribeTagsInput{}
			for range 21 {
				in.ResourceArns = append(in.ResourceArns, f.unused)
			}
			return second(f.elb.DescribeTags(ctx, in))
		}),
		becomes("tagging.by-tag", "the tagging API finds load balancers by tag and type", "Tagging API reference, GetResources", true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.tagging.GetResources(ctx, &tagging.GetResourcesInput{
				TagFilters:          []taggingtypes.TagFilter{{Key: aws.String(TagKey), Values: []string{f.Prefix}}},
				ResourceTypeFilters: []string{"elasticloadbalancing:loadbalancer"},
			})
			if err != nil {
				return false, err
			}
			for _, m := range out.ResourceTagMappingList {
				if *m.ResourceARN == f.balancer {
					return true, nil
				}
			}
			return false, nil
		}),
		becomes("tagging.by-arn", "the tagging API finds resources by ARN", "Tagging API reference, GetResources", 1, func(ctx context.Context, f *fixture) (int, error) {
			out, err := f.tagging.GetResources(ctx, &tagging.GetResourcesInput{ResourceARNList: []string{f.balancer}})
			if err != nil {
				return 0, err
			}
			return len(out.ResourceTagMappingList), nil
		}),
		is("tagging.page", "a page of one has a token while there are more", "Tagging API reference, GetResources", true, func(ctx context.Context, f *fixture) (bool, error) {
			out, err := f.tagging.GetResources(ctx, &tagging.GetResourcesInput{
				TagFilters: []taggingtypes.TagFilter{{Key: aws.String(TagKey)}}, ResourcesPerPage: aws.Int32(1),
			})
			return err == nil && aws.ToString(out.PaginationToken) != "", err
		}),
		call("tagging.page.101", "a page has at most 100 resources", "Tagging API reference, GetResources", "InvalidParameterException", resources(&tagging.GetResourcesInput{ResourcesPerPage: aws.Int32(101)})),
		call("tagging.both-ways", "a list of ARNs excludes filters", "Tagging API reference, GetResources", "InvalidParameterException", resources(&tagging.GetResourcesInput{
			ResourceARNList: []string{"arn:aws:ec2:us-west-2:123456789012:vpc/vpc-1"}, ResourceTypeFilters: []string{"ec2"},
		})),
	}
}
