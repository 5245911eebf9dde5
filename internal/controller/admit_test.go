package controller

import (
	"testing"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/internal/localaws/fault"
)

// describeGroups is how often AWS was asked which target group it is.
func describeGroups(local *localaws.Cloud) (n int) {
	for _, call := range local.Calls(false) {
		if call.Operation == "DescribeTargetGroups" {
			n += call.Count
		}
	}
	return n
}

// A binding that names its group gets all that the group says, in one write, and AWS is asked
// once.
func TestABindingByName(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "by-name", nil)
	b := newBench(t, local, "demo", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10"), webService(), bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
		*spec = v1beta1.TargetGroupBindingSpec{TargetGroupName: "by-name", ServiceRef: spec.ServiceRef}
	}))...)
	for range 3 {
		b.reconcile("web")
	}
	want := v1beta1.TargetGroupBindingSpec{
		TargetGroupARN: group, TargetGroupName: "by-name", TargetType: new(v1beta1.TargetTypeIP), IPAddressType: new(v1beta1.TargetGroupIPv4), VpcID: benchVPC,
		TargetGroupProtocol: new(v1beta1.TargetGroupProtocol("HTTP")), ServiceRef: v1beta1.ServiceReference{Name: "web", Port: intstr.FromInt32(80)},
	}
	if diff := cmp.Diff(want, b.binding("web").Spec); diff != "" {
		t.Errorf("the binding says otherwise (-want +got):\n%s", diff)
	}
	if got := b.targetsOf(group); got != "10.0.1.10:8080" {
		t.Errorf("the group has %q", got)
	}
	if n := describeGroups(local); n != 1 {
		t.Errorf("AWS was asked %d times for the group, want once", n)
	}
	if diff := cmp.Diff([]string{"Normal SuccessfullyReconciled the ready Pods of the Service are registered"}, b.told()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// What cannot be served says why, leaves AWS alone and does not ask it again and again.
func TestBindingsThatAreRefused(t *testing.T) {
	t.Parallel()
	type spec = v1beta1.TargetGroupBindingSpec
	for _, test := range []struct {
		name   string
		change func(*spec)
		want   string // the condition
		asked  int
	}{
		{"no-group", func(s *spec) { s.TargetGroupARN = "" }, "False Refused: spec: neither targetGroupARN nor targetGroupName is given; give one of them", 0},
		{
			"no-such-name", func(s *spec) { s.TargetGroupARN, s.TargetGroupName = "", "other" },
			"False TargetGroupNotFound: looking up the target group of the binding: DescribeTargetGroups answered TargetGroupNotFound: Target group 'other' not found", 1,
		},
		{
			"another-type", func(s *spec) { s.TargetType = new(v1beta1.TargetTypeInstance) },
			"False Refused: spec.targetType is instance, and that of target group web is ip: write ip, or bind another target group", 1,
		},
		{
			"another-family", func(s *spec) { s.IPAddressType = new(v1beta1.TargetGroupIPv6) },
			"False Refused: spec.ipAddressType is ipv6, and that of target group web is ipv4: write ipv4, or bind another target group", 1,
		},
		{
			"another-vpc", func(s *spec) { s.VpcID = otherVPC },
			"False Refused: spec.vpcID is " + otherVPC + ", and that of target group web is " + benchVPC + ": write " + benchVPC + ", or bind another target group", 1,
		},
		{
			"another-protocol", func(s *spec) { s.TargetGroupProtocol = new(v1beta1.TargetGroupProtocol("TCP")) },
			"False Refused: spec.targetGroupProtocol is TCP, and that of target group web is HTTP: write HTTP, or bind another target group", 1,
		},
		{
			"nodes-for-pods", func(s *spec) { s.NodeSelector = &metav1.LabelSelector{} },
			"False Refused: spec.nodeSelector: targets of type ip are Pods, not nodes; take it out", 0,
		},
		{
			"instances-under-a-role", func(s *spec) {
				s.TargetType, s.IamRoleArnToAssume = new(v1beta1.TargetTypeInstance), "arn:aws:iam::210987654321:role/targets"
			},
			"False Refused: spec.iamRoleArnToAssume: instances can be registered in their own account only; take it out, or use targets of type ip", 0,
		},
		{
			"a-group-that-is-taken", func(s *spec) { s.MultiClusterTargetGroup = true },
			"False Refused: spec.targetGroupARN: TargetGroupBinding web/older has this target group already: bind another, or write multiClusterTargetGroup: true on both", 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			local := benchAWS(t)
			group := benchGroup(t, local, "web", nil)
			objects := append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10"), webService(), bindingOf("web", func(s *spec) {
				s.TargetGroupARN = group
				test.change(s)
			}))
			if test.name == "a-group-that-is-taken" {
				objects = append(objects, bindingOf("older", func(s *spec) { s.TargetGroupARN = group }))
			}
			b := newBench(t, local, "demo", objects...)
			local.Calls(true)
			for range 3 {
				if result := b.reconcile("web"); result.RequeueAfter != lookAgain {
					t.Errorf("it is looked at again after %s", result.RequeueAfter)
				}
			}
			if got := b.ready("web"); got != test.want {
				t.Errorf("the condition is\n%s, want\n%s", got, test.want)
			}
			if got := b.targetsOf(group); got != "" {
				t.Errorf("the group has %q", got)
			}
			if n := describeGroups(local); n != test.asked {
				t.Errorf("AWS was asked %d times for the group, want %d", n, test.asked)
			}
			if told := b.told(); len(told) == 0 {
				t.Error("nobody was told")
			}
		})
	}
}

