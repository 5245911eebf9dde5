package e2e

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/acm"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/sluice-lb/sluice/api/sluice/v1alpha1"
	"github.com/sluice-lb/sluice/lab/e2e/incumbent"
)

// takeover is a lab in which somebody else's work is taken over and given back.
type takeover struct {
	*scene
	account *account
	ec2     *ec2.Client
	acm     *acm.Client
	objects dynamic.Interface
	writer  *incumbent.Writer
	scenes  map[string]incumbent.Scene
}

func newTakeover(t *testing.T) *takeover {
	t.Helper()
	flags, err := withController()
	if err != nil {
		t.Fatal(err)
	}
	lab := startLab(t, append(flags, "--controller=false", "--throttling=off", "--controller-flag=--aws-budget-share=20")...)
	w := &takeover{scene: newSceneNamed(t, lab, "shop"), account: accountOf(t, lab), scenes: incumbent.All()}
	nobody := credentials.NewStaticCredentialsProvider("AKIASLUICETEST000000", "not-a-secret", "")
	w.ec2 = ec2.New(ec2.Options{BaseEndpoint: &w.account.url, Region: "us-west-2", Credentials: nobody})
	w.acm = acm.New(acm.Options{BaseEndpoint: &w.account.url, Region: "us-west-2", Credentials: nobody})
	config, err := clientcmd.BuildConfigFromFlags("", lab.Dir.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	if w.objects, err = dynamic.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	w.writer = &incumbent.Writer{
		Namespace: w.namespace, Cluster: "lab", VPC: w.account.vpc(), ELB: w.account.elb, EC2: w.ec2, Kubernetes: w.client, Objects: w.objects,
		Certificates: map[string]string{}, NodeGroup: w.nodeGroup(),
	}
	return w
}

func (w *takeover) nodeGroup() string {
	w.t.Helper()
	answer, err := w.ec2.DescribeSecurityGroups(w.t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{{Name: new("group-name"), Values: []string{"eks-cluster-sg-lab"}}}})
	if err != nil || len(answer.SecurityGroups) != 1 {
		w.t.Fatal("the nodes' security group:", err, answer)
	}
	return *answer.SecurityGroups[0].GroupId
}

