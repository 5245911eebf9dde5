package incumbent

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
)

// Writer leaves the incumbent's state. All fields must be set.
type Writer struct {
	Namespace, Cluster, VPC string
	ELB                     *elbv2.Client
	EC2                     *ec2.Client
	Kubernetes              kubernetes.Interface
	Objects                 dynamic.Interface
	Certificates            map[string]string // ARNs by host
	NodeGroup               string            // id of the security group that all nodes have
	DefaultTags             map[string]string // flag --default-tags
	Unrestricted            bool              // flag --disable-restricted-sg-rules

	backend  string            // id of the shared security group
	subnets  []string          // discovered, by id
	byName   map[string]string // ids of subnets and security groups
	networks []int32           // ports that endpoints are asked on
}

// Write makes all that the scenes lead to. Pods must be running, and nothing of it may be there.
func (w *Writer) Write(ctx context.Context, scenes map[string]Scene) error {
	if err := w.survey(ctx); err != nil {
		return err
	}
	var err error
	if w.backend, err = w.securityGroup(ctx, w.backendGroupName(), "[k8s] Shared Backend SecurityGroup for LoadBalancer", w.withDefaults(map[string]string{
		"elbv2.k8s.aws/cluster": w.Cluster, "elbv2.k8s.aws/resource": "backend-sg",
	})); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(scenes)) {
		if err := w.stack(ctx, scenes[name].Stack); err != nil {
			return fmt.Errorf("scene %s: %w", name, err)
		}
	}
	lowest, highest := slices.Min(w.networks), slices.Max(w.networks)
	if w.Unrestricted {
		lowest, highest = 0, 65535
	}
	return w.letIn(ctx, w.NodeGroup, ec2types.IpPermission{
		IpProtocol: new("tcp"), FromPort: &lowest, ToPort: &highest,
		UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: &w.backend, Description: new("elbv2.k8s.aws/targetGroupBinding=shared")}},
	})
}

// survey learns the names of what the account's owner has made.
func (w *Writer) survey(ctx context.Context) error {
	w.byName = map[string]string{}
	inVPC := []ec2types.Filter{{Name: new("vpc-id"), Values: []string{w.VPC}}}
	note := func(tags []ec2types.Tag, id string) {
		for _, tag := range tags {
			if aws.ToString(tag.Key) == "Name" {
				w.byName[aws.ToString(tag.Value)] = id
			}
		}
	}
	subnets, err := w.EC2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: inVPC})
	if err != nil {
		return err
	}
	for _, subnet := range subnets.Subnets {
		note(subnet.Tags, *subnet.SubnetId)
		w.subnets = append(w.subnets, *subnet.SubnetId)
	}
	slices.Sort(w.subnets)
	groups, err := w.EC2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: inVPC})
	if err != nil {
		return err
	}
	for _, group := range groups.SecurityGroups {
		note(group.Tags, *group.GroupId)
	}
	return nil
}

func (w *Writer) stack(ctx context.Context, s Stack) error {
	groups, err := w.securityGroups(ctx, s)
	if err != nil {
		return err
	}
	arns := map[string]string{}
	for _, group := range s.TargetGroups {
		if arns[group.key()], err = w.targetGroup(ctx, s, group); err != nil {
			return fmt.Errorf("target group %s: %w", group.key(), err)
		}
	}
	balancer, err := w.balancer(ctx, s, groups)
	if err != nil {
		return err
	}
	for _, listener := range s.Listeners {
		if err := w.listener(ctx, s, *balancer.LoadBalancerArn, listener, arns); err != nil {
			return fmt.Errorf("listener %d: %w", listener.Port, err)
		}
	}
	for _, group := range s.TargetGroups {
		if err := w.bind(ctx, s, group, arns[group.key()]); err != nil {
			return fmt.Errorf("binding of %s: %w", group.key(), err)
		}
	}
	return w.ingresses(ctx, s, *balancer.DNSName)
}

// securityGroups of the load balancer: a managed one and the shared one, or those that are named.
func (w *Writer) securityGroups(ctx context.Context, s Stack) ([]string, error) {
	var ids []string
	if len(s.SecurityGroups) > 0 {
		for _, name := range s.SecurityGroups {
			ids = append(ids, w.byName[name])
		}
		if s.ManageRules {
			ids = append(ids, w.backend)
		}
		return ids, nil
	}
	id, err := w.securityGroup(ctx, w.managedGroupName(s), "[k8s] Managed SecurityGroup for LoadBalancer", w.tags(s, "ManagedLBSecurityGroup", s.Tags))
	if err != nil {
		return nil, err
	}
	for _, listener := range s.Listeners {
		permission := ec2types.IpPermission{IpProtocol: new("tcp"), FromPort: &listener.Port, ToPort: &listener.Port}
		cidrs := listener.CIDRs
		if cidrs == nil {
			cidrs = []string{"0.0.0.0/0"}
		}
		for _, cidr := range cidrs {
			if cidr == "::/0" {
				permission.Ipv6Ranges = append(permission.Ipv6Ranges, ec2types.Ipv6Range{CidrIpv6: &cidr})
				continue
			}
			permission.IpRanges = append(permission.IpRanges, ec2types.IpRange{CidrIp: &cidr})
		}
		for _, list := range listener.PrefixLists {
			permission.PrefixListIds = append(permission.PrefixListIds, ec2types.PrefixListId{PrefixListId: &list})
		}
		if err := w.letIn(ctx, id, permission); err != nil {
			return nil, err
		}
	}
	return []string{id, w.backend}, nil
}