func node(name, instance string, ready corev1.ConditionStatus) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID("uid-of-" + name), Labels: map[string]string{}}, Spec: corev1.NodeSpec{ProviderID: instance},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: ready}}},
	}
}

// Nodes are registered by instance and node port, follow what happens to them, and the last
// ones stay.
func TestABindingOfNodes(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "nodes", func(in *elbv2.CreateTargetGroupInput) { in.TargetType = "instance" })
	one, two := "aws:///us-west-2a/i-00000000000000001", "aws:///us-west-2a/i-00000000000000002"
	b := newBench(t, local, "demo", webService(), node("one", one, corev1.ConditionTrue), node("two", two, corev1.ConditionTrue),
		node("edge", "eks-hybrid:///us-west-2/demo/mi-0123", corev1.ConditionTrue),
		bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
			spec.TargetGroupARN, spec.TargetType = group, new(v1beta1.TargetTypeInstance)
		}))
	expect := func(when, targets string) {
		t.Helper()
		b.reconcile("web")
		if got := b.targetsOf(group); got != targets {
			t.Errorf("%s the group has %q, want %q", when, got, targets)
		}
	}

	expect("at first", "i-00000000000000001:30080 i-00000000000000002:30080")
	if got, want := b.ready("web"), "True Reconciled: the ready nodes are registered, but for those that are no EC2 instances: edge"; got != want {
		t.Errorf("the condition is %q, want %q", got, want)
	}
	leaving := node("two", two, corev1.ConditionTrue)
	leaving.Spec.Taints = []corev1.Taint{{Key: "ToBeDeletedByClusterAutoscaler", Effect: corev1.TaintEffectNoSchedule}}
	b.put(leaving)
	expect("while one node is removed", "i-00000000000000001:30080")
	b.put(node("three", "aws:///us-west-2a/i-00000000000000003", corev1.ConditionTrue))
	expect("with a new node", "i-00000000000000001:30080 i-00000000000000003:30080")

	clusterIP := webService()
	clusterIP.Spec.Type, clusterIP.Spec.Ports[0].NodePort = corev1.ServiceTypeClusterIP, 0
	b.put(clusterIP)
	expect("when no node answers any more", "i-00000000000000001:30080 i-00000000000000003:30080")
	if got, want := b.ready("web"), "False Refused: Service web is of type ClusterIP, so no node answers for it: targets of type instance need type NodePort or LoadBalancer"; got != want {
		t.Errorf("the condition is %q, want %q", got, want)
	}
}

