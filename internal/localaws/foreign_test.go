package localaws_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	acmtypes "github.com/aws/aws-sdk-go-v2/service/acm/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/shield"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// These tests walk through what another controller for the same API does, call by call and in its order: the parameters,
// filters, pages and waiters of aws-load-balancer-controller, and the fields that it reads without looking whether they
// are there.

// foreign is such a controller.
type foreign struct {
	*cloud
	acm     *acm.Client
	waf     *wafv2.Client
	shield  *shield.Client
	tagging *tagging.Client
}

func startForeign(t *testing.T) *foreign {
	t.Helper()
	c := start(t, func(config *localaws.Config) { config.Quotas = map[string]int{"elbv2/capacity-units": 10000} })
	sdk := aws.Config{Region: "us-west-2", BaseEndpoint: aws.String(c.URL()), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", "")}
	return &foreign{
		cloud: c, acm: acm.NewFromConfig(sdk), waf: wafv2.NewFromConfig(sdk), shield: shield.NewFromConfig(sdk), tagging: tagging.NewFromConfig(sdk),
	}
}

var clusterTags = []elbv2types.Tag{
	{Key: aws.String("elbv2.k8s.aws/cluster"), Value: aws.String("main")},
	{Key: aws.String("ingress.k8s.aws/stack"), Value: aws.String("shop/web")},
}

// patiently repeats a call while AWS answers with the code, as controllers do every two seconds for up to two minutes.
func (f *foreign) patiently(code string, call func() error) (refusals int) {
	f.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := call()
		switch {
		case err == nil:
			return refusals
		case codeOf(err) != code || time.Now().After(deadline):
			f.Fatal(err)
		}
		refusals++
	}
}

func TestForeignControllerFindsItsNetwork(t *testing.T) {
	t.Parallel()
	f := startForeign(t)
	ctx := t.Context()
	filter := func(name string, values ...string) ec2types.Filter {
		return ec2types.Filter{Name: &name, Values: values}
	}

	vpc := must(f.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{"vpc-1"}}))(f.cloud).Vpcs[0]
	if vpc.CidrBlockAssociationSet[0].CidrBlockState.State != ec2types.VpcCidrBlockStateCodeAssociated {
		t.Errorf("the VPC's range is %v", vpc.CidrBlockAssociationSet[0])
	}
	byName := must(f.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{filter("tag:Name", "main")}}))(f.cloud)
	if len(byName.Vpcs) != 1 {
		t.Errorf("%d VPCs have the name", len(byName.Vpcs))
	}

	var zones []string
	for pages := ec2.NewDescribeSubnetsPaginator(f.ec2, &ec2.DescribeSubnetsInput{
		Filters: []ec2types.Filter{filter("tag:kubernetes.io/role/elb", "", "1"), filter("vpc-id", "vpc-1")},
	}); pages.HasMorePages(); {
		for _, s := range must(pages.NextPage(ctx))(f.cloud).Subnets {
			if *s.AvailableIpAddressCount < 8 || *s.CidrBlock == "" {
				t.Errorf("subnet %s cannot take a load balancer: %d addresses", *s.SubnetId, *s.AvailableIpAddressCount)
			}
			zones = append(zones, *s.AvailabilityZoneId)
		}
	}
	for _, z := range must(f.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{ZoneIds: zones}))(f.cloud).AvailabilityZones {
		if *z.ZoneType != "availability-zone" {
			t.Errorf("zone %s is of type %s", *z.ZoneId, *z.ZoneType)
		}
	}
	tables := must(f.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{filter("vpc-id", "vpc-1")}}))(f.cloud).RouteTables
	if len(tables) != 1 || !*tables[0].Associations[0].Main || tables[0].Associations[0].SubnetId != nil || (*tables[0].Routes[1].GatewayId)[:4] != "igw-" {
		t.Errorf("the route tables are %v", tables)
	}

	node := must(f.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-1"}}))(f.cloud).Reservations[0].Instances[0]
	first := node.NetworkInterfaces[0]
	if *node.VpcId != "vpc-1" || *first.Attachment.DeviceIndex != 0 || *first.Attachment.NetworkCardIndex != 0 || *first.Ipv4Prefixes[0].Ipv4Prefix != "127.0.1.0/28" || *first.Groups[0].GroupId != "sg-1" {
		t.Errorf("the node's interface is %v", first)
	}
	for _, name := range []string{"addresses.private-ip-address", "ipv6-addresses.ipv6-address"} {
		must(f.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{filter("vpc-id", "vpc-1"), filter(name, "127.0.0.1", "::1")}}))(f.cloud)
	}
}

