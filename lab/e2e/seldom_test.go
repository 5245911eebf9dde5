package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// withoutStreamedLists lets Sluice read as it does from API servers that do not stream lists
// (Kubernetes before 1.34): by list, then watch.
const withoutStreamedLists = "--controller-env=KUBE_FEATURE_WatchListClient=false"

// Everything of a load balancer that can be changed in place is changed, where the account
// has neither tagged subnets nor certificates whose hosts fit into a list.
func TestWhatIsSeldomChanged(t *testing.T) {
	t.Parallel()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	s := newSceneIn(t, startLab(t, append(flags, "--controller=false", "--throttling=off", "--controller-flag=--aws-budget-share=20", withoutStreamedLists)...))
	account := accountOf(t, s.lab)
	network := ec2Of(account)
	subnets := account.forgetRolesOfSubnets(network)
	var hosts []string
	for i := range 120 { // a summary of ACM holds a hundred
		hosts = append(hosts, fmt.Sprintf("host-%d.example.com", i))
	}
	found, _ := account.importCertificate(hosts...)
	other, _ := account.importCertificate("other.example.com")
	office, err := network.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: new("office"), Description: new("by hand"), VpcId: new(account.vpc())})
	if err != nil {
		t.Fatal(err)
	}
	startController(t, s.lab)
	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	apply := func(annotations ...string) {
		s.apply(`
	apiVersion: networking.k8s.io/v1
	kind: Ingress
	metadata:
	  name: web
	  annotations:
	    alb.ingress.kubernetes.io/target-type: ip
	    ` + strings.Join(annotations, "\n	    ") + `
	spec:
	  ingressClassName: alb
	  tls: [{hosts: [host-119.example.com]}]
	  rules:
	  - host: host-119.example.com
	    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}
`)
	}
	s.apply(deployment)
	apply("alb.ingress.kubernetes.io/subnets: "+strings.Join(subnets[:2], ","),
		`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTP": 8081}, {"HTTPS": 443}]'`, "alb.ingress.kubernetes.io/tags: team=shop,cost=low")
	f := s.far("web")
	s.eventually("the certificate is found by the last of its hosts", func() bool { return len(f.ports()) > 0 && f.certificatesOf(443) == found })
	s.eventually("it has what was asked for", func() bool {
		return f.ports() == "443 80 8081" && f.everyTag("team") == "shop" && f.everyTag("cost") == "low"
	})

	apply("alb.ingress.kubernetes.io/subnets: "+strings.Join(subnets[:2], ","), "alb.ingress.kubernetes.io/certificate-arn: "+found+","+other,
		`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTP": 8081}, {"HTTPS": 443}]'`, "alb.ingress.kubernetes.io/tags: team=cart,mood=good")
	s.eventually("tags are changed, and there is another certificate", func() bool {
		return f.everyTag("team") == "cart" && f.everyTag("mood") == "good" && f.everyTag("cost") == "" && f.certificatesOf(443) == sortedPair(found, other)
	})

	// As on Fargate, whose Pods have network interfaces of their own.
	s.kubectl("label", "nodes", "--all", "eks.amazonaws.com/compute-type=fargate")
	s.kubectl("scale", "deployment", "web", "--replicas=4")
	s.eventually("interfaces are looked up one by one", func() bool { return account.calls()["DescribeNetworkInterfaces"] > 0 })

	apply("alb.ingress.kubernetes.io/subnets: "+strings.Join(subnets[1:], ","), "alb.ingress.kubernetes.io/certificate-arn: "+other, "alb.ingress.kubernetes.io/security-groups: "+*office.GroupId,
		`alb.ingress.kubernetes.io/listen-ports: '[{"HTTP": 80}, {"HTTPS": 443}]'`, "alb.ingress.kubernetes.io/ssl-policy: ELBSecurityPolicy-TLS13-1-2-2021-06")
	s.eventually("a listener and a certificate are gone, subnets and security groups are others", func() bool {
		f.balancer = s.far("web").balancer
		return f.ports() == "443 80" && f.certificatesOf(443) == other && slices.Contains(f.balancer.SecurityGroups, *office.GroupId) &&
			f.zones() == "us-west-2b us-west-2c" && aws.ToString(f.listener(443).SslPolicy) == "ELBSecurityPolicy-TLS13-1-2-2021-06"
	})

	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject-")
	s.eventually("nothing is injected any more", func() bool { return s.kubectl("get", "readinessgatesets.sluice.dev", "-o", "name") == "" })

	s.kubectl("delete", "ingress", "web", "--timeout=80s")
}

func sortedPair(a, b string) string { return min(a, b) + " " + max(a, b) }

