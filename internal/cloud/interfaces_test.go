package cloud_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sluice-lb/sluice/internal/cloud"
	"github.com/sluice-lb/sluice/internal/localaws"
)

// Each endpoint is guarded by the group of the interface that has it, and one that cannot be
// found does not stand in the way of others.
func TestWhichGroupGuardsAnEndpoint(t *testing.T) {
	t.Parallel()
	local := newOfflineAWS(t, localaws.Config{})
	group := func(id, name string, tags map[string]string) localaws.SecurityGroup {
		return localaws.SecurityGroup{ID: id, VPCID: testVPC, Name: name, Description: name, Tags: tags}
	}
	owned := map[string]string{"kubernetes.io/cluster/demo": "owned"}
	const subnet, nodes, other, plain = "subnet-0000000000000000a", "sg-0000000000000000a", "sg-0000000000000000b", "sg-0000000000000000c"
	if err := local.Seed(localaws.Seed{
		SecurityGroups: []localaws.SecurityGroup{
			group(nodes, "nodes", map[string]string{"kubernetes.io/cluster/demo": "owned", "role": "targets"}), group(other, "other", owned), group(plain, "plain", nil),
		},
		Instances: []localaws.Instance{
			{ID: "i-00000000000000001", SubnetID: subnet, PrivateIP: "10.0.1.1", SecurityGroups: []string{nodes}, Prefixes: []string{"10.0.2.0/28"}},
			{ID: "i-00000000000000002", SubnetID: subnet, PrivateIP: "10.0.1.2", SecurityGroups: []string{nodes, plain}},
			{ID: "i-00000000000000003", SubnetID: subnet, PrivateIP: "10.0.1.3", SecurityGroups: []string{nodes, other}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	at := func(instance, address string) cloud.Place {
		place := cloud.Place{Instance: instance}
		if address != "" {
			place.Address = netip.MustParseAddr(address)
		}
		return place
	}
	tagged, plainly := map[string]string{"role": "targets"}, map[string]string(nil)
	for _, test := range []struct {
		name  string
		place cloud.Place
		tags  map[string]string
		want  string // the group, or why there is none
	}{
		{"a-pod-in-a-prefix", at("i-00000000000000001", "10.0.2.5"), plainly, nodes},
		{"a-pod-with-the-nodes-address", at("i-00000000000000001", "10.0.1.1"), plainly, nodes},
		{"a-node", at("i-00000000000000001", ""), plainly, nodes},
		{"a-pod-on-no-interface", at("i-00000000000000001", "10.0.3.5"), plainly, "address 10.0.3.5 on instance i-00000000000000001: EC2 knows no such network interface in the VPC"},
		{"the-clusters-group-of-two", at("i-00000000000000002", ""), plainly, nodes},
		{
			"two-groups-of-the-cluster", at("i-00000000000000003", ""), plainly,
			"instance i-00000000000000003: of the security groups " + nodes + ", " + other + " exactly one must have the tags kubernetes.io/cluster/demo, but 2 have them",
		},
		{"the-tagged-one-of-two-groups", at("i-00000000000000003", ""), tagged, nodes},
		{"by-its-address-alone", cloud.Place{Address: netip.MustParseAddr("10.0.1.1"), Pod: "a"}, plainly, nodes},
		{"no-such-address", cloud.Place{Address: netip.MustParseAddr("10.0.9.9"), Pod: "a"}, plainly, "address 10.0.9.9: EC2 knows no such network interface in the VPC"},
		{"no-such-interface", cloud.Place{Interface: "eni-00000000000000001", Pod: "a"}, plainly, "network interface eni-00000000000000001: EC2 knows no such network interface in the VPC"},
		{"an-instance-that-is-gone", at("i-00000000000000009", ""), plainly, "instance i-00000000000000009: EC2 knows no such network interface in the VPC"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newOfflineCloud(t, cloud.Config{Cluster: "demo", Unlimited: true, BudgetShare: 1, EndpointTags: test.tags}, local)
			sound := at("i-00000000000000001", "")
			groups, lost, err := c.EndpointGroups(t.Context(), []cloud.Place{test.place, sound}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := groups[test.place]
			if reason := lost[test.place]; reason != nil {
				got = reason.Error()
			}
			if diff := cmp.Diff([]string{test.want, nodes}, []string{got, groups[sound]}); diff != "" {
				t.Errorf("the endpoint's and another's (-want +got):\n%s", diff)
			}
		})
	}
}