// TestForeignControllerOpensNodes: the shared security group of all load balancers, rules in the nodes' group that refer to
// it, and its end.
func TestForeignControllerOpensNodes(t *testing.T) {
	t.Parallel()
	f := startForeign(t)
	ctx := t.Context()
	filters := []ec2types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{"vpc-1"}},
		{Name: aws.String("tag:elbv2.k8s.aws/cluster"), Values: []string{"main"}},
		{Name: aws.String("tag:elbv2.k8s.aws/resource"), Values: []string{"backend-sg"}},
	}
	find := func() []ec2types.SecurityGroup {
		return must(f.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: filters}))(f.cloud).SecurityGroups
	}
	if found := find(); len(found) != 0 {
		t.Fatalf("there is one already: %v", found)
	}
	shared := must(f.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: aws.String("vpc-1"), GroupName: aws.String("k8s-traffic-main-0123456789"), Description: aws.String("[k8s] Shared Backend SecurityGroup for LoadBalancer"),
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{
			{Key: aws.String("elbv2.k8s.aws/cluster"), Value: aws.String("main")}, {Key: aws.String("elbv2.k8s.aws/resource"), Value: aws.String("backend-sg")},
		}}},
	}))(f.cloud).GroupId
	if found := find(); len(found) != 1 || *found[0].GroupId != *shared || *found[0].VpcId != "vpc-1" {
		t.Fatalf("it is not found again: %v", found)
	}

	permission := []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(8080), ToPort: aws.Int32(8080),
		UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: shared, Description: aws.String("elbv2.k8s.aws/targetGroupBinding=shared")}},
	}}
	must(f.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: aws.String("sg-1"), IpPermissions: permission}))(f.cloud)
	seen := must(f.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{"sg-1"}}))(f.cloud).SecurityGroups[0].IpPermissions
	pair := seen[0].UserIdGroupPairs[0]
	if *seen[0].FromPort != 8080 || *pair.GroupId != *shared || *pair.Description != "elbv2.k8s.aws/targetGroupBinding=shared" {
		t.Errorf("the rule is shown as %v", seen)
	}
	remove := func() error {
		_, err := f.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: shared})
		return err
	}
	if code := codeOf(remove()); code != "DependencyViolation" {
		t.Errorf("deleting a group that a rule refers to answers %s", code)
	}
	must(f.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String("sg-1"), IpPermissions: seen}))(f.cloud)
	if err := remove(); err != nil {
		t.Error(err)
	}
}