// The IPv6 addresses of dual-stack Pods are registered in an IPv6 group, and only those.
func TestABindingOfIPv6Addresses(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "six", func(in *elbv2.CreateTargetGroupInput) { in.IpAddressType = "ipv6" })
	objects := append(webPods(discoveryv1.AddressTypeIPv6, "2001:db8::10"), webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10")...)
	b := newBench(t, local, "demo", append(objects, webService(), bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
		spec.TargetGroupARN, spec.IPAddressType, spec.TargetType = group, nil, nil
	}))...)
	b.reconcile("web")
	if got := b.targetsOf(group); got != "2001:db8::10:8080" {
		t.Errorf("the group has %q", got)
	}

	pod := b.pod(t.Context(), types.NamespacedName{Namespace: "web", Name: "web-ipv6-0"}).DeepCopy()
	pod.Labels = map[string]string{"app": "web"}
	evidence := (&witness{view: b.view, book: b.book}).evidence(t.Context(), pod)
	if len(evidence) != 1 || evidence[0].Address.String() != "2001:db8::10:8080" || evidence[0].Target == nil || evidence[0].Target.Pod != pod.UID {
		t.Errorf("its gate hears %+v", evidence)
	}
}

// A list of own targets that cannot be read stops everything: what is whose is not known.
func TestABrokenListOfOwnTargets(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "shared", nil)
	list := &corev1.ConfigMap{ObjectMeta: inWeb("aws-lbc-targets-web"), Data: map[string]string{"targets": "10.0.1.9:8080,oops"}}
	b := newBench(t, local, "demo", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10"), webService(), list, bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
		spec.TargetGroupARN, spec.MultiClusterTargetGroup = group, true
	}))...)
	b.reconcile("web")
	want := `False Refused: ConfigMap web/aws-lbc-targets-web, key targets: target "oops" has no port: write ADDRESS:PORT or INSTANCE:PORT; mend it, or delete it if no target is to be deregistered`
	if got := b.ready("web"); got != want {
		t.Errorf("the condition is\n%s, want\n%s", got, want)
	}
	if got := b.targetsOf(group); got != "" {
		t.Errorf("the group has %q", got)
	}
}

// What cannot be taken out of the group keeps the binding, and is told of.
func TestABindingThatCannotBeReleased(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "web", nil)
	b := newBench(t, local, "demo", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10"), webService(), bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
		spec.TargetGroupARN = group
	}))...)
	b.reconcile("web")
	b.told()
	if _, err := local.Faults().Add(fault.Rule{Service: "elbv2", Operation: "DeregisterTargets", Code: "AccessDenied"}); err != nil {
		t.Fatal(err)
	}
	b.remove(b.binding("web"))
	b.reconcile("web")
	reason := "emptying " + group + ": 1 targets: DeregisterTargets answered AccessDenied: A fault of the local AWS: AccessDenied (allow elasticloadbalancing:DeregisterTargets in the IAM policy of Sluice)"
	if got, want := b.ready("web"), "False FailedCleanup: "+reason; got != want {
		t.Errorf("the condition is\n%s, want\n%s", got, want)
	}
	if diff := cmp.Diff([]string{"Warning FailedCleanup " + reason}, b.told()); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// Everything about a group of another account is said under its role.
func TestABindingUnderARole(t *testing.T) {
	t.Parallel()
	local := benchAWS(t)
	group := benchGroup(t, local, "abroad", nil)
	role := "arn:aws:iam::210987654321:role/targets"
	b := newBench(t, local, "demo", append(webPods(discoveryv1.AddressTypeIPv4, "10.0.1.10"), webService(), bindingOf("web", func(spec *v1beta1.TargetGroupBindingSpec) {
		*spec = v1beta1.TargetGroupBindingSpec{TargetGroupName: "abroad", ServiceRef: spec.ServiceRef, IamRoleArnToAssume: role}
	}))...)
	local.Calls(true)
	b.reconcile("web")
	b.remove(b.binding("web"))
	b.reconcile("web")
	for _, call := range local.Calls(false) {
		if abroad := call.Service == "elbv2"; abroad != (call.Role == role) {
			t.Errorf("%s %s was said under the role %q", call.Service, call.Operation, call.Role)
		}
	}
	if got := b.targetsOf(group); got != "" {
		t.Errorf("the group has %q", got)
	}
}