// forgetRolesOfSubnets takes off the tags that say which subnets are for load balancers, and
// returns the subnets in the order of their zones.
func (a *account) forgetRolesOfSubnets(network *ec2.Client) []string {
	a.t.Helper()
	out, err := network.DescribeSubnets(a.t.Context(), &ec2.DescribeSubnetsInput{})
	if err != nil {
		a.t.Fatal(err)
	}
	slices.SortFunc(out.Subnets, func(x, y ec2types.Subnet) int { return strings.Compare(*x.AvailabilityZone, *y.AvailabilityZone) })
	var ids []string
	for _, subnet := range out.Subnets {
		ids = append(ids, *subnet.SubnetId)
	}
	if _, err := network.DeleteTags(a.t.Context(), &ec2.DeleteTagsInput{Resources: ids, Tags: []ec2types.Tag{{Key: new("kubernetes.io/role/elb")}, {Key: new("kubernetes.io/role/internal-elb")}}}); err != nil {
		a.t.Fatal(err)
	}
	return ids
}

// certificatesOf are those of a listener, in order.
func (f far) certificatesOf(port int32) string {
	listener := f.listener(port)
	out, err := f.elb.DescribeListenerCertificates(f.t.Context(), &elbv2.DescribeListenerCertificatesInput{ListenerArn: listener.ListenerArn})
	var arns []string
	for _, certificate := range fatal(f, out, err).Certificates {
		arns = append(arns, *certificate.CertificateArn)
	}
	slices.Sort(arns)
	return strings.Join(slices.Compact(arns), " ")
}

// everyTag is the value that a tag has on all that belongs to the load balancer and can have
// tags; "" if it is nowhere, and a mixture if it is not everywhere the same.
func (f far) everyTag(key string) string {
	arns := []string{*f.balancer.LoadBalancerArn, *f.group().TargetGroupArn}
	for _, listener := range f.listeners() {
		arns = append(arns, *listener.ListenerArn)
		out, err := f.elb.DescribeRules(f.t.Context(), &elbv2.DescribeRulesInput{ListenerArn: listener.ListenerArn})
		for _, rule := range fatal(f, out, err).Rules {
			if !aws.ToBool(rule.IsDefault) {
				arns = append(arns, *rule.RuleArn)
			}
		}
	}
	out, err := f.elb.DescribeTags(f.t.Context(), &elbv2.DescribeTagsInput{ResourceArns: arns})
	var values []string
	for _, described := range fatal(f, out, err).TagDescriptions {
		value := ""
		for _, tag := range described.Tags {
			if *tag.Key == key {
				value = *tag.Value
			}
		}
		values = append(values, value)
	}
	slices.Sort(values)
	return strings.Join(slices.Compact(values), "+")
}

// Both modes that change nothing, with and without the role of a binding, where targets are
// registered before the controller sees that their Pods are ready: whose registration that is,
// the settings of the target group must help to tell.
func TestFollowersReadTargetGroups(t *testing.T) {
	t.Parallel()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	s := newSceneIn(t, startLab(t, append(flags, "--controller=false", withoutStreamedLists)...))
	account := accountOf(t, s.lab)
	const role = "arn:aws:iam::210987654321:role/e2e-followed"
	there, here := account.groupByHand("e2e-there", "ip"), account.groupByHand("e2e-here", "ip")
	s.bind("targetGroupARN: '" + there + "', targetType: ip, ipAddressType: ipv4, iamRoleArnToAssume: '" + role + "'")
	s.apply(`
	apiVersion: elbv2.k8s.aws/v1beta1
	kind: TargetGroupBinding
	metadata: {name: here}
	spec: {serviceRef: {name: web, port: 80}, targetType: ip, ipAddressType: ipv4, targetGroupARN: '` + here + `'}
`)
	registerAtOnce(t, s, account, there)
	registerAtOnce(t, s, account, here)
	asked := func(mode string) {
		s.eventually(mode+" has asked about both target groups", func() bool {
			as := map[string]bool{}
			for _, call := range account.journal() {
				if call.Operation == "DescribeTargetGroups" {
					as[call.Role] = true
				}
			}
			return as[role] && as[""]
		})
		if _, err := run(t, "aws", "calls", "--reset", "--dir="+string(s.lab.Dir)); err != nil {
			t.Fatal(err)
		}
	}
	observer := startController(t, s.lab, "--mode=observe")
	s.apply(strings.Replace(deployment, "periodSeconds: 1}", "periodSeconds: 1, initialDelaySeconds: 10}", 1))
	asked("observe")
	observer.stop()

	s.kubectl("label", "namespace", s.namespace, "elbv2.k8s.aws/pod-readiness-gate-inject=enabled")
	startController(t, s.lab, "--mode=gates-only")
	s.kubectl("rollout", "restart", "deployment/web")
	asked("gates-only")
}

// registerAtOnce registers every Pod as soon as it has an address, until the test ends.
func registerAtOnce(t *testing.T, s *scene, account *account, group string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		known := map[string]bool{}
		for ; ctx.Err() == nil; time.Sleep(500 * time.Millisecond) {
			pods, err := s.client.CoreV1().Pods(s.namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
			if err != nil {
				continue
			}
			for _, pod := range pods.Items {
				if ip := pod.Status.PodIP; ip != "" && !known[ip] && pod.DeletionTimestamp == nil {
					_, err := account.elb.RegisterTargets(ctx, &elbv2.RegisterTargetsInput{TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{{Id: &ip, Port: aws.Int32(8080)}}})
					known[ip] = err == nil
				}
			}
		}
	}()
}