// TestForeignControllerRunsAnIngress: an application load balancer from its creation to its end.
func TestForeignControllerRunsAnIngress(t *testing.T) {
	t.Parallel()
	f := startForeign(t)
	ctx := t.Context()
	certificate := f.certificateFor("shop.example.com")

	made := must(f.elb.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{
		Name: aws.String("k8s-shop-web-0123456789"), Type: elbv2types.LoadBalancerTypeEnumApplication, Scheme: elbv2types.LoadBalancerSchemeEnumInternetFacing,
		IpAddressType: elbv2types.IpAddressTypeIpv4, SecurityGroups: []string{"sg-1"}, Tags: clusterTags,
		SubnetMappings: []elbv2types.SubnetMapping{{SubnetId: aws.String("subnet-a")}, {SubnetId: aws.String("subnet-b")}},
	}))(f.cloud).LoadBalancers[0]
	lb := made.LoadBalancerArn
	if *made.DNSName == "" || *made.VpcId != "vpc-1" || *made.CanonicalHostedZoneId == "" || made.State.Code != elbv2types.LoadBalancerStateEnumProvisioning || *made.AvailabilityZones[0].SubnetId != "subnet-a" {
		t.Errorf("the load balancer is shown as %v", made)
	}
	must(f.elb.DescribeLoadBalancerAttributes(ctx, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: lb}))(f.cloud)
	f.reserve(lb)
	if err := elbv2.NewLoadBalancerAvailableWaiter(f.elb, func(o *elbv2.LoadBalancerAvailableWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	}).Wait(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{*lb}}, 10*time.Second); err != nil {
		t.Fatal(err)
	}

	group := f.targetGroup("k8s-shop-web-abcdef", func(in *elbv2.CreateTargetGroupInput) {
		in.Tags, in.ProtocolVersion, in.IpAddressType = clusterTags, aws.String("HTTP1"), elbv2types.TargetGroupIpAddressTypeEnumIpv4
		in.HealthCheckEnabled, in.HealthCheckPort, in.HealthCheckPath = aws.Bool(true), aws.String("traffic-port"), aws.String("/ready")
		in.Matcher = &elbv2types.Matcher{HttpCode: aws.String("200")}
	})
	listener := must(f.elb.CreateListener(ctx, &elbv2.CreateListenerInput{
		LoadBalancerArn: lb, Port: aws.Int32(443), Protocol: elbv2types.ProtocolEnumHttps, Tags: clusterTags, SslPolicy: aws.String("ELBSecurityPolicy-2016-08"),
		Certificates: []elbv2types.Certificate{{CertificateArn: &certificate}}, DefaultActions: fixed("404", ""),
		MutualAuthentication: &elbv2types.MutualAuthenticationAttributes{Mode: aws.String("off")},
	}))(f.cloud).Listeners[0].ListenerArn
	f.checkListener(listener, certificate)
	f.rules(listener, group)

	targets := []elbv2types.TargetDescription{{Id: aws.String("127.0.0.9"), Port: aws.Int32(8080)}}
	must(f.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: targets}))(f.cloud)
	health := must(f.elb.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group, Targets: targets}))(f.cloud).TargetHealthDescriptions[0]
	if *health.Target.Id != "127.0.0.9" || *health.Target.Port != 8080 || health.TargetHealth.State == "" || *health.TargetHealth.Description == "" {
		t.Errorf("the target is shown as %v", health)
	}
	f.protect(lb)
	f.findByTags(*lb, group)

	must(f.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: &group, Targets: targets}))(f.cloud)
	must(f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: lb}))(f.cloud)
	if n := f.patiently("ResourceInUse", func() error {
		_, err := f.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: &group})
		return err
	}); n == 0 {
		t.Error("a target group was not in use a moment longer than its listener")
	}
}

// reserve asks for capacity and takes it back.
func (f *foreign) reserve(lb *string) {
	f.Helper()
	units := &elbv2types.MinimumLoadBalancerCapacity{CapacityUnits: aws.Int32(200)}
	must(f.elb.ModifyCapacityReservation(f.Context(), &elbv2.ModifyCapacityReservationInput{LoadBalancerArn: lb, MinimumLoadBalancerCapacity: units}))(f.cloud)
	reserved := must(f.elb.DescribeCapacityReservation(f.Context(), &elbv2.DescribeCapacityReservationInput{LoadBalancerArn: lb}))(f.cloud)
	if *reserved.MinimumLoadBalancerCapacity.CapacityUnits != 200 || reserved.CapacityReservationState[0].State.Code == "" {
		f.Errorf("the reservation is shown as %v", reserved)
	}
	f.patiently("PriorRequestNotComplete", func() error {
		_, err := f.elb.ModifyCapacityReservation(f.Context(), &elbv2.ModifyCapacityReservationInput{LoadBalancerArn: lb, ResetCapacityReservation: aws.Bool(true)})
		return err
	})
	if none := must(f.elb.DescribeCapacityReservation(f.Context(), &elbv2.DescribeCapacityReservationInput{LoadBalancerArn: lb}))(f.cloud); none.MinimumLoadBalancerCapacity != nil || len(none.CapacityReservationState) != 0 {
		f.Errorf("a reservation that was taken back is shown as %v", none)
	}
}