func (w *Writer) securityGroup(ctx context.Context, name, description string, tags map[string]string) (string, error) {
	var list []ec2types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, ec2types.Tag{Key: &key, Value: new(tags[key])})
	}
	out, err := w.EC2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: &name, Description: &description, VpcId: &w.VPC,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: list}},
	})
	if err != nil {
		return "", err
	}
	return *out.GroupId, nil
}

func (w *Writer) letIn(ctx context.Context, group string, permission ec2types.IpPermission) error {
	_, err := w.EC2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []ec2types.IpPermission{permission}})
	return err
}

// withDefaults adds the tags of the flag, which win.
func (w *Writer) withDefaults(tags map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, tags)
	maps.Copy(all, w.DefaultTags)
	return all
}

// tags are those that track a resource of a stack, and of the others those of the flag before the user's.
func (w *Writer) tags(s Stack, resource string, user map[string]string) map[string]string {
	tags := w.withDefaults(user)
	maps.Copy(tags, map[string]string{"elbv2.k8s.aws/cluster": w.Cluster, "ingress.k8s.aws/stack": s.id(w.Namespace), "ingress.k8s.aws/resource": resource})
	return tags
}

func elbTags(tags map[string]string) []elbv2types.Tag {
	var list []elbv2types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, elbv2types.Tag{Key: &key, Value: new(tags[key])})
	}
	return list
}

func (w *Writer) targetGroup(ctx context.Context, s Stack, g TargetGroup) (string, error) {
	service, err := w.Kubernetes.CoreV1().Services(w.Namespace).Get(ctx, g.Service, metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	port := w.groupPort(g, service)
	in := &elbv2.CreateTargetGroupInput{
		Name: new(w.targetGroupName(s, g, service)), VpcId: &w.VPC, Port: &port, Protocol: elbv2types.ProtocolEnum(g.protocol()), ProtocolVersion: new(g.version()),
		TargetType: elbv2types.TargetTypeEnum(g.targetType()), Tags: elbTags(w.tags(s, w.Namespace+"/"+g.key(), g.Tags)),
		HealthCheckEnabled: new(true), HealthCheckPort: new("traffic-port"), HealthCheckProtocol: elbv2types.ProtocolEnum(cmp.Or(g.Check.Protocol, g.protocol())),
		HealthCheckPath: new(cmp.Or(g.Check.Path, "/")), HealthCheckIntervalSeconds: new(cmp.Or(g.Check.Interval, 15)), HealthCheckTimeoutSeconds: new(cmp.Or(g.Check.Timeout, 5)),
		HealthyThresholdCount: new(cmp.Or(g.Check.Healthy, 2)), UnhealthyThresholdCount: new(cmp.Or(g.Check.Unhealthy, 2)),
		Matcher: &elbv2types.Matcher{HttpCode: new(cmp.Or(g.Check.Codes, "200"))},
	}
	if g.version() == "GRPC" {
		in.Matcher = &elbv2types.Matcher{GrpcCode: &g.Check.Codes}
	}
	if g.HealthPort > 0 {
		in.HealthCheckPort = new(strconv.Itoa(int(g.HealthPort)))
	}
	out, err := w.ELB.CreateTargetGroup(ctx, in)
	if err != nil {
		return "", err
	}
	arn := *out.TargetGroups[0].TargetGroupArn
	if len(g.Attributes) == 0 {
		return arn, nil
	}
	var list []elbv2types.TargetGroupAttribute
	for key, value := range g.Attributes {
		list = append(list, elbv2types.TargetGroupAttribute{Key: &key, Value: &value})
	}
	_, err = w.ELB.ModifyTargetGroupAttributes(ctx, &elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: &arn, Attributes: list})
	return arn, err
}

// groupPort is the node port, or the number of the Service's target port; 1 stands for a name.
func (w *Writer) groupPort(g TargetGroup, service *corev1.Service) int32 {
	switch {
	case g.Instance:
		return service.Spec.Ports[0].NodePort
	case g.TargetPortName != "":
		return 1
	}
	return g.TargetPort
}