// givenByOthers makes what Ingresses refer to and no controller makes.
func (w *takeover) givenByOthers() {
	w.t.Helper()
	for _, host := range []string{"a.example.com", "b.example.com", "c.example.com", "d.example.com"} {
		certificate, key := selfSigned(w.t, host)
		out, err := w.acm.ImportCertificate(w.t.Context(), &acm.ImportCertificateInput{Certificate: certificate, PrivateKey: key})
		if err != nil {
			w.t.Fatal(err)
		}
		w.writer.Certificates[host] = *out.CertificateArn
	}
	for _, name := range []string{"takeover-a", "takeover-b"} {
		if _, err := w.ec2.CreateSecurityGroup(w.t.Context(), &ec2.CreateSecurityGroupInput{
			GroupName: &name, Description: new("made by somebody"), VpcId: &w.writer.VPC,
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: []ec2types.Tag{{Key: new("Name"), Value: &name}}}},
		}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func selfSigned(t *testing.T, host string) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

var certificateOf = regexp.MustCompile(`\{\{certificate ([a-z.]+)\}\}`)

// applyScenes applies all manifests in one go, and the gated Pods with the gates that the
// incumbent's webhook gives them.
func (w *takeover) applyScenes() {
	w.t.Helper()
	all := []string{incumbent.Backends()}
	for _, name := range slices.Sorted(maps.Keys(w.scenes)) {
		all = append(all, w.scenes[name].Manifest)
	}
	w.apply(certificateOf.ReplaceAllStringFunc(strings.Join(all, "\n---\n"), func(text string) string {
		return w.writer.Certificates[certificateOf.FindStringSubmatch(text)[1]]
	}))
	gates, err := w.writer.Gates(w.t.Context(), w.scenes, "gated")
	if err != nil || len(gates) != 2 {
		w.t.Fatal("gates of the gated Pods:", gates, err)
	}
	w.apply(strings.NewReplacer("name: web}", "name: gated}", "app: web", "app: gated", "replicas: 4", "replicas: 3", "spec:\n	      containers",
		"spec:\n	      readinessGates: [{conditionType: "+strings.Join(gates, "}, {conditionType: ")+"}]\n	      containers").Replace(rolled))
	w.eventually("all containers run", func() bool { return w.containersReady("app=web") == 2 && w.containersReady("app=gated") == 3 })
}

func (w *takeover) containersReady(labels string) (n int) {
	w.t.Helper()
	for _, pod := range w.pods(labels) {
		if condition(pod, corev1.ContainersReady).Status == corev1.ConditionTrue {
			n++
		}
	}
	return n
}

func (w *takeover) state() incumbent.State {
	w.t.Helper()
	state, err := incumbent.Read(w.t.Context(), w.account.elb, w.ec2)
	if err != nil {
		w.t.Fatal(err)
	}
	return state
}

// object is what of a Kubernetes object belongs to both controllers.
type object struct {
	Labels, Annotations map[string]string
	Finalizers          []string
	Spec, Status        any
}

// kubernetes are the objects that a takeover must leave as they are.
func (w *takeover) kubernetes() map[string]object {
	w.t.Helper()
	out := map[string]object{}
	bindings, err := w.objects.Resource(incumbent.Bindings).Namespace(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, binding := range bindings.Items {
		annotations := binding.GetAnnotations()
		maps.DeleteFunc(annotations, func(key, _ string) bool { return strings.Contains(key, "sluice.dev/") })
		out["binding "+binding.GetName()] = object{Labels: binding.GetLabels(), Annotations: annotations, Finalizers: binding.GetFinalizers(), Spec: binding.Object["spec"]}
	}
	ingresses, err := w.client.NetworkingV1().Ingresses(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, ingress := range ingresses.Items {
		out["ingress "+ingress.Name] = object{Finalizers: ingress.Finalizers, Status: ingress.Status}
	}
	lists, err := w.client.CoreV1().ConfigMaps(w.namespace).List(w.t.Context(), metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, list := range lists.Items {
		if strings.HasPrefix(list.Name, "aws-lbc-targets-") {
			targets := strings.Split(list.Data["targets"], ",")
			slices.Sort(targets)
			out["list "+list.Name] = object{Spec: targets}
		}
	}
	return out
}

// changes are the calls since the last reset that change something in AWS.
func (w *takeover) changes() map[string]int {
	w.t.Helper()
	calls := w.account.calls()
	maps.DeleteFunc(calls, func(operation string, _ int) bool {
		return strings.HasPrefix(operation, "Describe") || strings.HasPrefix(operation, "Get") || strings.HasPrefix(operation, "List")
	})
	return calls
}

func (w *takeover) forgetCalls() {
	w.t.Helper()
	if _, err := run(w.t, "aws", "calls", "--dir="+string(w.lab.Dir), "--reset", "-o", "json"); err != nil {
		w.t.Fatal(err)
	}
}

// watchReadiness reports every Pod that is seen unready until the returned function is called.
func (w *takeover) watchReadiness() (end func()) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	watcher, err := w.client.CoreV1().Pods(w.namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for event := range watcher.ResultChan() {
			pod, ok := event.Object.(*corev1.Pod)
			if ok && event.Type != watch.Deleted && condition(*pod, corev1.PodReady).Status != corev1.ConditionTrue {
				w.t.Errorf("Pod %s is unready: %+v", pod.Name, pod.Status.Conditions)
			}
		}
	})
	return func() { cancel(); watcher.Stop(); done.Wait() }
}

// programmed are the stacks that the controller says are as they should be.
func (w *takeover) programmed() (names []string) {
	w.t.Helper()
	var list v1alpha1.LoadBalancerList
	if err := json.Unmarshal([]byte(w.kubectl("get", "loadbalancers.sluice.dev", "-o", "json")), &list); err != nil {
		w.t.Fatal(err)
	}
	for _, each := range list.Items {
		if meta.IsStatusConditionTrue(each.Status.Conditions, "Programmed") {
			names = append(names, each.Name)
		}
	}
	return names
}

// awaitProgrammed waits for all stacks that are built.
func (w *takeover) awaitProgrammed() {
	w.t.Helper()
	n := len(w.scenes)
	for name := range incumbent.Unbuilt() {
		if _, there := w.scenes[name]; there {
			n--
		}
	}
	for deadline := time.Now().Add(2 * time.Minute); len(w.programmed()) < n; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			w.t.Fatalf("%d of %d stacks are programmed: %v\n%s", len(w.programmed()), n, w.programmed(), w.kubectl("get", "events", "--field-selector=type=Warning"))
		}
	}
}