// certificateFor requests a certificate, waits, and finds it among those of all key types.
func (f *foreign) certificateFor(host string) string {
	f.Helper()
	arn := must(f.acm.RequestCertificate(f.Context(), &acm.RequestCertificateInput{
		DomainName: &host, ValidationMethod: acmtypes.ValidationMethodDns, SubjectAlternativeNames: []string{"*." + host}, KeyAlgorithm: acmtypes.KeyAlgorithmEcPrime256v1,
		Tags: []acmtypes.Tag{{Key: aws.String("elbv2.k8s.aws/cluster"), Value: aws.String("main")}},
	}))(f.cloud).CertificateArn
	if err := acm.NewCertificateValidatedWaiter(f.acm, func(o *acm.CertificateValidatedWaiterOptions) {
		o.MinDelay, o.MaxDelay = 10*time.Millisecond, 50*time.Millisecond
	}).Wait(f.Context(), &acm.DescribeCertificateInput{CertificateArn: arn}, 10*time.Second); err != nil {
		f.Fatal(err)
	}
	detail := must(f.acm.DescribeCertificate(f.Context(), &acm.DescribeCertificateInput{CertificateArn: arn}))(f.cloud).Certificate
	for _, v := range detail.DomainValidationOptions {
		if v.ValidationMethod != acmtypes.ValidationMethodDns || *v.ResourceRecord.Name == "" || *v.ResourceRecord.Value == "" {
			f.Errorf("the record to prove %s is %v", *v.DomainName, v.ResourceRecord)
		}
	}
	listed := must(f.acm.ListCertificates(f.Context(), &acm.ListCertificatesInput{
		CertificateStatuses: []acmtypes.CertificateStatus{acmtypes.CertificateStatusIssued}, Includes: &acmtypes.Filters{KeyTypes: acmtypes.KeyAlgorithm.Values("")},
	}))(f.cloud).CertificateSummaryList
	tags := must(f.acm.ListTagsForCertificate(f.Context(), &acm.ListTagsForCertificateInput{CertificateArn: arn}))(f.cloud).Tags
	if len(listed) != 1 || *listed[0].CertificateArn != *arn || len(detail.SubjectAlternativeNames) != 2 || len(tags) != 1 {
		f.Errorf("it is listed as %v, for %v, with %v", listed, detail.SubjectAlternativeNames, tags)
	}
	return *arn
}

// checkListener changes the listener in the ways that annotations do.
func (f *foreign) checkListener(listener *string, certificate string) {
	f.Helper()
	ctx := f.Context()
	text, key := pairInPEM(f.cloud)
	second := *must(f.acm.ImportCertificate(ctx, &acm.ImportCertificateInput{Certificate: text, PrivateKey: key}))(f.cloud).CertificateArn
	must(f.elb.AddListenerCertificates(ctx, &elbv2.AddListenerCertificatesInput{ListenerArn: listener, Certificates: []elbv2types.Certificate{{CertificateArn: &second}}}))(f.cloud)
	defaults := map[string]bool{}
	for pages := elbv2.NewDescribeListenerCertificatesPaginator(f.elb, &elbv2.DescribeListenerCertificatesInput{ListenerArn: listener}); pages.HasMorePages(); {
		for _, c := range must(pages.NextPage(ctx))(f.cloud).Certificates {
			defaults[*c.CertificateArn] = *c.IsDefault
		}
	}
	if diff := cmp.Diff(map[string]bool{certificate: true, second: false}, defaults); diff != "" {
		f.Error(diff)
	}
	must(f.elb.RemoveListenerCertificates(ctx, &elbv2.RemoveListenerCertificatesInput{ListenerArn: listener, Certificates: []elbv2types.Certificate{{CertificateArn: &second}}}))(f.cloud)
	must(f.elb.ModifyListener(ctx, &elbv2.ModifyListenerInput{
		ListenerArn: listener, Port: aws.Int32(443), Protocol: elbv2types.ProtocolEnumHttps, DefaultActions: fixed("404", ""),
		Certificates: []elbv2types.Certificate{{CertificateArn: &certificate}}, SslPolicy: aws.String("ELBSecurityPolicy-TLS13-1-2-2021-06"),
	}))(f.cloud)
	must(f.elb.ModifyListenerAttributes(ctx, &elbv2.ModifyListenerAttributesInput{ListenerArn: listener, Attributes: []elbv2types.ListenerAttribute{
		{Key: aws.String("routing.http.response.server.enabled"), Value: aws.String("false")},
	}}))(f.cloud)
	shown := must(f.elb.DescribeListeners(ctx, &elbv2.DescribeListenersInput{ListenerArns: []string{*listener}}))(f.cloud).Listeners[0]
	if *shown.Port != 443 || *shown.SslPolicy != "ELBSecurityPolicy-TLS13-1-2-2021-06" || *shown.MutualAuthentication.Mode != "off" {
		f.Errorf("the listener is shown as %v", shown)
	}
}