func (w *Writer) targetGroupName(s Stack, g TargetGroup, service *corev1.Service) string {
	return threePart(w.Namespace, g.Service, hash(w.Cluster, s.id(w.Namespace), w.Namespace, g.Ingress, string(service.UID), g.Port,
		strconv.Itoa(int(w.groupPort(g, service))), g.targetType(), g.protocol(), g.version()))
}

func (w *Writer) balancer(ctx context.Context, s Stack, groups []string) (elbv2types.LoadBalancer, error) {
	in := &elbv2.CreateLoadBalancerInput{
		Name: new(w.balancerName(s)), Type: elbv2types.LoadBalancerTypeEnumApplication, Scheme: elbv2types.LoadBalancerSchemeEnum(s.scheme()),
		IpAddressType: elbv2types.IpAddressType(cmp.Or(s.IPAddressType, "ipv4")), SecurityGroups: groups, Tags: elbTags(w.tags(s, "LoadBalancer", s.Tags)),
	}
	subnets := w.subnets
	if len(s.Subnets) > 0 {
		subnets = nil
		for _, name := range s.Subnets {
			subnets = append(subnets, w.byName[name])
		}
	}
	for _, subnet := range subnets {
		in.SubnetMappings = append(in.SubnetMappings, elbv2types.SubnetMapping{SubnetId: &subnet})
	}
	out, err := w.ELB.CreateLoadBalancer(ctx, in)
	if err != nil {
		return elbv2types.LoadBalancer{}, err
	}
	balancer := out.LoadBalancers[0]
	if len(s.Attributes) == 0 {
		return balancer, nil
	}
	var list []elbv2types.LoadBalancerAttribute
	for key, value := range s.Attributes {
		list = append(list, elbv2types.LoadBalancerAttribute{Key: &key, Value: &value})
	}
	_, err = w.ELB.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: balancer.LoadBalancerArn, Attributes: list})
	return balancer, err
}

func (w *Writer) listener(ctx context.Context, s Stack, balancer string, l Listener, arns map[string]string) error {
	port := strconv.Itoa(int(l.Port))
	byDefault := l.Default
	if byDefault == nil {
		byDefault = answer("404", "")
	}
	in := &elbv2.CreateListenerInput{
		LoadBalancerArn: &balancer, Port: &l.Port, Protocol: elbv2types.ProtocolEnumHttp, DefaultActions: resolved(byDefault, arns), Tags: elbTags(w.tags(s, port, l.Tags)),
	}
	certificates := w.certificates(l)
	if len(certificates) > 0 {
		in.Protocol, in.SslPolicy = elbv2types.ProtocolEnumHttps, new(cmp.Or(l.Policy, "ELBSecurityPolicy-2016-08"))
		in.Certificates = []elbv2types.Certificate{{CertificateArn: &certificates[0]}}
	}
	out, err := w.ELB.CreateListener(ctx, in)
	if err != nil {
		return err
	}
	arn := *out.Listeners[0].ListenerArn
	for _, certificate := range certificates { // the default one too
		if _, err := w.ELB.AddListenerCertificates(ctx, &elbv2.AddListenerCertificatesInput{ListenerArn: &arn, Certificates: []elbv2types.Certificate{{CertificateArn: &certificate}}}); err != nil {
			return err
		}
	}
	for key, value := range l.Attributes {
		if _, err := w.ELB.ModifyListenerAttributes(ctx, &elbv2.ModifyListenerAttributesInput{ListenerArn: &arn, Attributes: []elbv2types.ListenerAttribute{{Key: &key, Value: &value}}}); err != nil {
			return err
		}
	}
	for i, rule := range l.Rules {
		if _, err := w.ELB.CreateRule(ctx, &elbv2.CreateRuleInput{
			ListenerArn: &arn, Priority: new(int32(i + 1)), Conditions: rule.Conditions, Actions: resolved(rule.Actions, arns), Transforms: rule.Transforms,
			Tags: elbTags(w.tags(s, fmt.Sprintf("%d:%d", l.Port, i+1), rule.Tags)),
		}); err != nil {
			return fmt.Errorf("rule %d: %w", i+1, err)
		}
	}
	return nil
}

// certificates of a listener by their ARNs.
func (w *Writer) certificates(l Listener) []string {
	var arns []string
	for _, host := range l.Certificates {
		arns = append(arns, w.Certificates[host])
	}
	if l.ByARN {
		slices.Sort(arns)
	}
	return arns
}

// resolved are actions with ARNs in the place of keys.
func resolved(actions []elbv2types.Action, arns map[string]string) []elbv2types.Action {
	actions = slices.Clone(actions)
	for i, action := range actions {
		if action.ForwardConfig == nil {
			continue
		}
		config := *action.ForwardConfig
		config.TargetGroups = slices.Clone(config.TargetGroups)
		for j, target := range config.TargetGroups {
			config.TargetGroups[j].TargetGroupArn = new(arns[*target.TargetGroupArn])
		}
		actions[i].ForwardConfig = &config
	}
	return actions
}
