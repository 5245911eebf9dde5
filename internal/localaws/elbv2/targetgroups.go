package elbv2

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws/balancer"
	"github.com/sluice-lb/sluice/internal/localaws/quota"
	"github.com/sluice-lb/sluice/internal/localaws/wire"
)

type targetGroup struct {
	number     int
	arn        string
	settings   groupSettings
	attributes map[string]string
	targets    []*target
	pool       *balancer.Group // what the data plane has of it
	version    int             // of the settings
	applied    int             // the version that the data plane has
}

// groupSettings is what makes a second CreateTargetGroup of the same name equal to the first.
type groupSettings struct {
	name, protocol, version, vpcID, targetType, addressType string
	port, controlPort                                       int
	check                                                   checkSettings
}

type createTargetGroupInput struct {
	Name            string `required:"true"`
	Protocol        string `enum:"HTTP,HTTPS,TCP,TLS,UDP,TCP_UDP,GENEVE,QUIC,TCP_QUIC"`
	ProtocolVersion string `enum:"HTTP1,HTTP2,GRPC"`
	Port            *int   `range:"1,65535"`
	VPCID           string `form:"VpcId"`
	TargetType      string `enum:"instance,ip,lambda,alb"`
	IPAddressType   string `form:"IpAddressType" enum:"ipv4,ipv6"`
	ControlPort     *int   `form:"TargetControlPort" range:"1,65535"`
	Tags            []tag
	checkInput
}

type groupsOutput struct {
	Groups     []groupOutput `xml:"TargetGroups>member"`
	NextMarker string        `xml:",omitempty"`
}

type groupOutput struct {
	ARN              string         `xml:"TargetGroupArn"`
	Name             string         `xml:"TargetGroupName"`
	Protocol         string         `xml:"Protocol"`
	Port             int            `xml:"Port"`
	VPCID            string         `xml:"VpcId"`
	CheckProtocol    string         `xml:"HealthCheckProtocol"`
	CheckPort        string         `xml:"HealthCheckPort"`
	CheckEnabled     bool           `xml:"HealthCheckEnabled"`
	CheckInterval    int            `xml:"HealthCheckIntervalSeconds"`
	CheckTimeout     int            `xml:"HealthCheckTimeoutSeconds"`
	HealthyThreshold int            `xml:"HealthyThresholdCount"`
	UnhealthyCount   int            `xml:"UnhealthyThresholdCount"`
	CheckPath        string         `xml:"HealthCheckPath,omitempty"`
	Matcher          *matcherConfig `xml:"Matcher"`
	BalancerARNs     []string       `xml:"LoadBalancerArns>member"`
	TargetType       string         `xml:"TargetType"`
	ProtocolVersion  string         `xml:"ProtocolVersion,omitempty"`
	IPAddressType    string         `xml:"IpAddressType"`
	ControlPort      int            `xml:"TargetControlPort,omitempty"`
}

// output shows a group that the load balancer, if any, forwards to.
func (g *targetGroup) output(b *loadBalancer) groupOutput {
	c := g.settings.check
	out := groupOutput{
		ARN: g.arn, Name: g.settings.name, Protocol: g.settings.protocol, Port: g.settings.port, VPCID: g.settings.vpcID,
		CheckProtocol: c.protocol, CheckPort: c.port, CheckEnabled: true, CheckInterval: c.interval, CheckTimeout: c.timeout,
		HealthyThreshold: c.healthy, UnhealthyCount: c.unhealthy, CheckPath: c.path,
		TargetType: g.settings.targetType, ProtocolVersion: g.settings.version, IPAddressType: g.settings.addressType,
		ControlPort: g.settings.controlPort,
	}
	switch {
	case c.grpc:
		out.Matcher = &matcherConfig{GRPC: c.codes}
	case c.codes != "":
		out.Matcher = &matcherConfig{Codes: c.codes}
	}
	if b != nil {
		out.BalancerARNs = []string{b.arn}
	}
	return out
}