// rules makes two rules, lets them change places, changes one, and finds them with their tags.
func (f *foreign) rules(listener *string, group string) {
	f.Helper()
	ctx := f.Context()
	var pairs []elbv2types.RulePriorityPair
	for i, path := range []string{"/cart", "/shop/*"} {
		rule := must(f.elb.CreateRule(ctx, &elbv2.CreateRuleInput{
			ListenerArn: listener, Priority: aws.Int32(int32(i + 1)), Actions: forwardTo(group), Conditions: []elbv2types.RuleCondition{pathIs(path)}, Tags: clusterTags,
		}))(f.cloud).Rules[0]
		pairs = append(pairs, elbv2types.RulePriorityPair{RuleArn: rule.RuleArn, Priority: aws.Int32(int32(2 - i))})
	}
	must(f.elb.SetRulePriorities(ctx, &elbv2.SetRulePrioritiesInput{RulePriorities: pairs}))(f.cloud)
	must(f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: pairs[0].RuleArn, Actions: forwardTo(group), Conditions: []elbv2types.RuleCondition{hostIs("shop.example.com"), pathIs("/cart")}}))(f.cloud)
	var order, arns []string
	for pages := elbv2.NewDescribeRulesPaginator(f.elb, &elbv2.DescribeRulesInput{ListenerArn: listener}); pages.HasMorePages(); {
		for _, r := range must(pages.NextPage(ctx))(f.cloud).Rules {
			order, arns = append(order, fmt.Sprint(*r.Priority, " ", *r.IsDefault, " ", len(r.Conditions))), append(arns, *r.RuleArn)
		}
	}
	if diff := cmp.Diff([]string{"1 false 1", "2 false 2", "default true 0"}, order); diff != "" {
		f.Error(diff)
	}
	tags := must(f.elb.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: arns}))(f.cloud).TagDescriptions
	if len(tags) != 3 || len(tags[0].Tags) != 2 || len(tags[2].Tags) != 0 {
		f.Errorf("the rules' tags are %v", tags)
	}
}

// protect asks what WAF and Shield have for a load balancer: nothing, and that is no error that cannot be told from others.
func (f *foreign) protect(lb *string) {
	f.Helper()
	acl, err := f.waf.GetWebACLForResource(f.Context(), &wafv2.GetWebACLForResourceInput{ResourceArn: lb})
	if err != nil || acl.WebACL != nil {
		f.Errorf("its web ACL is %v, %v", acl, err)
	}
	if state := must(f.shield.GetSubscriptionState(f.Context(), &shield.GetSubscriptionStateInput{}))(f.cloud).SubscriptionState; state != "INACTIVE" {
		f.Errorf("the subscription is %s", state)
	}
	if _, err := f.shield.DescribeProtection(f.Context(), &shield.DescribeProtectionInput{ResourceArn: lb}); codeOf(err) != "ResourceNotFoundException" {
		f.Errorf("its protection is %v", err)
	}
}

// findByTags finds resources as a controller does after a start: through the tagging API, page by page.
func (f *foreign) findByTags(want ...string) {
	f.Helper()
	found := map[string]bool{}
	for pages := tagging.NewGetResourcesPaginator(f.tagging, &tagging.GetResourcesInput{
		TagFilters:          []taggingtypes.TagFilter{{Key: aws.String("elbv2.k8s.aws/cluster"), Values: []string{"main"}}},
		ResourceTypeFilters: []string{"elasticloadbalancing:loadbalancer", "elasticloadbalancing:targetgroup"}, ResourcesPerPage: aws.Int32(1),
	}); pages.HasMorePages(); {
		for _, m := range must(pages.NextPage(f.Context()))(f.cloud).ResourceTagMappingList {
			found[*m.ResourceARN] = len(m.Tags) == len(clusterTags)
		}
	}
	for _, arn := range want {
		if !found[arn] {
			f.Errorf("%s is not found with its tags", arn)
		}
	}
}

