package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// nodeService lets nodes answer for the Pods of the deployment.
const nodeService = `
	apiVersion: v1
	kind: Service
	metadata: {name: web}
	spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
`

// nodeIngress has nodes as its targets.
const nodeIngress = `---
	apiVersion: networking.k8s.io/v1
	kind: Ingress
	metadata: {name: web, annotations: {alb.ingress.kubernetes.io/target-type: instance}}
	spec: {ingressClassName: alb, defaultBackend: {service: {name: web, port: {number: 80}}}}
`

// groupByHand makes a target group in the lab's VPC.
func (a *account) groupByHand(name, targetType string) (arn string) {
	a.t.Helper()
	out, err := a.elb.CreateTargetGroup(a.t.Context(), &elbv2.CreateTargetGroupInput{
		Name: aws.String(name), Port: aws.Int32(80), Protocol: "HTTP", VpcId: aws.String(a.vpc()), TargetType: elbv2types.TargetTypeEnum(targetType),
	})
	if err != nil {
		a.t.Fatal(err)
	}
	return *out.TargetGroups[0].TargetGroupArn
}

// vpc is the lab's.
func (a *account) vpc() string {
	a.t.Helper()
	text, err := os.ReadFile(a.lab.Dir.AWSEnv())
	if err != nil {
		a.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "export LAB_VPC=")
	vpc, _, _ := strings.Cut(rest, "\n")
	return vpc
}

