package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbv2types "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/localaws"
)

// goneWithin is how long a namespace may take to be gone, in AWS too.
const goneWithin = 2 * time.Minute

// A namespace goes while half of its twenty load balancers are still being made, at the rates that
// AWS allows. Nothing is left, and nothing that another namespace has is touched.
func TestDeletionOfANamespaceInTheMaking(t *testing.T) {
	t.Parallel()
	lab := startLabWithController(t)
	aws := accountOf(t, lab)
	neighbour := newSceneNamed(t, lab, "neighbour")
	neighbour.apply(three['S'] + "---" + three['D'] + "---" + ingressFor("web", "/", "web"))
	neighbour.eventually("the neighbour is served", func() bool { return aws.servesHost(neighbour.hostname("web"), "shop.example.com", "/") })
	neighbour.awaitQuiet(aws)
	before := aws.possessions()

	s := newSceneNamed(t, lab, "doomed")
	manifest := []string{three['S'], three['D']}
	for i := range 20 {
		manifest = append(manifest, ingressFor(fmt.Sprintf("web-%d", i), "/", "web"))
	}
	s.apply(strings.Join(manifest, "---"))
	s.eventually("half of the load balancers are there", func() bool { return len(aws.loadBalancers()) >= 11 })
	s.kubectl("delete", "namespace", "doomed", "--wait=false")
	s.expectNothingLeft(aws, before)
	if got := aws.refusals(); len(got) > 0 {
		t.Errorf("AWS refused %v: something was asked for after it had gone", got)
	}
	if !aws.servesHost(neighbour.hostname("web"), "shop.example.com", "/") {
		t.Error("the neighbour is served no more")
	}
}