func (s *Service) createTargetGroup(in createTargetGroupInput) (groupsOutput, error) {
	settings, err := s.checkNewGroup(in)
	if err != nil {
		return groupsOutput{}, err
	}
	tags, err := tagMap(in.Tags)
	if err != nil {
		return groupsOutput{}, err
	}
	if have := find(s.groups, func(g *targetGroup) bool { return g.settings.name == in.Name }); have != nil {
		if have.settings != settings || !maps.Equal(s.tags[have.arn], tags) {
			return groupsOutput{}, wire.Errorf("DuplicateTargetGroupName",
				"A target group with the same name '%s' exists, but with different settings", in.Name)
		}
		return groupsOutput{Groups: []groupOutput{have.output(s.balancerOf(have))}}, nil
	}
	if len(s.groups) >= s.Limits[quota.TargetGroups] {
		return groupsOutput{}, wire.Errorf("TooManyTargetGroups", "The maximum number of target groups has been reached")
	}
	g := &targetGroup{
		number: s.next(), arn: s.arn(fmt.Sprintf("targetgroup/%s/%s", in.Name, s.newID())),
		settings: settings, attributes: map[string]string{},
		pool: s.Plane.NewGroup(settings.scheme(), settings.check.forPlane(settings.version)),
	}
	g.pool.Configure(g.forPlane())
	s.groups = append(s.groups, g)
	s.tags[g.arn] = tags
	return groupsOutput{Groups: []groupOutput{g.output(s.balancerOf(g))}}, nil
}

func (s *Service) checkNewGroup(in createTargetGroupInput) (groupSettings, error) {
	settings := groupSettings{
		name: in.Name, protocol: in.Protocol, version: in.ProtocolVersion, vpcID: in.VPCID, targetType: in.TargetType, addressType: in.IPAddressType,
	}
	if err := checkName("target group", in.Name); err != nil {
		return settings, err
	}
	fill(&settings.targetType, "instance")
	fill(&settings.addressType, "ipv4")
	switch {
	case settings.targetType == "lambda":
		return settings, unsupported("target groups of TargetType lambda")
	case in.Protocol == "":
		return settings, wire.Errorf("ValidationError", "A protocol must be specified")
	case in.Protocol == "GENEVE" || strings.HasSuffix(in.Protocol, "QUIC"):
		return settings, unsupported("target groups of Protocol %s", in.Protocol)
	case in.Port == nil:
		return settings, wire.Errorf("ValidationError", "A port must be specified")
	case in.VPCID == "":
		return settings, wire.Errorf("ValidationError", "A VPC ID must be specified")
	case !s.Network.HasVPC(in.VPCID):
		return settings, wire.Errorf("ValidationError", "The VPC ID '%s' is not found", in.VPCID)
	}
	settings.port = *in.Port
	if in.ControlPort != nil {
		settings.controlPort = *in.ControlPort
	}
	if err := settings.checkKind(); err != nil {
		return settings, err
	}
	if settings.forHTTP() {
		fill(&settings.version, "HTTP1")
	}
	var err error
	settings.check, err = in.over(settings.defaultCheck(), settings)
	return settings, err
}

// forHTTP reports whether a group is of an application load balancer.
func (g groupSettings) forHTTP() bool { return g.protocol == "HTTP" || g.protocol == "HTTPS" }

// checkKind checks what goes together ("Target groups" in the ALB guide and the NLB guide).
func (g groupSettings) checkKind() error {
	switch {
	case g.targetType == "alb" && g.protocol != "TCP":
		return wire.Errorf("InvalidConfigurationRequest", "The protocol of a target group with target type 'alb' must be TCP")
	case g.targetType == "alb" && g.addressType == "ipv6":
		return wire.Errorf("InvalidConfigurationRequest", "The IP address type of a target group with target type 'alb' must be ipv4")
	case g.version != "" && !g.forHTTP():
		return wire.Errorf("InvalidConfigurationRequest", "A protocol version cannot be specified for target groups of protocol %s", g.protocol)
	case g.controlPort != 0 && !g.forHTTP():
		return wire.Errorf("InvalidConfigurationRequest", "A target control port cannot be specified for target groups of protocol %s", g.protocol)
	}
	return nil
}

