package build

import (
	"maps"

	"github.com/sluice-lb/sluice/internal/model"
)

// Config is what is the same for all stacks of a cluster. Its zero values are the
// incumbent's defaults, where a flag has one.
type Config struct {
	Cluster string
	// DefaultTags go on everything that is created (flag --default-tags).
	DefaultTags map[string]string
	// ExternalTags are keys that somebody else manages (flag --external-managed-tags).
	ExternalTags []string
	// DefaultScheme of load balancers (flag --default-load-balancer-scheme).
	DefaultScheme model.Scheme
	// DefaultTargetType is "instance" or "ip" (flag --default-target-type).
	DefaultTargetType string
	// SSLPolicy of HTTPS listeners that name none (flag --default-ssl-policy).
	SSLPolicy string
	// AllowedAuthorities narrow which certificates may be found by a host's name, to those
	// that one of them issued (flag --allowed-certificate-authority-arns).
	AllowedAuthorities []string
	// NoBackendSecurityGroup: load balancers share no security group; targets let in each
	// one's own (flag --enable-backend-security-group=false).
	NoBackendSecurityGroup bool
	// ManageBackendRules is what counts where an Ingress names security groups and does not
	// say whether rules are managed (flag --enable-manage-backend-security-group-rules).
	ManageBackendRules bool
	// UnrestrictedRules let load balancers reach all ports of targets (flag
	// --disable-restricted-sg-rules).
	UnrestrictedRules bool
	// StrictServices makes a Service that does not exist a problem, in the place of an answer
	// of 503 (flag --tolerate-non-existent-backend-service=false).
	StrictServices bool
	// StrictActions does the same of an action annotation that does not exist (flag
	// --tolerate-non-existent-backend-action=false).
	StrictActions bool
	Gates         Gates
}

// Gates are the feature gates of the incumbent that change what is built (flag
// --feature-gates), each the other way round where its default is on.
type Gates struct {
	SingleSubnet             bool // ALBSingleSubnet
	NoSubnetsByRoute         bool // SubnetDiscoveryByReachability=false
	NoSubnetsClusterTagCheck bool // SubnetsClusterTagCheck=false
	NoRuleTags               bool // ListenerRulesTagging=false
	LowPriorityDefaultTags   bool // EnableDefaultTagsLowPriority
	NoIPTargets              bool // EnableIPTargetType=false
}

// Tags are the tags of a resource of an Ingress stack: the tracking tags over the
// default tags over what the user wants.
func (c Config) Tags(id model.StackID, resource string, user map[string]string) map[string]string {
	tags := map[string]string{}
	first, second := user, c.DefaultTags
	if c.Gates.LowPriorityDefaultTags {
		first, second = second, first
	}
	maps.Copy(tags, first)
	maps.Copy(tags, second)
	tags[model.ClusterTag] = c.Cluster
	tags[model.StackTag] = id.String()
	tags[model.ResourceTag] = resource
	return tags
}

// RuleTags are Tags of a listener or rule; nil where those are not tagged.
func (c Config) RuleTags(id model.StackID, resource string, user map[string]string) map[string]string {
	if c.Gates.NoRuleTags {
		return nil
	}
	return c.Tags(id, resource, user)
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
