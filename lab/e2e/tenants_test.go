package e2e

import (
	"strings"
	"testing"
)

// tenant is what somebody may do who has the role edit, may write bindings, and may join one group.
const tenant = `
	apiVersion: rbac.authorization.k8s.io/v1
	kind: Role
	metadata: {name: tenant}
	rules:
	- {apiGroups: [networking.k8s.io], resources: [ingresses], verbs: ["*"]}
	- {apiGroups: [elbv2.k8s.aws], resources: [targetgroupbindings], verbs: ["*"]}
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: RoleBinding
	metadata: {name: tenant}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: tenant}
	subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: tenant}]
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRole
	metadata: {name: shared-load-balancer}
	rules:
	- {apiGroups: [sluice.dev], resources: [ingressgroups], resourceNames: [shared], verbs: [join]}
	- {apiGroups: [sluice.dev], resources: [targetgroups], resourceNames: [ours], verbs: [use]}
	---
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRoleBinding
	metadata: {name: shared-load-balancer}
	roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: shared-load-balancer}
	subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: tenant}]
`

const bindingOf = `
	apiVersion: elbv2.k8s.aws/v1beta1
	kind: TargetGroupBinding
	metadata: {name: web}
	spec:
	  serviceRef: {name: web, port: 80}
	  targetType: ip
	  SPEC
`

// With isolation a tenant takes no group and no target group of others, by whatever name, and still
// has its own and what a role gives it.
func TestIsolationOfTenants(t *testing.T) {
	t.Parallel()
	s := newSceneNamed(t, startLab(t, "--nodes=1", "--controller-binary="+idleControllerBinary(t)), "shop")
	policies, err := run(t, "helm", "--dir", string(s.lab.Dir), "template", "sluice", chartDir, "--namespace=kube-system", "--kube-version=v1.37.0", // in a test Helm takes an old one
		"--set=clusterName=lab,vpcId=vpc-1,image.repository=registry.example.com/sluice,isolation.enabled=true", "--show-only=templates/tenants/isolation.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s.apply(policies)
	s.apply(tenant)
	try := func(manifest string) string {
		file := s.file(manifest)
		if _, err := run(t, "kubectl", "--dir", string(s.lab.Dir), "--namespace", s.namespace, "--as=tenant", "create", "--dry-run=server", "-f", file); err != nil {
			return err.Error()
		}
		return ""
	}
	group := func(name string) string {
		return ingressFor("web", "/", "web", "alb.ingress.kubernetes.io/group.name: "+name)
	}
	action := func(text string) string {
		return ingressFor("web", "/", "web", "alb.ingress.kubernetes.io/actions.web: '"+text+"'")
	}
	binding := func(spec string) string { return strings.ReplaceAll(bindingOf, "SPEC", spec) }
	s.eventually("policies are evaluated", func() bool { return try(group("bank.web")) != "" && try(binding("targetGroupName: theirs")) != "" })
	for _, c := range []struct{ name, manifest, refused string }{
		{"group of another namespace", group("bank.web"), "the group bank.web may be of another namespace; write shop.NAME"},
		{"group of nobody's namespace", group("bank"), "the group bank may be of another namespace"},
		{"own group", group("shop.web"), ""},
		{"group that a role gives", group("shared"), ""},
		{"no group", ingressFor("web", "/", "web", "alb.ingress.kubernetes.io/scheme: internal"), ""},
		{"action by ARN", action(`{"type":"forward","targetGroupARN":"arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/theirs/0"}`), "names a target group"},
		{"action by name", action(`{"type":"forward","forwardConfig":{"targetGroups":[{"TargetGroupName":"theirs"}]}}`), "names a target group"},
		{"action that hides a name", action(`{"type":"forward","target\u0047roupName":"theirs"}`), "names a target group"},
		{"action of an own Service", action(`{"type":"forward","forwardConfig":{"targetGroups":[{"serviceName":"web","servicePort":"80"}]}}`), ""},
		{"binding by name", binding("targetGroupName: theirs"), "the target group theirs may be of somebody else"},
		{"binding by ARN", binding("targetGroupARN: arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/theirs/0"), "may be of somebody else"},
		{"binding that a role gives", binding("targetGroupName: ours"), ""},
		{"binding that opens nodes", binding("targetGroupName: ours, networking: {ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{protocol: TCP}]}]}"), "spec.networking: lets in sources"},
	} {
		manifest := strings.ReplaceAll(c.manifest, "targetGroupName: ours, networking: ", "targetGroupName: ours\n\t  networking: ")
		got := try(manifest)
		if c.refused == "" && got != "" || !strings.Contains(got, c.refused) {
			t.Errorf("%s: %q, want %q", c.name, got, c.refused)
		}
	}
}
