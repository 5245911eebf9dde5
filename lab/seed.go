package lab

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/lab/address"
)

const (
	clusterName = "lab"
	region      = "us-west-2"
	accountID   = "123456789012"
	ipv6        = "2001:db8::" // for load balancers of both families; nothing listens there
)

// resource is an AWS id that is the same in every lab with the same block.
func resource(prefix string, block *address.Block, name string) string {
	sum := sha256.Sum256([]byte(block.Prefix.String() + "/" + name))
	return fmt.Sprintf("%s-%x", prefix, sum)[:len(prefix)+1+17]
}

func zoneName(i int) string { return region + string(rune('a'+i)) }

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

func vpcID(block *address.Block) string { return resource("vpc", block, "vpc") }

func instanceID(block *address.Block, i int) string { return resource("i", block, nodeName(i)) }

// providerID is what AWS's node controller would write.
func providerID(block *address.Block, i, zone int) string {
	return "aws:///" + zoneName(zone) + "/" + instanceID(block, i)
}

// seed is what a cluster's administrator would have made in AWS before: a VPC that is the lab's
// address block, tagged subnets, a security group for the cluster, and an instance a node.
func seed(block *address.Block, nodes []address.Node) localaws.Seed {
	vpc, group := vpcID(block), resource("sg", block, "cluster")
	owned := "kubernetes.io/cluster/" + clusterName
	s := localaws.Seed{
		VPCs: []localaws.VPC{{ID: vpc, CIDR: block.Prefix.String(), IPv6CIDR: ipv6 + "/56", Tags: map[string]string{"Name": clusterName}}},
		SecurityGroups: []localaws.SecurityGroup{{
			ID: group, VPCID: vpc, Name: "eks-cluster-sg-" + clusterName, Description: "nodes of cluster " + clusterName,
			Tags: map[string]string{owned: "owned"},
		}},
	}
	for i, subnet := range block.Zones() {
		s.Subnets = append(s.Subnets, localaws.Subnet{
			ID: subnetID(block, i), VPCID: vpc, CIDR: subnet.String(), IPv6CIDR: fmt.Sprintf("2001:db8:0:%x::/64", i), Zone: zoneName(i),
			Tags: map[string]string{"Name": clusterName + "-" + zoneName(i), "kubernetes.io/role/elb": "1", "kubernetes.io/role/internal-elb": "1", owned: "shared"},
		})
	}
	for i, node := range nodes {
		s.Instances = append(s.Instances, localaws.Instance{
			ID: instanceID(block, i), SubnetID: subnetID(block, node.Zone),
			PrivateIP:      node.Address.String(),
			PrivateDNSName: "ip-" + strings.ReplaceAll(node.Address.String(), ".", "-") + "." + region + ".compute.internal",
			SecurityGroups: []string{group},
			Prefixes:       []string{node.Pods.String()},
			Tags:           map[string]string{"Name": nodeName(i), owned: "owned"},
		})
	}
	return s
}

func subnetID(block *address.Block, i int) string { return resource("subnet", block, zoneName(i)) }
