package awsconformance_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	elbv2 "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/sluice-lb/sluice/internal/localaws"
	"github.com/sluice-lb/sluice/test/awsconformance"
)

// TestLocalAWS checks every assertion against the local AWS. It is what keeps the two together: an assertion without
// a local AWS that behaves so is a wish, and the other way round a secret.
func TestLocalAWS(t *testing.T) {
	t.Parallel()
	cloud, err := localaws.Start(t.Context(), localaws.Config{
		Addresses: netip.MustParsePrefix("127.251.0.0/16"), PortOffset: 22000, Throttling: "off", Speed: 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := cloud.Seed(localaws.Seed{
		VPCs: []localaws.VPC{{ID: "vpc-1", CIDR: "10.0.0.0/16"}},
		Subnets: []localaws.Subnet{
			{ID: "subnet-a", VPCID: "vpc-1", CIDR: "10.0.0.0/20", Zone: "us-west-2a"},
			{ID: "subnet-b", VPCID: "vpc-1", CIDR: "10.0.16.0/20", Zone: "us-west-2b"},
		},
	}); err != nil {
		t.Fatal(err)
	}
	sdk := aws.Config{
		Region: "us-west-2", BaseEndpoint: aws.String(cloud.URL()), Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	}
	results, err := awsconformance.Run(t.Context(), awsconformance.Config{
		AWS: sdk, VPC: "vpc-1", Subnets: []string{"subnet-a", "subnet-b"}, Patience: 10 * time.Second,
	})
	if err != nil {
		t.Error(err)
	}
	seen, guesses := map[string]bool{}, 0
	for _, r := range results {
		if r.Outcome != awsconformance.Held {
			t.Errorf("%s %s: %s: %s", r.Outcome, r.ID, r.Sentence, r.Detail)
		}
		if seen[r.ID] {
			t.Errorf("two assertions have the id %s", r.ID)
		}
		if seen[r.ID] = true; r.Source == "" {
			guesses++
		}
	}
	nothingLeft(t, elbv2.NewFromConfig(sdk))
	const least = 200
	if len(results) < least {
		t.Errorf("there are %d assertions, fewer than %d", len(results), least)
	}
	t.Logf("%d assertions, of which %d are unconfirmed", len(results), guesses)
}

// nothingLeft checks that the suite has cleaned up.
func nothingLeft(t *testing.T, elb *elbv2.Client) {
	t.Helper()
	balancers, err := elb.DescribeLoadBalancers(t.Context(), &elbv2.DescribeLoadBalancersInput{})
	if err != nil {
		t.Fatal(err)
	}
	groups, err := elb.DescribeTargetGroups(t.Context(), &elbv2.DescribeTargetGroupsInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(balancers.LoadBalancers)+len(groups.TargetGroups) != 0 {
		t.Errorf("%d load balancers and %d target groups are left", len(balancers.LoadBalancers), len(groups.TargetGroups))
	}
}
