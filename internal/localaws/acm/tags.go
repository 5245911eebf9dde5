package acm

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type tag struct {
	Key   string  `json:"Key" required:"true" range:"1,128"`
	Value *string `json:"Value,omitempty" range:"0,256"`
}

// maxTags is the number of tags a certificate can have ("Tag restrictions", ACM guide).
const maxTags = 50

func merged(have map[string]string, tags []tag) (map[string]string, error) {
	after := map[string]string{}
	maps.Copy(after, have)
	for _, t := range tags {
		if strings.HasPrefix(t.Key, "aws:") {
			return nil, wire.Errorf("InvalidTagException", "Tag keys beginning with 'aws:' are reserved: '%s'", t.Key)
		}
		after[t.Key] = value(t)
	}
	if len(after) > maxTags {
		return nil, wire.Errorf("TooManyTagsException", "A certificate can have at most %d tags", maxTags)
	}
	return after, nil
}

func value(t tag) string {
	if t.Value == nil {
		return ""
	}
	return *t.Value
}

type tagsInput struct {
	certificateInput
	Tags []tag `required:"true" range:"1,50"`
}

func (s *Service) addTags(in tagsInput) (wire.Empty, error) {
	c, err := s.find(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	after, err := merged(c.tags, in.Tags)
	if err != nil {
		return wire.Empty{}, err
	}
	c.tags = after
	return wire.Empty{}, nil
}

// removeTags removes a tag whose value, where one is given, is as given (API reference, RemoveTagsFromCertificate).
func (s *Service) removeTags(in tagsInput) (wire.Empty, error) {
	c, err := s.find(in.ARN)
	if err != nil {
		return wire.Empty{}, err
	}
	for _, t := range in.Tags {
		if t.Value == nil || *t.Value == c.tags[t.Key] {
			delete(c.tags, t.Key)
		}
	}
	return wire.Empty{}, nil
}

type tagsOutput struct {
	Tags []tag `json:"Tags"`
}

func (s *Service) listTags(in certificateInput) (tagsOutput, error) {
	c, err := s.find(in.ARN)
	if err != nil {
		return tagsOutput{}, err
	}
	out := tagsOutput{Tags: []tag{}}
	for _, key := range slices.Sorted(maps.Keys(c.tags)) {
		out.Tags = append(out.Tags, tag{Key: key, Value: new(c.tags[key])})
	}
	return out, nil
}
