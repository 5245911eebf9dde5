package controller

import (
	"testing"

	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/sluice-lb/sluice/api/elbv2/v1beta1"
	"github.com/sluice-lb/sluice/internal/localaws"
)

// zonesOf are the zones that targets were registered with, by address.
func zonesOf(t *testing.T, local *localaws.Cloud, group string) map[string]string {
	t.Helper()
	out, err := adminOf(local).DescribeTargetHealth(t.Context(), &elbv2.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		t.Fatal(err)
	}
	zones := map[string]string{}
	for _, target := range out.TargetHealthDescriptions {
		zones[*target.Target.Id] = ""
		if target.Target.AvailabilityZone != nil {
			zones[*target.Target.Id] = *target.Target.AvailabilityZone
		}
	}
	return zones
}

func TestTheZonesOfTargets(t *testing.T) {
	t.Parallel()
	const foreign = "vpc-0000000000000000f" // of nobody
	type spec = v1beta1.TargetGroupBindingSpec
	for _, test := range []struct {
		name   string
		vpc    string // of the group
		change func(*spec)
		pods   []string
		want   map[string]string
	}{
		{"inside-and-outside-the-vpc", benchVPC, func(*spec) {}, []string{"10.0.1.10", "10.8.0.1"}, map[string]string{"10.0.1.10": benchZone, "10.8.0.1": "all"}},
		{
			"of-another-vpc", otherVPC, func(s *spec) { s.VpcID = otherVPC },
			[]string{"10.9.1.10", "10.0.1.10"},
			map[string]string{"10.9.1.10": otherZone, "10.0.1.10": "all"},
		},
		{
			"of-a-vpc-that-only-the-role-sees", benchVPC, func(s *spec) { s.VpcID, s.IamRoleArnToAssume = foreign, "arn:aws:iam::210987654321:role/targets" },
			[]string{"10.0.1.10"},
			map[string]string{"10.0.1.10": "all"},
		},
		{"of-a-vpc-that-nobody-sees", benchVPC, func(s *spec) { s.VpcID = foreign }, []string{"10.0.1.10"}, map[string]string{}},
		{"where-aws-asks-for-them", otherVPC, func(*spec) {}, []string{"10.0.1.10"}, map[string]string{"10.0.1.10": "us-west-2b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			local := benchAWS(t)
			group := benchGroup(t, local, "web", func(in *elbv2.CreateTargetGroupInput) { in.VpcId = new(test.vpc) })
			binding := bindingOf("web", func(s *spec) {
				s.TargetGroupARN = group
				test.change(s)
			})
			binding.Finalizers = []string{bindingFinalizer} // it is served already: nobody compares it with its group
			on := node("node-1", "aws:///us-west-2b/i-00000000000000001", corev1.ConditionTrue)
			on.Labels[corev1.LabelTopologyZone] = "us-west-2b"
			b := newBench(t, local, "demo", append(webPods(discoveryv1.AddressTypeIPv4, test.pods...), webService(), on, binding)...)
			b.reconcile("web")
			if diff := cmp.Diff(test.want, zonesOf(t, local, group)); diff != "" {
				t.Errorf("zones (-want +got):\n%s\n%s", diff, b.ready("web"))
			}
		})
	}
}
