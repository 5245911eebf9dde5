package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// The nodes of a lab have IPv4 only, so Pod and EndpointSlice with IPv6 are written by hand, of a
// node that there is not. In a minute Kubernetes will find that out.
const sixth = `
	apiVersion: v1
	kind: Pod
	metadata: {name: sixth, labels: {app: sixth}}
	spec:
	  nodeName: sixth-node
	  terminationGracePeriodSeconds: 0
	  containers: [{name: web, image: sluice.lab/web, ports: [{containerPort: 8080}]}]
---
	apiVersion: v1
	kind: Service
	metadata: {name: web}
	spec: {ports: [{port: 80, targetPort: 8080}]}
`

func TestBindingOfIPv6(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	account := accountOf(t, s.lab)
	out, err := account.elb.CreateTargetGroup(t.Context(), &elbv2.CreateTargetGroupInput{
		Name: aws.String("e2e-ipv6"), Port: aws.Int32(80), Protocol: "HTTP", VpcId: aws.String(account.vpc()), TargetType: "ip", IpAddressType: "ipv6",
	})
	if err != nil {
		t.Fatal(err)
	}
	group := *out.TargetGroups[0].TargetGroupArn
	s.apply(sixth)
	pod := s.givePodAddress("2001:db8::10")
	s.apply(`
	apiVersion: discovery.k8s.io/v1
	kind: EndpointSlice
	metadata: {name: web-sixth, labels: {kubernetes.io/service-name: web}}
	addressType: IPv6
	ports: [{port: 8080}]
	endpoints:
	- {addresses: ["2001:db8::10"], nodeName: sixth-node, conditions: {ready: true}, targetRef: {kind: Pod, name: sixth, uid: ` + string(pod.UID) + `}}
`)
	s.bind("targetGroupARN: '" + group + "'")
	s.eventually("the Pod's IPv6 address is registered", func() bool { return slices.Equal(account.members(group), []string{"2001:db8::10:8080"}) })
	if got := s.field(".spec.ipAddressType"); got != "ipv6" {
		t.Errorf("the binding is of the family %q, want ipv6", got)
	}
	s.kubectl("delete", "targetgroupbinding", "web", "--timeout=60s")
	s.eventually("it is deregistered", func() bool { return len(account.members(group)) == 0 })
}

// givePodAddress says that the Pod runs, which no kubelet does.
func (s *scene) givePodAddress(address string) *corev1.Pod {
	s.t.Helper()
	now := metav1.NewTime(time.Now().Truncate(time.Second))
	status := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: address, PodIPs: []corev1.PodIP{{IP: address}}}
	for _, kind := range []corev1.PodConditionType{corev1.ContainersReady, corev1.PodReady} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		s.t.Fatal(err)
	}
	pod, err := s.client.CoreV1().Pods(s.namespace).Patch(s.t.Context(), "sixth", types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		s.t.Fatal(err)
	}
	return pod
}

// Two bindings share a group, as two clusters do: each has a list of its own targets, and takes out
// no others, neither when it shrinks nor when it goes.
func TestBindingsThatShare(t *testing.T) {
	t.Parallel()
	one := newSceneNamed(t, theLab(t), t.Name()+"-one")
	two := newSceneNamed(t, theLab(t), t.Name()+"-two")
	account := accountOf(t, one.lab)
	group := account.groupByHand("e2e-two-clusters", "ip")
	both := []*scene{one, two}
	for _, s := range both {
		s.apply(deployment)
		s.bind("targetGroupARN: '" + group + "', multiClusterTargetGroup: true")
	}
	expect := func(what string, from ...*scene) {
		t.Helper()
		eventually(t, what, func() bool {
			var want []string
			for _, s := range from {
				want = append(want, s.podTargets()...)
			}
			slices.Sort(want)
			return len(want) > 0 && !slices.ContainsFunc(want, func(target string) bool { return strings.HasPrefix(target, ":") }) && slices.Equal(account.members(group), want)
		})
	}
	expect("the Pods of both are registered", both...)
	one.kubectl("scale", "deployment/web", "--replicas=1")
	one.eventually("one Pod is left", func() bool { return len(one.pods("app=web")) == 1 })
	expect("those of the other stay", both...)
	one.kubectl("delete", "targetgroupbinding", "web", "--timeout=60s")
	expect("and when it goes", two)
}