// scheme is what the data plane speaks to the targets of a group.
func (g groupSettings) scheme() string { return strings.ToLower(g.protocol) }

type describeTargetGroupsInput struct {
	BalancerARN string   `form:"LoadBalancerArn"`
	ARNs        []string `form:"TargetGroupArns"`
	Names       []string
	paging
}

func (s *Service) describeTargetGroups(in describeTargetGroupsInput) (groupsOutput, error) {
	found, err := s.groupsFor(in)
	if err != nil {
		return groupsOutput{}, err
	}
	found, next, err := page(found, in.paging, func(g *targetGroup) int { return g.number })
	out := groupsOutput{NextMarker: next}
	users := s.balancersByGroup()
	for _, g := range found {
		out.Groups = append(out.Groups, g.output(users[g.arn]))
	}
	return out, err
}

func (s *Service) groupsFor(in describeTargetGroupsInput) ([]*targetGroup, error) {
	ways := 0
	for _, given := range []bool{in.BalancerARN != "", len(in.ARNs) > 0, len(in.Names) > 0} {
		if given {
			ways++
		}
	}
	if ways > 1 {
		return nil, wire.Errorf("ValidationError", "You must specify only one of target group ARNs, target group names or a load balancer ARN")
	}
	if err := checkBatch("target groups", max(len(in.ARNs), len(in.Names))); err != nil {
		return nil, err
	}
	if in.BalancerARN != "" {
		b, err := s.balancer(in.BalancerARN)
		if err != nil {
			return nil, err
		}
		used := s.groupsOf(b)
		return slices.DeleteFunc(slices.Clone(s.groups), func(g *targetGroup) bool { return !used[g] }), nil
	}
	found, err := pick(s.groups, in.ARNs, func(g *targetGroup) string { return g.arn }, groupARN.notFound)
	if err != nil {
		return nil, err
	}
	return pick(found, in.Names, func(g *targetGroup) string { return g.settings.name }, groupNotFound)
}

func groupNotFound(name string) error {
	return wire.Errorf("TargetGroupNotFound", "Target group '%s' not found", name)
}

func (s *Service) group(arn string) (*targetGroup, error) {
	if g := find(s.groups, func(g *targetGroup) bool { return g.arn == arn }); g != nil {
		return g, nil
	}
	return nil, groupARN.notFound(arn)
}

type groupInput struct {
	ARN string `form:"TargetGroupArn" required:"true"`
}

type modifyTargetGroupInput struct {
	groupInput
	checkInput
}

func (s *Service) modifyTargetGroup(in modifyTargetGroupInput) (groupsOutput, error) {
	g, err := s.group(in.groupInput.ARN)
	if err != nil {
		return groupsOutput{}, err
	}
	check, err := in.over(g.settings.check, g.settings)
	if err != nil {
		return groupsOutput{}, err
	}
	g.settings.check = check
	s.publishGroup(g)
	return groupsOutput{Groups: []groupOutput{g.output(s.balancerOf(g))}}, nil
}

func (s *Service) deleteTargetGroup(in groupInput) (wire.Empty, error) {
	g, err := s.group(in.ARN)
	if err != nil {
		return wire.Empty{}, groupARN.check(in.ARN) // API reference, DeleteTargetGroup: not found is no error of this call
	}
	if s.balancerOf(g) != nil || s.lingers(g.arn) {
		return wire.Empty{}, resourceInUse("Target group", g.arn)
	}
	s.groups = slices.DeleteFunc(s.groups, func(other *targetGroup) bool { return other == g })
	delete(s.tags, g.arn)
	for _, t := range g.targets {
		s.finish(g, t)
	}
	return wire.Empty{}, nil
}
