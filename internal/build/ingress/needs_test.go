package ingress_test

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/sluice-lb/sluice/internal/build"
	"github.com/sluice-lb/sluice/internal/build/ingress"
	"github.com/sluice-lb/sluice/internal/model"
)

// A member that names security groups makes the shared one needless, unless it is rejected: then
// the others must not lose it.
func TestTheSharedSecurityGroupIsMissed(t *testing.T) {
	t.Parallel()
	member := func(name string, annotations map[string]string) ingress.Member {
		return ingress.Member{Ingress: &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Annotations: annotations}}}
	}
	const prefix = "alb.ingress.kubernetes.io/"
	for name, test := range map[string]struct {
		named map[string]string
		lacks bool
	}{
		"it-is-accepted": {map[string]string{prefix + "security-groups": "sg-office"}, false},
		"it-is-rejected": {map[string]string{prefix + "security-groups": "sg-office", prefix + "scheme": "outside"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := build.Config{Cluster: "prod", DefaultScheme: model.Internal, DefaultTargetType: "ip"}
			members := []ingress.Member{member("a", nil), member("b", test.named)}
			if ingress.Needed(members, config).Backend {
				t.Error("the shared security group is made before anybody needs it")
			}
			result := ingress.Stack(ingress.Snapshot{
				Config: config, ID: model.StackID{Name: "edge"}, Members: members,
				Network: model.Network{
					VPC: "vpc-1", SecurityGroups: []model.NamedSecurityGroup{{ID: "sg-office"}},
					Subnets: []model.Subnet{
						{ID: "subnet-a", Zone: "us-west-2a", FreeAddresses: 9, Tags: map[string]string{"kubernetes.io/role/internal-elb": "1"}},
						{ID: "subnet-b", Zone: "us-west-2b", FreeAddresses: 9, Tags: map[string]string{"kubernetes.io/role/internal-elb": "1"}},
					},
				},
			})
			if result.Stack == nil || result.LacksBackend != test.lacks {
				t.Errorf("lacks it: %t, want %t; problems %v", result.LacksBackend, test.lacks, result.Problems)
			}
		})
	}
}
