package cloud

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/plan"
)

func (a applier) securityGroupKey() bool {
	return strings.HasPrefix(string(a.step.Key), "security-group/")
}

func (a applier) securityGroupTags(ctx context.Context, id string, action plan.Action) (err error) {
	switch action := action.(type) {
	case plan.AddTags:
		_, err = ec2Call(ctx, a.Cloud, Change, "CreateTags", a.ec2.CreateTags, &ec2.CreateTagsInput{Resources: []string{id}, Tags: toEC2Tags(action.Tags)})
	case plan.RemoveTags:
		var tags []ec2types.Tag
		for _, key := range action.Keys {
			tags = append(tags, ec2types.Tag{Key: new(key)})
		}
		_, err = ec2Call(ctx, a.Cloud, Change, "DeleteTags", a.ec2.DeleteTags, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: tags})
	}
	if err == nil {
		a.followTags(action)
	}
	return err
}

// followTags notes changed tags in the inventory.
func (a applier) followTags(action plan.Action) {
	change := func(tags *map[string]string) {
		*tags = maps.Clone(*tags)
		switch action := action.(type) {
		case plan.AddTags:
			*tags = merged(*tags, action.Tags)
		case plan.RemoveTags:
			maps.DeleteFunc(*tags, func(key, _ string) bool { return slices.Contains(action.Keys, key) })
		}
	}
	o, key := &a.h.observed, a.step.Key
	if lb := o.LoadBalancer; lb != nil && lb.Key == key {
		change(&lb.Tags)
	}
	if g := at(o.SecurityGroups, func(g model.SecurityGroup) bool { return g.Key == key }); g != nil {
		change(&g.Tags)
	}
	if g := at(o.TargetGroups, func(g model.TargetGroup) bool { return g.Key == key }); g != nil {
		change(&g.Tags)
	}
	if l := at(o.Listeners, func(l model.Listener) bool { return l.Key == key }); l != nil {
		change(&l.Tags)
	}
	if r := at(o.Rules, func(r model.Rule) bool { return r.Key == key }); r != nil {
		change(&r.Tags)
	}
}
