package cloud_test

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// ways in which somebody may meddle, nothing among them.
const ways = 7

// meddle does by hand what nobody should do, to the first load balancer that is ours.
func (a *administrator) meddle(how int) {
	a.Helper()
	balancers := a.ours("LoadBalancerArn", "DescribeLoadBalancers")
	if len(balancers) == 0 {
		return
	}
	lb := balancers[0]
	listeners := a.ours("ListenerArn", "DescribeListeners", "LoadBalancerArn", lb)
	if len(listeners) == 0 {
		return
	}
	switch how {
	case 1: // tags, of which one is declared to be somebody else's
		tags := map[string]string{"owner": "terraform", externalTag: "7"}
		for _, arn := range slices.Concat(balancers, listeners, a.ours("TargetGroupArn", "DescribeTargetGroups")) {
			_, err := a.elb.AddTags(a.Context(), &elbv2.AddTagsInput{ResourceArns: []string{arn}, Tags: elbTagList(tags)})
			a.check(err)
		}
	case 2:
		a.rule(listeners[0], 900, "/meddled", notHere)
	case 3:
		_, err := a.elb.ModifyListener(a.Context(), &elbv2.ModifyListenerInput{ListenerArn: &listeners[0], Port: new(int32(4711))})
		a.check(err)
	case 4:
		_, err := a.elb.DeleteListener(a.Context(), &elbv2.DeleteListenerInput{ListenerArn: &listeners[0]})
		a.check(err)
	case 5:
		a.openPort(lb)
	case 6:
		a.deleteBalancer(lb)
	}
}

func (a *administrator) check(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

// ours are the ARNs of what controllers have made, in an order that does not depend on the
// identifiers in them.
func (a *administrator) ours(field, action string, params ...string) []string {
	a.Helper()
	found := (&inspector{administrator: a}).ask(field, action, params...)
	maps.DeleteFunc(found, func(arn, _ string) bool { return !strings.Contains(arn, "/k8s-") })
	place := func(arn string) string {
		return resourceID.ReplaceAllString(arn, "") + between(found[arn], "<Port>", "<")
	}
	return slices.SortedFunc(maps.Keys(found), func(x, y string) int { return strings.Compare(place(x), place(y)) })
}

func (a *administrator) openPort(lb string) {
	a.Helper()
	out, err := a.elb.DescribeLoadBalancers(a.Context(), &elbv2.DescribeLoadBalancersInput{LoadBalancerArns: []string{lb}})
	a.check(err)
	// Its own security group or the shared one, whichever it is; one that was made by hand is nobody's to watch.
	if out.LoadBalancers[0].SecurityGroups[0] == a.group {
		return
	}
	_, err = a.ec2.AuthorizeSecurityGroupIngress(a.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &out.LoadBalancers[0].SecurityGroups[0], IpPermissions: []ec2types.IpPermission{{
			IpProtocol: new("tcp"), FromPort: new(int32(22)), ToPort: new(int32(22)), IpRanges: []ec2types.IpRange{{CidrIp: new("203.0.113.0/24")}},
		}},
	})
	if err != nil && !strings.Contains(err.Error(), "already exists") { // from before, where all members are rejected
		a.Fatal(err)
	}
}

func (a *administrator) deleteBalancer(lb string) {
	a.Helper()
	_, err := a.elb.ModifyLoadBalancerAttributes(a.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
		LoadBalancerArn: &lb, Attributes: []elbv2types.LoadBalancerAttribute{{Key: new("deletion_protection.enabled"), Value: new("false")}},
	})
	a.check(err)
	_, err = a.elb.DeleteLoadBalancer(a.Context(), &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: &lb})
	a.check(err)
}
