package elbv2

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// tag is a tag in calls and answers.
type tag struct {
	Key   string `required:"true" range:"1,128"`
	Value string `range:"0,256"`
}

// maxTags is the number of tags a resource can have ("Quotas for your Application Load Balancers").
const maxTags = 50

// tagMap checks the tags of a call.
func tagMap(tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		if _, twice := out[t.Key]; twice {
			return nil, wire.Errorf("DuplicateTagKeys", "Tag key '%s' is specified more than once", t.Key)
		}
		if strings.HasPrefix(t.Key, "aws:") {
			return nil, wire.Errorf("ValidationError", "Tag keys beginning with 'aws:' are reserved: '%s'", t.Key)
		}
		out[t.Key] = t.Value
	}
	if len(out) > maxTags {
		return nil, wire.Errorf("TooManyTags", "A resource can have at most %d tags", maxTags)
	}
	return out, nil
}

// checkTaggable checks that all resources exist. Each kind has its own error.
func (s *Service) checkTaggable(arns []string) error {
	for _, arn := range arns {
		if _, ok := s.tags[arn]; ok { // every resource but a default rule has an entry, if an empty one
			continue
		}
		var err error
		switch {
		case strings.Contains(arn, ":loadbalancer/"):
			_, err = s.balancer(arn)
		case isListenerARN(arn):
			_, err = s.listener(arn)
		case strings.Contains(arn, ":listener-rule/"):
			_, err = s.rule(arn)
		case strings.Contains(arn, ":targetgroup/"):
			_, err = s.group(arn)
		case strings.Contains(arn, ":truststore/"):
			_, err = s.trustStore(arn)
		default:
			err = wire.Errorf("ValidationError", "'%s' is not a valid resource ARN", arn)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

type addTagsInput struct {
	ARNs []string `form:"ResourceArns" required:"true"`
	Tags []tag    `required:"true"`
}

func (s *Service) addTags(in addTagsInput) (wire.Empty, error) {
	if err := s.checkTaggable(in.ARNs); err != nil {
		return wire.Empty{}, err
	}
	added, err := tagMap(in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	after := map[string]map[string]string{}
	for _, arn := range in.ARNs {
		tags := map[string]string{}
		maps.Copy(tags, s.tags[arn])
		maps.Copy(tags, added)
		if len(tags) > maxTags {
			return wire.Empty{}, wire.Errorf("TooManyTags", "A resource can have at most %d tags: '%s'", maxTags, arn)
		}
		after[arn] = tags
	}
	maps.Copy(s.tags, after)
	return wire.Empty{}, nil
}

type removeTagsInput struct {
	ARNs []string `form:"ResourceArns" required:"true"`
	Keys []string `form:"TagKeys" required:"true"`
}

func (s *Service) removeTags(in removeTagsInput) (wire.Empty, error) {
	if err := s.checkTaggable(in.ARNs); err != nil {
		return wire.Empty{}, err
	}
	for _, arn := range in.ARNs {
		for _, key := range in.Keys {
			delete(s.tags[arn], key)
		}
	}
	return wire.Empty{}, nil
}

type describeTagsInput struct {
	ARNs []string `form:"ResourceArns" required:"true"`
}

type describeTagsOutput struct {
	Descriptions []tagDescription `xml:"TagDescriptions>member"`
}

type tagDescription struct {
	ARN  string `xml:"ResourceArn"`
	Tags []tag  `xml:"Tags>member"`
}

func (s *Service) describeTags(in describeTagsInput) (describeTagsOutput, error) {
	if err := checkBatch("resource tags", len(in.ARNs)); err != nil {
		return describeTagsOutput{}, err
	}
	if err := s.checkTaggable(in.ARNs); err != nil {
		return describeTagsOutput{}, err
	}
	var out describeTagsOutput
	for _, arn := range in.ARNs {
		d := tagDescription{ARN: arn}
		for _, key := range slices.Sorted(maps.Keys(s.tags[arn])) {
			d.Tags = append(d.Tags, tag{Key: key, Value: s.tags[arn][key]})
		}
		out.Descriptions = append(out.Descriptions, d)
	}
	return out, nil
}

// Tagged calls f with every resource and its tags.
func (s *Service) Tagged(f func(arn string, tags map[string]string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for arn, tags := range s.tags {
		f(arn, tags)
	}
}

// HasBalancer says whether there is such a load balancer, and whether it is an application load balancer.
func (s *Service) HasBalancer(arn string) (found, isApplication bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.balancer(arn)
	return err == nil, err == nil && b.settings.kind == application
}

// TagsOf are the tags of a resource, and whether there is one.
func (s *Service) TagsOf(arn string) (tags map[string]string, exists bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.tags[arn]), s.checkTaggable([]string{arn}) == nil
}