// The controller finds what the incumbent has left, and changes nothing; it leaves what the
// incumbent would leave, and makes the same from nothing.
func TestTakeover(t *testing.T) {
	t.Parallel()
	w := newTakeover(t)
	w.thereAndBack()
}

// The same with flags that tell in what is made.
func TestTakeoverWithFlags(t *testing.T) {
	t.Parallel()
	w := newTakeover(t)
	maps.DeleteFunc(w.scenes, func(name string, _ incumbent.Scene) bool {
		return !slices.Contains([]string{"attributes", "class-params", "gated", "gated-twice", "group", "health-check", "instances", "security-groups", "security-groups-with-rules"}, name)
	})
	w.writer.DefaultTags, w.writer.Unrestricted = map[string]string{"env": "test", "team": "everyone"}, true
	w.thereAndBack("--default-tags=env=test,team=everyone", "--disable-restricted-sg-rules")
}

func (w *takeover) thereAndBack(flags ...string) {
	w.t.Helper()
	w.givenByOthers()
	w.applyScenes()
	if err := w.writer.Write(w.t.Context(), w.scenes); err != nil {
		w.t.Fatal(err)
	}
	w.eventually("all Pods are Ready", func() bool { return w.ready("app=web") == 2 && w.ready("app=gated") == 3 })
	left, objects := w.state(), w.kubernetes()

	w.t.Log("the takeover changes nothing")
	w.forgetCalls()
	end := w.watchReadiness()
	controller := startController(w.t, w.lab, flags...)
	w.awaitProgrammed()
	w.awaitQuiet(w.account)
	w.expectUntouched(left, objects)
	end()
	if _, unbuilt := w.scenes["authenticated"]; unbuilt && (!strings.Contains(w.warnings("users"), "auth") || !strings.Contains(w.warnings("staff"), "auth")) {
		w.t.Errorf("nobody is told that authentication is not built: %q, %q", w.warnings("users"), w.warnings("staff"))
	}

	w.t.Log("and the way back changes nothing either")
	controller.stop()
	w.expectUntouched(left, objects)

	w.t.Log("from nothing comes the same")
	w.leaveUnbuilt()
	w.wipe()
	maps.DeleteFunc(left, func(_, text string) bool {
		return strings.Contains(text, "ingress.k8s.aws/stack="+w.namespace+`/users"`) || strings.Contains(text, `ingress.k8s.aws/stack=behind-login"`)
	})
	startController(w.t, w.lab, flags...)
	w.awaitProgrammed()
	w.eventually("all targets are registered", func() bool { return registered(left) == registered(w.state()) })
	w.awaitQuiet(w.account)
	if diff := cmp.Diff(left, w.state()); diff != "" {
		w.t.Errorf("AWS, -incumbent +ours:\n%s", diff)
	}
	if diff := cmp.Diff(withoutMarks(objects), withoutMarks(w.kubernetes())); diff != "" {
		w.t.Errorf("Kubernetes, -incumbent +ours:\n%s", diff)
	}
}

func (w *takeover) expectUntouched(state incumbent.State, objects map[string]object) {
	w.t.Helper()
	if changes := w.changes(); len(changes) > 0 {
		w.t.Errorf("AWS was changed by %v", changes)
	}
	if diff := cmp.Diff(state, w.state()); diff != "" {
		w.t.Errorf("AWS, -before +after:\n%s", diff)
	}
	if diff := cmp.Diff(objects, w.kubernetes()); diff != "" {
		w.t.Errorf("Kubernetes, -before +after:\n%s", diff)
	}
}

// registered counts targets.
func registered(state incumbent.State) (n int) {
	for key, text := range state {
		if !strings.HasPrefix(key, "target group ") {
			continue
		}
		var group struct {
			Targets []string `json:"targets"`
		}
		if json.Unmarshal([]byte(text), &group) == nil {
			n += len(group.Targets)
		}
	}
	return n
}

var idInText = regexp.MustCompile(`(sg-|targetgroup/[^/]+/)[0-9a-f]+|[0-9]+\.us-west-2\.elb|-[0-9]+(\.us-west-2)`)