// TestForeignControllerRunsAService: a network load balancer with Elastic IP addresses and security groups.
func TestForeignControllerRunsAService(t *testing.T) {
	t.Parallel()
	f := startForeign(t)
	ctx := t.Context()
	own := must(f.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{VpcId: aws.String("vpc-1"), GroupName: aws.String("k8s-net"), Description: aws.String("[k8s] Managed SecurityGroup for LoadBalancer")}))(f.cloud).GroupId
	address := must(f.ec2.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc}))(f.cloud).AllocationId
	lb := must(f.elb.CreateLoadBalancer(ctx, &elbv2.CreateLoadBalancerInput{
		Name: aws.String("k8s-shop-net"), Type: elbv2types.LoadBalancerTypeEnumNetwork, Scheme: elbv2types.LoadBalancerSchemeEnumInternetFacing, Tags: clusterTags,
		SecurityGroups: []string{*own}, SubnetMappings: []elbv2types.SubnetMapping{{SubnetId: aws.String("subnet-a"), AllocationId: address}},
	}))(f.cloud).LoadBalancers[0].LoadBalancerArn
	must(f.elb.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{
		LoadBalancerArn: lb, SecurityGroups: []string{*own, "sg-1"}, EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: "off",
	}))(f.cloud)
	must(f.elb.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: lb, Attributes: []elbv2types.LoadBalancerAttribute{
		{Key: aws.String("load_balancing.cross_zone.enabled"), Value: aws.String("true")}, {Key: aws.String("deletion_protection.enabled"), Value: aws.String("false")},
	}}))(f.cloud)

	group := f.targetGroup("k8s-shop-net", func(in *elbv2.CreateTargetGroupInput) {
		in.TargetType, in.Protocol, in.Port, in.Tags = elbv2types.TargetTypeEnumInstance, elbv2types.ProtocolEnumTcp, aws.Int32(31080), clusterTags
		in.HealthCheckEnabled, in.HealthCheckProtocol, in.HealthCheckPort = aws.Bool(true), elbv2types.ProtocolEnumTcp, aws.String("traffic-port")
		in.HealthyThresholdCount, in.UnhealthyThresholdCount = aws.Int32(3), aws.Int32(3)
	})
	listener := must(f.elb.CreateListener(ctx, &elbv2.CreateListenerInput{
		LoadBalancerArn: lb, Port: aws.Int32(80), Protocol: elbv2types.ProtocolEnumTcp, DefaultActions: forwardTo(group), Tags: clusterTags,
	}))(f.cloud).Listeners[0]
	if listener.SslPolicy != nil || len(listener.Certificates) != 0 {
		t.Errorf("a TCP listener is shown with TLS: %v", listener)
	}
	must(f.elb.ModifyListenerAttributes(ctx, &elbv2.ModifyListenerAttributesInput{ListenerArn: listener.ListenerArn, Attributes: []elbv2types.ListenerAttribute{
		{Key: aws.String("tcp.idle_timeout.seconds"), Value: aws.String("400")},
	}}))(f.cloud)
	must(f.elb.ModifyTargetGroupAttributes(ctx, &elbv2.ModifyTargetGroupAttributesInput{TargetGroupArn: &group, Attributes: []elbv2types.TargetGroupAttribute{
		{Key: aws.String("proxy_protocol_v2.enabled"), Value: aws.String("false")}, {Key: aws.String("preserve_client_ip.enabled"), Value: aws.String("true")},
	}}))(f.cloud)
	must(f.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{{Id: aws.String("i-1"), Port: aws.Int32(31080)}}}))(f.cloud)
	rules := must(f.elb.DescribeRules(ctx, &elbv2.DescribeRulesInput{ListenerArn: listener.ListenerArn}))(f.cloud).Rules
	if len(rules) != 1 || !*rules[0].IsDefault {
		t.Errorf("the rules are %v", rules)
	}

	must(f.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: lb}))(f.cloud)
	if n := f.patiently("DependencyViolation", func() error {
		_, err := f.ec2.DeleteSecurityGroup(context.WithoutCancel(ctx), &ec2.DeleteSecurityGroupInput{GroupId: own})
		return err
	}); n == 0 {
		t.Error("a security group was free as soon as its load balancer was deleted")
	}
}
