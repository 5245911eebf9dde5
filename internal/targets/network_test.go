package targets_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/model"
	"github.com/sluice-lb/sluice/internal/targets"
)

func group(id string) v1beta1.NetworkingPeer {
	return v1beta1.NetworkingPeer{SecurityGroup: &v1beta1.SecurityGroup{GroupID: id}}
}

func block(cidr string) v1beta1.NetworkingPeer {
	return v1beta1.NetworkingPeer{IPBlock: &v1beta1.IPBlock{CIDR: cidr}}
}

func onPort(text string) v1beta1.NetworkingPort {
	return v1beta1.NetworkingPort{Port: new(intstr.Parse(text))}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	named := pod("a", "10.0.1.5", func(p *corev1.Pod) {
		p.Spec.Containers = []corev1.Container{
			{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8080}, {Name: "metrics", ContainerPort: 9090}}},
			{Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: 8081}}},
		}
		p.Spec.InitContainers = []corev1.Container{
			{Ports: []corev1.ContainerPort{{Name: "proxy", ContainerPort: 1}}}, // has ended before any request comes
			{RestartPolicy: new(corev1.ContainerRestartPolicyAlways), Ports: []corev1.ContainerPort{{Name: "proxy", ContainerPort: 15000}}},
		}
	})
	type rules = []v1beta1.NetworkingIngressRule
	type needs = []targets.Need
	for _, test := range []struct {
		name  string
		rules rules
		want  needs
	}{
		{name: "no-rule-no-need"},
		{
			name: "a-port-number", rules: rules{{From: []v1beta1.NetworkingPeer{group("sg-1")}, Ports: []v1beta1.NetworkingPort{onPort("80")}}},
			want: needs{{Protocol: "tcp", FromPort: 80, ToPort: 80, SourceGroup: "sg-1"}},
		},
		{
			name: "a-number-in-quotes-is-a-number",
			rules: rules{{
				From: []v1beta1.NetworkingPeer{group("sg-1")}, Ports: []v1beta1.NetworkingPort{{Port: new(intstr.FromString("80"))}},
			}},
			want: needs{{Protocol: "tcp", FromPort: 80, ToPort: 80, SourceGroup: "sg-1"}},
		},
		{
			name: "a-port-name-has-the-numbers-of-the-pod", rules: rules{{From: []v1beta1.NetworkingPeer{group("sg-1")}, Ports: []v1beta1.NetworkingPort{onPort("http")}}},
			want: needs{{Protocol: "tcp", FromPort: 8080, ToPort: 8080, SourceGroup: "sg-1"}, {Protocol: "tcp", FromPort: 8081, ToPort: 8081, SourceGroup: "sg-1"}},
		},
		{
			name: "a-port-name-of-a-sidecar", rules: rules{{From: []v1beta1.NetworkingPeer{group("sg-1")}, Ports: []v1beta1.NetworkingPort{onPort("proxy")}}},
			want: needs{{Protocol: "tcp", FromPort: 15000, ToPort: 15000, SourceGroup: "sg-1"}},
		},
		{name: "a-port-name-that-the-pod-lacks", rules: rules{{From: []v1beta1.NetworkingPeer{group("sg-1")}, Ports: []v1beta1.NetworkingPort{onPort("grpc")}}}},
		{
			name: "no-port-is-every-port",
			rules: rules{{
				From: []v1beta1.NetworkingPeer{block("10.0.0.0/8")}, Ports: []v1beta1.NetworkingPort{{Protocol: new(v1beta1.NetworkingProtocolUDP)}},
			}},
			want: needs{{Protocol: "udp", FromPort: 0, ToPort: 65535, CIDR: "10.0.0.0/8"}},
		},
		{name: "an-empty-list-of-ports-opens-nothing", rules: rules{{From: []v1beta1.NetworkingPeer{group("sg-1")}}}},
		{
			name: "every-peer-with-every-port",
			rules: rules{{
				From: []v1beta1.NetworkingPeer{group("sg-1"), block("fd00::/8")}, Ports: []v1beta1.NetworkingPort{onPort("80"), onPort("metrics")},
			}},
			want: needs{
				{Protocol: "tcp", FromPort: 80, ToPort: 80, SourceGroup: "sg-1"},
				{Protocol: "tcp", FromPort: 9090, ToPort: 9090, SourceGroup: "sg-1"},
				{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR: "fd00::/8"},
				{Protocol: "tcp", FromPort: 9090, ToPort: 9090, CIDR: "fd00::/8"},
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, targets.Needs(&v1beta1.Networking{Ingress: test.rules}, named)); diff != "" {
				t.Errorf("needs (-want +got):\n%s", diff)
			}
		})
	}
	if got := targets.Needs(nil, named); got != nil {
		t.Errorf("a binding without networking needs %v", got)
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	from := func(group string, low, high int32) targets.Need {
		return targets.Need{Protocol: "tcp", FromPort: low, ToPort: high, SourceGroup: group}
	}
	cidr := func(cidr string, port int32) targets.Need {
		return targets.Need{Protocol: "tcp", FromPort: port, ToPort: port, CIDR: cidr}
	}
	permission := func(p model.Permission) model.Permission {
		p.Description = "elbv2.k8s.aws/targetGroupBinding=shared"
		return p
	}
	for _, test := range []struct {
		name  string
		needs []targets.Need
		want  []model.Permission
	}{
		{name: "no-need-no-permission"},
		{
			name: "one-group-has-one-rule-from-its-lowest-to-its-highest-port", needs: []targets.Need{from("sg-1", 8080, 8080), from("sg-1", 80, 80), from("sg-1", 443, 443)},
			want: []model.Permission{permission(model.Permission{Protocol: "tcp", FromPort: 80, ToPort: 8080, SourceGroup: "sg-1"})},
		},
		{
			name: "another-group-or-protocol-is-another-rule", needs: []targets.Need{from("sg-2", 80, 80), from("sg-1", 80, 80), {Protocol: "udp", FromPort: 53, ToPort: 53, SourceGroup: "sg-1"}},
			want: []model.Permission{
				permission(model.Permission{Protocol: "tcp", FromPort: 80, ToPort: 80, SourceGroup: "sg-1"}), permission(model.Permission{Protocol: "tcp", FromPort: 80, ToPort: 80, SourceGroup: "sg-2"}),
				permission(model.Permission{Protocol: "udp", FromPort: 53, ToPort: 53, SourceGroup: "sg-1"}),
			},
		},
		{
			name: "port-0-is-every-port", needs: []targets.Need{from("sg-1", 8080, 8080), from("sg-1", 0, 0)},
			want: []model.Permission{permission(model.Permission{Protocol: "tcp", FromPort: 0, ToPort: 65535, SourceGroup: "sg-1"})},
		},
		{
			name: "ranges-of-addresses-stay-as-they-are", needs: []targets.Need{cidr("10.0.0.0/8", 80), cidr("10.0.0.0/8", 443), cidr("fd00::/8", 80), cidr("10.0.0.0/8", 80)},
			want: []model.Permission{
				permission(model.Permission{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR6: "fd00::/8"}), permission(model.Permission{Protocol: "tcp", FromPort: 80, ToPort: 80, CIDR: "10.0.0.0/8"}),
				permission(model.Permission{Protocol: "tcp", FromPort: 443, ToPort: 443, CIDR: "10.0.0.0/8"}),
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, targets.Permissions(test.needs)); diff != "" {
				t.Errorf("permissions (-want +got):\n%s", diff)
			}
		})
	}
}

// Without restrictions every need that differs is a rule.
func TestUnion(t *testing.T) {
	t.Parallel()
	need := func(port int32) targets.Need {
		return targets.Need{Protocol: "tcp", FromPort: port, ToPort: port, SourceGroup: "sg-1"}
	}
	permission := func(port int32) model.Permission {
		return model.Permission{Protocol: "tcp", FromPort: port, ToPort: port, SourceGroup: "sg-1", Description: model.EndpointRuleDescription}
	}
	got := targets.Union([]targets.Need{need(8080), need(80), need(8080)})
	if diff := cmp.Diff([]model.Permission{permission(80), permission(8080)}, got); diff != "" {
		t.Errorf("permissions (-want +got):\n%s", diff)
	}
}
