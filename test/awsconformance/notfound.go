package awsconformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// last replaces the last sixteen digits of an ARN: it is well formed then and of nothing.
func last(arn string) *string { return aws.String(arn[:len(arn)-16] + unknownARN) }

// notFound is about calls that name what is not there. The codes are those of the API model's error lists.
func notFound() []assertion {
	var all []assertion
	for operation, row := range inOrder(map[string]struct {
		want string
		do   func(context.Context, *fixture) error
	}{
		"DescribeLoadBalancers": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeLoadBalancers(ctx, &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{*last(f.balancer)}}))
		}},
		"DescribeLoadBalancerAttributes": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeLoadBalancerAttributes(ctx, &elbv2.DescribeLoadBalancerAttributesInput{LoadBalancerArn: last(f.balancer)}))
		}},
		"DescribeCapacityReservation": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeCapacityReservation(ctx, &elbv2.DescribeCapacityReservationInput{LoadBalancerArn: last(f.balancer)}))
		}},
		"ModifyLoadBalancerAttributes": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyLoadBalancerAttributes(ctx, &elbv2.ModifyLoadBalancerAttributesInput{LoadBalancerArn: last(f.balancer), Attributes: []elbv2types.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("false")}}}))
		}},
		"SetSubnets": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetSubnets(ctx, &elbv2.SetSubnetsInput{LoadBalancerArn: last(f.balancer), Subnets: f.Subnets}))
		}},
		"SetSecurityGroups": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetSecurityGroups(ctx, &elbv2.SetSecurityGroupsInput{LoadBalancerArn: last(f.balancer), SecurityGroups: []string{"sg-00000000000000000"}}))
		}},
		"SetIpAddressType": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetIpAddressType(ctx, &elbv2.SetIpAddressTypeInput{LoadBalancerArn: last(f.balancer), IpAddressType: elbv2types.IpAddressTypeIpv4}))
		}},
		"ModifyIpPools": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyIpPools(ctx, &elbv2.ModifyIpPoolsInput{LoadBalancerArn: last(f.balancer), RemoveIpamPools: []elbv2types.RemoveIpamPoolEnum{elbv2types.RemoveIpamPoolEnumIpv4}}))
		}},
		"ModifyCapacityReservation": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyCapacityReservation(ctx, &elbv2.ModifyCapacityReservationInput{LoadBalancerArn: last(f.balancer), ResetCapacityReservation: aws.Bool(true)}))
		}},
		"CreateListener": {"LoadBalancerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.CreateListener(ctx, f.listenerInput(81, func(in *elbv2.CreateListenerInput) { in.LoadBalancerArn = last(f.balancer) })))
		}},
		"DescribeListeners": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeListeners(ctx, &elbv2.DescribeListenersInput{ListenerArns: []string{*last(f.listener)}}))
		}},
		"ModifyListener": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyListener(ctx, &elbv2.ModifyListenerInput{ListenerArn: last(f.listener), Port: aws.Int32(81)}))
		}},
		"DeleteListener": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DeleteListener(ctx, &elbv2.DeleteListenerInput{ListenerArn: last(f.listener)}))
		}},
		"DescribeListenerAttributes": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeListenerAttributes(ctx, &elbv2.DescribeListenerAttributesInput{ListenerArn: last(f.listener)}))
		}},
		"DescribeListenerCertificates": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeListenerCertificates(ctx, &elbv2.DescribeListenerCertificatesInput{ListenerArn: last(f.listener)}))
		}},
		"AddListenerCertificates": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.AddListenerCertificates(ctx, &elbv2.AddListenerCertificatesInput{ListenerArn: last(f.listener), Certificates: []elbv2types.Certificate{{CertificateArn: &f.second}}}))
		}},
		"RemoveListenerCertificates": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.RemoveListenerCertificates(ctx, &elbv2.RemoveListenerCertificatesInput{ListenerArn: last(f.listener), Certificates: []elbv2types.Certificate{{CertificateArn: &f.second}}}))
		}},
		"CreateRule": {"ListenerNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.CreateRule(ctx, f.ruleInput(20, func(in *elbv2.CreateRuleInput) { in.ListenerArn = last(f.listener) })))
		}},
		"DescribeRules": {"RuleNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeRules(ctx, &elbv2.DescribeRulesInput{RuleArns: []string{*last(f.rule)}}))
		}},
		"ModifyRule": {"RuleNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyRule(ctx, &elbv2.ModifyRuleInput{RuleArn: last(f.rule), Actions: answerWith("200")}))
		}},
		"DeleteRule": {"RuleNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DeleteRule(ctx, &elbv2.DeleteRuleInput{RuleArn: last(f.rule)}))
		}},
		"SetRulePriorities": {"RuleNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.SetRulePriorities(ctx, &elbv2.SetRulePrioritiesInput{RulePriorities: []elbv2types.RulePriorityPair{{RuleArn: last(f.rule), Priority: aws.Int32(7)}}}))
		}},
		"DescribeTargetGroups": {"TargetGroupNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{TargetGroupArns: []string{*last(f.used)}}))
		}},
		"ModifyTargetGroup": {"TargetGroupNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.ModifyTargetGroup(ctx, &elbv2.ModifyTargetGroupInput{TargetGroupArn: last(f.used), HealthCheckPath: aws.String("/")}))
		}},
		"DescribeTargetGroupAttributes": {"TargetGroupNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeTargetGroupAttributes(ctx, &elbv2.DescribeTargetGroupAttributesInput{TargetGroupArn: last(f.used)}))
		}},
		"RegisterTargets": {"TargetGroupNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: last(f.used), Targets: []elbv2types.TargetDescription{{Id: aws.String("10.0.0.1")}}}))
		}},
		"DeregisterTargets": {"TargetGroupNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DeregisterTargets(ctx, &elbv2.DeregisterTargetsInput{TargetGroupArn: last(f.used), Targets: []elbv2types.TargetDescription{{Id: aws.String("10.0.0.1")}}}))
		}},
		"DescribeTargetHealth": {"TargetGroupNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeTargetHealth(ctx, &elbv2.DescribeTargetHealthInput{TargetGroupArn: last(f.used)}))
		}},
		"DescribeTrustStores": {"TrustStoreNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeTrustStores(ctx, &elbv2.DescribeTrustStoresInput{Names: []string{"nobody"}}))
		}},
		"DescribeSSLPolicies": {"SSLPolicyNotFound", func(ctx context.Context, f *fixture) error {
			return second(f.elb.DescribeSSLPolicies(ctx, &elbv2.DescribeSSLPoliciesInput{Names: []string{"nobody"}}))
		}},
		"DescribeCertificate": {"ResourceNotFoundException", func(ctx context.Context, f *fixture) error {
			return second(f.acm.DescribeCertificate(ctx, &acm.DescribeCertificateInput{CertificateArn: aws.String(f.certificate[:len(f.certificate)-12] + "000000000000")}))
		}},
		"DeleteCertificate": {"ResourceNotFoundException", func(ctx context.Context, f *fixture) error {
			return second(f.acm.DeleteCertificate(ctx, &acm.DeleteCertificateInput{CertificateArn: aws.String(f.certificate[:len(f.certificate)-12] + "000000000000")}))
		}},
		"ListTagsForCertificate": {"ResourceNotFoundException", func(ctx context.Context, f *fixture) error {
			return second(f.acm.ListTagsForCertificate(ctx, &acm.ListTagsForCertificateInput{CertificateArn: aws.String(f.certificate[:len(f.certificate)-12] + "000000000000")}))
		}},
	}) {
		all = append(all, call("unknown."+operation, fmt.Sprintf("%s of what is not there answers %s", operation, row.want), "API model, errors of "+operation, row.want, row.do))
	}
	for kind, row := range inOrder(map[string]struct {
		want string
		arn  func(*fixture) string
	}{
		"load-balancer": {"LoadBalancerNotFound", func(f *fixture) string { return f.balancer }},
		"listener":      {"ListenerNotFound", func(f *fixture) string { return f.listener }},
		"rule":          {"RuleNotFound", func(f *fixture) string { return f.rule }},
		"target-group":  {"TargetGroupNotFound", func(f *fixture) string { return f.used }},
	}) {
		all = append(all,
			call("unknown.tags."+kind, "tags of a "+kind+" that is not there", "API model, errors of DescribeTags", row.want, func(ctx context.Context, f *fixture) error {
				return second(f.elb.DescribeTags(ctx, &elbv2.DescribeTagsInput{ResourceArns: []string{*last(row.arn(f))}}))
			}),
			call("unknown.add-tags."+kind, "tagging a "+kind+" that is not there", "API model, errors of AddTags", row.want, func(ctx context.Context, f *fixture) error {
				return second(f.elb.AddTags(ctx, &elbv2.AddTagsInput{ResourceArns: []string{*last(row.arn(f))}, Tags: []elbv2types.Tag{{Key: aws.String("k")}}}))
			}))
	}
	return all
}

// second is the error of an answer that does not matter.
func second[Out any](_ Out, err error) error { return err }
