package incumbent

import (
	"cmp"

	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// Scene is one or several Ingresses and what the incumbent makes of them.
type Scene struct {
	Manifest string
	Stack    Stack
}

// Stack is a load balancer with all that belongs to it. What is left out has the value that most
// have: an internal load balancer in all zones, with a managed security group.
type Stack struct {
	Group   string   // name of an explicit group
	Ingress string   // of a stack without
	Members []string // Ingresses of a group

	Name           string
	Scheme         string
	IPAddressType  string
	Subnets        []string // by their Name tags, in order
	Tags           map[string]string
	Attributes     map[string]string
	SecurityGroups []string // by name, in the place of a managed one
	ManageRules    bool     // with these, all the same
	Listeners      []Listener
	TargetGroups   []TargetGroup
}

func (s Stack) scheme() string { return cmp.Or(s.Scheme, "internal") }

// Ingresses that share the load balancer.
func (s Stack) Ingresses() []string {
	if s.Group == "" {
		return []string{s.Ingress}
	}
	return s.Members
}

// Listener is one port.
type Listener struct {
	Port         int32
	Certificates []string // by the host that they are for; the first is the default one
	ByARN        bool     // they were found, and come in the order of their ARNs
	Policy       string   // of TLS
	Default      []elbv2types.Action
	Rules        []Rule
	Tags         map[string]string
	Attributes   map[string]string
	CIDRs        []string // who may come, where the security group is managed; nil for everyone
	PrefixLists  []string
}

// Rule has its priority from its place.
type Rule struct {
	Conditions []elbv2types.RuleCondition
	Actions    []elbv2types.Action
	Transforms []elbv2types.RuleTransform
	Tags       map[string]string
}

// TargetGroup is that of a port of a Service, as an Ingress writes it.
type TargetGroup struct {
	Ingress, Service, Port string
	TargetPort             int32  // what Pods listen on
	TargetPortName         string // where the Service has a name for it
	Instance               bool
	Protocol, Version      string
	Check                  Check
	Attributes             map[string]string
	Tags                   map[string]string
	NodeLabels             map[string]string
	MultiCluster           bool
	Unmanaged              bool // no rules on what the targets have
	HealthPort             int32
}

// Check is a health check; what is left out is as the incumbent has it.
type Check struct {
	Protocol, Path, Codes                 string
	Interval, Timeout, Healthy, Unhealthy int32
}

// key names the target group within the scenes.
func (g TargetGroup) key() string { return g.Ingress + "-" + g.Service + ":" + g.Port }

func (g TargetGroup) protocol() string { return cmp.Or(g.Protocol, "HTTP") }

func (g TargetGroup) version() string { return cmp.Or(g.Version, "HTTP1") }

func (g TargetGroup) targetType() string {
	if g.Instance {
		return "instance"
	}
	return "ip"
}

// forward sends all to one target group, given by its key.
func forward(key string) []elbv2types.Action {
	return []elbv2types.Action{{Type: "forward", Order: new(int32(1)), ForwardConfig: &elbv2types.ForwardActionConfig{
		TargetGroups: []elbv2types.TargetGroupTuple{{TargetGroupArn: new(key)}},
	}}}
}

func answer(code, body string) []elbv2types.Action {
	config := &elbv2types.FixedResponseActionConfig{StatusCode: new(code), ContentType: new("text/plain")}
	if body != "" {
		config.MessageBody = new(body)
	}
	return []elbv2types.Action{{Type: "fixed-response", Order: new(int32(1)), FixedResponseConfig: config}}
}

func redirect(config elbv2types.RedirectActionConfig) []elbv2types.Action {
	return []elbv2types.Action{{Type: "redirect", Order: new(int32(1)), RedirectConfig: &config}}
}

func host(values ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: new("host-header"), HostHeaderConfig: &elbv2types.HostHeaderConditionConfig{Values: values}}
}

func path(values ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: new("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{Values: values}}
}

func pathLike(regex ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: new("path-pattern"), PathPatternConfig: &elbv2types.PathPatternConditionConfig{RegexValues: regex}}
}

// when is a rule in the order: conditions, actions.
func when(actions []elbv2types.Action, conditions ...elbv2types.RuleCondition) Rule {
	return Rule{Conditions: conditions, Actions: actions}
}

// plain is a listener for HTTP that answers 404 to what no rule is for.
func plain(rules ...Rule) Listener { return Listener{Port: 80, Rules: rules} }

func hostLike(regex ...string) elbv2types.RuleCondition {
	return elbv2types.RuleCondition{Field: new("host-header"), HostHeaderConfig: &elbv2types.HostHeaderConditionConfig{RegexValues: regex}}
}

func conditions(list ...elbv2types.RuleCondition) []elbv2types.RuleCondition { return list }
