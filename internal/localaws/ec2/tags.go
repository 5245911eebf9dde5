package ec2

import (
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

// Tag is a tag in calls and answers.
type Tag struct {
	Key   string  `xml:"key" required:"true" range:"1,128"`
	Value *string `xml:"value"`
}

// TagSpecification is the tags that a call gives to what it makes.
type TagSpecification struct {
	ResourceType string
	Tags         []Tag `form:"Tag"`
}

// maxTags is the number of tags a resource can have ("Tag restrictions", EC2 guide).
const maxTags = 50

// tagsFor checks tag specifications, of which all must be for the one kind of resource, and returns their tags.
func tagsFor(resourceType string, specs []TagSpecification) (map[string]string, error) {
	tags := map[string]string{}
	for _, spec := range specs {
		if spec.ResourceType != resourceType {
			return nil, wire.Errorf("InvalidParameterValue", "'%s' is not a valid taggable resource type for this operation.", spec.ResourceType)
		}
		for _, tag := range spec.Tags {
			if _, twice := tags[tag.Key]; twice {
				return nil, wire.Errorf("InvalidParameterValue", "Tag keys must be unique: '%s' is given twice", tag.Key)
			}
			if err := checkTag(tag); err != nil {
				return nil, err
			}
			tags[tag.Key] = deref(tag.Value)
		}
	}
	if len(tags) > maxTags {
		return nil, wire.Errorf("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
	}
	return tags, nil
}

func checkTag(t Tag) error {
	const maxValue = 256
	if strings.HasPrefix(t.Key, "aws:") {
		return wire.Errorf("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
	}
	if len(deref(t.Value)) > maxValue {
		return wire.Errorf("InvalidParameterValue", "Tag value exceeds the maximum length of 256 characters")
	}
	return nil
}

// tagSet is the tags of a resource in the order of their keys.
func (n *Network) tagSet(id string) []Tag {
	var set []Tag
	for _, key := range slices.Sorted(maps.Keys(n.tags[id])) {
		set = append(set, Tag{Key: key, Value: new(n.tags[id][key])})
	}
	return set
}

type createTagsInput struct {
	Resources []string `form:"ResourceId" required:"true"`
	Tags      []Tag    `form:"Tag" required:"true"`
	DryRun    bool
}

type returned struct {
	Return bool `xml:"return"`
}

func (n *Network) createTags(in createTagsInput) (returned, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.checkTaggable(in.Resources, in.DryRun); err != nil {
		return returned{}, err
	}
	for _, tag := range in.Tags {
		if err := checkTag(tag); err != nil {
			return returned{}, err
		}
	}
	after := map[string]map[string]string{}
	for _, id := range in.Resources {
		tags := maps.Clone(n.tags[id])
		if tags == nil {
			tags = map[string]string{}
		}
		for _, tag := range in.Tags {
			tags[tag.Key] = deref(tag.Value)
		}
		if len(tags) > maxTags {
			return returned{}, wire.Errorf("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
		}
		after[id] = tags
	}
	maps.Copy(n.tags, after)
	return returned{Return: true}, nil
}

type deleteTagsInput struct {
	Resources []string `form:"ResourceId" required:"true"`
	Tags      []Tag    `form:"Tag"`
	DryRun    bool
}

// deleteTags removes tags whose value, where one is given, is as given; without a list of tags, all of them.
func (n *Network) deleteTags(in deleteTagsInput) (returned, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.checkTaggable(in.Resources, in.DryRun); err != nil {
		return returned{}, err
	}
	for _, id := range in.Resources {
		if len(in.Tags) == 0 {
			delete(n.tags, id)
		}
		for _, tag := range in.Tags {
			if tag.Value == nil || *tag.Value == n.tags[id][tag.Key] {
				delete(n.tags[id], tag.Key)
			}
		}
	}
	return returned{Return: true}, nil
}

func (n *Network) checkTaggable(ids []string, dryRun bool) error {
	if dryRun {
		return errDryRun
	}
	for _, id := range ids {
		if n.typeOf(id) == "" {
			return wire.Errorf("InvalidID", "The ID '%s' is not valid", id)
		}
	}
	return nil
}

// typeOf is the resource type of an id, or "" if there is no such resource.
func (n *Network) typeOf(id string) string {
	switch {
	case n.findVPC(id) != nil:
		return "vpc"
	case n.findSubnet(id) != nil:
		return "subnet"
	case n.findGroup(id) != nil:
		return "security-group"
	case n.findInstance(id) != nil:
		return "instance"
	case slices.ContainsFunc(n.interfaces, func(i *networkInterface) bool { return i.id == id }):
		return "network-interface"
	case n.allocation(id) != nil:
		return "elastic-ip"
	case slices.ContainsFunc(n.groups, func(g *securityGroup) bool { return g.rule(id) != nil }):
		return "security-group-rule"
	case slices.ContainsFunc(n.vpcs, func(v *vpc) bool { return v.routeTable == id }):
		return "route-table"
	case slices.ContainsFunc(n.vpcs, func(v *vpc) bool { return v.gatewayID == id }):
		return "internet-gateway"
	}
	return ""
}

type tagDescription struct {
	number       int
	ResourceID   string `xml:"resourceId"`
	ResourceType string `xml:"resourceType"`
	Key          string `xml:"key"`
	Value        string `xml:"value"`
}

type describeTagsInput struct{ Query }

type describeTagsOutput struct {
	Tags      []tagDescription `xml:"tagSet>item"`
	NextToken string           `xml:"nextToken,omitempty"`
}

var tagKind = kind[tagDescription]{
	number: func(t tagDescription) int { return t.number },
	id:     func(t tagDescription) string { return t.ResourceID },
	properties: properties[tagDescription]{
		"resource-id":   one(func(t tagDescription) string { return t.ResourceID }),
		"resource-type": one(func(t tagDescription) string { return t.ResourceType }),
		"key":           one(func(t tagDescription) string { return t.Key }),
		"value":         one(func(t tagDescription) string { return t.Value }),
	},
}

func (n *Network) describeTags(in describeTagsInput) (describeTagsOutput, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []tagDescription
	for _, id := range slices.Sorted(maps.Keys(n.tags)) {
		for _, tag := range n.tagSet(id) {
			all = append(all, tagDescription{
				number: len(all), ResourceID: id, ResourceType: n.typeOf(id), Key: tag.Key, Value: deref(tag.Value),
			})
		}
	}
	page, next, err := list(n, tagKind, all, nil, nil, in.Query)
	return describeTagsOutput{Tags: page, NextToken: next}, err
}

// Tagged calls f with every tagged resource that the tagging API knows, and its tags.
func (n *Network) Tagged(f func(arn string, tags map[string]string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id, tags := range n.tags {
		if kind := n.typeOf(id); kind != "" {
			f(n.arn(kind+"/"+id), tags)
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// TagsOf are the tags of a resource by its ARN, and whether there is one.
func (n *Network) TagsOf(arn string) (tags map[string]string, exists bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	id := arn[strings.LastIndex(arn, "/")+1:]
	kind := n.typeOf(id)
	return maps.Clone(n.tags[id]), kind != "" && arn == n.arn(kind+"/"+id)
}

// TypeOf is the resource type of an id, or "".
func (n *Network) TypeOf(id string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.typeOf(id)
}

// VPCOf is the VPC of a security group, or "".
func (n *Network) VPCOf(group string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if g := n.findGroup(group); g != nil {
		return g.vpc.id
	}
	return ""
}