// expectNothingLeft waits until the namespace is gone and AWS has what it had before.
func (s *scene) expectNothingLeft(aws *account, before []string) {
	s.t.Helper()
	began := time.Now()
	gone := func() bool {
		_, err := s.client.CoreV1().Namespaces().Get(s.t.Context(), s.namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}
	for !gone() || !slices.Equal(before, aws.possessions()) {
		if time.Since(began) > goneWithin {
			s.t.Fatalf("after %s the namespace is gone: %t; AWS, -before +after:\n%s", goneWithin, gone(), cmp.Diff(before, aws.possessions()))
		}
		time.Sleep(time.Second)
	}
	s.t.Logf("all was gone after %s", time.Since(began).Round(time.Second))
	if left := s.kubectl("get", "loadbalancers.sluice.dev", "-o", "name"); strings.Contains(left, "."+s.namespace+".") {
		s.t.Errorf("records are left: %s", left)
	}
}

// refusals are the results of calls that mean that they came in the wrong order. That a target
// group is in use for a moment after its load balancer has gone is AWS's own way.
func (a *account) refusals() map[string]int {
	a.t.Helper()
	refused := map[string]int{}
	for _, c := range a.journal() {
		if c.Fault == "" && slices.Contains([]string{"TargetGroupNotFound", "ListenerNotFound", "ValidationError", "OperationNotPermitted"}, c.Result) && !strings.HasPrefix(c.Operation, "Describe") {
			refused[c.Operation+" "+c.Result] += c.Count
		}
	}
	return refused
}

// What is deleted in a moment in which AWS or the controller is in a bad way.
func TestDeletionAgainstTheOdds(t *testing.T) {
	t.Parallel()
	lab := startLabWithController(t)
	aws := accountOf(t, lab)
	before := aws.possessions()
	// One after the other: what is left of one would be blamed on the next.
	type test struct {
		name string
		do   func(*scene, *account)
	}
	for _, test := range []test{
		{"killed-while-it-makes", killedWhileItMakes},
		{"killed-while-it-deletes", killedWhileItDeletes},
		{"security-group-in-use", securityGroupInUse},
		{"protected-by-annotation", protectedByAnnotation},
		{"protected-by-hand", protectedByHand},
	} {
		passed := t.Run(test.name, func(t *testing.T) {
			s := newSceneNamed(t, lab, test.name)
			s.apply(three['S'] + "---" + three['D'])
			own := accountOf(t, lab)
			test.do(s, own)
			s.kubectl("delete", "namespace", s.namespace, "--wait=false")
			s.expectNothingLeft(own, before)
		})
		if !passed {
			return
		}
	}
}

// fault lets calls go wrong until the test ends.
func (a *account) fault(flags ...string) {
	a.t.Helper()
	if _, err := run(a.t, append([]string{"aws", "fault", "add", "--dir=" + string(a.lab.Dir)}, flags...)...); err != nil {
		a.t.Fatal(err)
	}
	admin := localaws.Admin{URL: a.url}
	a.t.Cleanup(func() {
		if _, err := admin.ClearFaults(context.WithoutCancel(a.t.Context())); err != nil {
			a.t.Log("clearing faults:", err)
		}
	})
}

// killedWhileItMakes: the load balancer is there and its listener is not when the controller dies.
// When it is back the Ingress is on its way out.
func killedWhileItMakes(s *scene, aws *account) {
	aws.fault("--operation=CreateListener", "--status=503")
	s.apply(ingressFor("web", "/", "web") + "---" + ingressFor("more", "/more", "web"))
	s.eventually("two load balancers are there", func() bool { return len(aws.loadBalancers()) == 2 })
	before := controllerPID(s.lab)
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	s.kubectl("delete", "ingress", "--all", "--wait=false")
	s.eventually("another controller runs", func() bool { now := controllerPID(s.lab); return now != before && now != 0 })
}

// killedWhileItDeletes: the load balancer has gone, its target groups have not.
func killedWhileItDeletes(s *scene, aws *account) {
	s.apply(ingressFor("web", "/", "web"))
	s.eventually("it is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })
	aws.fault("--operation=DeleteTargetGroup", "--status=503", "--for=20s")
	s.kubectl("delete", "ingress", "web", "--wait=false")
	s.eventually("the load balancer is gone", func() bool { return len(aws.loadBalancers()) == 0 })
	s.killController(syscall.SIGKILL)
}

// securityGroupInUse: network interfaces of a load balancer stay for a while after it.
func securityGroupInUse(s *scene, aws *account) {
	s.apply(ingressFor("web", "/", "web"))
	s.eventually("it is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })
	aws.fault("--operation=DeleteSecurityGroup", "--code=DependencyViolation", "--for=40s")
}

// protectedByAnnotation: the Ingress and what it has stay until the protection is taken back.
func protectedByAnnotation(s *scene, aws *account) {
	protection := "alb.ingress.kubernetes.io/load-balancer-attributes: deletion_protection.enabled=true"
	s.apply(ingressFor("web", "/", "web", protection))
	s.eventually("it is served", func() bool { return aws.servesHost(s.hostname("web"), "shop.example.com", "/") })
	s.kubectl("delete", "ingress", "web", "--wait=false")
	s.eventually("people are told why it stays", func() bool { return strings.Contains(s.warnings("web"), "deletion_protection.enabled=true") })
	if !aws.servesHost(s.hostname("web"), "shop.example.com", "/") {
		s.t.Error("a protected load balancer serves no more")
	}
	s.kubectl("annotate", "ingress", "web", "--overwrite", "alb.ingress.kubernetes.io/load-balancer-attributes=deletion_protection.enabled=false")
}

// protectedByHand: protection that no Ingress asks for is switched off, as the incumbent does.
func protectedByHand(s *scene, account *account) {
	s.apply(ingressFor("web", "/", "web"))
	s.eventually("it is served", func() bool { return account.servesHost(s.hostname("web"), "shop.example.com", "/") })
	for _, balancer := range account.loadBalancers() {
		if _, err := account.elb.ModifyLoadBalancerAttributes(s.t.Context(), &elbv2.ModifyLoadBalancerAttributesInput{
			LoadBalancerArn: balancer.LoadBalancerArn, Attributes: []elbv2types.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("true")}},
		}); err != nil {
			s.t.Fatal(err)
		}
	}
}