// withoutMarks are objects without ids of AWS, without what only the incumbent remembers, and
// without the Ingresses that are not built.
func withoutMarks(objects map[string]object) map[string]string {
	out := map[string]string{}
	for key, each := range objects {
		each.Annotations = nil
		text, err := json.MarshalIndent(each, "", " ")
		if err != nil {
			panic("objects of Kubernetes always marshal: " + err.Error())
		}
		unbuilt := bytes.Contains(text, []byte(`stack-name": "users"`)) || bytes.Contains(text, []byte("behind-login")) || key == "ingress users"
		if !unbuilt {
			out[key] = idInText.ReplaceAllString(string(text), "$1…")
		}
	}
	return out
}

// leaveUnbuilt deletes the Ingresses that only the incumbent serves.
func (w *takeover) leaveUnbuilt() {
	w.t.Helper()
	for name, scene := range incumbent.Unbuilt() {
		if _, there := w.scenes[name]; !there {
			continue
		}
		for _, ingress := range scene.Stack.Ingresses() {
			w.kubectl("patch", "ingress", ingress, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
			w.kubectl("delete", "ingress", ingress)
		}
		delete(w.scenes, name)
	}
}

// wipe takes away all that a controller has made in AWS, and what stands for it in Kubernetes.
func (w *takeover) wipe() {
	w.t.Helper()
	ctx := w.t.Context()
	check := func(err error) {
		if err != nil {
			w.t.Helper()
			w.t.Fatal("wiping:", err)
		}
	}
	bindings, err := w.objects.Resource(incumbent.Bindings).Namespace(w.namespace).List(ctx, metav1.ListOptions{})
	check(err)
	for _, binding := range bindings.Items {
		w.drop(binding)
	}
	w.kubectl("delete", "loadbalancers.sluice.dev", "--all", "--timeout=30s")
	for key := range w.kubernetes() {
		if name, found := strings.CutPrefix(key, "list "); found {
			check(w.client.CoreV1().ConfigMaps(w.namespace).Delete(ctx, name, metav1.DeleteOptions{}))
		}
	}
	for _, balancer := range w.account.loadBalancers() {
		_, err := w.account.elb.DeleteLoadBalancer(ctx, &elbv2.DeleteLoadBalancerInput{LoadBalancerArn: balancer.LoadBalancerArn})
		check(err)
	}
	groups, err := w.account.elb.DescribeTargetGroups(ctx, &elbv2.DescribeTargetGroupsInput{})
	check(err)
	for _, group := range groups.TargetGroups {
		w.eventually("target group "+*group.TargetGroupName+" is no more in use", func() bool {
			_, err := w.account.elb.DeleteTargetGroup(ctx, &elbv2.DeleteTargetGroupInput{TargetGroupArn: group.TargetGroupArn})
			return err == nil
		})
	}
	w.wipeSecurityGroups()
}

func (w *takeover) wipeSecurityGroups() {
	w.t.Helper()
	ctx := w.t.Context()
	answer, err := w.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, group := range answer.SecurityGroups {
		if *group.GroupId == w.writer.NodeGroup && len(group.IpPermissions) > 0 {
			if _, err := w.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: group.GroupId, IpPermissions: group.IpPermissions}); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	for _, group := range answer.SecurityGroups {
		if !strings.HasPrefix(*group.GroupName, "k8s-") && !slices.ContainsFunc(group.Tags, func(tag ec2types.Tag) bool { return aws.ToString(tag.Key) == "ingress.k8s.aws/stack" }) {
			continue
		}
		w.eventually("security group "+*group.GroupName+" is no more in use", func() bool {
			_, err := w.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId})
			return err == nil
		})
	}
}

func (w *takeover) drop(binding unstructured.Unstructured) {
	w.t.Helper()
	resource := w.objects.Resource(incumbent.Bindings).Namespace(w.namespace)
	if _, err := resource.Patch(w.t.Context(), binding.GetName(), types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}); err != nil {
		w.t.Fatal(err)
	}
	if err := resource.Delete(w.t.Context(), binding.GetName(), metav1.DeleteOptions{}); err != nil {
		w.t.Fatal(fmt.Errorf("deleting binding %s: %w", binding.GetName(), err))
	}
}