// nodes of the lab.
func (s *scene) nodes() []corev1.Node {
	s.t.Helper()
	list, err := s.client.CoreV1().Nodes().List(s.t.Context(), metav1.ListOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	return list.Items
}

// members are the targets of a group that are not draining, in order.
func (a *account) members(group string) []string {
	a.t.Helper()
	health, err := a.elb.DescribeTargetHealth(a.t.Context(), &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		a.t.Fatal(err)
	}
	var list []string
	for _, target := range health.TargetHealthDescriptions {
		if target.TargetHealth.State != elbv2types.TargetHealthStateEnumDraining {
			list = append(list, fmt.Sprintf("%s:%d", *target.Target.Id, *target.Target.Port))
		}
	}
	slices.Sort(list)
	return list
}

// podTargets are the Pods of the deployment as targets, in order.
func (s *scene) podTargets() []string {
	s.t.Helper()
	var list []string
	for _, pod := range s.pods("app=web") {
		if pod.DeletionTimestamp == nil {
			list = append(list, pod.Status.PodIP+":8080")
		}
	}
	slices.Sort(list)
	return list
}

// bind makes a binding of Service web, port 80; the fields are those of its spec.
func (s *scene) bind(fields string) {
	s.t.Helper()
	s.apply(`
	apiVersion: elbv2.k8s.aws/v1beta1
	kind: TargetGroupBinding
	metadata: {name: web}
	spec: {serviceRef: {name: web, port: 80}, ` + fields + `}
`)
}

// field is one of the binding, as a JSONPath says which.
func (s *scene) field(path string) string {
	s.t.Helper()
	return s.kubectl("get", "targetgroupbinding", "web", "-o", "jsonpath={"+path+"}")
}

// refused is what the API server answers to a change of the binding's spec.
func (s *scene) refused(fields string) string {
	s.t.Helper()
	_, err := run(s.t, "kubectl", "--dir", string(s.lab.Dir), "--namespace", s.namespace, "patch", "targetgroupbinding", "web", "--type=merge", "-p", `{"spec":`+fields+`}`)
	if err == nil {
		return "nothing"
	}
	return err.Error()
}

func TestBindingByName(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	account := accountOf(t, s.lab)
	group := account.groupByHand("e2e-by-name", "ip")
	s.apply(deployment)
	s.bind("targetGroupName: e2e-by-name")
	s.eventually("the three Pods are registered", func() bool {
		return s.ready("app=web") == 3 && slices.Equal(account.members(group), s.podTargets())
	})
	if got := s.field(".spec.targetGroupARN"); got != group {
		t.Errorf("the binding has the group %s, want %s", got, group)
	}
	if got, want := s.field(".spec['targetType','ipAddressType','targetGroupProtocol','vpcID']"), "ip ipv4 HTTP "+account.vpc(); got != want {
		t.Errorf("the binding says %q, want %q", got, want)
	}

	for change, want := range map[string]string{
		`{"targetGroupARN":"arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/other/0123456789abcdef"}`: "targetGroupARN cannot be changed",
		`{"targetType":"instance"}`:             "targetType cannot be changed",
		`{"ipAddressType":null}`:                "ipAddressType cannot be changed",
		`{"vpcID":"vpc-00000000"}`:              "vpcID cannot be changed",
		`{"vpcID":"default"}`:                   "should match",
		`{"nodeSelector":{}}`:                   "nodeSelector is for targets of type instance only",
		`{"multiClusterTargetGroup":false}`:     "nothing",
		`{"targetGroupName":"another-by-name"}`: "nothing",
	} {
		if got := s.refused(change); !strings.Contains(got, want) {
			t.Errorf("%s: the API server says %q, want %q", change, got, want)
		}
	}
	if got := s.kubectl("get", "targetgroupbindings.v1alpha1.elbv2.k8s.aws", "web", "-o", "jsonpath={.apiVersion} {.spec.targetGroupARN} {.spec.vpcID}"); got != "elbv2.k8s.aws/v1alpha1 "+group+" " {
		t.Errorf("the older version is %q", got)
	}
}

func TestBindingOfNodes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	account := accountOf(t, s.lab)
	group := account.groupByHand("e2e-nodes", "instance")
	s.apply(nodeService)
	s.bind("targetGroupARN: '" + group + "'")

	port := s.kubectl("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
	var want []string
	for _, node := range s.nodes() {
		want = append(want, node.Spec.ProviderID[strings.LastIndex(node.Spec.ProviderID, "/")+1:]+":"+port)
	}
	slices.Sort(want)
	s.eventually("every node is registered", func() bool { return slices.Equal(account.members(group), want) })

	s.kubectl("delete", "targetgroupbinding", "web", "--timeout=60s")
	s.eventually("none is", func() bool { return len(account.members(group)) == 0 })

	t.Log("and requests get through a load balancer and a node to a Pod")
	s.apply(strings.Split(deployment, "---")[0] + nodeIngress)
	var name string
	s.eventually("the load balancer has a name", func() bool { name = s.hostname("web"); return name != "" })
	s.eventually("all nodes are healthy", func() bool { return healthy(account.states(name)) == len(want) })
	s.eventually("a request is answered", func() bool {
		_, err := run(t, "curl", "-sSf", "http://"+name+"/", "--dir="+string(s.lab.Dir))
		return err == nil
	})
}

// A group that this cluster shares with another, under a role: what the other has registered
// stays, and all that is said of the group is said under the role.
func TestBindingShared(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	account := accountOf(t, s.lab)
	group := account.groupByHand("e2e-shared", "ip")
	address := s.nodes()[0].Status.Addresses[0].Address
	foreign := address + ":9999"
	if _, err := account.elb.RegisterTargets(t.Context(), &elbv2.RegisterTargetsInput{
		TargetGroupArn: &group, Targets: []elbv2types.TargetDescription{{Id: &address, Port: aws.Int32(9999)}},
	}); err != nil {
		t.Fatal(err)
	}
	role := "arn:aws:iam::210987654321:role/e2e-shared"
	s.apply(deployment)
	s.bind("targetGroupARN: '" + group + "', multiClusterTargetGroup: true, iamRoleArnToAssume: '" + role + "', assumeRoleExternalId: e2e")
	with := func(own []string) []string {
		all := append(slices.Clone(own), foreign)
		slices.Sort(all)
		return all
	}
	s.eventually("the Pods are registered beside the other's", func() bool {
		return s.ready("app=web") == 3 && slices.Equal(account.members(group), with(s.podTargets()))
	})
	written := strings.Split(s.kubectl("get", "configmap", "aws-lbc-targets-web", "-o", "jsonpath={.data.targets}"), ",")
	slices.Sort(written)
	if want := s.podTargets(); !slices.Equal(written, want) {
		t.Errorf("written is %v, want %v", written, want)
	}

	s.kubectl("scale", "deployment/web", "--replicas=1")
	s.eventually("one Pod is left beside the other's", func() bool {
		return len(s.podTargets()) == 1 && slices.Equal(account.members(group), with(s.podTargets()))
	})
	s.kubectl("delete", "targetgroupbinding", "web", "--timeout=60s")
	s.eventually("only the other's is left", func() bool { return slices.Equal(account.members(group), []string{foreign}) })
	if out := s.kubectl("get", "configmap", "aws-lbc-targets-web", "--ignore-not-found"); out != "" {
		t.Errorf("the list is left: %s", out)
	}

	calls := account.journal()
	for _, operation := range []string{"DescribeTargetGroups", "RegisterTargets", "DeregisterTargets"} {
		if !slices.ContainsFunc(calls, func(c localaws.Call) bool { return c.Operation == operation && c.Role == role }) {
			t.Errorf("no %s came under the role: %+v", operation, calls)
		}
	}
}

// What is wrong with IngressClassParams is said at once.
func TestBindingsClassIsRefused(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, test := range []struct{ spec, want string }{
		{"inboundCIDRs: [10.0.0.1/8]", "write 10.0.0.0/8"},
		{"inboundCIDRs: [everywhere]", "everywhere: write ranges"},
		{"inboundCIDRs: [10.0.0.0/8, '2001:db8::/32']", ""},
		{"subnets: {}", "either ids or tags"},
		{"subnets: {ids: [subnet-a], tags: {team: [a]}}", "either ids or tags"},
		{"subnets: {ids: [subnet-a, subnet-a]}", "each subnet once"},
		{"subnets: {tags: {}}", "at least one tag"},
		{"subnets: {tags: {team: [a, a]}}", "each value of a tag once"},
		{"subnets: {tags: {team: [a, b]}}, inboundCIDRs: ['::/0']", ""},
	} {
		spec, want := test.spec, test.want
		file := filepath.Join(t.TempDir(), "params.yaml")
		text := "apiVersion: elbv2.k8s.aws/v1beta1\nkind: IngressClassParams\nmetadata: {name: " + s.namespace + "}\nspec: {" + spec + "}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := run(t, "kubectl", "--dir", string(s.lab.Dir), "apply", "--dry-run=server", "-f", file)
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", spec, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: the API server says %v, want %q", spec, err, want)
		}
	}
}
