package e2e

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// leftovers are what an incumbent leaves behind, each in the way in its own manner. The webhook
// is asked about nothing that this test writes.
const leftovers = `
	apiVersion: admissionregistration.k8s.io/v1
	kind: ValidatingWebhookConfiguration
	metadata: {name: aws-load-balancer-webhook}
	webhooks:
	- name: vingressclassparams.elbv2.k8s.aws
	  admissionReviewVersions: [v1]
	  sideEffects: None
	  clientConfig: {service: {namespace: alb-system, name: aws-load-balancer-webhook-service, path: /validate}}
	  rules: [{apiGroups: [elbv2.k8s.aws], apiVersions: [v1beta1], operations: [CREATE], resources: [ingressclassparams]}]
	---
	apiVersion: v1
	kind: Service
	metadata: {name: tcp, finalizers: [service.k8s.aws/resources]}
	spec: {type: ClusterIP, ports: [{port: 80}]}
`

// foreignLease is the incumbent's, in its own namespace.
const foreignLease = `
	apiVersion: coordination.k8s.io/v1
	kind: Lease
	metadata: {name: aws-load-balancer-controller-leader, namespace: alb-system}
	spec: {holderIdentity: aws-load-balancer-controller-0, leaseDurationSeconds: 600, renewTime: %q}
`

// A cluster that Sluice serves already is what one looks like that it can take over; what an
// incumbent leaves behind is told, each with its remedy, and keeps Sluice from starting.
func TestPreflightTellsWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	s := newSceneIn(t, startLabWithController(t))
	s.apply(three['S'] + "---" + three['D'] + "---" + ingressFor("web", "/", "web"))
	s.eventually("the Ingress has an address", func() bool { return s.hostname("web") != "" })
	ask := func() (string, int) {
		out, code := s.plugin(append(shape(t, s.lab), "preflight")...)
		return strings.Join(strings.Fields(out), " "), code
	}
	out, code := "", 0
	s.eventually("nothing is in the way", func() bool { out, code = ask(); return code == 0 })
	for _, want := range []string{
		"ok plan the plan for every load balancer is empty", "ok rights the service account", "ok kinds the custom", "nothing stands in the way",
		"warn lease the Lease kube-system/aws-load-balancer-controller-leader is held by",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not hold %q:\n%s", want, out)
		}
	}

	s.kubectl("create", "namespace", "alb-system")
	s.apply(leftovers)
	s.kubectl("apply", "--namespace=alb-system", "-f", s.file(fmt.Sprintf(foreignLease, time.Now().UTC().Format("2006-01-02T15:04:05.000000Z"))))
	s.kubectl("annotate", "crd", "targetgroupbindings.elbv2.k8s.aws", "meta.helm.sh/release-name=alb", "meta.helm.sh/release-namespace=alb-system")
	s.kubectl("annotate", "ingress", "web", "alb.ingress.kubernetes.io/wafv2-acl-arn=arn:aws:wafv2:us-west-2:1:regional/webacl/x/y")
	out, code = ask()
	for _, want := range []string{
		"stop lease the Lease alb-system/aws-load-balancer-controller-leader is held by aws-load-balancer-controller-0",
		"stop webhooks ValidatingWebhookConfiguration aws-load-balancer-webhook",
		"→ once the incumbent has been stopped: kubectl delete validatingwebhookconfiguration aws-load-balancer-webhook",
		"stop services 1 Services have load balancers of the incumbent's, which Sluice does not serve: " + s.namespace + "/tcp",
		"stop annotations annotation alb.ingress.kubernetes.io/wafv2-acl-arn is not served yet: Ingress " + s.namespace + "/web",
		"warn kinds the custom resource targetgroupbindings.elbv2.k8s.aws belongs to the Helm release alb-system/alb",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not hold %q", want)
		}
	}
	if code != 1 {
		t.Errorf("it ends with %d", code)
	}
	if t.Failed() {
		t.Log(out)
	}

	t.Log("another cluster's name: what AWS has is nobody's")
	if out, code = s.plugin(append(shape(t, s.lab), "preflight", "--cluster-name=other")...); code != 1 || !strings.Contains(out, "elbv2.k8s.aws/cluster=other: "+s.namespace+"/web") {
		t.Errorf("code %d:\n%s", code, out)
	}

	t.Log("and Sluice does not start beside a Service that it would abandon")
	s.kubectl("delete", "lease", "aws-load-balancer-controller-leader", "--namespace=alb-system")
	refused, _ := exec.CommandContext(t.Context(), s.lab.Dir.ControllerScript(), "--metrics-bind-addr=0").CombinedOutput()
	if want := "services (" + s.namespace + "/tcp); start with --abandon=services if that is meant"; !strings.Contains(string(refused), want) {
		t.Errorf("the refusal does not hold %q:\n%s", want, refused)
	}
	s.kubectl("patch", "service", "tcp", "--type=merge", `--patch={"metadata":{"finalizers":null}}`)
}
