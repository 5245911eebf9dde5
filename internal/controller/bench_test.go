package controller

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/health"
	"github.com/sluice-lb/sluice/internal/localaws"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "not-a-secret", "AWS_EC2_METADATA_DISABLED": "true"} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	if err := os.Unsetenv("AWS_CA_BUNDLE"); err != nil { // there is no TLS
		panic(err)
	}
	os.Exit(m.Run())
}

const (
	benchVPC  = "vpc-0123456789abcdef0"
	otherVPC  = "vpc-0fedcba9876543210" // of the same account, dual-stack as the first
	benchZone = "us-west-2a"
	otherZone = "us-west-2c"
)

// benchAWS is an account with two VPCs and an instance.
func benchAWS(t *testing.T) *localaws.Cloud {
	t.Helper()
	local, err := localaws.Start(t.Context(), localaws.Config{Offline: true, Throttling: "off"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = local.Close() })
	err = local.Seed(localaws.Seed{
		VPCs: []localaws.VPC{{ID: benchVPC, CIDR: "10.0.0.0/16", IPv6CIDR: "2001:db8::/56"}, {ID: otherVPC, CIDR: "10.9.0.0/16"}},
		Subnets: []localaws.Subnet{
			{ID: "subnet-0000000000000000a", VPCID: benchVPC, CIDR: "10.0.0.0/20", IPv6CIDR: "2001:db8::/64", Zone: benchZone},
			{ID: "subnet-0000000000000000c", VPCID: otherVPC, CIDR: "10.9.0.0/20", Zone: otherZone},
		},
		SecurityGroups: []localaws.SecurityGroup{
			{ID: "sg-0000000000000000a", VPCID: benchVPC, Name: "nodes", Description: "nodes"},
		},
		Instances: []localaws.Instance{
			{ID: "i-00000000000000001", SubnetID: "subnet-0000000000000000a", PrivateIP: "10.0.1.1", SecurityGroups: []string{"sg-0000000000000000a"}},
			{ID: "i-00000000000000002", SubnetID: "subnet-0000000000000000a", PrivateIP: "10.0.1.2", SecurityGroups: []string{"sg-0000000000000000a"}},
			{ID: "i-00000000000000003", SubnetID: "subnet-0000000000000000a", PrivateIP: "10.0.1.3", SecurityGroups: []string{"sg-0000000000000000a"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return local
}

// adminOf is somebody who may do everything by hand.
func adminOf(local *localaws.Cloud) *elbv2.Client {
	return elbv2.NewFromConfig(adminConfig(local))
}

func ec2AdminOf(local *localaws.Cloud) *ec2.Client { return ec2.NewFromConfig(adminConfig(local)) }

func adminConfig(local *localaws.Cloud) aws.Config {
	return aws.Config{
		Region: "us-west-2", BaseEndpoint: new(local.URL()), HTTPClient: &http.Client{Transport: local},
		Credentials: credentials.NewStaticCredentialsProvider("AKIAADMINISTRATOR000", "not-a-secret", ""),
	}
}

// benchGroup is a target group that somebody has made by hand.
func benchGroup(t *testing.T, local *localaws.Cloud, name string, change func(*elbv2.CreateTargetGroupInput)) (arn string) {
	t.Helper()
	in := &elbv2.CreateTargetGroupInput{Name: new(name), Port: new(int32(80)), Protocol: "HTTP", VpcId: new(benchVPC), TargetType: "ip"}
	if change != nil {
		change(in)
	}
	out, err := adminOf(local).CreateTargetGroup(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return *out.TargetGroups[0].TargetGroupArn
}

// bench is a cluster with the controller of its bindings, which acts when it is told to.
type bench struct {
	*testing.T
	*bindingController
	objects client.Client
	events  *events.FakeRecorder
}

func newBench(t *testing.T, local *localaws.Cloud, cluster string, objects ...client.Object) *bench {
	t.Helper()
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(kinds); err != nil {
			t.Fatal(err)
		}
	}
	aws, err := cloud.New(t.Context(), cloud.Config{
		Cluster: cluster, Region: "us-west-2", VPC: benchVPC, BudgetShare: 1, Unlimited: true, Endpoint: local.URL(), HTTPClient: &http.Client{Transport: local},
	})
	if err != nil {
		t.Fatal(err)
	}
	crd := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}}
	crd.SetName("targetgroupbindings.elbv2.k8s.aws")
	builder := fake.NewClientBuilder().WithScheme(kinds).WithObjects(append(objects, crd)...).WithStatusSubresource(&v1beta1.TargetGroupBinding{})
	for _, index := range indexes {
		builder = builder.WithIndex(index.object, index.field, index.values)
	}
	b := &bench{T: t, objects: builder.Build(), events: events.NewFakeRecorder(100)}
	b.bindingController = &bindingController{
		view:   &view{Reader: b.objects, config: Config{Mode: Full, UnreadyGrace: 10 * time.Second, BrakeTargets: 0.5, BrakeDeletions: 20}, rejections: newRejections()},
		client: b.objects, live: b.objects, cloud: aws, book: health.NewBook(), events: Events{b.events},
		brake: newBrake("target group bindings", 20), deleting: newDeletions(), holds: newHolds(), own: newOwnTargets(), lookups: newLookups(), changes: newChanges(), zoned: newZoned(),
		epoch: func(context.Context) string { return "1" }, registered: func([]types.NamespacedName) {}, changed: func(context.Context, string) {},
		await: func(types.NamespacedName, []health.Wait) {}, needs: func(types.NamespacedName, []need) {},
	}
	return b
}

// reconcile lets the controller look at the binding; it ends the test when the controller
// wants to be called again for an error.
func (b *bench) reconcile(name string) ctrl.Result {
	b.Helper()
	result, err := b.Reconcile(b.Context(), ctrl.Request{NamespacedName: types.NamespacedName{Namespace: "web", Name: name}})
	if err != nil {
		b.Fatal(err)
	}
	return result
}

// binding as it is now.
func (b *bench) binding(name string) *v1beta1.TargetGroupBinding {
	b.Helper()
	var binding v1beta1.TargetGroupBinding
	if err := b.objects.Get(b.Context(), client.ObjectKey{Namespace: "web", Name: name}, &binding); err != nil {
		b.Fatal(err)
	}
	return &binding
}

// ready is the binding's condition in one line.
func (b *bench) ready(name string) string {
	b.Helper()
	for _, condition := range b.binding(name).Status.Conditions {
		return fmt.Sprintf("%s %s: %s", condition.Status, condition.Reason, condition.Message)
	}
	return "none"
}

// told are the events since it was asked last.
func (b *bench) told() (list []string) {
	for len(b.events.Events) > 0 {
		list = append(list, <-b.events.Events)
	}
	return list
}

// targetsOf a group that are registered, and not draining.
func (b *bench) targetsOf(group string) string {
	b.Helper()
	answer, err := b.cloud.TargetHealth(b.Context(), cloud.Question, group)
	if err != nil {
		b.Fatal(err)
	}
	var list []string
	for _, target := range answer {
		if !target.State.Leaving() {
			list = append(list, target.Address.String())
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// put creates an object, or overwrites it.
func (b *bench) put(object client.Object) {
	b.Helper()
	fresh := object.DeepCopyObject().(client.Object)
	if b.objects.Get(b.Context(), client.ObjectKeyFromObject(object), fresh) == nil {
		object.SetResourceVersion(fresh.GetResourceVersion())
		if err := b.objects.Update(b.Context(), object); err != nil {
			b.Fatal(err)
		}
		return
	}
	if err := b.objects.Create(b.Context(), object); err != nil {
		b.Fatal(err)
	}
}

// remove deletes an object.
func (b *bench) remove(object client.Object) {
	b.Helper()
	if err := b.objects.Delete(b.Context(), object); err != nil {
		b.Fatal(err)
	}
}

func inWeb(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "web", Name: name, UID: types.UID("uid-of-" + name)}
}

// bindingOf ties Service web, port 80, to a group.
func bindingOf(name string, change func(*v1beta1.TargetGroupBindingSpec)) *v1beta1.TargetGroupBinding {
	binding := &v1beta1.TargetGroupBinding{ObjectMeta: inWeb(name), Spec: v1beta1.TargetGroupBindingSpec{
		TargetType: new(v1beta1.TargetTypeIP), IPAddressType: new(v1beta1.TargetGroupIPv4), VpcID: benchVPC,
		ServiceRef: v1beta1.ServiceReference{Name: "web", Port: intstr.FromInt32(80)},
	}}
	change(&binding.Spec)
	return binding
}

func webService() *corev1.Service {
	return &corev1.Service{ObjectMeta: inWeb("web"), Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeNodePort, Selector: map[string]string{"app": "web"},
		Ports: []corev1.ServicePort{{Name: "http", Port: 80, NodePort: 30080}},
	}}
}

// webPods are ready Pods behind Service web, with their slice.
func webPods(family discoveryv1.AddressType, addresses ...string) []client.Object {
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: inWeb("web-" + strings.ToLower(string(family))), AddressType: family,
		Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8080))}},
	}
	slice.Labels = map[string]string{discoveryv1.LabelServiceName: "web"}
	list := []client.Object{slice}
	for i, address := range addresses {
		pod := &corev1.Pod{ObjectMeta: inWeb(fmt.Sprintf("web-%s-%d", strings.ToLower(string(family)), i)), Spec: corev1.PodSpec{NodeName: "node-1"}, Status: corev1.PodStatus{
			PodIP: address, PodIPs: []corev1.PodIP{{IP: address}},
			Conditions: []corev1.PodCondition{{Type: corev1.ContainersReady, Status: corev1.ConditionTrue}},
		}}
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{address}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: pod.Name, UID: pod.UID},
		})
		list = append(list, pod)
	}
	return list
}
