package build

import (
	"maps"

	"github.com/sluice-lb/sluice/internal/model"
)

// Config is what is the same for all stacks of a cluster.
type Config struct {
	Cluster string
	// DefaultTags go on everything that is created (flag --default-tags).
	DefaultTags map[string]string
	// DefaultScheme of load balancers (flag --default-load-balancer-scheme).
	DefaultScheme model.Scheme
	// DefaultTargetType is "instance" or "ip" (flag --default-target-type).
	DefaultTargetType string
	// StrictServices makes a Service that does not exist a problem, in the place of an answer
	// of 503 (flag --tolerate-non-existent-backend-service=false).
	StrictServices bool
	// StrictActions does the same of an action annotation that does not exist (flag
	// --tolerate-non-existent-backend-action=false).
	StrictActions bool
}

// Tags are the tags of a resource of an Ingress stack: the tracking tags over the
// default tags over what the user wants.
func (c Config) Tags(id model.StackID, resource string, user map[string]string) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, user)
	maps.Copy(tags, c.DefaultTags)
	tags[model.ClusterTag] = c.Cluster
	tags[model.StackTag] = id.String()
	tags[model.ResourceTag] = resource
	return tags
}

// Shared is what all stacks of the cluster use: the backend security group, which
// endpoints let in.
func (c Config) Shared(vpc string) model.Stack {
	tags := map[string]string{}
	maps.Copy(tags, c.DefaultTags)
	tags[model.ClusterTag], tags[model.SharedResourceTag] = c.Cluster, model.BackendResource
	return model.Stack{
		ID: model.SharedStack,
		SecurityGroups: []model.SecurityGroup{{
			Key: model.BackendSecurityGroupKey, Name: BackendSecurityGroupName(c.Cluster),
			Description: "[k8s] Shared Backend SecurityGroup for LoadBalancer", VPC: vpc, Tags: tags,
		}},
	}
}
